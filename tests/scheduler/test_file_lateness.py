"""A look into a pace file before a request goes out, also where it is locked, odd or gone."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import anyio
import pytest

from cronapi import Rate, Scheduler
from cronapi.scheduler import FileBucket
from cronapi.scheduler.file_script import PATIENCE, FileScript
from cronapi.scheduler.pace_record import last_sent_of, record_of
from cronapi.scheduler.shared_pace import SharedPace
from tests.support.fleet import process, run_all
from tests.support.pace_file import change, state_of, transactions

pytestmark = pytest.mark.virtual_clock


async def test_a_request_in_time_costs_one_transaction(file_fleet):
    """Only a late one is told to the others before it goes out."""
    await run_all(process(file_fleet, 0, []))
    for late, least, most in ((0, 1, 1), (0.01, 1, 1), (0.3, 2, 2)):
        before, sent = transactions(file_fleet.path), []
        await run_all(*[process(file_fleet, late, sent)])
        assert least <= transactions(file_fleet.path) - before <= most, late


async def test_a_fast_rate_does_without(file_fleet):
    """At ten a second the margin is learnt, and each start costs one transaction."""
    await run_all(process(file_fleet, 0, [], rate=10.0))
    before, sent = transactions(file_fleet.path), []
    await run_all(*[process(file_fleet, 0.04, sent, rate=10.0) for _ in range(5)])
    assert (len(sent), transactions(file_fleet.path) - before) == (5, 5)


@pytest.mark.parametrize("odd", ["", "{", "[]", "5", {"last_sent": "soon"}, {"last_sent": 1e18}])
async def test_an_odd_record_keeps_nobody_waiting(file_fleet, odd):
    """What cannot be true is no news, and nobody waits for a time that is far ahead."""
    scheduler = file_fleet.scheduler(1.0)
    slot = await scheduler.acquire()
    change(file_fleet.path, odd)
    begun = anyio.current_time()
    await slot.ready()
    assert anyio.current_time() - begun < 0.1
    slot.close()


@pytest.mark.each_loop
async def test_a_file_that_is_gone_keeps_nobody_waiting(tmp_path):
    """A request that has its start goes out, whatever has become of the file."""
    path = tmp_path / "pace"
    bucket = FileBucket(path, clock=anyio.current_time, threads=False)
    slot = await Scheduler(1.0, bucket=bucket).acquire()
    path.unlink()
    path.mkdir()
    await slot.ready()
    slot.accepted()
    slot.close()


@pytest.fixture
def script(tmp_path):
    script = FileScript(tmp_path / "pace", time.monotonic, is_private=False)
    script.check()
    script([1000, 3_000_000, 1, "sent", 0, 5_000_000, 0])
    return script


LOOKS = 5


@pytest.fixture
def look_at_once():
    """Looks of several requests, and the seconds until the last of them is over."""
    with ThreadPoolExecutor(LOOKS) as pool:

        def look(script):
            begun = time.monotonic()
            known = list(pool.map(script.last_sent, [1e9] * LOOKS))
            return known, time.monotonic() - begun

        yield look


def test_looks_at_a_locked_file_hold_no_request_up(script, look_at_once):
    """They go unanswered side by side, sooner than a single transaction gives up."""
    assert look_at_once(script)[0] == [5.0] * LOOKS
    with closing(sqlite3.connect(script.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        known, seconds = look_at_once(script)
    assert known == [-math.inf] * LOOKS
    assert seconds < PATIENCE
    assert look_at_once(script)[0] == [5.0] * LOOKS


def test_looks_do_not_wait_for_a_transaction_that_waits(script, look_at_once):
    """A transaction of this process that waits for the file holds up no request with a start."""
    with closing(sqlite3.connect(script.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        waiting = threading.Thread(target=script.check)
        waiting.start()
        known, seconds = look_at_once(script)
        other.execute("ROLLBACK")
        waiting.join()
    assert known == [-math.inf] * LOOKS
    assert seconds < PATIENCE


def test_a_look_leaves_the_file_as_it_was(script):
    """Also where there is nothing to be read: it neither makes a table nor changes a record."""
    before = transactions(script.path)
    assert script.last_sent(1e9) == 5.0
    assert transactions(script.path) == before
    script.path.write_bytes(b"")
    assert script.last_sent(1e9) == -math.inf
    assert script.path.read_bytes() == b""


def test_the_last_request_is_read_from_a_record():
    """A time that is implausibly far ahead is none, and so is anything but a number."""
    record = json.loads(record_of(SharedPace(Rate(1)), 100.0))
    for value, known in ((99.0, True), (101.0, True), (200.0, False), ("x", False), (None, False)):
        at = last_sent_of(json.dumps(record | {"last_sent": value}), 100.0, 2.0)
        assert (at == value) == known, value


@pytest.mark.each_loop
async def test_the_time_of_a_late_request_is_kept(file_fleet):
    """Others read it before they send."""
    sent = []
    await run_all(process(file_fleet, 0.3, sent))
    assert state_of(file_fleet.path)["last_sent"] == pytest.approx(sent[0], abs=1e-5)
