"""Every wait can be cancelled: it ends at once, and nobody else loses anything by it."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from cronapi import Scheduler
from cronapi.emulator import Fault
from cronapi.scheduler import RedisBucket
from tests.support.emulated import FAST, URL, emulator, paced, specs

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]

CANCELLED = 0.7
"""Seconds after which a wait is cancelled."""


def add(api):
    return api.cron.add(url=URL, name="n")


async def a_slot(api, _):
    async with api.scheduler.slot():
        pass


async def a_slot_behind_a_leader(api, group):
    group.start_soon(a_slot, api, group)
    await anyio.wait_all_tasks_blocked()
    await a_slot(api, group)


async def a_slot_with_max_wait(api, _):
    async with api.scheduler.slot(max_wait=60):
        pass


async def acquiring(api, _):
    (await api.scheduler.acquire("bulk")).close()


async def a_request_that_is_ready(api, _):
    slot = await api.scheduler.acquire()
    try:
        slot.start.at += 100
        api.scheduler.bucket._pace._last_sent = anyio.current_time() + 100
        await slot.ready()
    finally:
        slot.close()


async def a_call_in_the_queue(api, _):
    await api.cron.list()


async def a_call_with_max_wait(api, _):
    await api.with_options(max_wait=60).cron.list()


def under_fault(call, kind, **options):
    async def wait(api, _):
        await anyio.sleep(1.1)  # so that a slot is free
        api.app.emulator.faults.add(Fault(kind, times=None, **options))
        await call(api)

    return wait


async def an_equal_create(api, group):
    group.start_soon(under_fault(add, "stall", seconds=20.0), api, group)
    await anyio.sleep(1.2)
    await add(api)


async def the_same_name_to_ensure(api, group):
    ensure = partial(api.cron.ensure, url=URL, name="n")
    group.start_soon(under_fault(lambda _: ensure(), "stall", seconds=20.0), api, group)
    await anyio.sleep(1.2)
    await ensure()


async def a_shared_listing(api, group):
    await anyio.sleep(1.1)
    for number in (1, 2):
        group.start_soon(swallow, api.cron.delete, number)
    await anyio.sleep(3.2)
    await api.cron.delete(3)


async def a_bulk(api, _):
    await api.cron.edit_many([(n, {"name": "b"}) for n in range(9)])


async def the_outcome_of_a_bulk(api, _):
    async for _ in api.cron.get_many(range(9)):
        pass


async def a_bulk_with_a_slow_input(api, _):
    async def slow():
        yield {"url": URL}
        await anyio.sleep(60)

    await api.cron.add_many(slow())


async def the_end_of_a_bulks_input(api, group):
    async def slow():
        try:
            yield {"url": URL}
            await anyio.sleep(60)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.1)

    await api.cron.add_many(slow())


async def a_batch_that_is_looked_up(api, _):
    api.app.emulator.faults.add(Fault("reset", function="cron.batch_add", times=None))
    await api.cron.add_many(specs(3))


async def draining(api, group):
    group.start_soon(swallow, api.cron.list)
    await anyio.wait_all_tasks_blocked()
    await api.aclose(drain=60)


async def closing(api, group):
    group.start_soon(swallow, under_fault(add, "stall", seconds=20.0), api, group)
    await anyio.sleep(1.2)
    await api.aclose()


async def swallow(call, *args):
    try:
        await call(*args)
    except Exception as error:  # noqa: BLE001 -- whatever it says, another one is looked at
        assert error  # noqa: PT017


WAITS = {
    wait.__name__: wait
    for wait in (
        *(a_slot, a_slot_behind_a_leader, a_slot_with_max_wait, acquiring),
        *(a_request_that_is_ready, a_call_in_the_queue, a_call_with_max_wait, an_equal_create),
        *(the_same_name_to_ensure, a_shared_listing, a_bulk, the_outcome_of_a_bulk),
        *(a_bulk_with_a_slow_input, the_end_of_a_bulks_input, a_batch_that_is_looked_up),
        *(draining, closing),
    )
} | {
    "an_answer": under_fault(add, "stall", seconds=20.0),
    "a_repeat": under_fault(lambda api: api.cron.list(), "reset"),
    "a_repeat_after_a_refusal": under_fault(lambda api: api.cron.list(), "outage"),
    "a_lookup": under_fault(add, "lose", function="cron.add"),
}
LONGER = {"an_answer": 7.0, "a_lookup": 4.0, "a_batch_that_is_looked_up": 5.0, "a_repeat": 3.0}
"""Seconds from the beginning at which some waits are cancelled once more, in their next stage."""
MOMENTS = [
    (name, seconds)
    for name in WAITS
    for seconds in (CANCELLED, 1.9, *filter(None, [LONGER.get(name)]))
]


@pytest.mark.parametrize("coalesce", [False, True])
@pytest.mark.parametrize("name", WAITS)
async def test_a_wait_can_be_cancelled(name, coalesce):
    """The wait ends in the moment it is cancelled, and a minute later every seat is free, nobody
    waits, and a new call is answered.
    """
    cancelled = 0
    for seconds in [moment for other, moment in MOMENTS if other == name]:
        app = emulator(rates=FAST)
        api = paced(app, rate=1.0, coalesce=coalesce)
        api.app = app
        await api.cron.list()
        begun = anyio.current_time()
        with anyio.move_on_after(seconds) as scope:
            async with anyio.create_task_group() as group:
                await WAITS[name](api, group)
                group.cancel_scope.cancel()
        assert anyio.current_time() - begun <= seconds + 0.1
        app.emulator.faults.clear()
        await anyio.sleep(60)
        assert api.scheduler.stats.in_flight == 0
        assert set(api.scheduler.stats.waiting.values()) == {0}
        async with paced(app, scheduler=api.scheduler) as other:
            await other.cron.list()
        assert api._caller.admission.count == 0
        await api.aclose()
        cancelled += scope.cancelled_caught
    assert cancelled


async def test_a_wait_for_redis_can_be_cancelled():
    """A caller that goes away while Redis is away leaves the queue to the next one."""
    away, numbers = True, iter(range(1, 1000))

    def evaluate(_):
        if away:
            raise ConnectionRefusedError
        number = next(numbers)
        return [0, number, 0, number, 0, 0, number, 0, 50_000, 0, 0, 0, 0, 0]

    bucket = RedisBucket(evaluate, clock=anyio.current_time, threads=False)
    scheduler = Scheduler(10.0, bucket=bucket)
    with anyio.move_on_after(1.0) as scope:
        await scheduler.acquire()
    assert scope.cancelled_caught
    away = False
    async with scheduler.slot():
        assert scheduler.stats.in_flight == 1
    assert (scheduler.stats.in_flight, scheduler.stats.waiting["interactive"]) == (0, 0)
