"""Forks in the middle of something, and says how parent and child went on.

    python -m tests.support.fork_worker [REDIS_URL]

It prints a line for each case: its name, and what each of the two said. Who waits for ever is ended
by an alarm.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import redis

from cronapi import FastCron, Rate, Scheduler
from cronapi.emulator import DEFAULT_TOKEN, create_app
from cronapi.scheduler import FileBucket, LocalBucket, RedisBucket
from cronapi.scheduler.redis_script import RemoteScript, key_of
from tests.support.emulated import BASE_URLS, FAST
from tests.support.pace_file import state_of
from tests.support.slow_steps import ignore_slow_steps

PATIENCE = 15
RATE = 1000


async def start(scheduler):
    async with scheduler.slot():
        pass


def child(work):
    """Fork, run `work` in the child, and return the way in which that ended."""
    pid = os.fork()
    if not pid:
        code = 1
        signal.alarm(PATIENCE)
        with contextlib.suppress(BaseException):
            work()
            code = 0
        os._exit(code)
    code = os.waitpid(pid, 0)[1]
    return {0: "ok", signal.SIGALRM: "waits for ever"}.get(code, f"ended with {code}")


def start_in_child(scheduler):
    return child(lambda: asyncio.run(start(scheduler)))


def with_thread(hold, fork):
    """Fork while another thread is inside of `hold`, which gets a function to wait in."""
    inside, over = threading.Event(), threading.Event()

    def wait(*_):
        inside.set()
        over.wait(PATIENCE * 2)

    thread = threading.Thread(target=hold, args=(wait,))
    thread.start()
    inside.wait(PATIENCE)
    try:
        return fork()
    finally:
        over.set()
        thread.join()


def held_bucket():
    bucket = LocalBucket(Rate(RATE))
    return with_thread(bucket.read, lambda: start_in_child(Scheduler(RATE, bucket=bucket)))


def seats_of_the_parent():
    async def main():
        scheduler = Scheduler(RATE, max_in_flight=1)
        async with scheduler.slot():
            said = start_in_child(scheduler)
        await start(scheduler)
        return said

    return asyncio.run(main())


def waiters_of_the_parent():
    async def main():
        scheduler = Scheduler(RATE, max_in_flight=1)
        async with scheduler.slot():
            waiting = [asyncio.ensure_future(start(scheduler)) for _ in range(5)]
            await asyncio.sleep(0)
            said = start_in_child(scheduler)
        await asyncio.gather(*waiting)
        return said

    return asyncio.run(main())


def probe_of_the_parent():
    async def main():
        scheduler = Scheduler(RATE, bucket=LocalBucket(Rate(RATE)))
        for _ in range(3):
            slot = await scheduler.acquire()
            slot.refused()
            slot.close()
        async with scheduler.slot():
            return start_in_child(scheduler)

    return asyncio.run(main())


def default_scheduler():
    import httpx

    async def main():
        transport = httpx.ASGITransport(create_app(rates=FAST))
        options = {"base_url": BASE_URLS["fastcron"], "transport": transport}
        async with FastCron(DEFAULT_TOKEN, **options) as api:
            await api.cron.list()

    asyncio.run(main())
    return child(lambda: asyncio.run(main()))


@contextlib.contextmanager
def pace_file():
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "pace.sqlite3"


def transaction_under_way():
    """A process is forked while another thread is in SQLite: the fork waits, and both go on."""
    inside = threading.Event()

    def clock():
        if threading.current_thread() is not threading.main_thread() and not inside.is_set():
            inside.set()
            time.sleep(0.2)
        return time.monotonic()

    with pace_file() as path:
        bucket = FileBucket(path, clock=clock)
        scheduler = Scheduler(RATE, bucket=bucket)
        asyncio.run(start(scheduler))
        inside.clear()
        thread = threading.Thread(target=bucket._opened(), args=([1000, 1000, 0],))
        thread.start()
        inside.wait(PATIENCE)
        said = start_in_child(scheduler)
        thread.join()
        asyncio.run(start(scheduler))
        return said


def file_of_the_parent():
    """The child tells nothing of its parent's requests, and both have one rate."""
    with pace_file() as path:
        scheduler = Scheduler(RATE, bucket=FileBucket(path))
        for _ in range(2):
            asyncio.run(start(scheduler))
        said = start_in_child(scheduler)
        asyncio.run(start(scheduler))
        told = state_of(path)
        counts = (told["number"], told["accepted_calls"])
        return said if counts == (4, 2) else f"{counts} starts and outcomes"


def evaluation_under_way(url):
    remote, waits = RemoteScript(url, "under-way"), []

    def evaluate(arguments):
        for wait in waits:
            wait()
        return remote(arguments)

    scheduler = Scheduler(RATE, bucket=RedisBucket(evaluate))

    def hold(wait):
        waits.append(wait)
        asyncio.run(start(scheduler))

    def go_on():
        waits.clear()
        asyncio.run(start(scheduler))

    return with_thread(hold, lambda: child(go_on))


def outcomes_of_the_parent(url):
    """The child tells Redis nothing of its parent's requests, and takes none of its starts."""
    scheduler = Scheduler(RATE, bucket=RedisBucket.from_url(url, key="outcomes"))
    for _ in range(2):
        asyncio.run(start(scheduler))
    said = start_in_child(scheduler)
    asyncio.run(start(scheduler))
    told = redis.Redis.from_url(url).hget(key_of("outcomes"), "accepted")
    return said if told == b"2.000" else f"{told} outcomes"


def connections_of_the_parent(url):
    """The child leaves its parent's connection open and alone."""
    scheduler = Scheduler(RATE, bucket=RedisBucket.from_url(url, key="connections"))
    asyncio.run(start(scheduler))
    server = redis.Redis.from_url(url)
    before = {client["id"] for client in server.client_list()}
    said = start_in_child(scheduler)
    asyncio.run(start(scheduler))
    after = {client["id"] for client in server.client_list()}
    return said if after == before else f"{len(before - after)} connections closed"


LOCAL = (
    held_bucket,
    seats_of_the_parent,
    waiters_of_the_parent,
    probe_of_the_parent,
    default_scheduler,
    transaction_under_way,
    file_of_the_parent,
)
SHARED = (evaluation_under_way, outcomes_of_the_parent, connections_of_the_parent)


def main():
    ignore_slow_steps()
    for case in LOCAL:
        print(case.__name__, case(), flush=True)  # noqa: T201
    for url in sys.argv[1:]:
        for case in SHARED:
            print(case.__name__, case(url), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
