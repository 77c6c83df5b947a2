"""Visitors who mean no good, at the socket of a served emulator: API, control and page."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager

import pytest

from cronapi.emulator import ManualClock, create_app, serve
from tests.support.called import ask
from tests.support.emulated import FAST, START, TOKEN

MIB = 2**20
DOORS = {
    "the API": f"/api/v1/cron_delete?token={TOKEN}&id=100001",
    "control": "/_emulator/reset",
    "the page": "/",
}
FORM = "application/x-www-form-urlencoded"
FOREIGN = {
    "a foreign host": {"Host": "evil.example"},
    "a foreign host with the port": {"Host": "evil.example:{port}"},
    "a host that begins like this one": {"Host": "127.0.0.1.evil.example"},
    "a login before the host": {"Host": "127.0.0.1@evil.example"},
    "a foreign page": {"Origin": "https://evil.example"},
    "a page that begins like this one": {"Origin": "http://localhost.evil.example"},
    "a page without an origin": {"Origin": "null"},
    "a page of another site": {"Sec-Fetch-Site": "cross-site"},
}
ELSEWHERE = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http"}
PATHS = {
    "//_emulator/reset": 404,
    "/./_emulator/reset": 404,
    "/x/../_emulator/reset": 404,
    "/_emulator/../_emulator/reset": 404,
    "/_emulator/reset/": 404,
    "/_emulator//reset": 404,
    "/_emulator/reset%00": 404,
    "/_emulator/..%2f..%2fetc%2fpasswd": 404,
    "/_emulator/requests/..%2f..": 404,
    "/_EMULATOR/reset": 404,
    "/_emulator\\reset": 404,
    "/api/v1/../../_emulator/reset": 200,
    "/api/v1/../../../etc/passwd": 200,
    "/%2e%2e/%2e%2e/etc/passwd": 404,
    "/\xff\xfe": 400,
    "//evil.example/": 404,
    "/;/": 404,
}
"""An unknown path is a 404, and an unknown function of the API an error in its envelope."""


@asynccontextmanager
async def served(**options):
    """Serve an emulator with a job. Yield a way to send it raw requests, and one to see if nobody
    has done anything.
    """
    app = create_app(clock=ManualClock(START), rates=FAST, strict=False, **options)
    ask(app, "cron.add", url="https://a.example/")
    async with serve(app) as origin:
        port = origin.rpartition(":")[2]

        async def post(path, headers=(), body=b"", method="POST"):
            named = {"Host": f"127.0.0.1:{port}", "Content-Length": len(body), **dict(headers)}
            told = [(name, value) for name, value in named.items() if value is not None]
            lines = [f"{name}: {value}".format(port=port) for name, value in told]
            head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head.encode("latin-1") + body)
            status = await reader.readline()
            writer.close()
            return int(status.split()[1])

        def nothing_is_done():
            jobs = [(job["id"], job["status"]) for job in app.emulator.jobs("fastcron")]
            return jobs == [(100_001, 0)] and app.emulator.faults.pending == []

        yield post, nothing_is_done


@pytest.mark.parametrize("door", DOORS)
async def test_no_page_of_another_site_does_anything_over_a_socket(door):
    """A foreign Host, Origin or site is refused at each door, whatever the form says."""
    act = b"act=disable+fastcron+100001"
    async with served() as (post, nothing_is_done):
        for what, headers in FOREIGN.items():
            sent = {"Content-Type": FORM, **headers}
            assert await post(DOORS[door], sent, act) == 403, what
        assert nothing_is_done()
        own = {"Content-Type": FORM, "Origin": "http://127.0.0.1:{port}"}
        assert await post(DOORS[door], own, act if door == "the page" else b"") in (200, 303)
        assert not nothing_is_done()


async def test_another_machine_behind_a_proxy_steers_nothing():
    """A proxy of this machine tells the peer, and one from elsewhere gets neither door. No name
    of a header lets another machine pass for this one.
    """
    async with served() as (post, nothing_is_done):
        for door in ("control", "the page"):
            for method in ("GET", "POST", "HEAD", "PUT", "DELETE"):
                status = await post(DOORS[door], ELSEWHERE, method=method)
                assert status in (401, 403), (door, method)
            spoofed = {**ELSEWHERE, "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
            assert await post(DOORS[door], spoofed) in (401, 403)
            chained = {"X-Forwarded-For": "127.0.0.1, 192.0.2.7"}
            assert await post(DOORS[door], chained) in (401, 403)
        assert nothing_is_done()


async def test_no_spelling_of_a_path_leads_anywhere_else(caplog):
    """Dots, slashes, escapes and other cases are unknown paths, and no server error."""
    caplog.set_level(logging.WARNING)
    async with served() as (post, nothing_is_done):
        for path, status in PATHS.items():
            assert await post(path) == status, path
        for path in ("_emulator/reset", "http://evil.example/_emulator/reset", "*"):
            assert await post(path) in (400, 404), path
        assert nothing_is_done()
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("door", DOORS)
async def test_a_hundred_megabytes_at_a_socket_are_refused(door):
    """A body that is announced, and one in pieces that goes on and on, is a 413 at each door."""
    async with served() as (post, nothing_is_done):
        form = {"Content-Type": FORM, "Origin": "http://127.0.0.1:{port}"}
        assert await post(DOORS[door], {**form, "Content-Length": 100 * MIB}) == 413
        pieces = {**form, "Content-Length": None, "Transfer-Encoding": "chunked"}
        assert await post(DOORS[door], pieces, (b"100000\r\n" + bytes(MIB) + b"\r\n") * 17) == 413
        assert nothing_is_done()
