"""A bulk that is cancelled while requests are under way and goes on at once, in the same process:
judged by the emulator's state.
"""

from __future__ import annotations

import time

import anyio
import anyio.to_thread
import pytest

from cronapi.emulator import Fault
from tests.support.emulated import BOTH, emulator, fill, paced, specs
from tests.support.seen import names

HELD_BACK = pytest.mark.parametrize("kind", ["stall", "stall_before"])
"""Answers that come late: of what was done at once, and of what is done late."""


pytestmark = [
    pytest.mark.virtual_clock,
    pytest.mark.usefixtures("threads_take_no_time"),
]


def hold_back(app, kind, *functions):
    app.emulator.faults.add(
        *(Fault(kind, function=function, seconds=20.0, times=3) for function in functions)
    )


async def cancelled(bulk, seconds=4.0):
    with anyio.move_on_after(seconds) as scope:
        await bulk
    assert scope.cancelled_caught


@BOTH
@HELD_BACK
async def test_adds_that_were_under_way_are_waited_for(tmp_path, provider, kind):
    """Adds whose answers are 20 s late are cancelled after 4 s and go on at once: each is done,
    made once, and none is unknown.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    hold_back(app, kind, "cron.add", "cron.batch_add")
    async with paced(app, provider) as api:
        await cancelled(api.cron.add_many(specs(3), journal=journal))
        report = await api.cron.add_many(specs(3), journal=journal)
    assert [outcome.status for outcome in report] == ["done"] * 3
    assert sorted(names(app, provider)) == ["n0", "n1", "n2"]


@pytest.mark.each_loop
@BOTH
@HELD_BACK
async def test_a_bulk_may_be_cancelled_while_it_waits_for_what_was_under_way(
    tmp_path, provider, kind
):
    """One that waits for an earlier one's requests is cancelled, twice, without sending anything;
    the next finds each job, made once.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    hold_back(app, kind, "cron.add", "cron.batch_add")
    async with paced(app, provider) as api:
        await cancelled(api.cron.add_many(specs(3), journal=journal))
        seen = len(app.emulator.requests)
        for _ in range(2):
            await cancelled(api.cron.add_many(specs(3), journal=journal), 3.0)
        assert len(app.emulator.requests) == seen
        report = await api.cron.add_many(specs(3), journal=journal)
    assert [outcome.status for outcome in report] == ["done"] * 3
    assert sorted(names(app, provider)) == ["n0", "n1", "n2"]


@HELD_BACK
async def test_runs_that_were_under_way_are_queued_once(tmp_path, kind):
    """Runs at a time whose answers are 20 s late are cancelled after 4 s and go on at once: each is
    done, and queued once.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    at = int(time.time()) // 60 * 60 + 3625  # a schedule of minutes has no such run
    ids = fill(app, "fastcron", 3, expression="*/5 * * * *")
    async with paced(app) as api:
        hold_back(app, kind, "cron.run")
        await cancelled(api.cron.run_many(ids, time=at, journal=journal))
        report = await api.cron.run_many(ids, time=at, journal=journal)
        await anyio.sleep(60)
    assert [outcome.status for outcome in report] == ["done"] * 3
    assert [len(row["queued"]) for row in app.emulator.jobs("fastcron")] == [1, 1, 1]
