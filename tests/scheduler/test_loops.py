"""Event loops that end with work left: the next loop of the same scheduler has all the seats."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import weakref

import anyio
import httpx
import pytest
import trio

from cronapi import ConfigurationError, FastCron, Rate, Scheduler
from cronapi.emulator import create_app
from cronapi.scheduler import LocalBucket, RedisBucket
from cronapi.scheduler.loops import ByLoop, running_loop
from tests.support.emulated import BASE_URLS, FAST, TOKEN, client_of, specs

RATE = 1e5


async def start(scheduler):
    async with scheduler.slot():
        pass


async def start_soon(scheduler):
    """Take a slot, or fail if there is none to be had."""
    with anyio.fail_after(10):
        await start(scheduler)


def left_open(scheduler, work):
    """Run `work` on a loop that is closed without any of its tasks being ended."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # which asyncio tells of each task that is left
    loop.run_until_complete(work(scheduler))
    loop.close()


async def hold(scheduler):
    await scheduler.acquire()


async def hold_and_wait(scheduler):
    """Leave all seats taken, a leader and two waiters."""
    for _ in range(scheduler.max_in_flight):
        await scheduler.acquire()
    hold_and_wait.tasks = [asyncio.ensure_future(start(scheduler)) for _ in range(3)]
    await asyncio.sleep(0.01)


async def break_off(scheduler):
    """Leave a request under way, as a program does that is interrupted."""
    under_way = asyncio.Event()

    async def hang(_):
        under_way.set()
        await asyncio.sleep(3600)

    api = FastCron(
        TOKEN,
        base_url=BASE_URLS["fastcron"],
        scheduler=scheduler,
        transport=httpx.MockTransport(hang),
    )
    break_off.task = asyncio.ensure_future(api.cron.list())
    await under_way.wait()


def run_and_leave(scheduler):
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(interrupted(scheduler))


async def interrupted(scheduler):
    await scheduler.acquire()
    raise KeyboardInterrupt


LEFT = {
    "a run that is interrupted": run_and_leave,
    "a slot that nobody closes": lambda scheduler: asyncio.run(hold(scheduler)),
    "a closed loop with a seat": lambda scheduler: left_open(scheduler, hold),
    "a closed loop with waiters": lambda scheduler: left_open(scheduler, hold_and_wait),
    "a closed loop with a request": lambda scheduler: left_open(scheduler, break_off),
    "a run of trio": lambda scheduler: trio.run(hold, scheduler),
    "another thread": lambda scheduler: in_thread(asyncio.run, hold(scheduler)),
}


def in_thread(work, *args):
    thread = threading.Thread(target=work, args=args)
    thread.start()
    thread.join(10)


@pytest.mark.few(4)
@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
@pytest.mark.parametrize("run", [asyncio.run, lambda work: trio.run(lambda: work)])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # asyncio's own
def test_seats_of_a_loop_that_has_ended_are_free(left, run):
    """Ten loops leave work behind: the next has every seat, and nothing is counted."""
    scheduler = Scheduler(RATE, max_in_flight=2)
    for _ in range(10):
        left(scheduler)
        assert scheduler.stats.in_flight == 0
        assert sum(scheduler.stats.waiting.values()) == 0
        assert scheduler.eta() < 1
    run(start_soon(scheduler))
    gc.collect()
    assert scheduler.stats.in_flight == 0


def test_what_a_dead_loop_leaves_says_nothing_to_the_next():
    """A slot of an ended loop that is closed late frees no seat twice, and wakes nobody."""
    scheduler = Scheduler(RATE, max_in_flight=1)
    kept = []

    async def keep():
        kept.append(await scheduler.acquire())

    async def take():
        async with scheduler.slot():
            for slot in kept:
                slot.close()
            assert scheduler.stats.in_flight == 1
            with anyio.move_on_after(0.05) as late:
                await start(scheduler)
            assert late.cancelled_caught

    asyncio.run(keep())
    asyncio.run(take())
    assert scheduler.stats.in_flight == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # asyncio's own
def test_loops_of_other_threads_go_on():
    """Where one loop of several on a shared bucket ends, the others' waiters are not disturbed."""
    bucket = LocalBucket(Rate(RATE))
    dead = Scheduler(RATE, bucket=bucket, max_in_flight=1)
    ready, over, started = threading.Event(), threading.Event(), []

    async def other():
        scheduler = Scheduler(RATE, bucket=bucket, max_in_flight=1)
        slot = await scheduler.acquire()
        waiting = [asyncio.ensure_future(start(scheduler)) for _ in range(5)]
        await asyncio.sleep(0)
        ready.set()
        await asyncio.to_thread(over.wait, 10)
        assert scheduler.stats.in_flight == 1
        assert sum(scheduler.stats.waiting.values()) == 5
        slot.close()
        await asyncio.gather(*waiting)
        started.append(len(waiting))

    thread = threading.Thread(target=asyncio.run, args=(other(),))
    thread.start()
    ready.wait(10)
    left_open(dead, hold_and_wait)
    asyncio.run(start_soon(dead))
    over.set()
    thread.join(10)
    assert started == [5]
    gc.collect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # asyncio's own
def test_a_probe_that_a_dead_loop_took_along_stops_nobody():
    """A loop ends with the one request that tests if a hold may end: the others try again."""
    bucket = LocalBucket(Rate(RATE))

    async def refuse_and_hold():
        scheduler = Scheduler(RATE, bucket=bucket)
        for _ in range(3):
            slot = await scheduler.acquire()
            slot.refused()
            slot.close()
        await scheduler.acquire()

    async def go_on():
        with anyio.fail_after(10):
            await start(Scheduler(RATE, bucket=bucket))

    asyncio.run(refuse_and_hold())
    asyncio.run(go_on())


def test_a_loop_that_may_still_go_on_keeps_its_seats():
    """A loop that is neither closed nor running may be run again, so another one is refused."""
    scheduler = Scheduler(RATE, max_in_flight=1)
    loop = asyncio.new_event_loop()
    slot = loop.run_until_complete(scheduler.acquire())
    with pytest.raises(ConfigurationError, match="one event loop at a time"):
        asyncio.run(start(scheduler))
    slot.close()
    asyncio.run(start(scheduler))
    loop.run_until_complete(start(scheduler))
    loop.close()


@pytest.mark.parametrize("method", ["get_many", "enable_many", "delete_many", "add_many"])
def test_a_bulk_on_a_second_loop_is_refused_and_blames_no_item(method, tmp_path):
    """A bulk whose scheduler another loop uses raises the same error as a call, and sends nothing.

    Its journal is not begun.
    """
    scheduler, journal = Scheduler(RATE, max_in_flight=1), tmp_path / "journal"
    loop = asyncio.new_event_loop()
    slot = loop.run_until_complete(scheduler.acquire())
    app = create_app(rates=FAST)

    async def carry_out():
        async with client_of(app, scheduler=scheduler) as api:
            given = specs(2) if method == "add_many" else [1, 2]
            noted = {} if method == "get_many" else {"journal": journal}
            await getattr(api.cron, method)(given, **noted)

    with pytest.raises(ConfigurationError, match="one event loop at a time"):
        asyncio.run(carry_out())
    assert not journal.exists()
    assert not app.emulator.requests
    slot.close()
    loop.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # asyncio's own
def test_a_redis_bucket_outlives_its_loops():
    """A loop that is closed during an evaluation leaves no turn taken."""
    answers = iter(range(1, 1000))

    def evaluate(_):
        number = next(answers)
        return [0, number, 0, number, 0, 0, number, 0, 50_000, 0, 0, 0, 0, 0]

    scheduler = Scheduler(RATE, bucket=RedisBucket(evaluate), max_in_flight=1)
    for _ in range(5):
        left_open(scheduler, hold_and_wait)
    asyncio.run(start_soon(scheduler))
    gc.collect()


def test_what_is_kept_for_a_loop_ends_with_it():
    """A queue and a task that were left behind on a loop are let go of when the next loop comes,
    though they hold that loop themselves. Those of a loop that may go on are kept.
    """
    kept, loops = ByLoop(list), []

    async def keep():
        loop = running_loop()
        loops.append(weakref.ref(loop))
        kept.of(loop).append(loop)
        assert kept.of(loop) == [loop]

    def on_trio(work):
        trio.run(lambda: work)

    pausing = asyncio.new_event_loop()
    pausing.run_until_complete(keep())
    for run in (asyncio.run, on_trio, on_trio, asyncio.run):
        run(keep())
    kept.of(pausing)
    asyncio.run(keep())
    gc.collect()
    assert [loop() is None for loop in loops] == [False, True, True, True, True, False]
    pausing.close()
