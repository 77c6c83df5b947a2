"""Arguments of the wrong type, at every public door: the error names the argument and what came."""

from __future__ import annotations

import asyncio
import math
import sys
from datetime import timedelta

import httpx
import pytest

from cronapi import (
    FASTCRON,
    Client,
    ConfigurationError,
    FastCron,
    Provider,
    Rate,
    RetryPolicy,
    Scheduler,
)
from cronapi.emulator import (
    Clock,
    Fault,
    Faults,
    Limiter,
    ManualClock,
    create_app,
    functions,
    next_runs,
    run_in_thread,
)
from cronapi.scheduler import FileBucket, LocalBucket, RedisBucket, shared_scheduler
from cronapi.webhooks import read_notification
from tests.support.emulated import TOKEN, client_of

HUGE = 10**5000


class Odd:
    """An object that cannot be shown, compared or asked if it is true."""

    def __repr__(self):
        raise RuntimeError

    __str__ = __bool__ = __len__ = __iter__ = __repr__

    def __eq__(self, other):
        raise RuntimeError

    __hash__ = None


def odd(*values):
    """Return values, with some that fit nowhere."""
    return (*values, Odd(), b"x", [], {}, object())


NO_SECONDS = odd("1", True, False, -1, math.nan)
NO_COUNT = odd("1", True, 0, -1, 1.5, math.nan, math.inf, None)
NO_SWITCH = odd("yes", 1, 0, None)
PROVIDER = {field.name: getattr(FASTCRON, field.name) for field in FASTCRON.__attrs_attrs__}


def provider(**changes):
    return Provider(**{**PROVIDER, **changes})


def client(**options):
    return FastCron(TOKEN, **options)


def view(**options):
    return FastCron(TOKEN).with_options(**options)


def redis(**options):
    return RedisBucket(lambda _: [], **options)


def drained(drain):
    return asyncio.run(client().aclose(drain=drain))


ARGUMENTS = [
    (client, "timeout", odd("30", True, None, 0, -1, math.nan, math.inf, HUGE)),
    (client, "auth", odd("basic", None, 1)),
    (client, "request_format", odd("xml", None, 1)),
    (client, "scope", odd("planet", None, 1)),
    (client, "coalesce", NO_SWITCH),
    (client, "scheduler", odd(1.0, "x", Scheduler)),
    (client, "retry", odd(3, True, "x", RetryPolicy)),
    (client, "transport", odd(1, "x", httpx.Client)),
    (client, "base_url", odd(1, None.__class__, "x", "https://\ud800/")),
    (view, "max_wait", odd("x", True, -1, math.nan)),
    (view, "timeout", odd("x", True, None, 0, math.inf, HUGE)),
    (view, "lane", odd("express", 1, True)),
    (view, "retry", odd(3, "x")),
    (drained, "drain", odd("x", True, -1, math.nan, math.inf, HUGE)),
    (RetryPolicy, "max_attempts", NO_COUNT),
    (RetryPolicy, "max_delay", (*NO_SECONDS, None)),
    (RetryPolicy, "budget", (*NO_SECONDS, None)),
    (Rate, "limit", (*odd("x", True, None, 0, math.inf), HUGE)),
    (lambda per: Rate(1, per), "per", (*odd("x", True, None, 0, math.nan), HUGE)),
    (Scheduler, "rate", odd("x", True, None)),
    (lambda **given: Scheduler(1, **given), "max_in_flight", NO_COUNT),
    (lambda **given: Scheduler(1, **given), "bucket", odd(5, "x", LocalBucket)),
    (lambda lane: Scheduler(1).eta(lane), "lane", odd("x", None, 5)),
    (lambda batch: FastCron(TOKEN).cron.edit_many([(1, {})], batch=batch), "batch", NO_SWITCH),
    (LocalBucket, "rate", odd(5, "x", None)),
    (lambda clock: LocalBucket(Rate(1), clock=clock), "clock", odd(5, None)),
    (lambda rate: shared_scheduler("k", rate), "rate", odd(5, None)),
    (lambda key: shared_scheduler(key, Rate(1)), "key", ([], {}, (1, []))),
    (RedisBucket, "evaluate", odd(5, None)),
    (redis, "timeout", odd("1", True, None, -1, math.nan, math.inf, HUGE)),
    (redis, "fallback", odd("wait", None, 5)),
    (redis, "share", NO_COUNT),
    (redis, "clock", odd(5, None)),
    (redis, "threads", NO_SWITCH),
    (FileBucket, "path", odd(5, b"pace", "", "a\0b")),
    (FileBucket, "timeout", odd("1", True, None, -1, math.nan, math.inf, HUGE)),
    (FileBucket, "fallback", odd("wait", None, 5)),
    (FileBucket, "share", NO_COUNT),
    (FileBucket, "clock", odd(5, None)),
    (FileBucket, "threads", NO_SWITCH),
    (lambda key: RedisBucket.from_url("redis://x", key=key), "key", odd(5, None, "", "\ud800")),
    (provider, "name", odd(5, None, "", "\ud800")),
    (provider, "rate", odd(5, None, "x")),
    (provider, "separator", odd(5, None, "")),
    (provider, "functions", odd(5, None, "cron.add", ["cron.add"], frozenset({5}))),
    (provider, "token_variable", odd(5, None, "")),
    (provider, "bearer", NO_SWITCH),
    (provider, "notify_codes", NO_SWITCH),
    (provider, "limiter_pages", odd(5, None, "503", (5,))),
    (lambda provider: Client(provider, TOKEN), "provider", odd(5, None, "fastcron")),
    (read_notification, "body", (5, None, Odd(), object(), [1], 1.5)),
]


@pytest.mark.parametrize(
    ("make", "name", "wrong"),
    ARGUMENTS,
    ids=[f"{n}-{name}" for n, (_, name, _) in enumerate(ARGUMENTS)],
)
def test_a_wrong_argument_is_refused_at_the_door(make, name, wrong):
    """A ConfigurationError names the argument, what it takes and what came; nothing else leaves."""
    for value in wrong:
        with pytest.raises(ConfigurationError) as refused:
            make(**{name: value})
        assert name in str(refused.value)


def test_what_makes_sense_is_taken():
    """The doors are not narrower than what they say."""
    RetryPolicy(max_delay=math.inf, budget=math.inf, max_attempts=sys.maxsize)
    RetryPolicy(max_delay=0, budget=0)
    FastCron(TOKEN, timeout=1, coalesce=True, transport=httpx.MockTransport(lambda _: None))
    view(max_wait=0, lane="bulk", retry=None).with_options(max_wait=math.inf, lane=None)
    view(max_wait=None, timeout=0.5)
    Scheduler(0.5, max_in_flight=1, bucket=LocalBucket(Rate(0.5)))
    Rate(3, 1)
    provider(functions=frozenset(), limiter_pages=())


async def test_a_slot_takes_a_lane_and_seconds():
    """A slot refuses another lane or wait when it is entered, and a refusal another Retry-After."""
    scheduler = Scheduler(1000)
    for options in [{"lane": []}, {"lane": 5}, {"max_wait": "x"}, {"max_wait": True}]:
        with pytest.raises(ConfigurationError, match=r"lane|max_wait"):
            async with scheduler.slot(**options):
                pytest.fail("there is no such slot")
        with pytest.raises(ConfigurationError):
            await scheduler.acquire(**options)
    async with scheduler.slot() as slot:
        for wrong in ("1", True, -1, math.nan, []):
            with pytest.raises(ConfigurationError, match="retry_after"):
                slot.refused(wrong)
        slot.refused(0.001)
    assert scheduler.stats.in_flight == 0


async def test_collections_are_collections():
    """Where several are taken, one, a text or nothing at all is refused before anything is sent."""
    sent = []
    async with client_of(None, transport=httpx.MockTransport(sent.append)) as api:
        for wrong in (5, None, "12", b"12", {"a": 1}, 1.5, object(), [], iter(())):
            for call in (api.cron.batch_add, api.cron.batch_delete, api.cron.batch_edit):
                with pytest.raises(ConfigurationError, match=rf"^cron\.{call.__name__}"):
                    await call(wrong)
        for wrong in ("x", True, None, 1.5, [1], "\ud800"):
            with pytest.raises(ConfigurationError, match=r"^cron\.batch_delete: item 1: .*id"):
                await api.cron.batch_delete([7, wrong])

        def broken():
            yield {"url": "x"}
            raise OSError

        with pytest.raises(ConfigurationError, match=r"item 1 could not be read \(OSError\)"):
            await api.cron.batch_add(broken())
    assert not sent


async def test_required_texts_are_required():
    """None is no name, time zone or secret: it is not left out."""
    sent = []
    async with client_of(None, transport=httpx.MockTransport(sent.append)) as api:
        for call in (
            lambda: api.group.add(None),
            lambda: api.group.lookup(None),
            lambda: api.account.secret(None),
            lambda: api.account.edit(timezone=None),
            lambda: api.cron.find(None),
            lambda: api.cron.pause(7, for_=None),
            lambda: api.cron.get(None),
        ):
            with pytest.raises(ConfigurationError):
                await call()
        for name in (5, None, "", b"x", [], "\ud800"):
            with pytest.raises(ConfigurationError, match="function"):
                await api.call(name)
    assert not sent


def test_a_journal_is_refused_when_the_bulk_is_made():
    """A path that can be none is no surprise for later."""

    class Broken:
        def __fspath__(self):
            raise RuntimeError

    api = FastCron(TOKEN)
    for path in (5, "", "a\0b", "\ud800", object(), Broken(), b"", True, timedelta(1)):
        with pytest.raises(ConfigurationError, match="journal"):
            api.cron.add_many([{"url": "x"}], journal=path)


EMULATED = [
    (Fault, odd("x", 5, None)),
    (lambda provider: Fault("lose", provider=provider), odd("x", 5)),
    (lambda function: Fault("lose", function=function), odd("x", 5)),
    (lambda times: Fault("lose", times=times), odd("1", True, 0, 1.5, math.nan)),
    (lambda share: Fault("lose", share=share), odd("1", True, None, 2, math.nan)),
    (lambda seconds: Fault("stall", seconds=seconds), odd("1", True, None, 0, -1, math.nan)),
    (lambda page: Fault("front", page=page), odd("x", 5)),
    (lambda fault: Faults().add(fault), odd("lose", 5, None, Fault)),
    (Faults, odd("x", None, 1.5)),
    (Limiter, odd("x", True, 0, math.nan, math.inf)),
    (lambda burst: Limiter(1, burst=burst), odd("x", True, None, -1, 1.5)),
    (lambda method: Limiter(1, method=method), odd("x", None)),
    (ManualClock, odd("x", None, True, math.nan)),
    (lambda seconds: ManualClock().advance(seconds), odd("x", None, True, -1, math.inf)),
    (lambda now: Clock(now=now), (5, None, "x")),
    (functions, odd("x", None)),
    (lambda era: functions("fastcron", era), odd("x", None)),
    (lambda source: next_runs(source, "UTC", 0, 1), (5, None, b"x", Odd(), "x")),
    (lambda zone: next_runs("* * * * *", zone, 0, 1), odd(5, None, "Nowhere/At_All")),
    (lambda after: next_runs("* * * * *", "UTC", after, 1), odd("0", None, 1.5)),
    (lambda count: next_runs("* * * * *", "UTC", 0, count), odd("1", None, -1, 1.5)),
    *[
        (lambda value, name=name: create_app(**{name: value}), wrong)
        for name, wrong in {
            "tokens": ("abc", b"abc", 5, None, [5], [], [""]),
            "storage": (5, None, [], b"x"),
            "clock": odd(5, "x"),
            "rates": (5, None, "x", [("fastcron", 1)], {"fastcron": "x"}, {"x": 1}, {5: 1}),
            "limiter": odd("x", None),
            "burst": odd("x", None, -1),
            "limit_by": odd("x", None),
            "era": odd("x", None),
            "strict": NO_SWITCH,
            "error_status": odd("x", None, 200.0, True, 99),
            "page_size": odd("x", None, 0, 1.5, True),
            "seed": odd("x", None, 1.5),
            "log_shape": odd("x", None),
            "max_batch": odd("x", 0, 1.5, True),
            "normalise": ("name_trim", b"x", 5, None, [5], ["x"]),
            "ignore_page": NO_SWITCH,
            "moves": odd("x", 5),
            "search": odd("x", None),
            "lag": odd("x", None, True, -1, math.nan),
        }.items()
    ],
]


@pytest.mark.parametrize(("make", "wrong"), EMULATED, ids=range(len(EMULATED)))
def test_the_emulator_raises_its_documented_error(make, wrong):
    """The emulator raises ValueError for each argument that it cannot use."""
    for value in wrong:
        with pytest.raises(ValueError):
            make(value)


def test_an_address_is_a_host_and_a_port():
    """A server that cannot listen says so before it tries."""
    for options in ({"port": "80"}, {"port": -1}, {"port": 70_000}, {"port": True}, {"host": 5}):
        with pytest.raises(ValueError), run_in_thread(create_app(), **options):
            pytest.fail("it listens")
