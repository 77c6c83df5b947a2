"""The front door: who shares a rate with whom, where the token comes from, and views with other
options.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import pickle
import threading

import attrs
import httpx
import pytest

from cronapi import (
    FASTCRON,
    SETCRONJOB,
    AuthenticationError,
    Client,
    ConfigurationError,
    FastCron,
    JobSpec,
    Rate,
    RequestTimeoutError,
    RetryPolicy,
    Scheduler,
    ServiceUnavailableError,
    SetCronJob,
    WaitTooLongError,
)
from cronapi.emulator import Fault, create_app
from cronapi.scheduler import LocalBucket
from tests.support.emulated import BASE_URLS, FAST, TOKEN, URL, client_of

PORTS = itertools.count(2)


@pytest.fixture
def address():
    """Return a base address that no other client of this process has,
    so that nobody else paces it.
    """
    return f"http://127.0.0.1:{next(PORTS)}/api/v1/"


@pytest.fixture
def app():
    return create_app(rates=FAST)


@pytest.fixture
def brisk(address):
    """Return a provider like FastCron, elsewhere and fast."""
    return attrs.evolve(FASTCRON, base_url=address, rate=Rate(10_000))


def transport_of(app):
    return httpx.ASGITransport(app)


# --- providers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("cls", "provider"), [(FastCron, FASTCRON), (SetCronJob, SETCRONJOB)])
def test_each_service_has_its_client(cls, provider):
    """FastCron and SetCronJob are clients of their providers, at the documented address unless
    another is given.
    """
    assert cls(TOKEN).provider is provider
    assert cls(TOKEN, base_url="https://example.com/api").provider == attrs.evolve(
        provider, base_url="https://example.com/api/"
    )


async def test_a_third_service_of_the_family_can_be_described(app):
    """A provider with another name, spelling and rate works with the general client."""
    third = attrs.evolve(SETCRONJOB, name="third", base_url=BASE_URLS["setcronjob"], rate=Rate(200))
    async with Client(third, TOKEN, transport=transport_of(app)) as api:
        job = await api.cron.add(url=URL)
        with pytest.raises(AuthenticationError) as wrong:
            await Client(third, "some-other-token", transport=transport_of(app)).cron.get(job.id)
    assert wrong.value.provider == "third"


@pytest.mark.parametrize("cls", [FastCron, SetCronJob])
def test_the_repr_names_the_service_and_no_secret(cls):
    """A client shows its class and address."""
    api = cls(TOKEN)
    assert repr(api) == f"<{cls.__name__} {api.provider.base_url}>"
    assert TOKEN not in repr(api.cron) + repr(api.group) + repr(api.account) + repr(
        api.server
    ) + repr(api.provider)


# --- tokens --------------------------------------------------------------------------------------


async def _async_token():
    await asyncio.sleep(0)
    return TOKEN


class _Vault:
    async def __call__(self):
        return TOKEN


@pytest.mark.parametrize(
    "token",
    [TOKEN, lambda: TOKEN, _async_token, _Vault()],
    ids=["text", "function", "coroutine", "object"],
)
async def test_a_token_is_text_or_something_that_gives_it(emulate, token):
    """The token may be a text, a function, a coroutine function,
    or any object that can be called.
    """
    _, api = await emulate(token=token)
    assert (await api.account.get()).id == 1


async def test_a_token_function_is_asked_for_every_request(app):
    """A token that was renewed meanwhile is used by the next request, so a rotation needs no new
    client.
    """
    tokens = iter(["the-old-token", TOKEN])
    async with client_of(app, token=lambda: next(tokens)) as api:
        with pytest.raises(AuthenticationError):
            await api.cron.list()
        assert await api.cron.list() == []


async def test_an_error_of_a_token_function_is_its_own(app):
    """What a user's own function raises comes out as it is, and no slot is lost."""

    def vault():
        raise LookupError("the vault is sealed")

    async with client_of(app, token=vault) as api:
        with pytest.raises(LookupError, match="sealed"):
            await api.cron.list()
        assert api.scheduler.stats.in_flight == 0
    assert not app.emulator.requests


@pytest.mark.parametrize(
    ("cls", "variable"), [(FastCron, "FASTCRON_TOKEN"), (SetCronJob, "SETCRONJOB_TOKEN")]
)
async def test_the_environment_may_hold_the_token(monkeypatch, app, cls, variable):
    """Without an argument the provider's variable is read, when the client is made."""
    for name in ("FASTCRON_TOKEN", "SETCRONJOB_TOKEN"):
        monkeypatch.setenv(name, TOKEN if name == variable else "that-of-the-other")
    base_url = BASE_URLS["fastcron" if cls is FastCron else "setcronjob"]
    api = cls(base_url=base_url, transport=transport_of(app), scheduler=Scheduler(1000))
    monkeypatch.delenv(variable)
    async with api:
        assert await api.cron.list() == []


# --- schedulers ----------------------------------------------------------------------------------


async def test_clients_of_one_address_share_one_scheduler(address):
    """Two clients of a service, whichever account they use, are paced together; a client elsewhere
    is not.
    """
    one, two = (
        FastCron(TOKEN, base_url=address),
        FastCron("another-token-0123456789", base_url=address),
    )
    assert one.scheduler is one.scheduler is two.scheduler
    assert one.scheduler.rate == Rate(1)
    assert FastCron(TOKEN, base_url=f"{address}v2/").scheduler is not one.scheduler


async def test_scope_token_paces_each_account(address):
    """With scope="token" two accounts have a scheduler each, and two clients of one account share
    theirs.
    """
    one, again, two = (
        FastCron(token, base_url=address, scope="token")
        for token in (TOKEN, TOKEN, "another-token-0123456789")
    )
    assert one.scheduler is again.scheduler
    assert two.scheduler is not one.scheduler
    assert FastCron(TOKEN, base_url=address).scheduler not in (one.scheduler, two.scheduler)


async def test_scope_token_tells_token_functions_apart(address):
    """A token function stands for its account: the same one shares, another does not."""
    one, again, two = (
        FastCron(token, base_url=address, scope="token")
        for token in (_async_token, _async_token, lambda: TOKEN)
    )
    assert one.scheduler is again.scheduler
    assert two.scheduler is not one.scheduler


async def test_a_scheduler_handed_in_is_used(address):
    """A client with a scheduler of its own shares nothing, and two may be given the same."""
    mine = Scheduler(5)
    one, two = FastCron(TOKEN, base_url=address, scheduler=mine), SetCronJob(TOKEN, scheduler=mine)
    assert one.scheduler is two.scheduler is mine
    assert FastCron(TOKEN, base_url=address).scheduler is not mine


async def test_another_rate_for_a_paced_address_is_refused(address):
    """Two rates would be two budgets for one service: the second is refused,
    and names the way out.
    """
    fast = attrs.evolve(FASTCRON, base_url=address, rate=Rate(5))
    assert FastCron(TOKEN, base_url=address).scheduler.rate == Rate(1)
    with pytest.raises(ConfigurationError, match="hand a scheduler in"):
        _ = Client(fast, TOKEN).scheduler
    assert Client(fast, TOKEN, scheduler=Scheduler(5)).scheduler.rate == Rate(5)


async def test_loops_in_two_threads_share_the_rate(brisk):
    """A client in another thread has its own queue on the same bucket: what one starts the other
    counts.
    """
    here = Client(brisk, TOKEN)
    there = []

    async def elsewhere():
        scheduler = Client(brisk, TOKEN).scheduler
        async with scheduler.slot():
            there.append(scheduler)

    thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
    thread.start()
    thread.join()
    assert there[0] is not here.scheduler
    assert there[0].bucket is here.scheduler.bucket
    assert here.scheduler.stats.rate > 0


async def test_stats_tell_what_a_client_does(app, brisk):
    """`client.scheduler.stats` counts starts and refusals, and is empty of waiters when all is
    done.
    """
    app.emulator.faults.add(Fault("outage"))
    async with Client(brisk, TOKEN, transport=transport_of(app), retry=None) as api:
        assert (api.scheduler.stats.rate, api.scheduler.stats.refusals) == (0.0, 0)
        with pytest.raises(ServiceUnavailableError):
            await api.cron.list()
        await asyncio.gather(*[api.cron.list() for _ in range(5)])
        stats = api.scheduler.stats
    assert (stats.refusals, stats.in_flight, stats.waiting) == (1, 0, {"interactive": 0, "bulk": 0})
    assert stats.rate > 0
    assert api.scheduler.eta() < 1


def test_a_client_may_be_made_before_a_loop_runs(app, brisk):
    """A client made at import time works in the loop that runs later."""
    api = Client(brisk, TOKEN, transport=transport_of(app))
    view = api.with_options(lane="bulk")

    async def main():
        async with api:
            return await view.cron.list()

    assert asyncio.run(main()) == []


# --- views ---------------------------------------------------------------------------------------


async def test_a_view_shares_everything_but_its_options(emulate):
    """`with_options` gives a client of the same class with the same scheduler and connections, and
    leaves the first as it was.
    """
    _, api = await emulate()
    view = api.with_options(max_wait=2.0, lane="bulk", timeout=5.0, retry=None)
    assert type(view) is type(api)
    assert (view.scheduler, view.provider, repr(view)) == (api.scheduler, api.provider, repr(api))
    job = await view.cron.add(url=URL)
    assert await api.cron.get(job.id) == job


async def test_views_of_views_keep_what_they_do_not_change(emulate):
    """Options add up: a view of a view has both, and None takes one back."""
    app, api = await emulate()
    strict = api.with_options(retry=None).with_options(max_wait=60.0)
    app.emulator.faults.add(Fault("error", times=2))
    with pytest.raises(Exception, match="HTTP 500"):
        await strict.cron.list()
    with pytest.raises(Exception, match=r"attempts: 1"):
        await strict.with_options(max_wait=None).cron.list()
    assert await api.with_options(retry=RetryPolicy(max_delay=0.01)).cron.list() == []


async def test_a_max_wait_of_any_size_is_a_wait_without_end():
    """A whole number that no float holds is taken like infinity."""
    async with client_of(create_app(rates=FAST)) as api:
        for most in (10**400, 2**64, 1e308, math.inf):
            assert await api.with_options(max_wait=most).cron.list() == []
    scheduler = Scheduler(1000.0)
    async with scheduler.slot("bulk"), scheduler.slot("bulk", max_wait=10**400) as slot:
        assert slot.seated


async def test_a_view_with_max_wait_does_not_queue_for_long(app):
    """A call that would wait longer than its view allows fails at once, says how long that would
    be, and sends nothing.
    """
    scheduler = Scheduler(Rate(1, 3600))
    async with client_of(app, scheduler=scheduler) as api:
        await api.cron.list()
        with pytest.raises(WaitTooLongError) as refused:
            await api.with_options(max_wait=60).cron.list()
        assert 3000 < refused.value.wait < 4000
        assert (refused.value.attempts, refused.value.function) == (0, "cron.list")
    assert len(app.emulator.requests) == 1


@pytest.mark.parametrize(
    ("options", "lane"),
    [({}, "interactive"), ({"lane": "bulk"}, "bulk"), ({"lane": None}, "interactive")],
)
async def test_a_view_chooses_the_lane(app, options, lane):
    """Single calls are interactive unless the view says otherwise."""
    scheduler = Scheduler(10_000, max_in_flight=1)
    async with client_of(app, scheduler=scheduler) as api, scheduler.slot():
        call = asyncio.create_task(api.with_options(**options).cron.list())
        await _until(lambda: sum(scheduler.stats.waiting.values()))
        assert scheduler.stats.waiting[lane] == 1
        call.cancel()
        await asyncio.wait([call])


@pytest.mark.parametrize(
    ("options", "lane"), [({}, "bulk"), ({"lane": "interactive"}, "interactive")]
)
async def test_reading_all_pages_is_bulk(app, options, lane):
    """`iterate` lets others go first, unless told otherwise."""
    scheduler = Scheduler(10_000, max_in_flight=1)
    async with client_of(app, scheduler=scheduler) as api, scheduler.slot():
        call = asyncio.create_task(anext(api.with_options(**options).cron.iterate()))
        await _until(lambda: sum(scheduler.stats.waiting.values()))
        assert scheduler.stats.waiting[lane] == 1
        call.cancel()
        await asyncio.wait([call])


async def _until(holds):
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0)
    pytest.fail("it never held")


async def test_a_view_has_its_own_timeout():
    """The timeout of a view bounds its exchanges, while the client's own stay patient."""
    released = asyncio.Event()

    async def late(_):
        await released.wait()
        return httpx.Response(200, json={"status": "success", "code": 0, "data": []})

    async with client_of(None, transport=httpx.MockTransport(late), retry=None) as api:
        patient = asyncio.create_task(api.cron.list())
        with pytest.raises(RequestTimeoutError):
            await api.with_options(timeout=0.01).cron.list()
        released.set()
        assert await patient == []


async def test_a_view_inside_async_with_closes_all(emulate):
    """Leaving `async with` of a view closes the client it came from."""
    _, api = await emulate()
    async with api.with_options(lane="bulk") as view:
        await view.cron.list()
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.list()


# --- many at once --------------------------------------------------------------------------------


async def test_many_tasks_share_a_client(emulate):
    """A hundred coroutines that use one client at once each get their own answer."""
    app, api = await emulate()
    jobs = await asyncio.gather(
        *[api.cron.add(url=URL, name=f"job {number}") for number in range(100)]
    )
    assert [job.name for job in jobs] == [f"job {number}" for number in range(100)]
    assert app.emulator.created("fastcron") == 100


def test_specs_survive_pickling():
    """A JobSpec is equal to its copy, and to one made of the same parameters."""
    spec = JobSpec(url=URL, name="ping", password="hunter22")
    assert (
        pickle.loads(pickle.dumps(spec))
        == spec
        == JobSpec(name="ping", password="hunter22", url=URL)
    )
    assert hash(spec) == hash(JobSpec(name="ping", password="hunter22", url=URL))
    assert spec != JobSpec(url=URL)
    assert len({spec, JobSpec(name="ping", password="hunter22", url=URL)}) == 1


async def test_a_bound_method_that_returns_the_token_stands_for_one_account():
    """Clients whose token comes from the same method of the same object share one rate with
    scope="token".
    """

    class Vault:
        def token(self):
            return "t" * 32

    vault, other = Vault(), Vault()
    clients = [
        FastCron(holder.token, base_url="http://127.0.0.1:9/api/v1/", scope="token")
        for holder in (vault, vault, other)
    ]
    assert clients[0].scheduler is clients[1].scheduler
    assert clients[0].scheduler is not clients[2].scheduler


def test_a_scheduler_and_its_bucket_have_one_rate():
    """A bucket of another rate is refused: the scheduler would say one thing and do another."""
    with pytest.raises(ConfigurationError, match="bucket is paced"):
        Scheduler(1, bucket=LocalBucket(Rate(1000)))
