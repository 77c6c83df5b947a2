"""Jobs call this machine alone, unless any address is allowed."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from cronapi.emulator import App, create_app
from cronapi.emulator.runner.addresses import Blocked, addresses_of, resolve
from cronapi.emulator.runner.runner import Runner
from cronapi.emulator.runner.sending import Sender
from tests.support.called import Network, ask, calling_app
from tests.support.emulated import FAST

OUTSIDE = [
    *("192.0.2.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "126.255.255.255", "128.0.0.1"),
    *("[::]", "[::ffff:192.0.2.1]", "[::ffff:0.0.0.0]", "[fe80::1]", "[2001:db8::1]", "[::2]"),
    *("[::127.0.0.1]", "[64:ff9b::7f00:1]", "outside.test"),
]  # fmt: skip
INSIDE = ["127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]", "localhost", "inside.test"]


async def run_once(app, url, **params):
    """Let a job call a URL once, and return the run."""
    ask(app, "cron.add", url=url, expression="* * * * *", **params)
    app.emulator.clock.advance(60)
    (run,) = await app.runner.run_due()
    return run


@pytest.mark.parametrize("host", OUTSIDE)
async def test_an_address_outside_is_not_called(host):
    """The run fails as blocked, says how to allow it, and nothing is sent."""
    network = Network()
    run = await run_once(calling_app(network), f"http://{host}:8000/")
    assert run.result == "failed"
    assert run.row["error"].startswith("blocked: ")
    assert "--execute any" in run.row["error"]
    assert network.calls == []


@pytest.mark.parametrize("host", INSIDE)
async def test_an_address_of_this_machine_is_called(host):
    """Each spelling of this machine is called by its number, under the name that the job has."""
    network = Network()
    run = await run_once(calling_app(network), f"http://{host}:8000/")
    assert (run.result, run.row["error"]) == ("ok", "")
    (call,) = network.calls
    assert call.headers["host"] == f"{host}:8000"
    assert call.url.host in {"127.0.0.1", "127.1.2.3", "::1"}


async def test_any_address_can_be_allowed():
    """With `any` a name outside is called too, at the address that was found for it."""
    network = Network()
    run = await run_once(calling_app(network, execute="any"), "https://outside.test/")
    assert run.result == "ok"
    (call,) = network.calls
    assert (call.url.host, call.headers["host"]) == ("192.0.2.1", "outside.test")
    assert call.extensions["sni_hostname"] == "outside.test"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        *((host, "127.0.0.1") for host in ("2130706433", "0x7f000001", "127.1", "0177.0.0.1")),
        *((host, "0.0.0.0") for host in ("0", "0x0", "0.0")),
        ("3221225985", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("::ffff:7f00:1", "127.0.0.1"),
    ],
)
async def test_odd_spellings_of_an_address_count_as_what_they_are(host, address):
    """The system reads the spelling, and what it finds is checked."""
    if address == "127.0.0.1":
        assert await addresses_of(host, 80, resolve, anywhere=False) == [address]
    else:
        with pytest.raises(Blocked, match=address):
            await addresses_of(host, 80, resolve, anywhere=False)
        assert await addresses_of(host, 80, resolve, anywhere=True) == [address]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://192.0.2.1/", "//outside.test/x", "http://[::]/"])
async def test_a_redirect_to_the_outside_is_not_followed(status, target):
    """The address behind each redirect is checked too."""
    network = Network(lambda request: httpx.Response(status, headers={"location": target}))
    run = await run_once(calling_app(network), "http://127.0.0.1/")
    assert run.row["error"].startswith("blocked: ")
    assert network.urls == ["http://127.0.0.1/"]


async def test_a_redirect_to_this_machine_is_followed():
    """A redirect inside is followed to its end, a circle only for a while."""

    def answer(request):
        steps = {"/a": "/b", "/b": "http://inside.test:9/c", "/loop": "/loop"}
        target = steps.get(request.url.path)
        return httpx.Response(302, headers={"location": target}) if target else httpx.Response(200)

    network = Network(answer)
    run = await run_once(calling_app(network), "http://127.0.0.1/a", username="u", password="p")
    assert (run.result, network.calls[-1].headers["host"]) == ("ok", "inside.test:9")
    assert [("authorization" in call.headers) for call in network.calls] == [True, True, False]
    run = await run_once(calling_app(network), "http://127.0.0.1/loop")
    assert run.row["error"] == "More than 10 redirects"


async def test_a_name_that_changes_its_address_is_asked_once_for_each_request():
    """The address that was checked is the one that is called. A second answer of the DNS counts
    only for a second request, which is checked too.
    """
    network = Network(names={"fickle.test": [["127.0.0.1"], ["192.0.2.1"], ["192.0.2.1"]]})
    app = calling_app(network)
    first = await run_once(app, "http://fickle.test/")
    assert (first.result, network.calls[0].url.host) == ("ok", "127.0.0.1")
    app.emulator.clock.advance(60)
    (second,) = await app.runner.run_due()
    assert second.row["error"].startswith("blocked: ")
    assert len(network.calls) == 1


async def test_a_name_with_one_address_outside_is_blocked():
    """A name that has addresses inside and outside is not called at all."""
    network = Network(names={"both.test": ["127.0.0.1", "192.0.2.1"]})
    run = await run_once(calling_app(network), "http://both.test/")
    assert run.row["error"].startswith("blocked: ")
    assert network.calls == []


async def test_notifications_keep_to_this_machine_too():
    """A webhook outside gets nothing, and the delivery counts as failed."""
    network = Network(lambda request: httpx.Response(500))
    app = calling_app(network, era="latest", webhook="http://outside.test/hook")
    await run_once(app, "http://127.0.0.1/")
    assert network.urls == ["http://127.0.0.1/"]
    (sent,) = app.runner.webhook.sent
    assert (sent["delivered"], sent["error"][:8]) == (False, "blocked:")


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch):
    """On real sockets a job's call goes straight to its address, whatever proxies are set."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        received = []

        async def serve(reader, writer):
            received.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            made = create_app(rates=FAST, execute="loopback")
            app = App(made.emulator, runner=Runner(made.emulator, None, Sender))
            ask(app, "cron.add", url=f"http://localhost:{port}/real", expression="* * * * *")
            await app.timeline.advance_to(app.timeline.next_due)
    (run,) = app.runner.executions
    assert (run.result, run.row["httpStatus"], run.row["output"][-2:]) == ("ok", 200, "hi")
    assert received[0].startswith(b"GET /real HTTP/1.1\r\n")
    assert f"host: localhost:{port}".encode() in received[0].lower()
