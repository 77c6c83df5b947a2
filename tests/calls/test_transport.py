"""One exchange at a time: what each failure of HTTP becomes, whose HTTP client is used, and how a client ends."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import threading
from urllib.parse import parse_qs

import anyio
import httpx
import httpx2
import pytest
import respx

from cronapi import (
    APIError,
    Applied,
    Client,
    ConfigurationError,
    ConnectionFailedError,
    CronAPIError,
    OutcomeUnknownError,
    RedirectError,
    RequestTimeoutError,
    ResponseError,
    RetryPolicy,
    Scheduler,
    StatusError,
    TransportError,
)
from cronapi._calls import transport as _transport
from cronapi.emulator import create_app
from tests.support.emulated import BASE_URLS, PROVIDERS, TOKEN, Hurry, client_of

QUICK = RetryPolicy(max_attempts=2, max_delay=0.01)
JOB = {"id": 7, "name": "ping", "url": "https://example.com/ping"}
CALLS = {
    "READ": lambda api: api.cron.get(7),
    "SAME": lambda api: api.cron.edit(7, name="ping"),
    "CREATE": lambda api: api.cron.add(url=JOB["url"], name="ping"),
}
NAMES = {"READ": "cron_get", "SAME": "cron_edit", "CREATE": "cron_add"}
KINDS = pytest.mark.parametrize("kind", CALLS)


def good(data=None):
    return httpx.Response(
        200, json={"status": "success", "code": 0, "data": JOB if data is None else data}
    )


class Line:
    """A transport's handler that answers by script: each function its own, and notes what was asked."""

    def __init__(self, **scripts):
        self.scripts = scripts
        self.asked = []

    async def __call__(self, request):
        function = request.url.path.rpartition("/")[2]
        self.asked.append(function)
        outcome = self.scripts.get(function, self.scripts.get("default"))
        if isinstance(outcome, list):
            outcome = outcome.pop(0) if len(outcome) > 1 else outcome[0]
        outcome = await outcome(request) if callable(outcome) else outcome
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome or good([] if function == "cron_list" else None)

    def client(self, **options):
        options = {
            "scheduler": Hurry(10_000.0),
            "retry": QUICK,
            "transport": httpx.MockTransport(self),
        } | options
        return client_of(None, **options)


async def failure(call):
    with pytest.raises(CronAPIError) as caught:
        await call
    return caught.value


async def until(holds):
    """Let other tasks run until something holds; far more turns than any of these tests needs."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0)
    pytest.fail("it never held")


# --- what an exception becomes ---------------------------------------------------------------------------------------------------

NOT_SENT = [httpx.ConnectError("refused"), httpx.PoolTimeout("full")]
LOST = [
    httpx.ReadError("reset"),
    httpx.ReadTimeout("late"),
    httpx.ConnectTimeout("late, or reset: this transport does not tell"),
    httpx.WriteError("broken pipe"),
    httpx.WriteTimeout("late"),
    httpx.CloseError("close"),
    httpx.ProxyError("proxy"),
    httpx.RemoteProtocolError("garbage"),
    httpx.StreamError("stream"),
    RuntimeError("a transport's own"),
    KeyError("a transport's own"),
    OSError(104, "reset"),
    ssl.SSLError("ssl"),
    TimeoutError("late"),
    anyio.ClosedResourceError(),
    ExceptionGroup("several", [ValueError("one")]),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"),
    asyncio.CancelledError(),
]
NEVER = [httpx.LocalProtocolError("bad"), httpx.UnsupportedProtocol("odd"), httpx.InvalidURL("odd")]


def name_of(value):
    return type(value).__name__ if isinstance(value, BaseException) else str(value)


@KINDS
@pytest.mark.parametrize("raised", NOT_SENT, ids=name_of)
async def test_what_was_not_sent_is_repeated_and_certain(kind, raised):
    """Without a connection nothing was sent: any call is repeated, and in the end it was surely not carried out."""
    line = Line(default=raised)
    async with line.client() as api:
        error = await failure(CALLS[kind](api))
    assert type(error) is ConnectionFailedError
    assert (error.applied, error.attempts) == (Applied.NO, 2)
    assert line.asked == [NAMES[kind]] * 2
    assert error.__cause__ is raised


@KINDS
@pytest.mark.parametrize("raised", LOST, ids=name_of)
async def test_an_answer_that_is_lost_is_unknown_for_what_changes_something(kind, raised):
    """Whatever a transport raises in the middle becomes ours; reads and edits are repeated, a create is looked up and not repeated."""
    line = Line(default=raised)
    async with line.client(timeout=5.0) as api:
        error = await failure(CALLS[kind](api))
        assert api.scheduler.stats.in_flight == 0
    if kind == "CREATE":
        assert type(error) is OutcomeUnknownError
        assert line.asked == ["cron_add", *["cron_list"] * 4]
    else:
        assert type(error) in (TransportError, RequestTimeoutError)
        assert line.asked == [NAMES[kind]] * 2
        assert isinstance(raised, asyncio.CancelledError) or error.__cause__ is raised
    assert error.applied is (Applied.NO if kind == "READ" else Applied.UNKNOWN)
    assert (error.provider, error.function) == ("fastcron", NAMES[kind].replace("_", "."))


@pytest.mark.parametrize(
    "raised",
    [raised for raised in LOST if isinstance(raised, TimeoutError | httpx.TimeoutException)],
    ids=name_of,
)
async def test_a_timeout_is_told_from_a_broken_connection(raised):
    """Only timeouts are RequestTimeoutErrors."""
    async with Line(default=raised).client(retry=None) as api:
        assert type(await failure(api.cron.get(7))) is RequestTimeoutError
    async with Line(default=httpx.ReadError("reset")).client(retry=None) as api:
        assert type(await failure(api.cron.get(7))) is TransportError


@KINDS
@pytest.mark.parametrize("raised", NEVER, ids=name_of)
async def test_what_can_never_be_sent_is_not_repeated(kind, raised):
    """A request that HTTP itself does not allow fails at once, and was not carried out."""
    line = Line(default=raised)
    async with line.client() as api:
        error = await failure(CALLS[kind](api))
    assert type(error) is TransportError
    assert (error.applied, error.attempts, line.asked) == (Applied.NO, 1, [NAMES[kind]])


@KINDS
@pytest.mark.parametrize("raised", [*NOT_SENT, *LOST], ids=name_of)
async def test_without_a_policy_there_is_one_request(kind, raised):
    """With retry=None a failure is raised after one request, also for a create, and no look-up follows."""
    line = Line(default=raised)
    async with line.client(retry=None) as api:
        error = await failure(CALLS[kind](api))
    assert line.asked == [NAMES[kind]]
    assert error.attempts == 1
    unknown = raised in LOST and kind != "READ"
    assert error.applied is (Applied.UNKNOWN if unknown else Applied.NO)


@KINDS
async def test_a_connect_timeout_of_httpx_itself_means_never_sent(kind):
    """The transport of httpx times out connecting before anything is sent: repeated, and certain."""
    with respx.mock(base_url="http://127.0.0.1:1") as router:
        route = router.post(path__regex="/api/v1/.*").mock(side_effect=httpx.ConnectTimeout("late"))
        async with client_of(None, transport=None, retry=QUICK) as api:
            error = await failure(CALLS[kind](api))
    assert type(error) is ConnectionFailedError
    assert (error.applied, route.call_count) == (Applied.NO, 2)


@pytest.mark.parametrize("stock", [True, False])
async def test_a_connect_timeout_of_a_clients_own_transport_is_judged_by_what_it_is(stock):
    """An http_client with httpx's transports is believed; one that routes requests through another's is not."""
    mounts = (
        {}
        if stock
        else {"all://127.0.0.1": httpx.MockTransport(Line(default=httpx.ConnectTimeout("late")))}
    )
    with respx.mock(base_url="http://127.0.0.1:1", assert_all_called=stock) as router:
        router.post(path__regex="/api/v1/.*").mock(side_effect=httpx.ConnectTimeout("late"))
        async with (
            httpx.AsyncClient(mounts=mounts) as http,
            client_of(None, transport=None, http_client=http, retry=None) as api,
        ):
            error = await failure(CALLS["CREATE"](api))
    assert error.applied is (Applied.NO if stock else Applied.UNKNOWN)


async def test_a_lost_create_that_did_not_happen_is_sent_again():
    """A create whose answer was lost and which the service does not list is made once more."""
    line = Line(cron_add=[httpx.ReadError("reset"), good()])
    async with line.client() as api:
        assert (await CALLS["CREATE"](api)).id == 7
    assert line.asked == ["cron_add", "cron_list", "cron_add"]


async def test_a_lost_create_that_happened_is_adopted():
    """A create whose answer was lost and which the service lists is returned, not repeated."""
    line = Line(cron_add=httpx.ReadError("reset"), cron_list=good([JOB]))
    async with line.client() as api:
        assert (await CALLS["CREATE"](api)).id == 7
    assert line.asked == ["cron_add", "cron_list"]


@KINDS
async def test_an_answer_that_cannot_be_decoded_is_garbled(kind):
    """A body that is not the gzip it says it is becomes a ResponseError; a create is looked up."""

    async def garbage(_):
        return httpx.Response(
            200, headers={"content-encoding": "gzip"}, stream=_Stream(b"not gzip")
        )

    line = Line(default=garbage)
    async with line.client() as api:
        error = await failure(CALLS[kind](api))
    assert type(error) is (OutcomeUnknownError if kind == "CREATE" else ResponseError)
    assert line.asked[0] == NAMES[kind]
    assert len(line.asked) == (5 if kind == "CREATE" else 2)


async def test_a_compressed_answer_is_read():
    """An answer in gzip is decoded."""

    async def zipped(_):
        body = gzip.compress(json.dumps({"status": "success", "code": 0, "data": JOB}).encode())
        return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=_Stream(body))

    async with Line(default=zipped).client() as api:
        assert (await api.cron.get(7)).name == "ping"


class _Stream(httpx.AsyncByteStream):
    def __init__(self, *chunks):
        self.chunks, self.given, self.closed = chunks, 0, False

    async def __aiter__(self):
        for chunk in self.chunks:
            await asyncio.sleep(0)
            self.given += 1
            yield chunk

    async def aclose(self):
        self.closed = True


@KINDS
async def test_an_answer_without_end_is_given_up(monkeypatch, kind):
    """Once an answer is larger than the bound, the rest of it is not read, and its connection is closed."""
    monkeypatch.setattr(_transport, "MOST_BYTES", 1000)
    streams = []

    async def endless(_):
        streams.append(_Stream(*[b"x" * 100] * 100))
        return httpx.Response(200, stream=streams[-1])

    async with Line(default=endless).client(retry=None) as api:
        error = await failure(CALLS[kind](api))
    assert type(error) is ResponseError
    assert "larger than 1000 bytes" in error.problems[0]
    assert error.applied is (Applied.NO if kind == "READ" else Applied.UNKNOWN)
    assert (streams[0].given, streams[0].closed) == (11, True)


async def test_an_answer_of_exactly_the_bound_is_read(monkeypatch):
    """The bound itself is allowed."""
    body = json.dumps({"status": "success", "code": 0, "data": JOB}).encode()
    monkeypatch.setattr(_transport, "MOST_BYTES", len(body))
    async with Line(default=httpx.Response(200, content=body)).client(retry=None) as api:
        assert (await api.cron.get(7)).id == 7


@KINDS
async def test_a_transport_that_never_answers_is_given_up_after_the_timeout(kind):
    """A caller waits for the timeout and not for the transport; the seat is free once the exchange is cut off."""

    async def never(_):
        await anyio.sleep_forever()

    line = Line(default=never)
    async with line.client(retry=None, timeout=0.02) as api:
        error = await failure(CALLS[kind](api))
        assert type(error) is RequestTimeoutError
        assert "0.02 s" in str(error)
    assert error.applied is (Applied.NO if kind == "READ" else Applied.UNKNOWN)
    assert line.asked == [NAMES[kind]]


async def test_an_id_of_five_thousand_digits_is_garbage_and_nothing_worse():
    """An absurd id in an answer is a ResponseError at once, and costs no seat."""
    line = Line(
        default=httpx.Response(
            200, json={"status": "success", "code": 0, "data": {"id": "9" * 5000}}
        )
    )
    async with line.client(retry=None, timeout=0.02) as api:
        assert type(await failure(api.cron.get(7))) is ResponseError
        assert api.scheduler.stats.in_flight == 0


@pytest.mark.parametrize(
    ("status", "kind", "attempts"),
    [(500, StatusError, 2), (418, StatusError, 1), (307, RedirectError, 1)],
)
async def test_statuses_keep_their_number(status, kind, attempts):
    """An HTTP status without an envelope is an error that says which, repeated only where that helps."""
    line = Line(
        default=httpx.Response(
            status, headers={"location": "https://elsewhere.example/"}, text="<html>"
        )
    )
    async with line.client() as api:
        error = await failure(api.cron.get(7))
    assert (type(error), error.status, error.attempts) == (kind, status, attempts)


async def test_no_http_client_can_be_made(monkeypatch):
    """Proxy settings that make no sense are a ConfigurationError as the client is first used, not a surprise from inside."""
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    api = client_of(None, transport=None, retry=QUICK, base_url="https://service.invalid/api/v1/")
    for first_use in (api.cron.get(7), api.__aenter__()):
        error = await failure(first_use)
        assert type(error) is ConfigurationError
        assert "nonsense" in str(error)
        assert error.applied is Applied.NO
        assert isinstance(error.__cause__, ValueError)
    await api.aclose()


# --- the token in a query --------------------------------------------------------------------------------------------------------


async def test_a_given_transport_sees_the_token_of_a_query():
    """Below httpx's logging the token is part of the URL, exactly once, with everything else of the request."""
    seen = []

    async def note(request):
        seen.append(request)
        return good([])

    async with Line(default=note).client(request_format="query", timeout=7.0) as api:
        await api.cron.list(keyword="a b")
    (request,) = seen
    assert parse_qs(request.url.query.decode()) == {"keyword": ["a b"], "token": [TOKEN]}
    assert request.method == "GET"
    assert request.headers["user-agent"].startswith("cronapi-client")
    assert request.extensions["timeout"]["read"] == 7.0
    assert "target" not in request.extensions
    assert not any(TOKEN in str(value) for value in request.extensions.values())


async def test_httpx_itself_sends_the_token_as_part_of_its_target():
    """With httpx's own transport the URL that it logs has no token, and the request that it sends has it; a proxy gets none."""
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


# --- clients handed in -----------------------------------------------------------------------------------------------------------


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
    app = create_app(rates={"fastcron": None})
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
    """The exceptions of httpx and of httpx2, which are different classes, become the same errors of ours."""

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
    """Even an http_client that follows redirects follows none of ours, since the token would travel."""
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


# --- callers that go away --------------------------------------------------------------------------------------------------------


class Gate:
    """An answer that is held back until the gate is opened."""

    def __init__(self):
        self.arrived, self.opened = asyncio.Event(), asyncio.Event()

    async def __call__(self, _):
        self.arrived.set()
        await self.opened.wait()
        return good()


async def test_a_caller_that_goes_away_leaves_the_exchange_to_end():
    """A cancelled call's request is not cut off: its seat is freed when the answer has come, and the next call works."""
    gate = Gate()
    async with Line(cron_add=gate).client() as api:
        call = asyncio.create_task(CALLS["CREATE"](api))
        await gate.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert api.scheduler.stats.in_flight == 1
        gate.opened.set()
        await until(lambda: not api.scheduler.stats.in_flight)
        assert (await api.cron.get(7)).id == 7


async def test_a_caller_that_goes_away_before_its_slot_sends_nothing():
    """A call that is cancelled while it waits for its slot never becomes a request."""
    gate, line = Gate(), Line()
    line.scripts["cron_get"] = gate
    async with line.client(scheduler=Scheduler(10_000.0, max_in_flight=1)) as api:
        first = asyncio.create_task(api.cron.get(7))
        await gate.arrived.wait()
        second = asyncio.create_task(CALLS["CREATE"](api))
        await until(lambda: api.scheduler.stats.waiting["interactive"])
        second.cancel()
        await asyncio.wait([second])
        gate.opened.set()
        await first
    assert line.asked == ["cron_get"]


# --- the end ---------------------------------------------------------------------------------------------------------------------


async def test_a_closed_client_says_so():
    """After closing, calls and `async with` are refused before anything is sent."""
    line = Line()
    async with line.client() as api:
        await api.cron.get(7)
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.get(7)
    with pytest.raises(ConfigurationError, match="closed"):
        await api.with_options(max_wait=1).call("cron.list")
    with pytest.raises(ConfigurationError, match="closed"):
        await api.__aenter__()
    assert line.asked == ["cron_get"]


@pytest.mark.parametrize("used", [True, False])
async def test_closing_twice_does_nothing(used):
    """The second aclose() changes nothing, whether the client was used or not."""
    api = Line().client()
    if used:
        await api.cron.get(7)
    await api.aclose()
    assert await api.aclose() is None
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.get(7)


async def test_a_transport_handed_in_is_closed_with_the_client():
    """A transport belongs to the client, and is closed once."""
    closed = []

    class Own(httpx.MockTransport):
        async def aclose(self):
            closed.append(self)

    transport = Own(Line())
    async with client_of(None, transport=transport) as api:
        await api.cron.get(7)
    await api.aclose()
    assert closed == [transport]


async def test_closing_from_another_task():
    """Fixtures and web frameworks close a client from another task than the one that made it."""
    api = Line().client()

    async def enter():
        await api.__aenter__()
        await api.cron.get(7)

    await asyncio.create_task(enter())
    await asyncio.create_task(api.__aexit__(None, None, None))
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.get(7)


@pytest.mark.parametrize("closers", [1, 3])
async def test_closing_waits_for_requests_under_way(closers):
    """A request under way is answered before aclose() returns, also when several tasks close at once, and none waits longer than that."""
    gate = Gate()
    api = Line(cron_add=gate).client(timeout=3600.0)
    call = asyncio.create_task(CALLS["CREATE"](api))
    await gate.arrived.wait()
    closing = [asyncio.create_task(api.aclose()) for _ in range(closers)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(task.done() for task in closing)
    gate.opened.set()
    done, late = await asyncio.wait(closing, timeout=10)
    assert (len(done), late) == (closers, set())
    assert (await call).id == 7


async def test_closing_does_not_wait_for_ever():
    """A request that never ends holds aclose() up for the timeout only, and its caller gets one of our errors."""

    async def never(_):
        await anyio.sleep_forever()

    line = Line(default=never)
    api = line.client(timeout=0.02, retry=QUICK)
    call = asyncio.create_task(failure(CALLS["SAME"](api)))
    await until(lambda: line.asked)
    await api.aclose()
    error = await call
    assert error.applied is Applied.UNKNOWN
    assert line.asked == ["cron_edit"]


async def test_a_call_in_the_queue_is_refused_when_the_client_closes():
    """A call that still waits for its slot when the client is closed is not sent, and gives its slot back."""
    gate = Gate()
    line = Line(cron_get=gate)
    scheduler = Scheduler(10_000.0, max_in_flight=1)
    api = line.client(scheduler=scheduler)
    first = asyncio.create_task(api.cron.get(7))
    await gate.arrived.wait()
    second = asyncio.create_task(failure(CALLS["CREATE"](api)))
    await until(lambda: scheduler.stats.waiting["interactive"])
    closing = asyncio.create_task(api.aclose())
    await asyncio.sleep(0)
    gate.opened.set()
    await closing
    await first
    error = await second
    assert type(error) is ConfigurationError
    assert error.applied is Applied.NO
    assert line.asked == ["cron_get"]
    assert (scheduler.stats.in_flight, scheduler.stats.waiting["interactive"]) == (0, 0)


async def test_closing_one_view_closes_all():
    """Clients made by with_options share their end."""
    api = Line().client()
    await api.with_options(max_wait=1).aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.get(7)


# --- event loops -----------------------------------------------------------------------------------------------------------------


def test_a_client_belongs_to_the_loop_that_first_used_it():
    """Made before any loop runs, it works on the first and says on a second that it belongs to another."""
    line = Line()
    api = line.client(scheduler=None)
    assert asyncio.run(_got(api)) == 7
    with pytest.raises(ConfigurationError, match="another event loop"):
        asyncio.run(_got(api))
    assert line.asked == ["cron_get"]


async def _got(api):
    return (await api.cron.get(7)).id


async def test_a_client_is_refused_on_a_loop_of_another_thread():
    """A second thread's event loop is told so at once, and the first goes on."""
    line, said = Line(), []
    async with line.client() as api:
        assert await _got(api) == 7

        def elsewhere():
            try:
                asyncio.run(_got(api))
            except ConfigurationError as error:
                said.append(str(error))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert "another event loop" in said[0]
        assert await _got(api) == 7


async def test_closing_on_another_loop_does_not_break_either():
    """aclose() on a foreign loop only refuses further calls: the connections belong to the first loop."""
    api = Line().client()
    assert await _got(api) == 7
    thread = threading.Thread(target=lambda: asyncio.run(api.aclose()))
    thread.start()
    thread.join()
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.get(7)
    await api.aclose()


async def test_an_error_of_the_service_is_no_error_of_the_transport():
    """An error envelope comes through as such, with its call."""
    line = Line(default=httpx.Response(200, json={"status": "error", "code": 5, "message": "No."}))
    async with Client(
        PROVIDERS["setcronjob"],
        TOKEN,
        transport=httpx.MockTransport(line),
        scheduler=Scheduler(10_000.0),
    ) as api:
        error = await failure(api.cron.edit(7, name="x"))
    assert type(error) is APIError
    assert (error.provider, error.function, error.attempts, error.applied) == (
        "setcronjob",
        "cron.edit",
        1,
        Applied.NO,
    )
