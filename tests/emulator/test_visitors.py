"""Who may use the emulator: programs on this machine, and no page of another site."""

from __future__ import annotations

import asyncio
import json
import socket
from urllib.parse import urlencode

import httpx
import pytest

from cronapi.emulator import create_app, serve
from cronapi.emulator.incoming import MOST_BYTES

from .conftest import TOKEN, UNLIMITED

JOB = {"token": TOKEN, "url": "https://example.com/ping"}

OWN_HOSTS = ["127.0.0.1", "127.0.0.1:8765", "127.8.9.10:1", "localhost", "LocalHost:80", "[::1]:9"]
FOREIGN_HOSTS = [
    *("evil.example", "evil.example:8765", "192.168.1.5", "[2001:db8::7]:80", "0.0.0.0:8765"),
    *("127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost", "128.0.0.1"),
    *("127.1", "2130706433", "evil.example@127.0.0.1", "127.0.0.1 evil", "[::2]", ":8765"),
    *("127.0.0.1:8765:evil", "app.fastcron.com", "x" * 5000),
]


async def add(app, headers=(), base_url="http://127.0.0.1:8765", **request):
    """Let somebody add a job at an app in process, and return the answer."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as http:
        request = request or {"json": JOB}
        return await http.post("/api/v1/cron_add", headers=dict(headers), **request)


async def accepts(headers, **options):
    """Return True if a request was answered, and False if it was refused in plain words and did
    nothing.
    """
    app = create_app(rates=UNLIMITED, **options)
    answer = await add(app, headers)
    if answer.status_code == 200:
        return app.emulator.created("fastcron") == 1
    assert (answer.status_code, answer.headers["content-type"]) == (
        403,
        "text/plain; charset=utf-8",
    )
    assert "Only programs on this machine" in answer.text
    assert len(answer.text) < 500
    assert (app.emulator.created("fastcron"), list(app.emulator.requests)) == (0, [])
    return False


@pytest.mark.parametrize("host", OWN_HOSTS)
async def test_programs_on_this_machine_are_answered(host):
    """A Host of this machine is accepted, with any port."""
    assert await accepts({"host": host})


@pytest.mark.parametrize("host", FOREIGN_HOSTS, ids=lambda host: host[:30])
async def test_a_foreign_host_is_refused(host):
    """A Host that is not this machine's is refused: a page can give its name this address."""
    assert not await accepts({"host": host})


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://evil.example", "content-type": "text/plain"}, False),
        ({"origin": "null"}, False),
        ({"origin": "file://"}, False),
        ({"origin": "https://localhost.evil.example:8765"}, False),
        ({"origin": "http://127.0.0.1:8765@evil.example"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "Cross-Site", "origin": "http://localhost:3000"}, False),
        ({"origin": "http://127.0.0.1:8765"}, True),
        ({"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}, True),
        ({"origin": "http://[::1]:8765"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
    ],
)
async def test_a_page_of_another_site_is_refused(headers, accepted):
    """A browser says on whose behalf it asks, and only pages of this machine are answered."""
    assert await accepts(headers) is accepted


async def test_a_page_cannot_ask_without_a_body_either():
    """An image whose address is a call is refused like a form."""
    app = create_app(rates=UNLIMITED)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        page = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"}
        answer = await http.get("/api/cron.add", params=JOB, headers=page)
    assert (answer.status_code, app.emulator.created("setcronjob")) == (403, 0)


async def test_other_hosts_can_be_allowed():
    """`allow_hosts` names further hosts and origins, in any case. The refusal says how."""
    names = ("Emulator", "cron.test", "[2001:db8::7]", "10.0.0.7")
    for host in ("emulator:8765", "EMULATOR", "cron.test", "[2001:DB8::7]:1", "10.0.0.7:80"):
        assert await accepts({"host": host, "origin": f"http://{host}"}, allow_hosts=names)
    assert not await accepts({"host": "cron.test.evil.example"}, allow_hosts=names)
    refused = await add(create_app(), {"host": "emulator:8765"})
    assert "--allow-host emulator (create_app(allow_hosts=['emulator']))" in refused.text


async def test_a_hostile_name_is_shown_harmlessly():
    """What the caller sent is shown in ASCII, cut, and never as advice."""
    answer = await add(create_app(), {"host": b"<script>\xff\x1b[31m; rm -rf ~"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.isascii()
    assert "\x1b" not in answer.text
    assert "--allow-host" not in answer.text


@pytest.mark.parametrize("names", [["emulator:8765"], ["*"], [""], ["http://emulator"], ["a b"]])
def test_an_allowed_host_is_a_name(names):
    """A port, an address with a scheme or a pattern is an error when the app is made."""
    with pytest.raises(ValueError, match="an allowed host is a name or an address without a port"):
        create_app(allow_hosts=names)


def test_a_single_text_is_no_list_of_hosts():
    """A text in place of a list would allow its letters."""
    with pytest.raises(ValueError, match="allow_hosts must be a list"):
        create_app(allow_hosts="emulator")


@pytest.mark.parametrize(
    "origin", ["https://app.fastcron.com", "http://emulator", "http://test:1", "http://[::1]"]
)
async def test_in_process_the_caller_chooses_the_name(origin):
    """Without a socket no page can ask, so any name will do."""
    app = create_app(rates=UNLIMITED)
    assert (await add(app, base_url=origin)).json()["code"] == 0


async def test_on_a_socket_the_rules_are_the_same():
    """Over a real connection a foreign Host, a foreign page and a text/plain post are refused."""
    app = create_app(rates=UNLIMITED, allow_hosts=["emulator"])
    body = json.dumps(JOB).encode()
    async with serve(app) as origin, httpx.AsyncClient(base_url=origin) as http:
        for headers, status in [
            ({}, 200),
            ({"host": "emulator:8765"}, 200),
            ({"host": "evil.example"}, 403),
            ({"origin": "https://evil.example", "content-type": "text/plain"}, 403),
        ]:
            answer = await http.post("/api/v1/cron_add", content=body, headers=headers)
            assert answer.status_code == status
    assert app.emulator.created("fastcron") == 2


# --- bodies ---------------------------------------------------------------------------------------


class Pieces:
    """A body of a million pieces that counts those that were taken."""

    def __init__(self, size=100):
        self.size, self.taken = size, 0

    async def __call__(self):
        self.taken += 1
        return {"type": "http.request", "body": b"a" * self.size, "more_body": True}


async def answer_to(app, receive, headers=()):
    """Return the status of the answer to a request."""
    sent = []
    scope = {"type": "http", "path": "/api/v1/cron_add", "query_string": b"", "headers": headers}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"]


async def test_a_body_that_is_too_long_is_refused_as_soon_as_it_is():
    """A long body is a 413, read to the bound if its length is not announced, else not at all."""
    unannounced, announced = Pieces(100_000), Pieces()
    assert await answer_to(create_app(), unannounced) == 413
    assert unannounced.taken == MOST_BYTES // 100_000 + 1
    length = (b"content-length", str(MOST_BYTES + 1).encode())
    assert await answer_to(create_app(), announced, [length]) == 413
    assert announced.taken == 0
    assert await answer_to(create_app(), announced, [(b"content-length", b"9" * 4000)]) == 413


async def test_a_body_of_millions_of_parts_is_refused_unread():
    """JSON and forms of tiny parts would take a hundred times their bytes, and long texts not."""
    refused = (b"[],", b"{},", b"a=1&", b"&a[]=1", b'"a":1,', b"[[")
    app = create_app(rates=UNLIMITED)
    for unit, status in [*((unit, 413) for unit in refused), (b"a text of a job, and more", 200)]:
        left = [unit * (MOST_BYTES // len(unit) - 1)]

        async def receive(left=left):
            return {"type": "http.request", "body": left.pop(), "more_body": False}

        assert await answer_to(app, receive) == status, unit


async def test_a_body_is_read_in_linear_time():
    """Bodies in many small pieces, and many values of one list, are copied once and not anew for
    each.
    """
    left = [b"a" * 64] * (2**17)

    async def receive():
        body = left.pop()
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    assert await answer_to(create_app(), receive) == 200
    ids = urlencode([("token", TOKEN)] + [("id[]", 1)] * 20_000)
    answer = await add(create_app(rates=UNLIMITED), content=ids)
    assert "Unknown parameter: id" in answer.json()["message"]


async def test_a_long_upload_to_a_socket_gets_its_answer():
    """The 413 comes at once, and the connection is closed without a fault in the server."""
    async with serve(create_app()) as origin:
        port = int(origin.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            head = (
                f"POST /api/cron.add HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2**30}\r\n\r\n"
            )
            connection.sendall(head.encode())
            connection.setblocking(False)
            async with httpx.AsyncClient(base_url=origin) as http:
                assert (await http.get("/other")).status_code == 404
            told = await asyncio.get_running_loop().sock_recv(connection, 100)
            assert told.startswith(b"HTTP/1.1 413 ")
