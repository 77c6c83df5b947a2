"""Servers that echo a request, reprs and pickles: none repeats a token or a password."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import pickle
import traceback
from urllib.parse import quote, quote_plus

import httpx
import pytest

from cronapi import Client, CronAPIError, JobSpec, OutcomeUnknownError, RetryPolicy
from cronapi._functions import offered_by
from tests.support.emulated import PROVIDERS, Hurry, client_of

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


# --- calls that succeed --------------------------------------------------------------------------


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


# --- servers that echo ---------------------------------------------------------------------------


def sent(request):
    """Return all that a service was sent, as one that echoes everything would say it."""
    body = request.content.decode()
    plain = f"{json.loads(body)}" if body.startswith("{") else body
    password = PASSWORD if "pass" in body else ""
    return f"{request.url} {dict(request.headers)} {body} {plain} {TOKEN} {password}"


def _raising(kind):
    def fail(request):
        try:
            raise OSError(f"{kind.__name__} inside: {sent(request)}")
        except OSError as inner:
            raise kind(f"{kind.__name__}: {sent(request)}") from inner

    return fail


ECHOES = {
    "message": lambda request: httpx.Response(
        200, json={"status": "error", "code": 1, "message": sent(request)}
    ),
    "wrong token": lambda request: httpx.Response(
        200, json={"status": "error", "code": 11, "message": sent(request)}
    ),
    "not found": lambda request: httpx.Response(
        404, json={"status": "error", "code": 1, "message": sent(request)}
    ),
    "page": lambda request: httpx.Response(200, text=f"<html>{sent(request)}</html>"),
    "truncated": lambda request: httpx.Response(200, text='{"data":[' + json.dumps(sent(request))),
    "another shape": lambda request: httpx.Response(
        200, json={"status": "success", "code": 0, "data": {"id": sent(request), sent(request): 1}}
    ),
    "error page": lambda request: httpx.Response(500, text=sent(request)),
    "client error": lambda request: httpx.Response(400, text=sent(request)),
    "refusal": lambda request: httpx.Response(503, text=sent(request)),
    "odd refusal": lambda request: httpx.Response(
        503, headers={"retry-after": quote(sent(request)), "x-echo": quote(sent(request))}
    ),
    "redirect": lambda request: httpx.Response(
        302,
        headers={"location": f"https://elsewhere.example/?{request.url.query.decode()}&t={TOKEN}"},
    ),
    "quoted redirect": lambda request: httpx.Response(
        302, headers={"location": f"https://elsewhere.example/?{quote(sent(request), safe='')}"}
    ),
    **{
        kind.__name__: _raising(kind)
        for kind in (
            httpx.ConnectError,
            httpx.ReadError,
            httpx.ReadTimeout,
            httpx.RemoteProtocolError,
        )
    },
    **{
        kind.__name__: _raising(kind)
        for kind in (
            httpx.LocalProtocolError,
            httpx.DecodingError,
            httpx.InvalidURL,
            RuntimeError,
            OSError,
        )
    },
}


@IN_EVERY_WAY
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
async def test_a_server_that_echoes_does_not_get_it_into_errors(
    records, provider, auth, request_format, echo
):
    """A service or transport that says again what it was sent does not get token or password into
    errors, causes or logs.
    """
    options = {
        "auth": auth,
        "request_format": request_format,
        "scheduler": Hurry(10_000.0),
        "retry": RetryPolicy(max_attempts=1, budget=0),
    }
    async with client_of(
        None, provider, TOKEN, transport=httpx.MockTransport(echo), **options
    ) as api:
        for function in (
            name for name in ["cron.list", "cron.edit", *CHANGING] if has(provider, name)
        ):
            seen = await outcome(CALLS[function](api, 7, 7))
            assert "Error" in seen
            assert not leaks(seen), function
    assert not leaks(written(records))


async def test_a_harmless_cause_is_kept():
    """Only a cause that tells a secret is left out:
    others stay for whoever looks for the reason.
    """
    async with client_of(
        None,
        token=TOKEN,
        transport=httpx.MockTransport(lambda _: _raise(httpx.ReadError("reset by peer"))),
        retry=None,
    ) as api:
        with pytest.raises(CronAPIError) as harmless:
            await api.cron.list()
    async with client_of(
        None, token=TOKEN, transport=httpx.MockTransport(_raising(httpx.ReadError)), retry=None
    ) as api:
        with pytest.raises(CronAPIError) as telling:
            await api.cron.list()
    assert isinstance(harmless.value.__cause__, httpx.ReadError)
    assert telling.value.__cause__ is None
    assert "ReadError" in str(telling.value)


def _raise(error):
    raise error


async def test_garbage_on_a_socket_that_echoes_the_request(records):
    """A status line that is the request again makes httpx name it in its exception; ours does not,
    nor does any log but httpcore's.
    """

    async def parrot(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(head.replace(b"\r\n", b" ")[:400] + b"\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(parrot, "127.0.0.1", 0)
    async with (
        server,
        connected(
            f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
            "fastcron",
            request_format="query",
            retry=None,
        ) as api,
    ):
        seen = await outcome(api.cron.get(7))
    assert "RemoteProtocolError" in seen
    assert not leaks(seen)
    assert not leaks(
        written(record for record in records if not record.name.startswith("httpcore"))
    )


# --- reprs and pickles ---------------------------------------------------------------------------


async def test_a_create_of_unknown_outcome_tells_nothing(records):
    """The error that a create could not be looked up has a chain of several errors, none of which
    tells a secret.
    """
    async with client_of(
        None,
        token=TOKEN,
        transport=httpx.MockTransport(_raising(httpx.ReadError)),
        scheduler=Hurry(10_000.0),
        retry=QUICK,
    ) as api:
        with pytest.raises(OutcomeUnknownError) as unknown:
            await api.cron.add(**params_of("ping"))
    assert not leaks(told(unknown.value) + kept(unknown.value) + written(records))


def test_a_spec_shows_its_secrets_to_nobody():
    """The repr of a JobSpec, and of its copy, stars what may be secret."""
    spec = JobSpec(**params_of("ping"), payload=SECRET)
    for shown in (repr(spec), str(spec), repr([spec]), repr(pickle.loads(pickle.dumps(spec)))):
        assert not leaks(shown)
        assert "ping" in shown


async def test_results_show_no_secrets_in_their_reprs():
    """A service that does show a job's password, headers and body gets them into no repr, though
    they are there.
    """
    data = {
        "id": 1,
        "password": PASSWORD,
        "httpHeaders": f"X-Key: {PASSWORD}",
        "postData": SECRET,
        "apiToken": TOKEN,
        "output": SECRET,
    }

    def answer(_):
        return httpx.Response(200, json={"status": "success", "code": 0, "data": data})

    async with client_of(None, token=TOKEN, transport=httpx.MockTransport(answer)) as api:
        job, account = await api.cron.get(1), await api.account.get()
    assert (job.password, job.extra["apiToken"]) == (PASSWORD, TOKEN)
    for shown in (
        repr(job),
        str(job),
        repr([job]),
        repr(pickle.loads(pickle.dumps(job))),
        repr(account),
    ):
        assert not leaks(shown)


async def test_arguments_that_are_refused_are_not_repeated(records):
    """A ConfigurationError about a password, a header or a body does not say it."""
    bad = [
        {"url": URL, "http_headers": {"X-Key": f"{TOKEN}\r\n"}},
        {"url": URL, "http_headers": f"{TOKEN}"},
        {"url": URL, "password": PASSWORD.encode()},
        {"url": URL, "post_data": {"a": SECRET}},
        {"password": PASSWORD},
    ]
    async with client_of(None, token=TOKEN, transport=httpx.MockTransport(lambda _: None)) as api:
        for params in bad:
            seen = await outcome(api.cron.add(**params))
            assert "ConfigurationError" in seen
            assert not leaks(seen)
    assert not leaks(written(records))
