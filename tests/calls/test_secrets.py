"""Tokens and passwords: no log, repr, exception or pickle of an error has them,
whatever is called.
"""

from __future__ import annotations

import logging
from urllib.parse import quote

import httpx
import httpx2
import pytest

from cronapi import RetryPolicy
from cronapi._functions import offered_by
from cronapi.emulator import Fault, create_app, run_in_thread
from tests.support.emulated import FAST, TAKES_BEARER, URL, Hurry, client_of
from tests.support.hidden import (
    CALLS,
    CHANGING,
    IN_EVERY_WAY,
    PASSWORD,
    TOKEN,
    connected,
    has,
    leaks,
    outcome,
    params_of,
    told,
    written,
)


def views(api):
    """Return the reprs of a client and of what hangs on it."""
    parts = (
        api,
        api.cron,
        api.group,
        api.account,
        api.server,
        api.provider,
        api.scheduler,
        api.scheduler.stats,
        api.with_options(lane="bulk"),
    )
    return " ".join(repr(part) for part in parts)


def test_the_calls_are_complete():
    """Every function of both services is called here, and the search finds what it is meant to
    find.
    """
    assert CALLS.keys() == offered_by("fastcron") | offered_by("setcronjob")
    assert leaks(f"x {TOKEN} y") == {TOKEN}
    assert leaks(quote(TOKEN, safe="")) == {quote(TOKEN, safe="")}
    assert not leaks("tok3n secret password")
    assert leaks(told(_chained()))


def _chained():
    try:
        try:
            raise ValueError(f"inner {TOKEN}")
        except ValueError as inner:
            raise KeyError("outer") from ExceptionGroup("group", [inner])
    except KeyError as error:
        return error


def test_the_logs_are_listened_to(records):
    """What httpx or httpcore would log at DEBUG does arrive here."""
    logging.getLogger("httpcore.http11").debug("request %r", TOKEN)
    assert leaks(written(records))


# --- calls that succeed --------------------------------------------------------------------------


@pytest.mark.each_value
@IN_EVERY_WAY
async def test_no_call_tells_its_secrets(records, provider, auth, request_format):
    """All functions of a service, in every format, with DEBUG logging on: logs, results and reprs
    have neither token nor password.
    """
    app = create_app(rates=FAST, tokens=[TOKEN], undocumented=TAKES_BEARER)
    async with client_of(app, provider, TOKEN, auth=auth, request_format=request_format) as api:
        for function in sorted(offered_by(provider)):
            group = (await api.group.add("nightly")).id
            job = (await api.cron.add(url=URL, group=group, password=PASSWORD)).id
            seen = await outcome(CALLS[function](api, job, group))
            assert not leaks(seen), function
            assert "Error" not in seen.partition("(")[0], seen
        assert not leaks(views(api))
    assert app.emulator.jobs(provider)[0]["password"] == PASSWORD
    assert len(records) > 50
    assert not leaks(written(records))


@pytest.fixture(scope="module")
def served():
    """Serve an emulator on a socket for all tests here."""
    app = create_app(rates=FAST, tokens=[TOKEN], undocumented=TAKES_BEARER)
    with run_in_thread(app) as origin:
        yield app, origin


@IN_EVERY_WAY
async def test_httpx_and_httpcore_log_no_secrets(records, served, provider, auth, request_format):
    """Over a real socket httpx logs URLs and httpcore logs every step: none of it has a token or a
    password.
    """
    app, origin = served
    async with connected(origin, provider, auth=auth, request_format=request_format) as api:
        job = (await api.cron.add(**params_of("ping"))).id
        for function in (
            "cron.list",
            "cron.edit",
            "cron.batch_add",
            "account.secret",
            "cron.run",
            "cron.delete",
        ):
            if has(provider, function):
                assert not leaks(await outcome(CALLS[function](api, job, None)))
    said = written(records)
    assert {"httpx", "cronapi"} <= {record.name for record in records}
    assert any(record.name.startswith("httpcore") for record in records)
    assert "/api/" in said
    assert not leaks(said)
    assert app.emulator.created(provider)


@pytest.mark.each_value
@pytest.mark.parametrize("module", [httpx, httpx2], ids=lambda module: module.__name__)
@pytest.mark.parametrize(
    ("auth", "request_format"),
    [("body", "json"), ("body", "form"), ("bearer", "json"), ("bearer", "query")],
)
async def test_a_client_handed_in_logs_no_secrets(records, served, module, auth, request_format):
    """A user's own HTTP client logs its URLs too, and they have no secrets in any format that it
    may be used with.
    """
    _, origin = served
    async with connected(
        origin, "fastcron", module, auth=auth, request_format=request_format
    ) as api:
        job = (await api.cron.add(**params_of("ping"))).id
        for function in CHANGING:
            assert not leaks(await outcome(CALLS[function](api, job, None)))
    assert any(record.name.startswith(module.__name__) for record in records)
    assert not leaks(written(records))


# --- calls that fail -----------------------------------------------------------------------------

FAULTS = [
    "lose",
    "reset",
    "outage",
    "error",
    "bad_gateway",
    "garbage",
    "truncated",
    "cut",
    "half",
    "redirect",
    "empty",
]


@pytest.mark.few(6)
@IN_EVERY_WAY
@pytest.mark.parametrize("fault", FAULTS)
async def test_no_failure_tells_its_secrets(records, provider, auth, request_format, fault):
    """However an answer is lost, in process, the error and all that led to it are free of
    secrets.
    """
    app = create_app(rates=FAST, tokens=[TOKEN], undocumented=TAKES_BEARER)
    options = {
        "auth": auth,
        "request_format": request_format,
        "scheduler": Hurry(10_000.0),
        "retry": RetryPolicy(max_attempts=2, budget=0),
    }
    async with client_of(app, provider, TOKEN, **options) as api:
        job, failed = (await api.cron.add(**params_of("ping"))).id, []
        app.emulator.faults.add(Fault(fault, times=None))
        functions = [name for name in ["cron.list", *CHANGING] if has(provider, name)]
        for function in functions:
            seen = await outcome(CALLS[function](api, job, None))
            assert not leaks(seen), function
            failed += [function] if "Error" in seen else []
    assert failed == [name for name in functions if fault != "half" or name == "cron.batch_add"]
    assert not leaks(written(records))


@pytest.mark.few(4)
@pytest.mark.parametrize("request_format", ["json", "form", "query"])
@pytest.mark.parametrize(
    "fault", ["lose", "reset", "cut", "redirect", "garbage", "truncated", "bad_gateway"]
)
async def test_no_failure_on_a_socket_tells_its_secrets(records, served, request_format, fault):
    """Over a real socket the exceptions of httpx and httpcore come along as causes, and tell
    nothing either.
    """
    app, origin = served
    app.emulator.faults.clear()
    async with connected(origin, "fastcron", request_format=request_format) as api:
        job = (await api.cron.add(**params_of("ping"))).id
        app.emulator.faults.add(Fault(fault, times=None))
        for function in CHANGING:
            seen = await outcome(CALLS[function](api, job, None))
            assert "Error" in seen
            assert not leaks(seen), function
    app.emulator.faults.clear()
    assert not leaks(written(records))


@IN_EVERY_WAY
async def test_a_wrong_token_is_not_repeated(records, provider, auth, request_format):
    """The error that a token is unknown does not say which."""
    app = create_app(rates=FAST, tokens=["the-right-one"], undocumented=TAKES_BEARER)
    async with client_of(app, provider, TOKEN, auth=auth, request_format=request_format) as api:
        for function in ("cron.list", "cron.add"):
            seen = await outcome(CALLS[function](api, 1, 1))
            assert "AuthenticationError" in seen
            assert not leaks(seen)
    assert not leaks(written(records))
