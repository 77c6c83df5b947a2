"""Merged calls on one job keep their order where an earlier one is refused, lost or slow."""

from __future__ import annotations

import json
from functools import partial

import anyio
import httpx
import pytest

from cronapi import CronJob, NotFoundError, WaitTooLongError
from cronapi._calls.sender import OUTLASTED
from tests.support.emulated import TOKEN, emulator, together, virtual
from tests.support.merged import Wire, made, merging
from tests.support.seen import functions

pytestmark = pytest.mark.virtual_clock


class Troubled(Wire):
    """A service that takes `slow` seconds for the edit "first", and does to it what `trouble` says
    the first time.
    """

    def __init__(self, app, slow=0.0, trouble=None):
        super().__init__(app)
        self.late, self.trouble, self.names = slow, trouble, []

    async def handle_async_request(self, request):
        name = json.loads(request.content).get("name")
        if name is not None:
            self.names.append(name)
        if name == "first":
            await anyio.sleep(self.late)
        trouble, self.trouble = (self.trouble, None) if name == "first" else (None, self.trouble)
        if trouble == "refused":
            return httpx.Response(503, text="Not now")
        if trouble == "lost":
            raise httpx.ReadError("reset")
        return await super().handle_async_request(request)


def edits(api, number, *names):
    return [partial(api.cron.edit, number, name=name) for name in names]


@pytest.mark.each_loop
@pytest.mark.parametrize("seats", [1, 10])
@pytest.mark.parametrize("trouble", ["refused", "lost", None])
async def test_an_edit_waits_for_an_earlier_one_that_is_slow_or_sent_again(trouble, seats):
    """Of three edits of a job the last that was asked for is the last that the service carries out,
    though the first takes 2.5 s, or has to be sent again.
    """
    app = emulator(rates={"fastcron": None})
    wire = Troubled(app, 2.5, trouble)
    scheduler = virtual(1.0, max_in_flight=seats)
    async with merging(app, transport=wire, scheduler=scheduler) as api:
        (number,) = await made(api, 1)
        await together(api.cron.list, *edits(api, number, "first", "second", "third"))
    assert wire.names == ["first"] * (2 if trouble else 1) + ["second", "third"]
    assert [row["name"] for row in app.emulator.jobs("fastcron")] == ["third"]


@pytest.mark.each_loop
async def test_an_edit_waits_for_an_earlier_delete_whose_batch_is_taken_apart():
    """A job whose delete is refused together with that of an unknown job is deleted before an edit
    that was asked for later, which is told that there is no such job.
    """
    app = emulator()
    async with merging(app) as api:
        (number,) = await made(api, 1)
        await anyio.sleep(5)
        _, gone, unknown, edited = await together(
            api.cron.list,
            partial(api.cron.delete, number),
            partial(api.cron.delete, 999_999),
            partial(api.cron.edit, number, name="later"),
        )
    assert (type(gone), type(unknown), type(edited)) == (CronJob, NotFoundError, NotFoundError)
    seen = functions(app)
    assert seen.index("cron.delete") < seen.index("cron.edit")


@pytest.mark.each_loop
async def test_an_edit_waits_for_an_earlier_one_whose_token_comes_late():
    """A token function that is slow for one call lets no later call on the same job pass."""
    app, asked = emulator(rates={"fastcron": None}), [0]

    async def token():
        asked[0] += 1
        await anyio.sleep(3.0 if asked[0] == 2 else 0.0)
        return TOKEN

    async with merging(app, token=token) as api:
        (number,) = await made(api, 1)
        await together(*edits(api, number, "first", "second"))
    assert [row["name"] for row in app.emulator.jobs("fastcron")] == ["second"]


@pytest.mark.each_loop
async def test_a_change_of_all_jobs_waits_for_an_earlier_edit():
    """A group that is deleted with its jobs after one of them was edited is gone in the end, and
    the edit was carried out before.
    """
    app = emulator(rates={"fastcron": None})
    wire = Troubled(app, 2.5)
    async with merging(app, transport=wire) as api:
        (number,) = await made(api, 1)
        group = await api.group.add("team")
        results = await together(*edits(api, number, "first"), partial(api.group.empty, group.id))
    assert results[0].name == "first"
    assert functions(app)[-2:] == ["cron.edit", "group.empty"]


@pytest.mark.each_loop
async def test_a_call_that_leaves_while_it_waits_for_an_earlier_one_is_not_sent():
    """An edit that is cancelled meanwhile is never sent. The ones behind it go on in their order,
    and the slots that they left unused are free for others.
    """
    app = emulator(rates={"fastcron": None})
    wire = Troubled(app, 20.0)
    async with merging(app, transport=wire) as api:
        number, other = await made(api, 2)

        async def leave():
            with anyio.move_on_after(5.0):
                await api.cron.edit(number, name="left")

        begun, ended = anyio.current_time(), []

        async def of_another():
            await api.cron.edit(other, name="other")
            ended.append(anyio.current_time() - begun)

        calls = edits(api, number, "first", "second", "third")
        await together(calls[0], leave, calls[1], of_another, calls[2])
        assert sum(api.scheduler.stats.waiting.values()) == 0
    assert wire.names == ["first", "other", "second", "third"]
    assert ended[0] < 5.0


@pytest.mark.each_loop
async def test_max_wait_ends_the_wait_for_an_earlier_call():
    """A call whose max_wait is over while an earlier one on its job is under way says so, and is
    never sent.
    """
    app = emulator(rates={"fastcron": None})
    wire = Troubled(app, 20.0)
    async with merging(app, transport=wire) as api:
        (number,) = await made(api, 1)
        hasty = api.with_options(max_wait=4.0)
        _, late = await together(
            *edits(api, number, "first"), partial(hasty.cron.edit, number, name="late")
        )
        await anyio.sleep(60)
    assert type(late) is WaitTooLongError
    assert "earlier call on the same job" in str(late)
    assert "late" not in wire.names


@pytest.mark.each_loop
async def test_an_interactive_call_does_not_wait_for_a_bulk_one():
    """Order holds within a lane: an edit that is waited for passes one in the bulk lane."""
    app = emulator(rates={"fastcron": None})
    wire = Troubled(app, 20.0)
    async with merging(app, transport=wire) as api:
        (number,) = await made(api, 1)
        slow = api.with_options(lane="bulk")
        await together(partial(slow.cron.edit, number, name="first"), *edits(api, number, "second"))
    assert [row["name"] for row in app.emulator.jobs("fastcron")] == ["first"]


@pytest.mark.each_loop
async def test_a_call_that_waits_for_an_earlier_one_holds_up_no_other_job():
    """Where the delete of a job waits for an edit of it, other deletes are sent meanwhile. Those
    that wait share a request too.
    """
    app = emulator(rates={"fastcron": None})
    wire = Troubled(app, 20.0)
    async with merging(app, transport=wire) as api:
        ids, ended = await made(api, 6), {}
        begun = anyio.current_time()

        async def delete(number):
            await api.cron.delete(number)
            ended[number] = anyio.current_time() - begun

        first = [edits(api, number, "first")[0] for number in ids[:2]]
        deletes = [partial(delete, number) for number in [ids[2], *ids[:2], *ids[3:]]]
        await together(*first, *deletes)
    assert max(ended[number] for number in ids[2:]) < 5.0
    assert min(ended[number] for number in ids[:2]) > 20.0
    assert functions(app).count("cron.batch_delete") == 2


@pytest.mark.each_loop
@pytest.mark.parametrize("leaves", ["cancelled", "too late"])
async def test_who_leaves_takes_along_what_he_had_to_wait_for(leaves):
    """A read that waits beside one of another job goes out when that one's reader has left, though
    the edit that he waited for is still under way.
    """
    app = emulator(rates={"fastcron": None})
    async with merging(app, transport=Troubled(app, 20.0)) as api:
        (slow, quick), told = await made(api, 2), []
        begun = anyio.current_time()

        async def read_slow():
            patient = api.with_options(max_wait=5.0) if leaves == "too late" else api
            with anyio.move_on_after(5.0 if leaves == "cancelled" else None):
                try:
                    await patient.cron.get(slow)
                except WaitTooLongError as error:
                    told.append(error.message)

        async def read_quick():
            await api.cron.get(quick)
            told.append(anyio.current_time() - begun)

        await together(
            *edits(api, slow, "first"), *edits(api, quick, "quick"), read_slow, read_quick
        )
    assert told[-1] < 8.0
    assert told[:-1] == [OUTLASTED] * (leaves == "too late")
