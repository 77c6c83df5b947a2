"""Shared requests: `max_wait`, order and the errors of each caller."""

from __future__ import annotations

import anyio
import pytest

from cronapi import CronAPIError, NotFoundError, WaitTooLongError
from cronapi.emulator import Fault
from tests.support.emulated import URL, emulator, paced, together
from tests.support.seen import functions

pytestmark = pytest.mark.virtual_clock


@pytest.mark.each_loop
async def test_max_wait_holds_for_a_shared_request_that_is_refused():
    """During an outage a merged call with max_wait gives up when it is over, and leaves nothing
    behind.
    """
    app = emulator()
    app.emulator.faults.add(Fault("outage", times=None))
    async with paced(app, coalesce=True) as api:
        begun = anyio.current_time()
        with pytest.raises(WaitTooLongError) as failed:
            await api.with_options(max_wait=2.0).cron.add(url=URL, name="late")
        assert anyio.current_time() - begun == pytest.approx(2.0, abs=0.1)
        assert (failed.value.provider, failed.value.function) == ("fastcron", "cron.add")
        app.emulator.faults.clear()
        await anyio.sleep(60)
    assert app.emulator.jobs("fastcron") == []


@pytest.mark.parametrize("coalesce", [False, True])
async def test_an_edit_does_not_overtake_the_delete_before_it(coalesce):
    """A job is deleted and then edited by two tasks: with and without merging the service sees them
    in that order.
    """
    app = emulator()
    async with paced(app, coalesce=coalesce) as api:
        job = await api.cron.add(url=URL, name="a")
        await together(
            lambda: api.cron.delete(job.id),
            lambda: api.cron.batch_edit([job.id], name="b"),
            lambda: api.cron.get(job.id),
        )
    assert [name for name in functions(app) if name in ("cron.delete", "cron.batch_edit")] == [
        "cron.delete",
        "cron.batch_edit",
    ]


@pytest.mark.parametrize("coalesce", [False, True])
async def test_what_a_token_function_raises_is_the_callers(coalesce):
    """An error of the user's own function reaches the caller as it is, and none of ours repeats its
    text.
    """

    def token():
        raise LookupError("the vault is closed: s3cr3t")

    async with paced(emulator(), coalesce=coalesce, token=token) as api:
        with pytest.raises(LookupError, match="vault"):
            await api.cron.list()


async def test_ids_given_as_text_are_found_by_merged_gets():
    """A get by "100001" waits with others and is no NotFoundError."""
    app = emulator()
    async with paced(app, coalesce=True) as api:
        jobs = await api.cron.batch_add([{"url": URL, "name": str(n)} for n in range(3)])
        found = await together(
            *[lambda number=str(job.id): api.cron.get(number) for job in jobs],
            lambda: api.cron.get(999),
        )
    assert [job.id for job in found[:3]] == [job.id for job in jobs]
    assert isinstance(found[3], NotFoundError)


async def test_an_error_of_a_shared_request_names_what_was_called():
    """Each caller of a batch that is refused by the service reads the name of its own call."""
    app = emulator()
    async with paced(app, coalesce=True, retry=None) as api:
        app.emulator.faults.add(Fault("error", times=None))
        failed = await together(*[lambda n=n: api.cron.add(url=URL, name=str(n)) for n in range(3)])
    assert all(isinstance(error, CronAPIError) and error.function == "cron.add" for error in failed)


CALLS = {
    "add": lambda api, n: api.cron.add(url=URL, name=str(n)),
    "get": lambda api, n: api.cron.get(7 + n),
    "delete": lambda api, n: api.cron.delete(7 + n),
    "list": lambda api, _: api.cron.list(),
    "edit": lambda api, n: api.cron.edit(7 + n, name="n"),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_free_slot_goes_to_a_call_that_may_not_wait(name):
    """With max_wait=0 a call, or several that share a request, takes the slot that is free,
    wherever its task comes in the order of the event loop.
    """
    for count in (1,) * 10 if name == "edit" else (1, 4) * 5:
        async with paced(emulator(rates={"fastcron": None}), coalesce=True) as api:
            hasty = api.with_options(max_wait=0)
            calls = [lambda n=n, api=hasty: CALLS[name](api, n) for n in range(count)]
            found = await at_once(calls)
        assert not any(isinstance(result, WaitTooLongError) for result in found)


async def at_once(calls):
    """Make calls in tasks that begin together, and return what each returned or raised."""
    results = []

    async def run(call):
        try:
            results.append(await call())
        except CronAPIError as error:
            results.append(error)

    async with anyio.create_task_group() as group:
        for call in calls:
            group.start_soon(run, call)
    return results


@pytest.mark.each_loop
async def test_a_call_that_may_not_wait_does_not_wait():
    """With max_wait=0 and no free slot, shared calls fail at once and nothing is sent."""
    app = emulator()
    async with paced(app, coalesce=True) as api:
        await api.cron.list()
        begun, hasty = anyio.current_time(), api.with_options(max_wait=0)
        failed = await together(*[lambda n=n: hasty.cron.add(url=URL, name=str(n)) for n in "ab"])
        assert [type(error) for error in failed] == [WaitTooLongError] * 2
        assert anyio.current_time() == begun
        await anyio.sleep(10)
    assert functions(app) == ["cron.list"]


@pytest.mark.each_loop
async def test_a_caller_that_leaves_before_the_request_has_begun_takes_its_item_along():
    """A call with a max_wait that is cancelled in the moment it is made sends nothing."""
    app = emulator()
    async with paced(app, coalesce=True) as api:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await api.with_options(max_wait=5.0).cron.add(url=URL, name="left")
        await anyio.sleep(10)
        assert await api.with_options(max_wait=0).cron.list() == []
    assert functions(app) == ["cron.list"]
