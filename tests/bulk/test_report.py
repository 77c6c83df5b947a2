"""The report of a bulk: what it counts, what it raises, and what it never shows."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from cronapi import (
    APIError,
    Applied,
    AuthenticationError,
    BulkError,
    CronAPIError,
    CronJob,
    Done,
    Failed,
    JobSpec,
    NotFoundError,
    NotTried,
    Outcome,
    OutcomeUnknownError,
    Report,
    ResponseError,
    Unknown,
)
from cronapi.errors import ServiceUnavailableError

SECRET = "hunter22"
SPEC = {
    "url": f"https://u:{SECRET}@example.com",
    "password": SECRET,
    "http_headers": {"X-Key": SECRET},
    "post_data": SECRET,
}


def outcomes():
    unknown = OutcomeUnknownError("nobody knows", function="cron.add")
    return [
        Outcome(3, SPEC, "not_tried"),
        Outcome(1, SPEC, "failed", error=NotFoundError("no such job", function="cron.add")),
        Outcome(
            0,
            SPEC,
            "done",
            CronJob(id=7, url=SPEC["url"], http_headers=f"X-Key: {SECRET}", post_data=SECRET),
        ),
        Outcome(2, JobSpec(**SPEC), "unknown", error=unknown),
        Outcome(
            4, (7, {"password": SECRET}), "failed", error=APIError("refused", function="cron.add")
        ),
    ]


def report():
    return Report(outcomes(), "cron.add_many")


def raised():
    with pytest.raises(BulkError) as caught:
        report().raise_for_failures()
    return caught.value


def test_outcomes_are_in_the_order_of_the_input():
    """However they came, the outcomes of a report are in input order, and each list has those of its kind."""
    assert [outcome.index for outcome in report()] == [0, 1, 2, 3, 4]
    assert len(report()) == 5
    assert report()[2].status == "unknown"
    assert [outcome.index for outcome in report()[1:3]] == [1, 2]
    kinds = (report().done, report().failed, report().unknown, report().not_tried)
    assert [[outcome.index for outcome in kind] for kind in kinds] == [[0], [1, 4], [2], [3]]
    assert [job.id for job in report().values] == [7]


def test_the_summary_is_one_line():
    """The summary names the function and counts what became of the items, without what did not occur."""
    assert report().summary() == "cron.add_many: 1 done, 2 failed, 1 unknown, 1 not tried"
    assert Report(outcomes()[2:3], "cron.add_many").summary() == "cron.add_many: 1 done"
    assert Report([], "cron.add_many").summary() == "cron.add_many: 0 done"
    assert repr(report()) == "<Report of cron.add_many: 1 done, 2 failed, 1 unknown, 1 not tried>"


def test_a_report_without_failures_raises_nothing():
    """Where every item is done, `raise_for_failures` does nothing."""
    Report(outcomes()[2:3], "cron.add_many").raise_for_failures()


def test_what_was_not_tried_is_a_failure_too():
    """A report of items that were never sent raises, although there is no error to show."""
    with pytest.raises(BulkError, match="1 not tried"):
        Report(outcomes()[:1], "cron.add_many").raise_for_failures()


def test_failures_are_a_group_that_can_be_taken_apart():
    """`except*` takes each kind of error, and what is left still knows the report."""
    seen = []
    try:
        report().raise_for_failures()
    except* NotFoundError as group:
        seen.append(("gone", len(group.exceptions), type(group)))
    except* OutcomeUnknownError as group:
        seen.append(("unknown", len(group.exceptions), type(group)))
    except* APIError as group:
        seen.append(("refused", len(group.exceptions), type(group)))
    assert seen == [("gone", 1, BulkError), ("unknown", 1, BulkError), ("refused", 1, BulkError)]
    matched, rest = raised().split(NotFoundError)
    assert isinstance(matched, BulkError)
    assert [type(error) for error in rest.exceptions] == [OutcomeUnknownError, APIError]
    assert rest.report.summary() == report().summary()
    assert raised().subgroup(ServiceUnavailableError) is None


def test_failures_can_be_caught_as_what_they_are():
    """The group is a CronAPIError and an ExceptionGroup, and says whether something may have been carried out."""
    assert isinstance(raised(), CronAPIError)
    assert isinstance(raised(), ExceptionGroup)
    assert raised().applied is Applied.UNKNOWN
    assert raised().subgroup(NotFoundError).applied is Applied.NO
    assert str(raised()) == report().summary()
    assert raised().report[0].value.id == 7


def test_failures_travel_between_processes():
    """A BulkError survives pickling with its errors and outcomes, but without the inputs, which may be secret."""
    copy = pickle.loads(pickle.dumps(raised()))
    assert str(copy) == str(raised())
    assert [type(error) for error in copy.exceptions] == [
        NotFoundError,
        OutcomeUnknownError,
        APIError,
    ]
    assert [outcome.given for outcome in copy.report] == [None] * len(
        report()
    )  # inputs may hold passwords
    assert copy.applied is Applied.UNKNOWN
    assert [outcome.status for outcome in pickle.loads(pickle.dumps(report()))] == [
        outcome.status for outcome in report()
    ]


def test_a_report_travels_without_its_inputs():
    """Neither a pickled report nor a pickled BulkError has a password of the inputs in it; what became of them, it has."""
    kept = Report(
        [Outcome(0, SPEC, "done", CronJob(id=7)), *outcomes()[:2]],
        "cron.add_many",
        APIError("no more"),
    )
    failures = BulkError("x", [APIError("no")], kept)
    for thing in (kept, failures):
        assert SECRET.encode() not in pickle.dumps(thing)
    twin = pickle.loads(pickle.dumps(kept))
    assert twin.summary() == kept.summary()
    assert [(outcome.index, outcome.value, type(outcome)) for outcome in twin] == [
        (o.index, o.value, type(o)) for o in kept
    ]
    assert type(twin.stopped_by) is APIError


def test_what_stopped_a_bulk_is_told_once():
    """A report says in one short line what ended the bulk before its time; nothing where nothing did."""
    stopped = Report(
        outcomes(), "cron.add_many", AuthenticationError("Wrong\n" + "token " * 50, code=11)
    )
    counts, _, cause = stopped.summary().partition("; stopped by: ")
    assert counts == report().summary()
    assert cause.startswith("AuthenticationError: Wrong token token")
    assert len(cause) < 140
    assert "\n" not in stopped.summary()
    assert report().stopped_by is None
    with pytest.raises(BulkError) as caught:
        Report(outcomes()[:1], "cron.add_many", APIError("no more")).raise_for_failures()
    assert [error.message for error in caught.value.exceptions] == ["no more"]


def failures_of(*told):
    with pytest.raises(BulkError) as caught:
        Report(told, "cron.add_many").raise_for_failures()
    return caught.value


def test_failures_say_whether_all_of_it_may_be_asked_for_again():
    """`applied` is NO only where nothing was done: not where one item is done, done without a usable answer, or unknown."""
    refused = Outcome(0, 1, "failed", error=APIError("no"))
    odd = Outcome(1, 1, "failed", error=ResponseError("odd", applied=Applied.YES))
    assert failures_of(refused).applied is Applied.NO
    assert failures_of(refused, Outcome(1, 1, "not_tried")).applied is Applied.NO
    assert failures_of(refused, Outcome(1, 1, "done", CronJob(id=7))).applied is Applied.UNKNOWN
    assert failures_of(refused, odd).applied is Applied.UNKNOWN
    assert (
        failures_of(Outcome(0, 1, "unknown", error=OutcomeUnknownError("who knows"))).applied
        is Applied.UNKNOWN
    )
    half = failures_of(refused, Outcome(1, 1, "done", CronJob(id=7)))
    assert pickle.loads(pickle.dumps(half)).applied is Applied.UNKNOWN
    assert half.function == pickle.loads(pickle.dumps(half)).function == "cron.add_many"


def test_each_failure_names_its_item():
    """Items of one request share an error; the errors that are raised are one for each, with a note of the item, every time."""
    shared = APIError("refused", function="cron.add", attempts=3)
    shared.__cause__ = OSError("why")
    told = Report([Outcome(index, 1, "failed", error=shared) for index in (4, 9)], "cron.add_many")
    for _ in range(2):
        with pytest.raises(BulkError) as caught:
            told.raise_for_failures()
        assert [error.__notes__ for error in caught.value.exceptions] == [["item 4"], ["item 9"]]
    assert all(
        vars(error) | {"__notes__": None} == vars(shared) | {"__notes__": None}
        for error in caught.value.exceptions
    )
    assert all(error.__cause__ is shared.__cause__ for error in caught.value.exceptions)
    assert not hasattr(shared, "__notes__")
    assert "item 9" in "".join(traceback.format_exception(caught.value))


def test_each_outcome_has_a_class_of_its_own():
    """An outcome of a report is a Done, Failed, Unknown or NotTried; it looks and compares like an Outcome of the same fields."""
    assert [type(outcome) for outcome in report()] == [Done, Failed, Unknown, NotTried, Failed]
    assert list(report())[3:4] == outcomes()[:1]
    assert Done(0, 7, "done", 5) == Outcome(0, 7, "done", 5)
    assert hash(Done(0, 7, "done", 5)) == hash(Outcome(0, 7, "done", 5))
    assert (
        len(
            {
                Done(0, {"url": "a"}, "done", 5),
                Done(0, {"url": "a"}, "done", 5),
                Done(1, {"url": "a"}, "done", 5),
            }
        )
        == 2
    )
    assert (
        repr(Done(0, 7, "done", 5))
        == repr(Outcome(0, 7, "done", 5))
        == "Outcome(index=0, given=7, status='done', value=5, error=None)"
    )
    assert Done(0, 7, "done", 5) != Done(0, 7, "done", 6)
    assert Done(0, 7, "done", 5) != (0, 7, "done", 5, None)
    for clone in (copy.copy, copy.deepcopy, lambda outcome: pickle.loads(pickle.dumps(outcome))):
        assert clone(Done(0, 7, "done", 5)) == Done(0, 7, "done", 5)
        assert type(clone(Done(0, 7, "done", 5))) is Done
    with pytest.raises(AttributeError):
        report()[0].value = 1


@pytest.mark.parametrize("show", [repr, str])
def test_no_secret_is_shown(show):
    """Neither an outcome nor a report nor the error shows a password, a header or a body of a spec."""
    shown = [*report(), report(), raised(), list(report()), raised().subgroup(NotFoundError)]
    assert all(SECRET not in show(thing) for thing in shown)
    assert "7" in show(Outcome(0, 7, "done"))
