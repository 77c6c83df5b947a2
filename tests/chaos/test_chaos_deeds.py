"""Crowds that meet on the same jobs, on asyncio and trio: each is told what was so, and what was
asked for first goes first.

Each seed sets what goes wrong and who goes away; the sockets set the order. `CRONAPI_CHAOS_SEED=7`
replays the seed of a failure, and `python -m benchmarks.chaos` runs the long form.
"""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from cronapi import CronAPIError
from tests.chaos.test_chaos_bulk import SEEDS, check
from tests.support.chaos import figures
from tests.support.chaos_chronicle import Deed, judge_deeds
from tests.support.chaos_deeds import changed, ensured, mingled
from tests.support.chaos_judge import Visit

on_both = pytest.mark.parametrize(
    ("provider", "seed", "backend"), [(*SEEDS[0], "asyncio"), (*SEEDS[1], "trio")]
)


def judged(scenario, provider, seed, backend, **options):
    """Let a crowd loose, and fail unless everybody was told the truth."""
    found = anyio.run(partial(figures, scenario, provider, seed, **options), backend=backend)
    check(found, seed)
    assert found.fired
    return found


@pytest.mark.parametrize(("provider", "seed"), SEEDS[:1])
def test_nobody_whose_calls_are_merged_is_told_anything_wrong(provider, seed):
    """Fifty tasks add, read, edit and delete jobs of everybody; each answer is of the job asked
    for, and was so at that time.
    """
    found = judged(mingled(1), provider, seed, "asyncio", coalesce=True)
    assert found.verdict.items
    assert found.verdict.cancelled


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("provider", "seed", "backend"), [(*SEEDS[0], "asyncio"), (*SEEDS[0], "trio")]
)
def test_merged_calls_on_a_job_keep_their_order(provider, seed, backend):
    """Where requests go out one by one, what was asked for first of a job arrives first, whatever
    is merged with it.
    """
    assert judged(
        mingled(1), provider, seed, backend, coalesce=True, seats=1, timeout=0.5
    ).verdict.items


@pytest.mark.proof
@on_both
def test_there_is_never_more_than_one_job_of_a_name_that_is_ensured(provider, seed, backend):
    """Twenty tasks with two clients ensure six names, and some delete them: no two jobs of a name
    are ever there.
    """
    assert judged(ensured(1), provider, seed, backend).verdict.items


@pytest.mark.proof
@on_both
def test_no_outcome_of_bulks_that_change_the_same_jobs_is_wrong(provider, seed, backend):
    """Bulks edit, disable, enable and delete jobs, and delete groups, side by side: what they tell
    is what the service did.
    """
    assert judged(changed(40, 10), provider, seed, backend).verdict.items


# --- the judge -----------------------------------------------------------------------------------

OLD = {"name": "a", "url": "https://a.example", "expression": "0 0 1 1 *", "postData": "old"}
JOB, OTHER = {"id": 1, **OLD, "status": 0}, {"id": 2, **OLD, "status": 0}
MADE = Visit("cron.add", OLD, came=1, went=3, applied=2, data=JOB)
ADD = Deed("cron.add", None, OLD, began=0, ended=4, told="done", answer=JOB)


def visit(function, applied, data=None, number=1, came=None, **content):
    """Return a request that came and went just before and after it was carried out."""
    return Visit(
        function, {"id": number, **content}, came or applied - 1, applied + 1, applied, data
    )


def edited(text, applied, **more):
    return visit("cron.edit", applied, {**JOB, "postData": text}, postData=text, **more)


def deed(what, began, ended, told="done", *, number=1, text=None, **more):
    return Deed(
        f"cron.{what}", number, {"postData": text} if text else {}, began, ended, told, **more
    )


GONE = visit("cron.delete", 11, {})


def found(deeds, visits, jobs=(JOB,), *, in_order=False):
    """Return what the judge counts, without what is 0."""
    verdict = judge_deeds([ADD, *deeds], [MADE, *visits], jobs, [], in_order=in_order)
    names = (
        "lost",
        "duplicated",
        "unknown",
        "knowable",
        "failed",
        "overtaken",
        "misread",
        "disordered",
    )
    return {name: count for name in names if (count := getattr(verdict, name))}


def test_it_believes_the_log_only_where_that_tells_what_is_there():
    """A log that tells of another job, or of another text, is no evidence."""
    with pytest.raises(AssertionError, match="what there is"):
        found([], [], [OTHER])
    with pytest.raises(AssertionError, match="something else"):
        found([], [], [{**JOB, "postData": "new"}])


def test_it_finds_changes_that_were_told_and_did_not_happen():
    """An edit, a switch or a delete is lost where the service did not carry it out while it was
    asked for.
    """
    assert found([deed("edit", 10, 19, text="new")], []) == {"lost": 1}
    assert found([deed("disable", 10, 19)], []) == {"lost": 1}
    assert found([deed("delete", 10, 19)], []) == {"lost": 1}
    assert found([deed("delete", 10, 19)], [GONE], []) == {}
    new = {**JOB, "postData": "new"}
    assert found([deed("edit", 10, 19, text="new", answer=new)], [edited("new", 11)], [new]) == {}


def test_it_finds_changes_that_nobody_was_told_of():
    """What is gone although every delete failed, or was edited although that was told failed or
    asked for another job, is wrong.
    """
    assert found([deed("delete", 10, 19, "absent")], [GONE], []) == {"lost": 1}
    new = {**JOB, "postData": "new"}
    assert (
        found([deed("edit", 10, 19, "failed", text="new")], [edited("new", 11)], [new])[
            "duplicated"
        ]
        == 1
    )
    assert found([], [edited("new", 11)], [new]) == {"lost": 1}


def test_it_finds_what_was_made_twice():
    """A job of which nobody was told is one too many; so is one that two callers were told of, and
    one beside another that was ensured.
    """
    again = Visit("cron.add", OLD, came=10, went=12, applied=11, data=OTHER)
    assert found([], [again], [JOB, OTHER]) == {"duplicated": 1}
    assert found([Deed("cron.add", None, OLD, 10, 19, "cancelled")], [again], [JOB, OTHER]) == {}
    assert found([Deed("cron.add", None, OLD, 0, 19, "done", JOB)], [])["duplicated"] == 1
    both = [Deed("cron.ensure", None, OLD, 0, 19, "done", job) for job in (JOB, OTHER)]
    assert found(both, [again], [JOB, OTHER]) == {"duplicated": 1}
    assert found([*both, deed("delete", 4, 9)], [visit("cron.delete", 5, {}), again], [OTHER]) == {}


def test_it_finds_answers_that_were_never_true():
    """A read is right that tells what was so at some moment meanwhile; of another job, of another
    time or of nothing it is not.
    """
    new = {**JOB, "postData": "new"}
    edits = [deed("edit", 10, 19, text="new", answer=new)], [edited("new", 15)]
    for answer, began, wrong in ((JOB, 10, 0), (new, 10, 0), (JOB, 16, 1), (OTHER, 10, 1)):
        reading = deed("get", began, 18, answer=answer)
        assert found([*edits[0], reading], edits[1], [new]).get("misread", 0) == wrong
    assert found([deed("get", 10, 18, "absent")], []) == {"misread": 1}
    assert found([deed("get", 10, 18, "absent"), deed("delete", 10, 19)], [GONE], []) == {}


def test_it_finds_an_error_that_two_were_given():
    """Each caller gets an error of its own, since each raise adds to its traceback."""
    error = CronAPIError("no")
    failed = [deed("get", 10, 18, "failed", error=error) for _ in range(2)]
    assert found(failed, [])["misread"] == 1


def test_it_finds_what_went_before_what_was_asked_for_first():
    """Of two calls on a job the first has to arrive first, and a read sees what was sent before it,
    if one request goes out at a time.
    """
    one, two = deed("edit", 10, 30, text="one"), deed("edit", 12, 30, text="two")
    there = {**JOB, "postData": "one"}
    swapped = [edited("two", 15), edited("one", 20)]
    assert found([one, two], swapped, [there], in_order=True) == {"disordered": 1}
    assert found([one, two], swapped, [there]) == {}
    stale = deed("get", 12, 30, answer=JOB)
    assert found([one, stale], [edited("one", 20)], [there], in_order=True) == {"disordered": 1}
    assert found([one, stale], [edited("one", 20)], [there]) == {}
    assert (
        found(
            [deed("delete", 10, 30), one],
            [edited("one", 20), visit("cron.delete", 22, {})],
            [],
            in_order=True,
        )
        == {}
    )


def test_it_finds_what_was_sent_again_when_it_was_over():
    """An edit that comes again after it was told is disordered; one that the service held back
    since before is overtaken.
    """
    one, two = deed("edit", 10, 14, text="one"), deed("edit", 15, 19, text="two")
    there = {**JOB, "postData": "one"}
    assert (
        found([one, two], [edited("one", 12), edited("two", 17), edited("one", 25)], [there])[
            "disordered"
        ]
        == 1
    )
    assert found(
        [one, two], [edited("one", 12), edited("two", 17), edited("one", 25, came=11)], [there]
    ) == {"overtaken": 1}


def test_it_knows_what_can_be_known_of_a_change():
    """An unknown change is excused where it was sent three times in vain, or where the job was
    gone.
    """
    unknown = deed("edit", 10, 50, "unknown", text="new")
    asked = [Visit("cron.edit", {"id": 1, "postData": "new"}, came) for came in (11, 20, 30)]
    assert found([unknown], asked[:2]) == {"unknown": 1, "knowable": 1}
    assert found([unknown], asked) == {"unknown": 1}
    assert found([unknown, deed("delete", 10, 19)], [GONE], []) == {}
