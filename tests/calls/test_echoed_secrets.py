"""Servers that echo a request, reprs and pickles: none repeats a token or a password."""

from __future__ import annotations

import asyncio
import json
import pickle
from urllib.parse import quote

import httpx
import pytest

from cronapi import CronAPIError, JobSpec, OutcomeUnknownError, RetryPolicy
from tests.support.emulated import URL, Hurry, client_of
from tests.support.hidden import (
    CALLS,
    CHANGING,
    IN_EVERY_WAY,
    PASSWORD,
    SECRET,
    TOKEN,
    connected,
    has,
    kept,
    leaks,
    outcome,
    params_of,
    told,
    written,
)
from tests.support.line import QUICK

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


@pytest.mark.few(6)
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
