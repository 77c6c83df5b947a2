"""Real connections that go wrong on the loopback interface: which error comes out, what it knows,
and how many requests arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct

import httpx
import httpx2
import pytest

from cronapi import (
    Applied,
    Client,
    ConnectionFailedError,
    OutcomeUnknownError,
    RedirectError,
    RequestTimeoutError,
    ResponseError,
    TransportError,
)
from cronapi._calls import transport
from tests.support.emulated import PROVIDERS, TOKEN, Hurry
from tests.support.line import JOB, QUICK, failure, pass_time

CALLS = {
    "READ": ("cron_get", lambda api: api.cron.get(7)),
    "SAME": ("cron_edit", lambda api: api.cron.edit(7, name="ping")),
    "CREATE": ("cron_add", lambda api: api.cron.add(url=JOB["url"], name="ping")),
}
KINDS = pytest.mark.parametrize("kind", CALLS)
MODULES = pytest.mark.parametrize(
    "module", [None, httpx, httpx2], ids=lambda module: module.__name__ if module else "own"
)


def answer(data, status="200 OK", *headers):
    body = (
        data
        if isinstance(data, bytes)
        else json.dumps({"status": "success", "code": 0, "data": data}).encode()
    )
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Server:
    """A socket that reads each request in full, notes its function, and then does what the script
    says.
    """

    def __init__(self, script):
        self.script = script
        self.lines, self.connections, self._serving = [], 0, {}

    @property
    def asked(self):
        return [line.split(" ")[1].partition("?")[0].rpartition("/")[2] for line in self.lines]

    @contextlib.asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v1/"
        finally:
            server.close()
            for task, writer in self._serving.items():
                writer.transport.abort()
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await server.wait_closed()

    async def _serve(self, reader, writer):
        self.connections += 1
        self._serving[asyncio.current_task()] = writer
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                sizes = [
                    line
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                ]
                await reader.readexactly(int(sizes[0].partition(b":")[2]) if sizes else 0)
                self.lines.append(head.decode().partition("\r\n")[0])
                await self.script(self, writer)
                await writer.drain()
        writer.close()


async def closes(_, writer):
    writer.close()


async def resets(_, writer):
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    writer.transport.abort()


async def closes_in_the_body(_, writer):
    writer.write(answer(JOB)[:-5])
    writer.close()


async def closes_in_the_head(_, writer):
    writer.write(answer(JOB)[:20])
    writer.close()


async def talks_garbage(_, writer):
    writer.write(b"I am no web server\r\n\r\n")
    writer.close()


async def breaks_its_chunks(_, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n")
    writer.close()


async def never_answers(_, writer):
    pass_time(PATIENCE)
    await asyncio.Event().wait()


async def drips_its_head(_, writer):
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.005)
        pass_time(PATIENCE / 10)


async def drips_its_body(_, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    await drips_its_head(_, writer)


async def answers_too_much(_, writer):
    writer.write(answer(b"x" * 200_000))


async def answers_html(_, writer):
    writer.write(answer(b"<html>Welcome</html>"))


async def redirects(_, writer):
    writer.write(answer(b"", "302 Found", "Location: http://127.0.0.1:9/elsewhere"))


async def fails(_, writer):
    writer.write(answer(b"<html>", "502 Bad Gateway"))


async def works(server, writer):
    writer.write(answer([] if server.asked[-1] == "cron_list" else JOB))


SCRIPTS = {
    closes: (TransportError, "lost"),
    resets: (TransportError, "lost"),
    closes_in_the_head: (TransportError, "lost"),
    closes_in_the_body: (TransportError, "lost"),
    talks_garbage: (TransportError, "lost"),
    breaks_its_chunks: (TransportError, "lost"),
    never_answers: (RequestTimeoutError, "lost"),
    drips_its_head: (RequestTimeoutError, "lost"),
    drips_its_body: (RequestTimeoutError, "lost"),
    answers_too_much: (ResponseError, "lost"),
    answers_html: (ResponseError, "lost"),
    redirects: (RedirectError, "final"),
}
PATIENCE = 5.0
"""Seconds that a client waits for each of them."""


def faults(*others):
    """Return a mark for all scripts but `others`, which differ from those left only in how long
    they take.
    """
    return pytest.mark.parametrize(
        "script",
        [script for script in SCRIPTS if script not in others],
        ids=lambda script: script.__name__,
    )


@contextlib.asynccontextmanager
async def client_at(url, module=None, **options):
    """Give a client with its own HTTP client, or with one of `module`."""
    options = {"scheduler": Hurry(10_000.0), "retry": QUICK, "timeout": PATIENCE} | options
    async with contextlib.AsyncExitStack() as stack:
        if module is not None:
            options["http_client"] = await stack.enter_async_context(
                module.AsyncClient(verify=False)
            )
        yield await stack.enter_async_context(
            Client(PROVIDERS["fastcron"], TOKEN, base_url=url, **options)
        )


@pytest.fixture(autouse=True)
def _small_bound(monkeypatch):
    monkeypatch.setattr(transport, "MOST_BYTES", 100_000)


@pytest.mark.each_value
@KINDS
@faults(drips_its_head, drips_its_body)
async def test_what_a_broken_answer_becomes(script, kind):
    """Each way to break an answer is one of our errors; reads and edits are repeated once, a create
    is looked up and never repeated.
    """
    function, call = CALLS[kind]
    expected, ending = SCRIPTS[script]
    server = Server(script)
    async with server.listening() as url, client_at(url) as api:
        error = await failure(call(api))
    if ending == "final":
        assert (type(error), error.applied, server.asked) == (expected, Applied.NO, [function])
    elif kind == "CREATE":
        assert type(error) is OutcomeUnknownError
        assert (error.applied, server.asked) == (Applied.UNKNOWN, ["cron_add", *["cron_list"] * 4])
    else:
        assert type(error) is expected
        assert (error.applied, server.asked) == (
            Applied.NO if kind == "READ" else Applied.UNKNOWN,
            [function] * 2,
        )
    assert error.function == function.replace("_", ".")


@faults()
async def test_without_a_policy_one_request_arrives(script):
    """With retry=None the first failure is the last, and says whether the call may have been
    carried out, whatever kind it is of.
    """
    expected, ending = SCRIPTS[script]

    async def once(kind, function, call):
        server = Server(script)
        async with (
            server.listening() as url,
            client_at(url, retry=None) as api,
        ):
            error = await failure(call(api))
        assert type(error) is expected
        assert error.applied is (
            Applied.NO if kind == "READ" or ending == "final" else Applied.UNKNOWN
        )
        assert (error.attempts, server.asked) == (1, [function])

    for kind, (function, call) in CALLS.items():
        await once(kind, function, call)


@pytest.mark.each_value
@MODULES
@faults(drips_its_head, drips_its_body)
async def test_httpx_and_httpx2_break_alike(script, module):
    """A client handed in, of either library, gives the same error as our own."""
    server = Server(script)
    async with (
        server.listening() as url,
        client_at(url, module, retry=None) as api,
    ):
        error = await failure(api.cron.edit(7, name="ping"))
    assert type(error) is SCRIPTS[script][0]
    assert server.asked == ["cron_edit"]


@MODULES
@KINDS
async def test_a_refused_connection_is_certain(module, kind):
    """Where nobody listens nothing was sent: tried again, and surely not carried out,
    a create too.
    """
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/api/v1/"
        async with client_at(url, module) as api:
            error = await failure(CALLS[kind][1](api))
    assert type(error) is ConnectionFailedError
    assert (error.applied, error.attempts) == (Applied.NO, 2)


@MODULES
async def test_a_redirect_is_not_followed(module):
    """The place that a redirect names gets no connection: the token stays here."""
    elsewhere = Server(works)
    async with elsewhere.listening() as other:

        async def points(_, writer):
            writer.write(answer(b"", "307 Temporary Redirect", f"Location: {other}cron_get"))

        here = Server(points)
        async with here.listening() as url, client_at(url, module) as api:
            error = await failure(api.cron.get(7))
    assert error.location == f"{other}cron_get"
    assert (here.asked, elsewhere.connections) == (["cron_get"], 0)


@pytest.mark.each_value
@KINDS
@pytest.mark.parametrize(
    "script",
    [closes, resets, closes_in_the_body, talks_garbage, never_answers, answers_html, fails],
)
async def test_after_a_failure_the_next_call_works(script, kind):
    """A failure costs its own request only: a call whose repeat is answered succeeds, and a create
    is made once more after the looks, with one for a twin.
    """
    function, call = CALLS[kind]

    async def once(server, writer):
        await (script if len(server.asked) == 1 else works)(server, writer)

    server = Server(once)
    async with server.listening() as url, client_at(url) as api:
        assert (await call(api)).id == 7
        looks = ["cron_list"] * 2 * 3  # three times a search and the whole list
        assert server.asked == (
            [function, *looks, function, *["cron_list"] * 2] if kind == "CREATE" else [function] * 2
        )
        assert api.scheduler.stats.in_flight == 0
        await api.cron.get(7)


async def test_many_calls_that_time_out_leave_a_client_that_works():
    """After fifty timeouts in a row, more than there are connections, the pool still has one for
    the next call.
    """

    async def waits(_, writer):
        await asyncio.Event().wait()

    server, scheduler = Server(waits), Hurry(10_000.0, max_in_flight=10)
    async with server.listening() as url, client_at(url, retry=None, scheduler=scheduler) as api:
        hasty = api.with_options(timeout=0.15)
        errors = await asyncio.gather(*[failure(hasty.cron.get(7)) for _ in range(50)])
        assert {type(error) for error in errors} <= {RequestTimeoutError, ConnectionFailedError}
        server.script = works
        assert (await api.cron.get(7)).id == 7


async def test_callers_that_go_away_leave_a_client_that_works():
    """Fifty calls cancelled in the middle of their requests do not cost the pool a connection."""
    released = asyncio.Event()

    async def waits(server, writer):
        await released.wait()
        await works(server, writer)

    server = Server(waits)
    async with server.listening() as url, client_at(url, retry=None) as api:
        calls = [asyncio.create_task(api.cron.get(7)) for _ in range(50)]
        while len(server.asked) < 10:  # noqa: ASYNC110 -- the server is another end of the wire, in this same loop
            await asyncio.sleep(0.001)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert len(server.asked) == 10
        released.set()
        assert (await api.cron.get(7)).id == 7
        assert len(server.asked) == 11


async def test_connections_are_kept_for_the_next_call():
    """Calls one after another share one connection."""
    server = Server(works)
    async with server.listening() as url, client_at(url) as api:
        for _ in range(5):
            await api.cron.get(7)
    assert (len(server.asked), server.connections) == (5, 1)


async def test_a_query_arrives_with_its_token():
    """With request_format="query" the token is in the request line that arrives, though in no URL
    before.
    """
    server = Server(works)
    async with server.listening() as url, client_at(url, request_format="query") as api:
        await api.cron.get(7)
    assert server.lines == [f"GET /api/v1/cron_get?id=7&token={TOKEN} HTTP/1.1"]


async def test_a_service_on_this_machine_is_reached_without_the_proxy(monkeypatch):
    """A plain http address is this machine's: the request, which holds the token, goes to no proxy
    of the environment.
    """
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server = Server(works)
    async with server.listening() as url, client_at(url, retry=None) as api:
        await api.cron.get(7)
    assert len(server.lines) == 1


@pytest.mark.parametrize("request_format", ["json", "form", "query"])
async def test_a_proxy_sees_no_token(request_format, monkeypatch):
    """Through a proxy of the environment the tunnel is asked for without a word of the call; its
    refusal means that nothing was sent.
    """
    seen = []

    async def proxy(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        options = {"request_format": request_format, "retry": None, "scheduler": Hurry(10_000)}
        async with Client(
            PROVIDERS["setcronjob"], TOKEN, base_url="https://service.invalid/api/", **options
        ) as api:
            with pytest.raises(ConnectionFailedError) as refused:
                await api.cron.enable(5)
    assert refused.value.applied is Applied.NO
    assert seen[0].startswith(b"CONNECT service.invalid:443 ")
    assert TOKEN.encode() not in b"".join(seen)
