"""The HTTP clients that users hand in, and the token in a query."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

import httpx
import httpx2
import pytest
import respx

from cronapi import (
    Applied,
    ConfigurationError,
    ConnectionFailedError,
    RedirectError,
    RequestTimeoutError,
    ResponseError,
    TransportError,
)
from cronapi.emulator import create_app
from tests.support.emulated import BASE_URLS, TAKES_BEARER, TOKEN, Hurry, client_of
from tests.support.line import CALLS, QUICK, Gate, Line, failure, good, until

# --- the token in a query ------------------------------------------------------------------------


async def test_a_given_transport_sees_the_token_of_a_query():
    """Below httpx's logging the token is part of the URL, exactly once, with everything else of the
    request.
    """
    seen = []

    async def note(request):
        seen.append(request)
        return good([])

    async with Line(default=note).client(request_format="query", timeout=7.0) as api:
        await api.cron.list(keyword="a b")
    (request,) = seen
    assert parse_qs(request.url.query.decode()) == {"keyword": ["a b"], "token": [TOKEN]}
    assert request.method == "GET"
    assert request.headers["user-agent"].startswith("cronapi-client/")
    assert request.extensions["timeout"]["read"] == 7.0
    assert "target" not in request.extensions
    assert not any(TOKEN in str(value) for value in request.extensions.values())


async def test_httpx_itself_sends_the_token_as_part_of_its_target():
    """With httpx's own transport the URL that it logs has no token, and the request that it sends
    has it; a proxy gets none.
    """
    seen = []

    def note(request):
        seen.append(request)
        return good([])

    with respx.mock(base_url="http://127.0.0.1:1") as router:
        router.get(path__regex="/api/.*").mock(side_effect=note)
        async with client_of(None, "setcronjob", transport=None, request_format="query") as api:
            await api.group.list()
    (request,) = seen
    assert request.url.query == f"token={TOKEN}".encode()
    assert "target" not in request.extensions


# --- clients handed in ---------------------------------------------------------------------------


def look(http):
    """Return what of an HTTP client could be changed."""
    return (
        dict(http.headers),
        dict(http.params),
        str(http.base_url),
        http.timeout,
        http.follow_redirects,
        http.event_hooks,
        http.auth,
    )


@pytest.mark.parametrize("module", [httpx, httpx2], ids=lambda module: module.__name__)
@pytest.mark.parametrize(
    ("auth", "request_format"),
    [("body", "json"), ("body", "form"), ("bearer", "json"), ("bearer", "query")],
)
async def test_a_client_handed_in_is_used_and_left_as_it_was(module, auth, request_format):
    """Clients of httpx and of httpx2 both work, and are neither closed nor changed."""
    app = create_app(rates={"fastcron": None}, undocumented=TAKES_BEARER)
    hooked = []

    async def hook(request):
        hooked.append(request.url.path)

    async with module.AsyncClient(
        transport=module.ASGITransport(app), event_hooks={"request": [hook]}, follow_redirects=True
    ) as http:
        before = look(http)
        async with client_of(
            app, transport=None, http_client=http, auth=auth, request_format=request_format
        ) as api:
            job = await api.cron.add(url="https://example.com/", name="ping")
            assert (await api.cron.get(job.id)) == job
        assert not http.is_closed
        assert look(http) == before
    assert hooked == ["/api/v1/cron_add", "/api/v1/cron_get"]


@pytest.mark.parametrize("module", [httpx, httpx2], ids=lambda module: module.__name__)
@pytest.mark.parametrize(
    ("name", "kind", "applied"),
    [
        ("ConnectError", ConnectionFailedError, Applied.NO),
        ("PoolTimeout", ConnectionFailedError, Applied.NO),
        ("ConnectTimeout", RequestTimeoutError, Applied.UNKNOWN),
        ("ReadTimeout", RequestTimeoutError, Applied.UNKNOWN),
        ("RemoteProtocolError", TransportError, Applied.UNKNOWN),
        ("DecodingError", ResponseError, Applied.UNKNOWN),
        ("LocalProtocolError", TransportError, Applied.NO),
    ],
)
async def test_both_clients_errors_are_known(module, name, kind, applied):
    """The exceptions of httpx and of httpx2, which are different classes, become the same errors of
    ours.
    """

    def fail(request):
        raise getattr(module, name)("why", request=request)

    async with (
        module.AsyncClient(transport=module.MockTransport(fail)) as http,
        client_of(None, transport=None, http_client=http, retry=None) as api,
    ):
        error = await failure(api.cron.edit(7, name="ping"))
    assert type(error) is kind
    assert error.applied is applied
    assert type(error.__cause__).__module__ == module.__name__


async def test_a_client_handed_in_does_not_follow_redirects_for_us():
    """Even an http_client that follows redirects follows none of ours, since the token would
    travel.
    """
    line = Line(
        default=httpx.Response(302, headers={"location": f"{BASE_URLS['fastcron']}cron_delete"})
    )
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(line), follow_redirects=True) as http,
        client_of(None, transport=None, http_client=http) as api,
    ):
        assert type(await failure(api.cron.get(7))) is RedirectError
    assert line.asked == ["cron_get"]


async def test_a_client_handed_in_may_be_of_a_class_of_its_own():
    """A subclass of httpx's client is one."""

    class Own(httpx.AsyncClient):
        pass

    async with (
        Own(transport=httpx.MockTransport(Line())) as http,
        client_of(None, transport=None, http_client=http) as api,
    ):
        assert (await api.cron.get(7)).id == 7


async def test_a_client_handed_in_that_is_closed_is_named_as_the_reason():
    """Nothing is repeated with an http_client that has been closed."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(Line()))
    await http.aclose()
    api = client_of(None, transport=None, http_client=http, retry=QUICK)
    error = await failure(api.cron.get(7))
    assert type(error) is ConfigurationError
    assert "http_client is closed" in str(error)


async def test_a_client_handed_in_that_is_closed_meanwhile_ends_the_calls_that_wait():
    """A call that is in the queue when its http_client is closed is not sent, and says why."""
    gate = Gate()
    line, scheduler = Line(cron_get=gate), Hurry(10_000.0, max_in_flight=1)
    http = httpx.AsyncClient(transport=httpx.MockTransport(line))
    async with client_of(
        None, transport=None, http_client=http, retry=QUICK, scheduler=scheduler
    ) as api:
        first = asyncio.create_task(api.cron.get(7))
        await gate.arrived.wait()
        second = asyncio.create_task(failure(CALLS["CREATE"](api)))
        await until(lambda: scheduler.stats.waiting["interactive"])
        await http.aclose()
        gate.opened.set()
        await first
        error = await second
    assert type(error) is ConfigurationError
    assert (error.applied, error.function, line.asked) == (Applied.NO, "cron.add", ["cron_get"])
