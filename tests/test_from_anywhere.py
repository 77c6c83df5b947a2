"""Numbers can be read from anywhere: a script, a prompt, a callback, and any thread."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading

import httpx
import pytest
import trio

from cronapi import ConfigurationError, FastCron, Rate, Scheduler
from cronapi.scheduler import LocalBucket, RedisBucket, shared_scheduler
from cronapi.scheduler.tally import Tally
from tests.support.emulated import BASE_URLS, TOKEN, URL
from tests.support.line import good, until

JOBS = [{"url": URL}] * 3
ARGS = {
    "Client.with_options": {"max_wait": 1.0},
    "CronNamespace.delete_many": ([1],),
    "CronNamespace.disable_many": ([1],),
    "CronNamespace.enable_many": ([1],),
    "CronNamespace.get_many": ([1],),
    "CronNamespace.run_many": ([1],),
    "CronNamespace.add_many": (JOBS,),
    "CronNamespace.edit_many": ([(1, {"name": "n"})],),
    "CronNamespace.pause_many": {"ids": [1], "for_": "1 hour"},
    "GroupNamespace.delete_many": ([1],),
    "LocalBucket.bind": (Rate(1),),
    "LocalBucket.read": (lambda _, now: now,),
    "RedisBucket.bind": (Rate(1),),
    "RedisBucket.read": (lambda _, now: now,),
    "RedisBucket.from_url": {"url": "redis://127.0.0.1:1", "key": "k"},
}
"""The arguments of the methods that need some. A new method that needs one gets a row here."""
OF_A_START = {"sent", "accepted", "refused", "lost", "release_unused"}
"""Methods of a bucket about a start that was taken: a test takes one and hands it over."""


def own_scheduler():
    return Scheduler(1000.0)


def a_client(**options):
    async def answer(_):
        return good([])

    options.setdefault("transport", httpx.MockTransport(answer))
    return FastCron(TOKEN, base_url=BASE_URLS["fastcron"], **options)


def objects_of(api):
    """Yield what a user may hold of a client, and of what it is made of."""
    redis = RedisBucket(lambda _: [0] * 14)
    yield from (api, api.cron, api.group, api.account, api.server, api.scheduler)
    yield from (api.cron.add_many(JOBS), LocalBucket(Rate(1)), Scheduler(1.0, bucket=redis), redis)
    yield Scheduler(1.0).slot()


def numbers_of(api):
    """Read every public property of these objects, and call every method that is not async."""
    read = {}
    for thing in objects_of(api):
        for name in [name for name in dir(type(thing)) if name[0] != "_"]:
            value, key = getattr(thing, name), f"{type(thing).__name__}.{name}"
            is_async = any(
                kind(value) for kind in (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
            )
            if callable(value) and not is_async:
                value = called(thing, value, key.replace("FastCron.", "Client."))
            read[key] = value
    return read


def called(thing, method, key):
    given = ARGS.get(key, ())
    if method.__name__ in OF_A_START and hasattr(thing, "take"):
        given = (LocalBucket(Rate(1)).take(),)
    result = method(**given) if isinstance(given, dict) else method(*given)
    if hasattr(result, "cost") and not inspect.iscoroutinefunction(result.cost):
        return result.cost()  # which also says that the bulk was meant
    return result


def in_thread(work):
    """Return what a function returns in another thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join(10)
    return found[0]


async def in_callback(work):
    loop = asyncio.get_running_loop()
    found = loop.create_future()
    loop.call_soon(lambda: found.set_result(work()))
    return await found


# Nothing but awaiting it says that a check was meant.
@pytest.mark.filterwarnings("ignore:cron.health was never awaited")
@pytest.mark.parametrize("scheduler", [lambda: None, own_scheduler], ids=["shared", "own"])
def test_everything_that_is_not_awaited_works_anywhere(scheduler):
    """Each public property and method gives its answer in a script before a loop runs, in a task,
    in a callback, in another thread, and when the loop has ended.
    """
    api = a_client(scheduler=scheduler())

    async def use():
        await api.cron.list()
        yield_from = [numbers_of(api), await in_callback(lambda: numbers_of(api))]
        return [*yield_from, await asyncio.to_thread(numbers_of, api)]

    places = [numbers_of(api), in_thread(lambda: numbers_of(api)), *asyncio.run(use())]
    places.append(numbers_of(api))
    names = places[0].keys()
    assert all(place.keys() == names for place in places)
    assert {"FastCron.scheduler", "Scheduler.stats", "Scheduler.eta", "Bulk.cost"} <= names


def test_any_thread_reads_the_queue_of_the_client():
    """A plain `def` endpoint sees the calls that wait on the event loop's thread, as the loop does,
    and an event loop of its own changes nothing.
    """

    async def hang(_):
        await asyncio.sleep(3600)

    async def look():
        api = a_client(transport=httpx.MockTransport(hang))
        calls = [asyncio.ensure_future(api.cron.get(number)) for number in range(3)]
        await until(lambda: sum(api.scheduler.stats.waiting.values()) == 2)
        own = api.scheduler.stats
        elsewhere = await asyncio.to_thread(lambda: api.scheduler.stats)
        loop_of_its_own = await asyncio.to_thread(asyncio.run, stats_of(api))
        eta = await asyncio.to_thread(lambda: api.scheduler.eta("interactive"))
        for call in calls:
            call.cancel()
        return own, elsewhere, loop_of_its_own, eta

    async def stats_of(api):
        return api.scheduler.stats

    own, *others, eta = asyncio.run(look())
    assert own.waiting == {"interactive": 2, "bulk": 0}
    assert [(stats.waiting, stats.in_flight) for stats in others] == [(own.waiting, 1)] * 2
    assert 2 < eta < 4


def test_a_thread_beside_trio_reads_the_queue():
    """The same with trio's loop."""

    async def look():
        api = a_client()
        await api.cron.list()
        return await trio.to_thread.run_sync(lambda: (api.scheduler.stats, api.scheduler.eta()))

    stats, eta = trio.run(look)
    assert (stats.in_flight, stats.waiting["interactive"]) == (0, 0)
    assert 0 < eta <= 1.1


def test_a_scheduler_that_was_read_before_the_loop_is_the_loops():
    """`api.scheduler`, kept from before the loop, goes on telling the truth; so does that of a
    second loop, which shares the rate.
    """
    api, other = a_client(), a_client()
    before = api.scheduler
    assert other.scheduler is before

    async def use(client):
        await client.cron.list()
        return client.scheduler

    assert asyncio.run(use(api)) is before is api.scheduler
    after = asyncio.run(use(other))
    assert after is not before
    assert after.bucket is before.bucket
    assert after is other.scheduler


def test_reading_takes_nothing_away_from_the_loop():
    """A thread that reads while a start is noted meets no error, and nothing is forgotten: the
    count of starts is the loop's.
    """
    tally = Tally()
    for second in range(3):
        tally.note(float(second), second + 1)
    rate = tally.rate(3.0, 3, 1.0)
    assert tally.rate(1000.0, 3, 1.0) == 0
    assert tally.rate(3.0, 3, 1.0) == rate > 0


AWAITED = {
    "a call": lambda: a_client().cron.get(7),
    "a shared call": lambda: a_client(coalesce=True).cron.get(7),
    "an ensure": lambda: a_client().cron.ensure(name="n", url=URL),
    "a bulk": lambda: a_client().cron.add_many(JOBS).__await__(),
    "a bulk with a journal": lambda: a_client().cron.add_many(JOBS, journal="j").__await__(),
    "an outcome": lambda: anext(aiter(a_client().cron.delete_many([1]))),
    "a page": lambda: anext(a_client().cron.iterate()),
    "entering": lambda: a_client().__aenter__(),
    "closing": lambda: a_client().aclose(),
    "draining": lambda: a_client().aclose(drain=1.0),
    "a raw call": lambda: a_client().call("cron.list"),
    "a slot": lambda: Scheduler(1.0).acquire(),
    "entering a slot": lambda: Scheduler(1.0).slot().__aenter__(),
}


@pytest.mark.parametrize("make", AWAITED.values(), ids=AWAITED)
def test_what_needs_a_loop_says_so_in_our_words(make):
    """Advanced by hand, where no loop runs, an awaitable is one of our errors and sends nothing."""
    awaitable = make()
    with pytest.raises(ConfigurationError, match="no event loop runs here"):
        awaitable.send(None) if hasattr(awaitable, "send") else next(awaitable.__await__())


def test_the_prompt_of_asyncio_reads_numbers():
    """`python -m asyncio` runs what is typed in a callback, where no task runs."""
    typed = (
        "from cronapi import FastCron",
        f"api = FastCron('t', base_url={BASE_URLS['fastcron']!r})",
        f"print(api.scheduler.eta(), api.cron.add_many({JOBS}).cost().requests)",
    )
    prompt = [sys.executable, "-m", "asyncio"]
    ran = subprocess.run(
        prompt, input="\n".join(typed), capture_output=True, text=True, check=True, timeout=50
    )
    assert "0.0 2" in ran.stdout


async def test_a_shared_scheduler_of_another_rate_is_refused_anywhere():
    """Two rates for one address are two budgets, in a script too."""
    in_thread(lambda: shared_scheduler("https://anywhere.example/", Rate(1)))
    with pytest.raises(ConfigurationError, match="already paced"):
        shared_scheduler("https://anywhere.example/", Rate(2))
