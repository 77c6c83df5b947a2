"""One exchange at a time: what each failure of HTTP becomes."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl

import anyio
import httpx
import pytest
import respx

from cronapi import (
    APIError,
    Applied,
    Client,
    ConfigurationError,
    ConnectionFailedError,
    OutcomeUnknownError,
    RedirectError,
    RequestTimeoutError,
    ResponseError,
    Scheduler,
    StatusError,
    TransportError,
)
from cronapi._calls import transport as _transport
from tests.support.emulated import PROVIDERS, TOKEN, client_of
from tests.support.line import CALLS, JOB, KINDS, QUICK, Line, failure, good, pass_time

NAMES = {"READ": "cron_get", "SAME": "cron_edit", "CREATE": "cron_add"}

# --- what an exception becomes -------------------------------------------------------------------

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
    """Without a connection nothing was sent: any call is repeated, and in the end it was surely not
    carried out.
    """
    line = Line(default=raised)
    async with line.client() as api:
        error = await failure(CALLS[kind](api))
    assert type(error) is ConnectionFailedError
    assert (error.applied, error.attempts) == (Applied.NO, 2)
    assert line.asked == [NAMES[kind]] * 2
    assert error.__cause__ is raised


@pytest.mark.each_value
@KINDS
@pytest.mark.parametrize("raised", LOST, ids=name_of)
async def test_an_answer_that_is_lost_is_unknown_for_what_changes_something(kind, raised):
    """Whatever a transport raises in the middle becomes ours; reads and edits are repeated, a
    create is looked up and not repeated.
    """
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


@pytest.mark.each_value
@KINDS
@pytest.mark.parametrize("raised", [*NOT_SENT, *LOST], ids=name_of)
async def test_without_a_policy_there_is_one_request(kind, raised):
    """With retry=None a failure is raised after one request, also for a create, and no look-up
    follows.
    """
    line = Line(default=raised)
    async with line.client(retry=None) as api:
        error = await failure(CALLS[kind](api))
    assert line.asked == [NAMES[kind]]
    assert error.attempts == 1
    unknown = raised in LOST and kind != "READ"
    assert error.applied is (Applied.UNKNOWN if unknown else Applied.NO)


@KINDS
async def test_a_connect_timeout_of_httpx_itself_means_never_sent(kind):
    """The transport of httpx times out connecting before anything is sent: repeated,
    and certain.
    """
    with respx.mock(base_url="http://127.0.0.1:1") as router:
        route = router.post(path__regex="/api/v1/.*").mock(side_effect=httpx.ConnectTimeout("late"))
        async with client_of(None, transport=None, retry=QUICK) as api:
            error = await failure(CALLS[kind](api))
    assert type(error) is ConnectionFailedError
    assert (error.applied, route.call_count) == (Applied.NO, 2)


@pytest.mark.parametrize("stock", [True, False])
async def test_a_connect_timeout_of_a_clients_own_transport_is_judged_by_what_it_is(stock):
    """An http_client with httpx's transports is believed; one that routes requests through
    another's is not.
    """
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
    """A create that three looks do not show is sent once more, with a look for a twin."""
    line = Line(cron_add=[httpx.ReadError("reset"), good()])
    async with line.client() as api:
        assert (await CALLS["CREATE"](api)).id == 7
    looks = ["cron_list"] * 2 * 3  # three times a search and the whole list
    twin = ["cron_list"] * 2  # no search shows the job that was made
    assert line.asked == ["cron_add", *looks, "cron_add", *twin]


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
    """Once an answer is larger than the bound, the rest of it is not read, and its connection is
    closed.
    """
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
    """A caller waits for the timeout and not for the transport; the seat is free once the exchange
    is cut off.
    """

    async def never(_):
        pass_time(7.25)
        await anyio.sleep_forever()

    line = Line(default=never)
    async with line.client(retry=None, timeout=7.25) as api:
        error = await failure(CALLS[kind](api))
        assert type(error) is RequestTimeoutError
        assert "7.25 s" in str(error)
    assert error.applied is (Applied.NO if kind == "READ" else Applied.UNKNOWN)
    assert line.asked == [NAMES[kind]]


async def test_an_id_of_five_thousand_digits_is_garbage_and_nothing_worse():
    """An absurd id in an answer is a ResponseError at once, and costs no seat."""
    line = Line(
        default=httpx.Response(
            200, json={"status": "success", "code": 0, "data": {"id": "9" * 5000}}
        )
    )
    async with line.client(retry=None) as api:
        assert type(await failure(api.cron.get(7))) is ResponseError
        assert api.scheduler.stats.in_flight == 0


@pytest.mark.parametrize(
    ("status", "kind", "attempts"),
    [(500, StatusError, 2), (418, StatusError, 1), (307, RedirectError, 1)],
)
async def test_statuses_keep_their_number(status, kind, attempts):
    """An HTTP status without an envelope is an error that says which, repeated only where that
    helps.
    """
    line = Line(
        default=httpx.Response(
            status, headers={"location": "https://elsewhere.example/"}, text="<html>"
        )
    )
    async with line.client() as api:
        error = await failure(api.cron.get(7))
    assert (type(error), error.status, error.attempts) == (kind, status, attempts)


async def test_no_http_client_can_be_made(monkeypatch):
    """Proxy settings that make no sense are a ConfigurationError as the client is first used, not a
    surprise from inside.
    """
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    api = client_of(None, transport=None, retry=QUICK, base_url="https://service.invalid/api/v1/")
    for first_use in (api.cron.get(7), api.__aenter__()):
        error = await failure(first_use)
        assert type(error) is ConfigurationError
        assert "nonsense" in str(error)
        assert error.applied is Applied.NO
        assert isinstance(error.__cause__, ValueError)
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
