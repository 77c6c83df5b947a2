"""Crowds of callers of a service at its worst, and bulks that are killed: nothing is lost, nothing
is there twice.

Each seed sets what goes wrong and who goes away; the sockets set the order. `CRONAPI_CHAOS_SEED=7`
replays the seed of a failure, and `python -m benchmarks.chaos` runs the long form.
"""

from __future__ import annotations

import os

import pytest
from attrs import evolve

from cronapi import OutcomeUnknownError, ResponseError
from tests.support.chaos import bulk, figures, mixed, single_adds
from tests.support.chaos_judge import Tale, Visit, judge, reasons
from tests.support.chaos_kill import killed

GIVEN = os.environ.get("CRONAPI_CHAOS_SEED")
SEEDS = [("fastcron", int(GIVEN or 1)), ("setcronjob", int(GIVEN or 2))]
PROOFS = [
    pytest.param(provider, seed, marks=pytest.mark.proof)
    for seed in range(3, 8)
    for provider in ("fastcron", "setcronjob")
]
each_seed = pytest.mark.parametrize(("provider", "seed"), [*SEEDS, *PROOFS])
KILLS = 3


def check(found, seed):
    """Fail with the seed to replay unless everybody was told the truth."""
    assert found.verdict.is_clean, f"CRONAPI_CHAOS_SEED={seed}: {found}"


@pytest.mark.few(1)
@each_seed
async def test_nobody_who_adds_a_job_is_told_anything_wrong(provider, seed):
    """Of 120 jobs that are asked for one by one, each that was told done is there once, and no
    other but those of callers who left.
    """
    found = await figures(single_adds(120), provider, seed)
    check(found, seed)
    assert found.verdict.cancelled
    assert found.requests > 120
    assert {"lose", "reset", "outage"} <= found.fired.keys()


@pytest.mark.proof
@pytest.mark.parametrize(("provider", "seed", "count"), [(*SEEDS[0], 500), (*SEEDS[1], 100)])
async def test_no_outcome_of_a_bulk_is_wrong(provider, seed, count):
    """Bulks add jobs and delete half of them, in batches of 20 at most or singly: their outcomes
    are what the service has.
    """
    found = await figures(bulk(count, count // 5), provider, seed, max_batch=20)
    check(found, seed)
    assert found.fired


@pytest.mark.proof
@each_seed
async def test_nobody_who_adds_edits_and_deletes_is_told_anything_wrong(provider, seed):
    """For two seconds 50 tasks add, edit and delete jobs, and some leave early: each job is there,
    or gone, as it was told last.
    """
    found = await figures(mixed(2), provider, seed)
    check(found, seed)
    assert found.verdict.items > 50


@pytest.mark.proof
@pytest.mark.parametrize(
    ("method", "provider", "seed"), [("add_many", *SEEDS[0]), ("delete_many", *SEEDS[1])]
)
def test_a_bulk_that_is_killed_again_and_again_loses_nothing(method, provider, seed, tmp_path):
    """A bulk with a journal is killed at random moments and goes on each time: everything is done,
    and done once.
    """
    found, kills = killed(
        method, provider, seed, 1200 if provider == "fastcron" else 40, KILLS, tmp_path
    )
    check(found, seed)
    assert kills == KILLS
    assert found.verdict.failed == 0


# --- the judge -----------------------------------------------------------------------------------

SPEC = {"name": "a", "url": "https://a.example", "expression": "0 0 1 1 *", "post_data": "old"}
JOB = {
    "id": 1,
    "name": "a",
    "url": "https://a.example",
    "expression": "0 0 1 1 *",
    "postData": "old",
}
DONE = Tale(SPEC, "done", 1)


def test_the_judge_finds_what_is_lost():
    """What was told done and is not there, is other than it was told, or was told to two callers,
    is lost.
    """
    assert judge([DONE], [JOB], 1).is_clean
    assert judge([DONE], [], 1).lost == 1
    assert judge([DONE], [{**JOB, "postData": "new"}], 1).lost == 1
    assert judge([DONE, DONE], [JOB], 1).lost == 1
    assert judge([evolve(DONE, deleted="done")], [JOB], 1).lost == 1
    assert judge([evolve(DONE, deleted="failed")], [], 1).lost == 1
    assert judge([evolve(DONE, edits=[("new", "done")])], [JOB], 1).lost == 1


def test_the_judge_finds_what_is_there_twice():
    """What nobody was told of is there twice, or was told failed; also where it is gone again."""
    assert judge([DONE], [JOB, {**JOB, "id": 2}], 2).duplicated == 1
    assert judge([DONE], [JOB], 2).duplicated == 1
    assert judge([Tale(SPEC, "failed")], [JOB], 1).duplicated == 1
    assert judge([Tale(SPEC, "cancelled")], [JOB], 1).duplicated == 0
    assert judge([Tale(SPEC, "cancelled")], [JOB, {**JOB, "id": 2}], 2).duplicated == 1


def test_the_judge_knows_what_can_be_known():
    """Of two that are alike nobody can tell which one is there; of one that has no like, a list
    can.
    """
    assert judge([Tale(SPEC, "unknown")], [JOB], 1).knowable == 1
    assert judge([Tale(SPEC, "unknown"), Tale(SPEC, "unknown")], [JOB], 1).knowable == 0


def test_the_judge_passes_on_what_led_to_it():
    """With what could have been known come the errors that its caller got, and those that led to
    them.
    """
    try:
        raise OutcomeUnknownError("Nobody can tell.") from ResponseError("It is no JSON.")
    except OutcomeUnknownError as error:
        (why,) = judge([Tale(SPEC, "unknown", why=[reasons(error)])], [JOB], 1).why
    assert "OutcomeUnknownError: Nobody can tell." in why
    assert "<- ResponseError: It is no JSON." in why


def test_the_judge_blames_nobody_for_what_a_service_held_back():
    """An edit that was undone by an earlier request, which the service carried out only after the
    later one came, is no loss.
    """
    tale = evolve(DONE, edits=[("first", "done"), ("second", "done")])
    held = Visit("cron.edit", {"id": 1, "postData": "first"}, came=1, went=9)
    ended = Visit("cron.edit", {"id": 1, "postData": "first"}, came=1, went=2)
    later = Visit("cron.edit", {"id": 1, "postData": "second"}, came=5, went=6)
    there = [{**JOB, "postData": "first"}]
    assert judge([tale], there, 1, [held, later]).overtaken == 1
    assert judge([tale], there, 1, [ended, later]).lost == 1
