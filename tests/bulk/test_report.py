"""The report of a bulk: what it counts, what it raises, and what it never shows."""

from __future__ import annotations

import pickle

import pytest

from cronapi import APIError, Applied, BulkError, CronAPIError, CronJob, JobSpec, NotFoundError, Outcome, OutcomeUnknownError, Report
from cronapi.errors import ServiceUnavailableError

SECRET = "hunter22"
SPEC = {"url": f"https://u:{SECRET}@example.com", "password": SECRET, "http_headers": {"X-Key": SECRET}, "post_data": SECRET}


def outcomes():
    unknown = OutcomeUnknownError("nobody knows", function="cron.add")
    return [
        Outcome(3, SPEC, "not_tried"),
        Outcome(1, SPEC, "failed", error=NotFoundError("no such job", function="cron.add")),
        Outcome(0, SPEC, "done", CronJob(id=7, url=SPEC["url"], http_headers=f"X-Key: {SECRET}", post_data=SECRET)),
        Outcome(2, JobSpec(**SPEC), "unknown", error=unknown),
        Outcome(4, (7, {"password": SECRET}), "failed", error=APIError("refused", function="cron.add")),
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
    assert [type(error) for error in copy.exceptions] == [NotFoundError, OutcomeUnknownError, APIError]
    assert [outcome.given for outcome in copy.report] == [None] * len(report())  # inputs may hold passwords
    assert copy.applied is Applied.UNKNOWN
    assert [outcome.status for outcome in pickle.loads(pickle.dumps(report()))] == [outcome.status for outcome in report()]


@pytest.mark.parametrize("show", [repr, str])
def test_no_secret_is_shown(show):
    """Neither an outcome nor a report nor the error shows a password, a header or a body of a spec."""
    shown = [*report(), report(), raised(), list(report()), raised().subgroup(NotFoundError)]
    assert all(SECRET not in show(thing) for thing in shown)
    assert "7" in show(Outcome(0, 7, "done"))
