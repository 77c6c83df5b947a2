"""A job calls what it likes, but it does not steer the emulator that runs it."""

from __future__ import annotations

import httpx

from cronapi.emulator import create_app
from cronapi.emulator.runner.outgoing import USER_AGENTS
from cronapi.emulator.runner.runner import Runner
from cronapi.emulator.runner.taking import take_now
from cronapi.emulator.server import serve
from tests.support.called import ask
from tests.support.emulated import FAST

SPELLINGS = [
    "/_emulator/reset",
    "/%5Femulator/reset",
    "/%5femulator%2Freset",
    "/%255Femulator/reset",
    "//_emulator/reset",
    "/_emulator//reset",
    "/x/../_emulator/reset",
    "/x/%2e%2e/_emulator/reset",
    "/./_emulator/reset",
    "/_EMULATOR/reset",
    "/_emulator/reset?keep=jobs",
    "/_emulator/../_emulator/reset#/api/",
    "/_emulator",
]
BLOCKED = "blocked: a job may not steer an emulator"


async def run_one(app, url, **more):
    """Run a job with this URL now, and return the row of its log."""
    about = {"expression": "manual", "httpMethod": "POST", **more}
    job = ask(app, "cron.add", url=url, **about)
    account = next(iter(app.emulator._accounts.values()))
    (run,) = await app.runner.run_all(take_now(app.emulator, ("fastcron", account, job["id"])))
    return run.row


def calling(**options):
    return create_app(execute="loopback", rates=FAST, **options)


async def test_a_job_never_steers_its_emulator_however_it_spells_the_path():
    """Each spelling is blocked before a byte is sent, under every name of this machine."""
    app = calling()
    async with serve(app) as origin:
        port = origin.rpartition(":")[2]
        for path in SPELLINGS:
            row = await run_one(app, f"{origin}{path}")
            assert (row["error"], row["httpStatus"]) == (BLOCKED, 0), path
        for host in ("localhost", "127.1", "127.0.0.2", "[::1]", "2130706433", "user:x@127.0.0.1"):
            row = await run_one(app, f"http://{host}:{port}/_emulator/reset")
            assert row["error"] == BLOCKED, host
        assert len(app.emulator.jobs("fastcron")) == len(SPELLINGS) + 6
        for path in ("/x/_emulator/", "/_emulators/", "/emulator/"):
            assert (await run_one(app, f"{origin}{path}"))["httpStatus"] == 404, path
        assert (await run_one(app, f"{origin}/?/_emulator/reset"))["httpStatus"] == 403


async def test_a_job_presses_no_button_of_the_page():
    """A form with the page's own origin is blocked, under any agent and path, and after a hop."""
    app = calling()
    async with serve(app) as origin:

        async def hop(scope, receive, send):
            headers = [(b"location", f"{origin}/".encode())]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body", "body": b""})

        async with serve(hop) as other:
            for url in (f"{origin}/", f"{origin}//", f"{origin}/x/..", f"{origin}/%2E", other):
                for named in (origin, origin.replace("127.0.0.1", "localhost")):
                    headers = f"User-Agent: me\nOrigin: {named}"
                    sent = {"httpHeaders": headers, "postData": "act=keep-fault lose"}
                    assert (await run_one(app, url, **sent))["error"] == BLOCKED
        for headers in ("User-Agent: me", "Origin: https://a.example", "Origin: null"):
            row = await run_one(app, f"{origin}/", httpHeaders=headers, postData="act=x")
            assert row["httpStatus"] == 403
    assert app.emulator.faults.pending == []


async def test_a_redirect_and_a_program_in_between_do_not_steer_it_either():
    """The hop of a redirect is blocked, and what a program passes on is refused at the door."""
    app = calling()
    async with serve(app) as origin:

        async def between(scope, receive, send):
            status, headers = 307, [(b"location", f"{origin}/_emulator/reset".encode())]
            if scope["path"] == "/passed-on":
                async with httpx.AsyncClient() as http:
                    answer = await http.post(f"{origin}/_emulator/reset", headers=scope["headers"])
                status, headers = answer.status_code, []
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})

        async with serve(between) as other:
            assert (await run_one(app, f"{other}/redirect"))["error"] == BLOCKED
            assert (await run_one(app, f"{other}/passed-on"))["httpStatus"] == 403
        assert len(app.emulator.jobs("fastcron")) == 2


async def test_a_job_does_not_let_a_proxy_drop_the_mark_of_its_call():
    """Proxies keep for themselves what Connection names. A job cannot name the mark there."""
    app = calling(era="latest")
    async with serve(app) as origin:

        async def proxy(scope, receive, send):
            given = [(name.decode(), value.decode()) for name, value in scope["headers"]]
            named = {
                part.strip()
                for name, value in given
                if name == "connection"
                for part in value.lower().split(",")
            }
            kept = [pair for pair in given if pair[0] not in {*named, "connection"}]
            async with httpx.AsyncClient() as http:
                answer = await http.get(f"{origin}{scope['path']}", headers=kept)
            await send({"type": "http.response.start", "status": answer.status_code, "headers": []})
            await send({"type": "http.response.body", "body": answer.content})

        async with serve(proxy) as other:
            for headers in (
                "Connection: X-Emulator-Run",
                "connection: close , x-EMULATOR-run",
                "Connection: close\nConnection: keep-alive, x-emulator-run, X-Other",
                "X-Emulator-Run: ",
                "x-emulator-run: 0\nConnection: close",
            ):
                row = await run_one(app, f"{other}/", httpHeaders=headers, httpMethod="GET")
                assert row["httpStatus"] == 403, headers
            assert "Jobs" not in row["output"]


async def test_a_notification_does_not_steer_it():
    """A webhook at the emulator's own control is a failed delivery."""
    app = calling(era="latest")
    async with serve(app) as origin:
        app.runner = Runner(app.emulator, f"{origin}/_emulator/reset")
        await run_one(app, f"{origin}/fails")
        (sent,) = app.runner.webhook.sent
        assert (sent["error"], sent["delivered"]) == (BLOCKED, False)
        assert len(app.emulator.jobs("fastcron")) == 1


async def test_a_job_does_not_read_the_page():
    """The page shows what an emulator has, and a job is refused there whatever its headers say."""
    app = calling(era="latest")
    async with serve(app) as origin:
        for agent in ("", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"):
            headers = f"Origin: {origin}\nSec-Fetch-Site: same-origin"
            more = {"httpHeaders": headers, "userAgent": agent, "httpMethod": "GET"}
            for path in ("/", "", "/?/_emulator/"):
                row = await run_one(app, f"{origin}{path}", **more)
                assert row["httpStatus"] == 403, (path, row)


async def test_only_a_job_is_refused():
    """A person or a test steers with any agent, and a job may call the API itself."""
    transport = httpx.ASGITransport(calling())
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as http:
        for headers, status in (
            ({"X-Emulator-Run": "1"}, 403),
            ({"User-Agent": USER_AGENTS["fastcron"]}, 200),
            ({}, 200),
        ):
            answer = await http.get("/_emulator/health", headers=headers)
            assert answer.status_code == status
        answer = await http.get("/api/v1/cron_list", headers={"X-Emulator-Run": "1"})
        assert answer.status_code == 200
