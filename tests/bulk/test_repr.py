"""A bulk shows how far it is."""

from __future__ import annotations

import pytest

from cronapi import ConfigurationError
from tests.support.emulated import FAST, client_of, emulator, paced, specs

pytestmark = pytest.mark.virtual_clock


async def some(items):
    """Yield items as an async input does, which has no length."""
    for item in items:
        yield item


@pytest.mark.each_loop
async def test_an_awaited_bulk_shows_how_far_it_is():
    """Before, in the middle and after, by what was reported until then."""
    seen = []
    async with paced(emulator(rates={"fastcron": None})) as api:
        bulk = api.cron.pause_many(
            [1, 2], for_="1 hour", progress=lambda *_: seen.append(repr(bulk))
        )
        assert repr(bulk) == "<Bulk cron.pause_many: not begun, 2 items>"
        await bulk
    assert seen[0] == "<Bulk cron.pause_many: under way, 1 of 2: 0 done, 1 failed>"
    assert repr(bulk) == "<Bulk cron.pause_many: ended, 2 of 2: 0 done, 2 failed>"
    assert repr(bulk.report) == "<Report of cron.pause_many: 0 done, 2 failed>"


async def test_an_iterated_bulk_shows_how_far_it_is():
    """The outcomes that a loop has taken count, though the bulk does not keep them."""
    app = emulator(rates={"fastcron": None})
    async with client_of(app) as api:
        bulk = api.cron.add_many(some(specs(3)))
        assert repr(bulk) == "<Bulk cron.add_many: not begun>"
        outcomes = aiter(bulk)
        assert repr(bulk) == "<Bulk cron.add_many: under way, 0 so far: 0 done>"
        await anext(outcomes)
        assert repr(bulk).endswith(", 1 so far: 1 done>")
        async for _ in outcomes:
            pass
        assert repr(bulk) == "<Bulk cron.add_many: ended, 3 so far: 3 done>"


@pytest.mark.each_loop
async def test_a_closed_bulk_says_so():
    """Closed before it began, in the middle, and at its end, which is an end."""
    async with client_of(emulator(rates={"fastcron": None})) as api:
        bulk = api.cron.add_many(specs(1))
        await bulk.aclose()
        assert repr(bulk) == "<Bulk cron.add_many: closed, 1 item>"
        bulk = api.cron.add_many(specs(200))
        await anext(aiter(bulk))
        await bulk.aclose()
        assert repr(bulk) == "<Bulk cron.add_many: closed, 1 of 200: 1 done>"
        bulk = api.cron.add_many(specs(2))
        await bulk
        await bulk.aclose()
        assert repr(bulk) == "<Bulk cron.add_many: ended, 2 of 2: 2 done>"


async def test_a_stopped_bulk_names_the_reason():
    """An error that concerns every item is told with the counts."""
    app = emulator(rates={"fastcron": None})
    async with client_of(app, token="0" * 32) as api:
        bulk = api.cron.pause_many(iter([1, 2]), for_="1 hour")
        await bulk
    assert "0 done" in repr(bulk)
    assert "stopped by: AuthenticationError: Invalid API token" in repr(bulk)


def test_a_bulk_that_cannot_be_made_is_shown_too(monkeypatch):
    """A debugger that shows the frame of a failed constructor gets a repr."""
    api = client_of(emulator(rates=FAST))
    with pytest.raises(ConfigurationError) as caught:
        api.cron.add_many([])
    shown, trace = [], caught.value.__traceback__
    while trace is not None:
        shown += [repr(value) for value in trace.tb_frame.f_locals.values()]
        trace = trace.tb_next
    assert "<Bulk cron.add_many: not begun>" in shown
