"""The behaviour of the bucket in a file alone: reboots, odd records, crashes, and other loops."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys

import anyio
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from cronapi import Rate, Scheduler
from cronapi.scheduler import FileBucket, file_script
from cronapi.scheduler.loops import running_loop
from cronapi.scheduler.pace_record import pace_of, record_of
from cronapi.scheduler.prober import this_process
from cronapi.scheduler.shared_pace import SharedPace
from tests.support.fleet import caller, gaps, run_all, settle
from tests.support.pace_file import change, opened, state_of, transactions


def time_in_threads():
    """Return the clock of the running loop, which its threads can read too."""
    loop = running_loop()
    return loop.time if hasattr(loop, "time") else trio.lowlevel.current_clock().current_time


ODD_RECORDS = [
    *({"next_at": 1e9}, {"next_at": 1e300}, {"next_at": 3600.0}, {"held_until": 3600.0}),
    *(
        {"next_at": "soon"},
        {"next_at": True},
        {"next_at": [1]},
        {"seen": 1e6},
        {"seen": -1.0, "calm": -1},
    ),
    *(
        {"margin": -1},
        {"margin": -1e9, "calm": 1000},
        {"margin": 1e12},
        {"margin": None},
        {"refusal_streak": -3},
        {"number": 1.5},
    ),
    *({"stride": 0}, {"patience": 10**9}, {"deviation": "x"}, {"number": 10**300}, {"calm": None}),
    *({"lease_until": 9e15, "probing": 1, "refusal_streak": 2}, {"ask_at": 1e17}, {"prober": 5}),
    *({"hold_began": 1e6}, {"proven_at": 1e6}, {"round_trip": -1.0}, {"new": 1}),
    *("", "{", "null", "[]", "5", '"', "[" * 5000, "\x00", b"\xff\xfe", b"", "NaN", "{}"),
    *('{"seen": NaN}', "\ud83d\ude00".encode("utf-16", "surrogatepass"), b"\x00" * 9),
]
"""Records that no bucket has written, or whole texts in place of one."""


pytestmark = pytest.mark.each_loop
in_virtual_time = pytest.mark.virtual_clock


@in_virtual_time
async def test_a_file_from_before_a_reboot_is_void(file_fleet, monkeypatch, tmp_path):
    """The machine was started anew during a hold of two minutes: calls start at once, and spaced.

    The old record stays for a day, since it may be that of another machine that shares the disk.
    """
    scheduler, starts = file_fleet.scheduler(), []
    slot = await scheduler.acquire()
    slot.refused(120.0)
    slot.close()
    await slot.publish()
    boot = tmp_path / "boot_id"
    boot.write_text("another")
    monkeypatch.setattr(file_script, "_BOOT", boot)
    after, before = file_fleet.scheduler(), anyio.current_time()
    await run_all(*[caller(after, starts) for _ in range(3)])
    assert anyio.current_time() - before < 0.3
    assert min(gaps(starts)) >= 0.1 - 1e-6
    with opened(file_fleet.path) as connection:
        assert connection.execute("SELECT count(*) FROM pace").fetchone() == (2,)
        connection.execute("UPDATE pace SET used = used - 90000")
    boot.write_text("a third")
    await settle(file_fleet.scheduler(), "accepted")
    state_of(file_fleet.path)


@in_virtual_time
async def test_a_clock_that_began_anew_is_one_of_after_a_reboot(file_fleet):
    """A machine that cannot tell its reboots has a clock that is behind the record's."""
    await anyio.sleep(7200)
    await settle(file_fleet.scheduler(), *["refused"] * 3)
    file_fleet.skew = -7200.0
    times = await settle(file_fleet.scheduler(), *["accepted"] * 4)
    assert times[0] - 7200 < 0.5
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.1 - 1e-6


@pytest.mark.crowd
@in_virtual_time
async def test_a_record_that_cannot_be_true_is_void(file_fleet):
    """A start an hour ahead, or a value that no bucket has written, costs the learnt margin."""
    await anyio.sleep(30)
    for odd in ODD_RECORDS:
        await settle(file_fleet.scheduler(), "accepted")
        change(file_fleet.path, odd)
        before = anyio.current_time()
        times = await settle(file_fleet.scheduler(), *["accepted"] * 3)
        assert times[-1] - before < 0.5, odd
        assert times[-1] - times[0] >= 0.2 - 1e-6, odd
        assert state_of(file_fleet.path)["number"] == 3, odd
        await anyio.sleep(0.2)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists))
def test_any_value_in_a_record_is_taken_or_void(value):
    """Whatever a field holds, the pace that is read has a start soon, and can be kept again."""
    import json

    kept = json.loads(record_of(SharedPace(Rate(10)), 100.0))
    for name in kept:
        pace = pace_of(json.dumps(kept | {name: value}), Rate(10), 101.0, 3.0)
        due, _ = pace.reserve(101.0, 3.0)
        assert due <= 101.0 + 120.0 + 200.0 + 3.0
        record_of(pace, 101.0)


@in_virtual_time
async def test_a_record_is_read_as_it_was_written(file_fleet):
    """What the fleet has learnt is not lost between two transactions."""
    scheduler = file_fleet.scheduler()
    await settle(scheduler, *["accepted"] * 30, "refused", "accepted", "refused", "refused")
    text = record_of(SharedPace(Rate(10)), 1.0)
    assert math.isinf(pace_of(text, Rate(10), 2.0, 1.0).next_at)
    kept = state_of(file_fleet.path)
    assert kept["accepted_calls"] == 31
    assert kept["refused_calls"] == 3


@pytest.mark.crowd
@in_virtual_time
async def test_one_transaction_a_start(file_fleet):
    """A hundred accepted calls change the file a hundred times, as SQLite itself counts."""
    scheduler = file_fleet.scheduler()
    await settle(scheduler, "accepted")
    before = transactions(file_fleet.path)
    await run_all(*[caller(scheduler, []) for _ in range(100)])
    assert transactions(file_fleet.path) - before == 100


def ended_process(*, reaped):
    process = subprocess.Popen([sys.executable, "-S", "-c", ""], stdout=subprocess.PIPE)
    process.stdout.read()
    if reaped:
        process.wait()
    else:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    return process


@in_virtual_time
@pytest.mark.parametrize("reaped", [True, False])
async def test_a_probe_whose_process_was_killed_frees_the_others_at_once(file_fleet, reaped):
    """A process ends with the probe, also if its parent does not ask how it ended."""
    first, second = file_fleet.scheduler(), file_fleet.scheduler()
    await settle(first, *["refused"] * 3)
    await first.acquire()
    assert state_of(file_fleet.path)["prober"] == this_process()
    with ended_process(reaped=reaped) as process:
        space = this_process().rpartition(":")[0]
        change(file_fleet.path, {"prober": f"{space}:{process.pid}"})
        before = anyio.current_time()
        await settle(second, "accepted")
    assert anyio.current_time() - before < 0.2


@pytest.mark.crowd
@in_virtual_time
@pytest.mark.parametrize("prober", ["elsewhere:1", "", ":", "x:y", "pid:[1]:99999999999999999999"])
async def test_a_probe_of_a_process_that_may_live_is_waited_for(file_fleet, prober):
    """The number of a process in another container says nothing: its probe has its time."""
    first, second = file_fleet.scheduler(), file_fleet.scheduler()
    await settle(first, *["refused"] * 3)
    await first.acquire()
    change(file_fleet.path, {"prober": prober})
    before = anyio.current_time()
    await settle(second, "accepted")
    assert anyio.current_time() - before > 2.0


CRASH = """
import sqlite3, sys, time
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.execute("PRAGMA cache_size = 1")
file.execute("BEGIN IMMEDIATE")
file.execute("UPDATE pace SET format = 99, state = 'torn'")
file.execute("CREATE TABLE large AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
             "LIMIT 200) SELECT randomblob(4000) FROM n")
print("inside", flush=True)
time.sleep(60)
"""


def kill_in_a_transaction(path):
    command = [sys.executable, "-c", CRASH, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"inside\n"
        process.kill()


@in_virtual_time
async def test_a_process_that_is_killed_in_a_transaction_leaves_the_file_as_it_was(file_fleet):
    """Its lock goes with it, and what it had half written is taken back."""
    scheduler = file_fleet.scheduler()
    await settle(scheduler, "accepted", "refused")
    kept = state_of(file_fleet.path)
    kill_in_a_transaction(file_fleet.path)
    before = anyio.current_time()
    assert state_of(file_fleet.path) == kept
    await settle(scheduler, "accepted")
    assert anyio.current_time() - before < 0.2


# --- waiting for the file ------------------------------------------------------------------------


@in_virtual_time
async def test_a_caller_that_is_cancelled_while_it_waits_for_the_file_costs_nothing(tmp_path):
    """Another program has the file: callers go away, and later ones start as if they never were."""
    path, starts = tmp_path / "pace.sqlite3", []
    scheduler = Scheduler(10, bucket=FileBucket(path, clock=time_in_threads()))
    await settle(scheduler, "accepted")
    with opened(path):
        for _ in range(3):
            with anyio.move_on_after(0.2) as left:
                await scheduler.acquire()
            assert left.cancelled_caught
        assert scheduler.stats.in_flight == 0
        assert sum(scheduler.stats.waiting.values()) == 0
    await run_all(*[caller(scheduler, starts) for _ in range(3)])
    assert len(starts) == 3
    assert scheduler.stats.in_flight == 0


@in_virtual_time
async def test_a_caller_that_is_cancelled_while_its_start_comes_leaves_it_to_the_next(tmp_path):
    """The start that a transaction in a thread has reserved is not lost with its caller."""
    path = tmp_path / "pace.sqlite3"
    scheduler = Scheduler(1, bucket=FileBucket(path, clock=time_in_threads()))
    (first,) = await settle(scheduler, "accepted")
    for _ in range(5):
        with anyio.move_on_after(0.05):
            await scheduler.acquire()
    (second,) = await settle(scheduler, "accepted")
    assert second - first <= 1.06
    assert state_of(path)["number"] == 2
