"""The bucket that event loops in several threads share, on the real clock."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from types import SimpleNamespace

import pytest

from cronapi import ConfigurationError, Rate, Scheduler
from cronapi.scheduler import LocalBucket, shared_scheduler
from cronapi.scheduler.bucket import OwnBucket


def in_threads(count, work):
    """Run `work` in that many threads, each with an event loop of its own."""
    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_event_loops_in_threads_share_one_rate():
    """Four event loops in four threads start together at one rate, not at four."""
    starts = []

    async def work():
        scheduler = shared_scheduler("https://threads.example/", Rate(200))
        for _ in range(10):
            async with scheduler.slot():
                starts.append(time.monotonic())

    in_threads(4, work)
    starts.sort()
    assert len(starts) == 40
    assert starts[-1] - starts[0] > 39 / 200 / 2


async def test_a_loop_has_one_queue_for_an_address():
    """Two clients of one address and loop wait in the same queue."""
    first = shared_scheduler("https://same.example/", Rate(1))
    assert shared_scheduler("https://same.example/", Rate(1)) is first
    assert shared_scheduler("https://other.example/", Rate(1)) is not first


async def test_one_address_has_one_rate():
    """Asking for another rate for the same address is refused: it would be a second budget."""
    shared_scheduler("https://rated.example/", Rate(1))
    with pytest.raises(ConfigurationError, match="already paced"):
        shared_scheduler("https://rated.example/", Rate(2))


async def test_a_bucket_that_a_scheduler_made_is_its_own():
    """A scheduler's own bucket is refused to another one: only a LocalBucket is for threads."""
    with pytest.raises(ConfigurationError, match="make a LocalBucket"):
        Scheduler(1, bucket=Scheduler(1).bucket)
    both = LocalBucket(Rate(1))
    assert Scheduler(1, bucket=both).bucket is Scheduler(1, bucket=both).bucket


async def test_a_bucket_of_ones_own_says_if_it_is_shared():
    """One that does not is refused at once, and not after the first request."""
    bucket = LocalBucket(Rate(1))
    methods = {name: getattr(bucket, name) for name in dir(bucket) if name[0] != "_"}
    del methods["shared"]
    with pytest.raises(ConfigurationError, match="bucket must be a Bucket"):
        Scheduler(1, bucket=SimpleNamespace(**methods))
    assert Scheduler(1, bucket=SimpleNamespace(**methods, shared=False)).stats.in_flight == 0


@pytest.mark.parametrize("make", [LocalBucket, OwnBucket])
async def test_the_log_tells_when_a_hold_begins_and_ends(caplog, make):
    """Operators read at INFO that everybody waits, and that it is over."""
    seconds = itertools.count()
    bucket = make(Rate(10), clock=lambda: float(next(seconds)))
    with caplog.at_level(logging.INFO, logger="cronapi.scheduler"):
        for _ in range(3):
            bucket.refused(bucket.take())
        bucket.accepted(bucket.take())
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "hold begins",
        "hold ends",
    ]


async def test_a_scheduler_can_be_made_before_a_loop_runs():
    """A module may make its scheduler at import and use it in one loop after the other."""
    scheduler = Scheduler(1000)

    async def use():
        async with scheduler.slot():
            return True

    assert [await asyncio.to_thread(asyncio.run, use()) for _ in range(2)] == [True, True]
