"""Refusals that the rate limit did not send: a load balancer's 503, envelopes with 503 or 429, 408.

None of them proves that a create was not carried out.
"""

from __future__ import annotations

import httpx
import pytest
from attrs import evolve

from cronapi import FASTCRON, Applied, Client, CronAPIError
from cronapi.emulator import Fault
from cronapi.emulator.pages import FRONT_PAGES
from tests.support.emulated import BASE_URLS, TOKEN, URL, emulator, paced, spec_of, specs, virtual
from tests.support.seen import ids, sent
from tests.support.told import CREATES, WAYS, is_true, told, told_of

pytestmark = pytest.mark.virtual_clock


# --- a load balancer's 503 -----------------------------------------------------------------------


@pytest.mark.parametrize("page", FRONT_PAGES)
async def test_an_add_behind_a_load_balancer_makes_one_job(page):
    """An add that was carried out behind a front's 503 is found, and not sent again."""
    app = emulator()
    app.emulator.faults.add(Fault("front", function="cron.add", page=page))
    async with paced(app) as api:
        job = await api.cron.add(url=URL, name="once")
    assert ids(app) == [job.id]


@pytest.mark.parametrize("page", FRONT_PAGES)
async def test_a_bulk_of_fifty_behind_a_load_balancer_makes_fifty(page):
    """A batch that was carried out behind a front's 503 is found, and not sent again."""
    app = emulator()
    app.emulator.faults.add(Fault("front", function="cron.batch_add", page=page))
    async with paced(app) as api:
        report = await api.cron.add_many(specs(50))
    assert len(report.done) == 50
    assert ids(app) == sorted(told_of(report).done)


@pytest.mark.parametrize("way", WAYS)
async def test_a_front_that_goes_on_answering_503_is_never_a_false_no(way):
    """Where every answer is the front's 503, a job that was made is never reported as failed."""
    app = emulator()
    app.emulator.faults.add(Fault("front", times=None))
    async with paced(app) as api:
        found = await WAYS[way](api, spec_of)
    assert is_true(found, app.emulator.jobs("fastcron"))
    assert len(ids(app)) <= 5


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
async def test_a_front_that_sometimes_answers_503_makes_nothing_twice(way, share):
    """Where the front answers creates and lookups with 503 now and then, each report is true."""
    app = emulator(seed=round(share * 10))
    app.emulator.faults.add(
        Fault("front", times=None, share=share), Fault("front_before", times=None, share=share)
    )
    async with paced(app) as api:
        found = await WAYS[way](api, spec_of)
    assert is_true(found, app.emulator.jobs("fastcron"))


@pytest.mark.parametrize("page", FRONT_PAGES)
async def test_a_front_that_did_nothing_lets_the_add_be_made(page):
    """An add that a front kept from the service is made once."""
    app = emulator()
    app.emulator.faults.add(Fault("front_before", function="cron.add", page=page))
    async with paced(app) as api:
        job = await api.cron.add(url=URL, name="once")
    assert ids(app) == [job.id]


@pytest.mark.each_loop
async def test_a_limiters_page_that_comes_late_proves_nothing():
    """An add that nginx answers with its page seconds later was carried out, and is found."""
    app = emulator()
    app.emulator.faults.add(Fault("slow_503", function="cron.add", seconds=3.0))
    async with paced(app) as api:
        await api.cron.list()
        job = await api.cron.add(url=URL, name="once")
    assert ids(app) == [job.id]


async def test_the_limiters_own_page_is_a_refusal_without_a_lookup():
    """A create that the rate limit refused at once is sent again, and nothing is listed."""
    app = emulator()
    app.emulator.faults.add(Fault("outage", function="cron.add", times=2))
    async with paced(app) as api:
        await api.cron.add(url=URL, name="once")
    assert (sent(app, "cron.list"), sent(app, "cron.add")) == (0, 3)


async def test_the_pages_of_a_providers_limiter_are_a_field_of_it():
    """A provider names the pages of its own rate limit, whose refusals need no lookup."""
    app = emulator()
    app.emulator.faults.add(Fault("front_before", function="cron.add", page="envoy"))
    other = evolve(FASTCRON, base_url=BASE_URLS["fastcron"], limiter_pages=("no healthy upstream",))
    transport = httpx.ASGITransport(app)
    async with Client(other, TOKEN, transport=transport, scheduler=virtual(1.0)) as api:
        await api.cron.add(url=URL, name="once")
    assert sent(app, "cron.list") == 0


@pytest.mark.each_loop
async def test_a_fronts_503_does_not_slow_the_scheduler():
    """A load balancer's 503 widens no margin and counts as no refusal."""
    app = emulator()
    async with paced(app) as api:
        before = api.scheduler.stats.margin
        for _ in range(10):
            app.emulator.faults.add(Fault("front", function="cron.list", page="varnish"))
            await api.cron.list()
        assert api.scheduler.stats.margin <= before
        assert api.scheduler.stats.refusals == 0


# --- envelopes, and 408 --------------------------------------------------------------------------

KINDS = [
    "envelope_503",
    "envelope_503_before",
    "envelope_429",
    "envelope_429_before",
    "timeout_408",
]


@pytest.mark.each_value
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
async def test_an_envelope_or_a_408_makes_nothing_twice(kind, way):
    """A create is repeated only if the lookup proves that nothing was done."""
    app = emulator()
    app.emulator.faults.add(*(Fault(kind, function=name) for name in CREATES))
    async with paced(app) as api:
        found = await WAYS[way](api, spec_of)
    assert is_true(found, app.emulator.jobs("fastcron"))
    assert found.done
    assert not found.unknown


@pytest.mark.parametrize("kind", KINDS)
async def test_a_group_behind_an_envelope_or_a_408_is_made_once(kind):
    """A group whose answer was an envelope with 503 or 429, or a 408, is made once."""
    app = emulator()
    app.emulator.faults.add(Fault(kind, function="group.add"))
    async with paced(app) as api:
        found = await told(api.group.add("once"))
    assert [row["id"] for row in app.emulator.groups("fastcron")] == found.done


@pytest.mark.parametrize("kind", KINDS)
async def test_a_read_an_edit_and_a_delete_are_repeated(kind):
    """A list, an edit and a delete with such an answer are repeated without a lookup."""
    app = emulator()
    async with paced(app) as api:
        job = await api.cron.add(url=URL, name="once")
        names = ("cron.list", "cron.edit", "cron.delete")
        app.emulator.faults.add(*(Fault(kind, function=name) for name in names))
        assert [row.id for row in await api.cron.list()] == [job.id]
        assert (await api.cron.edit(job.id, name="twice")).name == "twice"
        await api.cron.delete(job.id)
    assert ids(app) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_one_attempt_that_may_have_been_carried_out_is_no_no(kind):
    """With `retry=None` an add with such an answer is reported as unknown."""
    app = emulator()
    app.emulator.faults.add(Fault(kind, function="cron.add"))
    async with paced(app, retry=None) as api:
        with pytest.raises(CronAPIError) as caught:
            await api.cron.add(url=URL, name="once")
    assert caught.value.applied is Applied.UNKNOWN


@pytest.mark.parametrize("kind", ["envelope_503_before", "envelope_429_before"])
async def test_a_refusal_in_an_envelope_is_learnt_from(kind):
    """An envelope with 503 or 429 counts as a refusal, like the limiter's own page."""
    app = emulator()
    app.emulator.faults.add(Fault(kind, function="cron.list", times=3))
    async with paced(app) as api:
        await api.cron.list()
        assert api.scheduler.stats.refusals >= 3
