"""Tokens and passwords: no log, repr, exception or pickle of an error has them,
whatever is called.
"""

from __future__ import annotations

import contextlib
import json
import logging
import pickle
import traceback
from urllib.parse import quote, quote_plus

import httpx
import httpx2
import pytest

from cronapi import Client, CronAPIError, JobSpec, RetryPolicy
from cronapi._functions import offered_by
from cronapi.emulator import Fault, create_app, run_in_thread
from tests.support.emulated import FAST, PROVIDERS, Hurry, client_of

TOKEN = "s3cr3t+tok3n/with=odd&chars%41!"

PASSWORD = 'pass word/+&="ü'

SECRET = "what __secret__ stands for & more"

HIDDEN = (TOKEN, PASSWORD, SECRET)

SPELLINGS = {
    spelt
    for text in HIDDEN
    for spelt in (
        text,
        quote(text),
        quote(text, safe=""),
        quote_plus(text),
        json.dumps(text)[1:-1],
        repr(text)[1:-1],
    )
}

QUICK = RetryPolicy(max_attempts=2, max_delay=0.01)

URL = "https://example.com/ping"

WAYS = [
    *(
        ("fastcron", auth, request_format)
        for auth in ("body", "bearer")
        for request_format in ("json", "form", "query")
    ),
    *(("setcronjob", "body", request_format) for request_format in ("json", "form", "query")),
]

IN_EVERY_WAY = pytest.mark.parametrize(("provider", "auth", "request_format"), WAYS)


def leaks(text):
    """Return the hidden texts in a text, in whatever spelling."""
    return {spelt for spelt in SPELLINGS if spelt in text}


@pytest.fixture
def records():
    """Collect everything that anybody logs, at DEBUG."""
    found, root = [], logging.getLogger()

    class Keep(logging.Handler):
        def emit(self, record):
            found.append(record)

    handler, before = (
        Keep(),
        {
            name: logging.getLogger(name).level
            for name in (None, "httpx", "httpx2", "httpcore", "httpcore2", "cronapi", "asyncio")
        },
    )
    root.addHandler(handler)
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield found
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def written(records):
    """Return what any formatter could write of log records."""
    lines = (
        f"{record.getMessage()} {record.msg!r} {record.args!r}"
        f" {record.exc_text} {record.exc_info!r}"
        for record in records
    )
    return "\n".join(lines)


def told(error):
    """Return what an exception and everything that led to it say, and what a traceback prints."""
    seen, waiting, texts = set(), [error], ["".join(traceback.format_exception(error))]
    while waiting:
        problem = waiting.pop()
        if problem is None or id(problem) in seen:
            continue
        seen.add(id(problem))
        texts.append(f"{problem} {problem!r} {problem.args!r} {getattr(problem, '__notes__', '')}")
        waiting += [problem.__cause__, problem.__context__, *getattr(problem, "exceptions", ())]
    return "\n".join(texts)


def kept(error):
    """Return what a pickle of one of our errors holds, and what comes out of it again."""
    copy = pickle.loads(pickle.dumps(error))
    return f"{vars(error)} {vars(copy)} {copy!r} {copy}"


def params_of(name):
    return {
        "url": URL,
        "name": name,
        "username": "u",
        "password": PASSWORD,
        "http_headers": {"X-Key": PASSWORD},
        "post_data": "a=1",
    }


CALLS = {
    "cron.list": lambda api, job, group: api.cron.list(keyword="ping"),
    "cron.get": lambda api, job, group: api.cron.get(job),
    "cron.add": lambda api, job, group: api.cron.add(**params_of("two")),
    "cron.edit": lambda api, job, group: api.cron.edit(job, **params_of("ping")),
    "cron.enable": lambda api, job, group: api.cron.enable(job),
    "cron.disable": lambda api, job, group: api.cron.disable(job),
    "cron.pause": lambda api, job, group: api.cron.pause(job, for_="1 hour"),
    "cron.delete": lambda api, job, group: api.cron.delete(job),
    "cron.run": lambda api, job, group: api.cron.run(job, payload=f"a={quote(SECRET)}"),
    "cron.logs": lambda api, job, group: api.cron.logs(job),
    "cron.failures": lambda api, job, group: api.cron.failures(job),
    "cron.next": lambda api, job, group: api.cron.next(job),
    "cron.batch_add": lambda api, job, group: api.cron.batch_add(
        [JobSpec(**params_of("a")), params_of("b")]
    ),
    "cron.batch_edit": lambda api, job, group: api.cron.batch_edit([job], password=PASSWORD),
    "cron.batch_delete": lambda api, job, group: api.cron.batch_delete([job]),
    "cron.group_edit": lambda api, job, group: api.cron.group_edit(group, password=PASSWORD),
    "group.list": lambda api, job, group: api.group.list(),
    "group.get": lambda api, job, group: api.group.get(group),
    "group.lookup": lambda api, job, group: api.group.lookup("nightly"),
    "group.add": lambda api, job, group: api.group.add("another"),
    "group.edit": lambda api, job, group: api.group.edit(group, name="daily"),
    "group.delete": lambda api, job, group: api.group.delete(group),
    "group.vanish": lambda api, job, group: api.group.vanish(group),
    "group.empty": lambda api, job, group: api.group.empty(group),
    "group.items": lambda api, job, group: api.group.items(group),
    "account.get": lambda api, job, group: api.account.get(),
    "account.edit": lambda api, job, group: api.account.edit(timezone="UTC"),
    "account.secret": lambda api, job, group: api.account.secret(SECRET),
    "server.time": lambda api, job, group: api.server.time(),
    "server.timezones": lambda api, job, group: api.server.timezones(),
    "server.useragent": lambda api, job, group: api.server.useragent(),
    "server.ip": lambda api, job, group: api.server.ip(),
}

CHANGING = ["cron.add", "cron.edit", "cron.batch_add", "account.secret"]
"""The calls that carry a password or a secret."""


def has(provider, function):
    return function in offered_by(provider)


async def outcome(call):
    """Return everything that can be seen of a call's result or of its failure."""
    try:
        result = await call
    except CronAPIError as error:
        return f"{told(error)} {kept(error)}"
    return repr(result)


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


@IN_EVERY_WAY
async def test_no_call_tells_its_secrets(records, provider, auth, request_format):
    """All functions of a service, in every format, with DEBUG logging on: logs, results and reprs
    have neither token nor password.
    """
    app = create_app(rates=FAST, tokens=[TOKEN])
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
    app = create_app(rates=FAST, tokens=[TOKEN])
    with run_in_thread(app) as origin:
        yield app, origin


@contextlib.asynccontextmanager
async def connected(origin, provider, module=None, **options):
    base_url = f"{origin}/api/v1/" if provider == "fastcron" else f"{origin}/api/"
    options = {"scheduler": Hurry(10_000.0), "retry": QUICK} | options
    async with contextlib.AsyncExitStack() as stack:
        if module is not None:
            options["http_client"] = await stack.enter_async_context(
                module.AsyncClient(verify=False)
            )
        yield await stack.enter_async_context(
            Client(PROVIDERS[provider], TOKEN, base_url=base_url, **options)
        )


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


@IN_EVERY_WAY
@pytest.mark.parametrize("fault", FAULTS)
async def test_no_failure_tells_its_secrets(records, provider, auth, request_format, fault):
    """However an answer is lost, in process, the error and all that led to it are free of
    secrets.
    """
    app = create_app(rates=FAST, tokens=[TOKEN])
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
    app = create_app(rates=FAST, tokens=["the-right-one"])
    async with client_of(app, provider, TOKEN, auth=auth, request_format=request_format) as api:
        for function in ("cron.list", "cron.add"):
            seen = await outcome(CALLS[function](api, 1, 1))
            assert "AuthenticationError" in seen
            assert not leaks(seen)
    assert not leaks(written(records))
