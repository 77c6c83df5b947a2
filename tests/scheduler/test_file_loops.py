"""Several event loops and threads of one process on one pace file, in real time."""

from __future__ import annotations

import asyncio
import threading
import time

import anyio
import pytest
import trio

from cronapi import Scheduler
from cronapi.scheduler import FileBucket

RATE = 100


async def start_many(scheduler, starts, count=8):
    async def start():
        async with scheduler.slot():
            starts.append(time.monotonic())

    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(start)


def on_asyncio(scheduler, starts):
    asyncio.run(start_many(scheduler, starts))


def on_trio(scheduler, starts):
    trio.run(start_many, scheduler, starts)


@pytest.mark.parametrize("own_object", [True, False])
def test_event_loops_in_threads_share_one_file(tmp_path, own_object):
    """Loops of asyncio and trio start at one rate, with a bucket object each or with the same."""
    path, starts = tmp_path / "pace.sqlite3", []
    common = FileBucket(path)
    threads = [
        threading.Thread(
            target=run,
            args=(Scheduler(RATE, bucket=FileBucket(path) if own_object else common), starts),
        )
        for run in (on_asyncio, on_trio, on_asyncio)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    starts.sort()
    assert len(starts) == 24
    assert starts[-1] - starts[0] > 23 / RATE * 0.9


def test_a_bucket_serves_one_loop_after_the_other(tmp_path):
    """A program that runs a loop for each piece of work keeps its pace between them."""
    scheduler, starts = Scheduler(RATE, bucket=FileBucket(tmp_path / "pace")), []
    for run in (on_asyncio, on_trio, on_asyncio):
        run(scheduler, starts)
    assert len(starts) == 24
    assert starts[-1] - starts[0] > 23 / RATE * 0.9


def test_a_file_is_made_once_by_many(tmp_path):
    """Twenty threads that find no file make one, and no other file is left behind."""
    path = tmp_path / "pace.sqlite3"
    together = threading.Barrier(20)
    errors = []

    def begin():
        bucket = FileBucket(path)
        together.wait()
        try:
            bucket.check()
        except Exception as error:  # noqa: BLE001 -- the test counts them
            errors.append(error)

    threads = [threading.Thread(target=begin) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert list(tmp_path.iterdir()) == [path]
