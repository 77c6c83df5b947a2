"""The demo's bookkeeping: it finds jobs and groups that are lost or duplicated."""

from __future__ import annotations

import pytest

from cronapi.cli.demo.ledger import Balance, Ledger, compare, stored_facts
from cronapi.models import CronJob, Group, JobStatus

JOB = {
    "name": "ping",
    "url": "https://example.com/",
    "expression": "0 3 1 1 *",
    "group": 1001,
    "status": 0,
}


def told(*numbers):
    """Return a ledger of jobs and a group that were added."""
    ledger = Ledger(added=len(numbers))
    ledger.keep(Group(id=1001, name="crew"))
    for number in numbers:
        ledger.keep(CronJob(id=number, **{**JOB, "status": JobStatus.ACTIVE}))
    return ledger


def state(*numbers, groups=({"id": 1001, "name": "crew"},), **changes):
    return stored_facts(
        [{"id": number, **JOB, **changes, "secret": "no matter"} for number in numbers], groups
    )


def test_what_is_there_as_it_was_told_balances():
    """Nothing is lost or duplicated if the store agrees with the answers."""
    assert compare(told(1, 2), state(1, 2), created=2) == Balance(lost=0, duplicated=0)


def test_a_job_that_is_not_there_is_lost():
    """A job that was added and is missing counts as lost."""
    assert compare(told(1, 2), state(1), created=2) == Balance(lost=1, duplicated=0)


def test_a_group_that_is_not_there_is_lost():
    """A group that is missing counts as lost too."""
    assert compare(told(1), state(1, groups=()), created=1) == Balance(lost=1, duplicated=0)


@pytest.mark.parametrize(
    "change",
    [{"expression": "* * * * *"}, {"status": 1}, {"group": None}, {"name": "pong"}, {"url": "x"}],
)
def test_a_change_that_did_not_stay_is_lost(change):
    """A job that differs from its last answer counts as lost."""
    assert compare(told(1), state(1, **change), created=1) == Balance(lost=1, duplicated=0)


def test_a_call_that_ended_in_an_error_is_lost():
    """Every call that failed counts as lost."""
    ledger = told(1)
    ledger.errors += ["refused", "refused again"]
    assert compare(ledger, state(1), created=1) == Balance(lost=2, duplicated=0)


def test_a_job_beyond_those_told_is_a_duplicate():
    """A job that appeared in no answer counts as a duplicate."""
    assert compare(told(1), state(1, 2, 3), created=3) == Balance(lost=0, duplicated=2)


def test_a_job_that_was_told_deleted_and_is_there_is_a_duplicate():
    """A job that was deleted and still exists counts as a duplicate."""
    ledger = told(1, 2)
    ledger.forget(2)
    assert compare(ledger, state(1), created=2) == Balance(lost=0, duplicated=0)
    assert compare(ledger, state(1, 2), created=2) == Balance(lost=0, duplicated=1)


def test_a_duplicate_that_was_deleted_again_counts():
    """More jobs were made than answers said, even if they are gone."""
    assert compare(told(1), state(1), created=2) == Balance(lost=0, duplicated=1)


def test_a_read_that_contradicts_what_was_written_is_an_error():
    """A job that reads otherwise than its last answer is recorded, and one that agrees is not."""
    ledger = told(1)
    ledger.confirm(CronJob(id=1, **JOB))
    assert ledger.errors == []
    ledger.confirm(CronJob(id=1, **{**JOB, "name": "pong"}))
    ledger.confirm(CronJob(id=9, **JOB))
    assert ledger.errors == [
        "job 1 reads otherwise than it was written",
        "job 9 reads otherwise than it was written",
    ]
