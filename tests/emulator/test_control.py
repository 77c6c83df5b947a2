"""Steering the emulator over HTTP, under `/_emulator/`."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import httpx
import pytest

from cronapi.emulator import KINDS, MovableClock, create_app
from cronapi.emulator.control.routes import ROUTES
from tests.support.called import Network, ask, calling_app
from tests.support.emulated import FAST, START, TOKEN

ORIGIN = "http://127.0.0.1"


def app_with(**options):
    options.setdefault("clock", MovableClock(START, scale=0))
    return create_app(**{"rates": FAST, **options})


@asynccontextmanager
async def steering(app, peer="127.0.0.1"):
    transport = httpx.ASGITransport(app, client=(peer, 1), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        yield http


async def told(app, method, path, body=None, *, status=200, **options):
    async with steering(app) as http:
        content = None if body is None else json.dumps(body)
        answer = await http.request(method, f"/_emulator/{path}", content=content, **options)
    assert answer.status_code == status, answer.text
    return answer.json()


async def call(app, function="cron_list", headers=None, **params):
    async with steering(app) as http:
        query = {"token": TOKEN, **params}
        return await http.get(f"/api/v1/{function}", params=query, headers=headers)


# --- who may steer -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
async def test_a_page_of_another_site_cannot_steer(headers):
    """A foreign Host or Origin is refused before anything is done."""
    app = app_with()
    ask(app, "cron.add", url="https://example.com/")
    async with steering(app) as http:
        answer = await http.post("/_emulator/reset", headers=headers)
    assert answer.status_code == 403
    assert len(app.emulator.jobs("fastcron")) == 1


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1"])
async def test_another_machine_needs_the_admin_token(peer):
    """A peer that is not this machine is refused, unless it has the token that was set."""
    for app, token, status in [
        (app_with(), None, 403),
        (app_with(), "", 403),
        (app_with(admin_token="key"), "kex", 403),
        (app_with(admin_token="key"), None, 403),
        (app_with(admin_token="key"), "key", 200),
    ]:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        async with steering(app, peer) as http:
            answer = await http.get("/_emulator/state", headers=headers)
        assert answer.status_code == status


async def test_steering_can_be_switched_off():
    """Without control the paths do not exist."""
    async with steering(app_with(control=False)) as http:
        assert [(await http.get(f"/_emulator/{path}")).status_code for path in ROUTES] == (
            [404] * len(ROUTES)
        )


async def test_steering_is_neither_counted_nor_logged_nor_struck():
    """Requests to steer do not use the rate, meet no fault, and are not in the log."""
    app = app_with(rates={"fastcron": 0.001})
    await told(app, "POST", "faults", {"kind": "outage", "times": None})
    for _ in range(3):
        await told(app, "GET", "health")
    assert (await told(app, "GET", "requests"))["requests"] == []
    assert app.emulator.limiters["fastcron"].arrivals.maxlen
    assert not app.emulator.limiters["fastcron"].arrivals


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "part"),
    [
        ("GET", "nothing", None, 404, "Known: livez"),
        ("GET", "..%2fstate", None, 404, "Known: livez"),
        ("GET", "requests/7", None, 404, "no such request"),
        ("DELETE", "health", None, 405, "takes GET"),
        ("POST", "clock", "{", 400, "not JSON"),
        ("POST", "clock", [], 400, "JSON object"),
        ("POST", "clock", {"advnace": 1}, 400, "Did you mean 'advance'?"),
        ("POST", "clock", {}, 400, "Give one of"),
        ("POST", "clock", {"advance": "soon"}, 400, "2 hours"),
        ("POST", "clock", {"advance": "9999999 years"}, 400, "9999"),
        ("POST", "clock", {"advance": -1}, 400, "forward"),
        ("POST", "clock", {"set": 1}, 400, "forward"),
        ("POST", "clock", {"set": 1e305}, 400, "9999"),
        ("POST", "clock", {"set": 253_402_300_800}, 400, "9999"),
        ("POST", "clock", {"scale": "x"}, 400, "number"),
        ("POST", "clock", {"scale": -1}, 400, "scale"),
        ("POST", "clock", {"freeze": 1}, 400, "freeze"),
        ("POST", "clock", {"next_run": True}, 409, "No job"),
        ("PATCH", "settings", {"strikt": True}, 400, "Did you mean 'strict'?"),
        ("PATCH", "settings", {"era": "2031"}, 400, "era"),
        ("PATCH", "settings", {"rates": {"x": 1}}, 400, "rates"),
        ("PATCH", "settings", {"rates": {"fastcron": -1}}, 400, "rate"),
        ("POST", "faults", {"kind": "lsoe"}, 400, "lose"),
        ("POST", "faults", {}, 400, "needs a kind"),
        ("POST", "faults", {"kind": "lose", "tims": 1}, 400, "Did you mean 'times'?"),
        ("POST", "faults", [{"kind": "lose"}, 7], 400, "JSON object"),
        ("PUT", "chaos", {"loose": 0.1}, 400, "Did you mean 'lose'?"),
        ("PUT", "chaos", {"lose": 2}, 400, "share"),
        ("POST", "reset?keep=all", None, 400, "jobs only"),
        ("POST", "seed", {"fastcron": {"jobs": [{"url": ""}]}}, 400, "fastcron.jobs[0]: "),
        ("POST", "seed", {"other": {}}, 400, "fastcron"),
        ("PUT", "state", {"format": 2}, 400, "format"),
        ("GET", "requests?limit=x", None, 400, "limit"),
        ("GET", "requests?functon=x", None, 400, "Did you mean 'function'?"),
        ("POST", "jobs/fastcron/1/trigger", None, 404, "no such job"),
        ("POST", "jobs/fastcorn/1/trigger", None, 400, "fastcron"),
    ],
)
async def test_a_wrong_request_says_what_is_wrong(method, path, body, status, part):
    """Unknown names are answered with the nearest, bad values with the good ones."""
    app = app_with()
    async with steering(app) as http:
        content = body if body is None or isinstance(body, str) else json.dumps(body)
        answer = await http.request(method, f"{ORIGIN}/_emulator/{path}", content=content)
    assert answer.status_code == status
    assert part in answer.json()["error"]
    assert app.emulator.faults.pending == []


async def test_a_body_of_a_hundred_megabytes_is_refused_unread():
    """A body that is announced as too large is not read, and nothing is done."""
    app = app_with()
    async with steering(app) as http:
        answer = await http.put(
            "/_emulator/state", content=b"", headers={"content-length": str(100 * 2**20)}
        )
    assert (answer.status_code, answer.json()) == (413, {"error": "The body is too large."})


# --- what it does --------------------------------------------------------------------------------


async def test_health_tells_what_is_there():
    """The answer has the version, the settings, the clock and the number of jobs."""
    app = app_with(era="latest")
    ask(app, "cron.add", url="https://example.com/")
    health = await told(app, "GET", "health")
    assert health["settings"]["era"] == "latest"
    assert (health["clock"]["now"], health["clock"]["frozen"]) == (START, True)
    assert health["jobs"] == {"fastcron": 1, "setcronjob": 0}
    for path in ("livez", "readyz"):
        assert await told(app, "GET", path) == {"status": "ok"}


async def test_every_switch_can_be_read_and_changed():
    """A change shows at once, and one bad value keeps all others from changing."""
    app = app_with()
    before = await told(app, "GET", "settings")
    for changes in [
        {"era": "latest", "strict": False, "page_size": 5, "log_shape": "flat", "max_batch": 2},
        {"normalise": ["name_cut"], "ignore_page": True, "moves": "fail", "search": "none"},
        {"lag": 1.5, "execute": "off", "plan": "free", "seed": 4, "error_status": 400},
        {"limiter": "fixed", "burst": 3, "limit_by": "address", "faults_by_header": True},
        {"rates": {"fastcron": 2.5, "setcronjob": None}},
    ]:
        after = await told(app, "PATCH", "settings", changes)
        assert changes.items() <= after.items()
    assert set(after) == set(before)
    await told(app, "PATCH", "settings", {"era": "seed", "error_status": 42}, status=400)
    await told(app, "PATCH", "settings", {"era": "seed", "limiter": "x"}, status=400)
    await told(app, "PATCH", "settings", {"error_status": 500, "era": "x"}, status=400)
    assert await told(app, "GET", "settings") == after
    assert (await call(app, "cron_get", id=1)).status_code == 400


async def test_requests_are_shown_with_their_answers_and_without_secrets():
    """Each request has its verdict and answer. Tokens and passwords are hidden, however spelt."""
    app = app_with(tokens=(TOKEN, "to&ken ü"))
    await call(app, "cron_add", url="https://example.com/", username="u", password="p@ss wörd")
    async with steering(app) as http:
        for content in (
            json.dumps({"token": "to&ken ü", "data": [{"url": "x", "password": "nested pw"}]}),
            'token=broken&{"token": "unread"',
            '{"token": "unread", "password": "cut off',
        ):
            await http.post("/api/v1/cron_batch_add", content=content)
        await http.get("/api/v1/cron_list", headers={"authorization": "Bearer bear"})
        await http.get("/somewhere/else")
    shown = (await told(app, "GET", "requests"))["requests"]
    assert [entry["verdict"] for entry in shown] == ["error"] * 4 + ["ok"] * 2
    text = json.dumps(shown, ensure_ascii=False)
    for secret in (TOKEN, "to&ken", "to%26ken", "p@ss", "p%40ss", "nested pw", "unread", "cut off"):
        assert secret not in text
    assert shown[-1]["function"] == "cron.add"
    assert '"code":0' in shown[-1]["answer"]
    assert shown[0]["path"] == "/somewhere/else"


async def test_requests_can_be_searched():
    """Provider, function, status, verdict, the id before and a number of requests are filters."""
    app = app_with()
    for function in ("cron_list", "cron_add", "cron_list"):
        await call(app, function)
    await call(app, "cron_lsit", pgae=1)
    await call(app, "cron_list", pgae=1)
    for query, count in [
        ("function=cron.list", 3),
        ("function=cron.list&verdict=ok", 2),
        ("since=2", 3),
        ("limit=2", 2),
        ("provider=setcronjob", 0),
        ("status=200", 5),
    ]:
        assert len((await told(app, "GET", f"requests?{query}"))["requests"]) == count
    assert (await told(app, "GET", "requests/2"))["function"] == "cron.add"
    unmatched = (await told(app, "GET", "requests/unmatched"))["unmatched"]
    assert [entry["unknown"] for entry in unmatched] == [
        [{"kind": "function", "name": "cron.lsit", "nearest": "cron.list"}],
        [{"kind": "parameter", "name": "pgae", "nearest": "page"}],
    ]
    assert await told(app, "DELETE", "requests") == {"requests": []}
    assert (await told(app, "GET", "requests"))["requests"] == []


async def test_the_log_keeps_the_last_thousand():
    """The log holds 1,000 requests, and of a long body the first 64 KiB."""
    app = app_with()
    async with steering(app) as http:
        await http.post("/api/v1/cron_list", content="a=" + "x" * 100_000)
        first = (await http.get("/_emulator/requests")).json()["requests"]
        for _ in range(1001):
            await http.get("/api/v1/x")
    assert len(first[0]["body"]) == 64 * 2**10
    shown = (await told(app, "GET", "requests"))["requests"]
    assert (len(shown), shown[-1]["id"]) == (1000, 3)


async def test_faults_can_be_ordered_over_http():
    """A fault strikes the requests that it was made for, and answers as it was told to."""
    app = app_with()
    await told(app, "POST", "faults", [
        {"kind": "busy", "function": "cron.add", "match": {"name": "a"}, "status": 429,
         "retry_after": 7, "code": 5, "message": "later"},
        {"kind": "outage", "function": "cron.get", "match": {"id": 4}, "status": 599},
    ])  # fmt: skip
    assert (await call(app, "cron_add", url="https://example.com/", name="b")).status_code == 200
    struck = await call(app, "cron_add", url="https://example.com/", name="a")
    assert (struck.status_code, struck.headers["retry-after"]) == (429, "7")
    assert struck.json() == {"message": "later", "status": "error", "code": 5}
    assert [(await call(app, "cron_get", id=number)).status_code for number in (40, 4)] == [
        200,
        599,
    ]
    shown = await told(app, "GET", "faults")
    assert (shown["pending"], len(shown["fired"]), shown["kinds"]) == ([], 2, KINDS)
    await told(app, "POST", "faults", {"kind": "lose", "times": None})
    assert (await told(app, "DELETE", "faults"))["pending"] == []


async def test_chaos_strikes_by_its_shares():
    """Chaos is set as a whole, its draws repeat with the seed, and `{}` ends it."""
    app = app_with()
    results = []
    for _ in range(2):
        await told(app, "PUT", "chaos", {"seed": 3, "outage": 0.3, "error": 0.2})
        results.append([(await call(app)).status_code for _ in range(40)])
    assert results[0] == results[1]
    assert {200, 500, 503} == set(results[0])
    assert await told(app, "GET", "chaos") == {"outage": 0.3, "error": 0.2}
    assert await told(app, "PUT", "chaos", {}) == {}
    assert {(await call(app)).status_code for _ in range(20)} == {200}


async def test_a_request_may_ask_for_a_fault_of_its_own():
    """The header counts only where it was allowed, and strikes this request alone."""
    for allowed, status in [(True, 500), (False, 200)]:
        app = app_with(faults_by_header=allowed)
        assert (await call(app, headers={"x-emulator-fault": "error"})).status_code == status
        assert (await call(app)).status_code == 200
    app = app_with(faults_by_header=True)
    for text in ("nothing", "stall", "lose=x", "=", "stall=-1"):
        assert (await call(app, headers={"x-emulator-fault": text})).status_code == 200


async def test_a_reset_begins_anew():
    """After a reset ids, faults, limits, logs and draws are as at the start. Jobs can be kept."""
    for query, jobs, first in [("", 0, 100_001), ("?keep=jobs", 1, 100_002)]:
        app = app_with(rates={"fastcron": 0.001})
        assert (await call(app, "cron_add", url="https://example.com/")).status_code == 200
        assert (await call(app)).status_code == 503
        app.emulator.faults.set_chaos([], 1)
        await told(app, "POST", f"reset{query}")
        assert len(app.emulator.jobs("fastcron")) == jobs
        assert (await told(app, "GET", "requests"))["requests"] == []
        added = await call(app, "cron_add", url="https://example.com/")
        assert (added.status_code, added.json()["data"]["id"]) == (200, first)


async def test_a_state_can_be_taken_elsewhere():
    """What GET returned, PUT restores: jobs, logs, counters and switches, here or in another."""
    app = app_with(era="latest")
    ask(app, "group.add", name="g")
    ask(app, "cron.add", url="https://example.com/500", expression="* * * * *", group=1001)
    await told(app, "POST", "clock", {"advance": "5 minutes"})
    state = await told(app, "GET", "state")
    other = app_with(clock=MovableClock(START + 300, scale=0))
    assert await told(other, "PUT", "state", state) == state
    assert await told(other, "GET", "state") == state
    assert (await told(other, "POST", "clock", {"next_run": True}))["count"] == 1
    for broken in (
        {**state, "documents": [7]},
        {**state, "documents": [["job"]]},
        {**state, "counters": None},
        {**state, "settings": {"era": "x"}},
        {**state, "settings": 7},
    ):
        await told(app, "PUT", "state", broken, status=400)
        assert await told(app, "GET", "state") == state


async def test_a_seed_fills_both_services():
    """Groups and jobs are added through the checks of an add, all or none."""
    app = app_with()
    seed = {
        "fastcron": {"groups": [{"name": "g"}], "jobs": [{"url": "a.example", "group": "g"}]},
        "setcronjob": {"jobs": [{"url": "b.example"}, {"url": "c.example"}]},
    }
    made = await told(app, "POST", "seed", seed)
    assert made["fastcron"] == {"groups": [1001], "jobs": [100_001]}
    assert ask(app, "cron.get", id=100_001)["group"] == 1001
    seed["setcronjob"]["jobs"].append({"url": "d.example", "timeout": -1})
    refused = await told(app, "POST", "seed", seed, status=400)
    assert refused["error"].startswith("setcronjob.jobs[2]: timeout")
    assert len(app.emulator.jobs("fastcron")) == 1


async def test_the_clock_moves_and_tells_what_ran():
    """A move answers with the runs on the way, pretended or real, and the next due time."""
    network = Network()
    for app in (app_with(), calling_app(network, clock=MovableClock(START, scale=0))):
        ask(app, "cron.add", url="http://127.0.0.1/", expression="*/10 * * * *")
        moved = await told(app, "POST", "clock", {"advance": "2 hours"})
        assert (moved["now"], moved["count"], len(moved["runs"])) == (START + 7200, 12, 12)
        assert {run["result"] for run in moved["runs"]} == {"ok"}
        following = await told(app, "POST", "clock", {"next_run": True})
        assert (following["now"], following["count"]) == (moved["next_due"], 1)
        assert (await told(app, "POST", "clock", {"set": START + 9000}))["count"] == 2
        assert (await told(app, "POST", "clock", {"scale": 60}))["scale"] == 60
        assert (await told(app, "POST", "clock", {"freeze": True}))["frozen"]
        assert len((await told(app, "GET", "executions?limit=5"))["runs"]) == 5
    assert len(network.calls) == 15


async def test_a_clock_that_runs_on_after_the_year_9999_is_still_read():
    """The time has no text then. The services answer, and so do the page and the steering."""
    app = app_with()
    await told(app, "POST", "clock", {"set": 253_402_300_799})
    app.emulator.clock.advance(1.5)
    clock = await told(app, "GET", "clock")
    assert (clock["now"], clock["utc"]) == (253_402_300_800.5, None)
    assert (await told(app, "GET", "health"))["clock"] == clock
    await told(app, "POST", "clock", {"advance": "1 day"}, status=400)
    async with steering(app) as http:
        assert (await http.get("/")).status_code == 200
    assert (await call(app, "cron_add", url="https://example.com/")).json()["code"] == 0


async def test_the_next_run_is_found_ten_times():
    """Also over a month, over the day on which the clocks change, and until none is left."""
    app = app_with(clock=MovableClock(1_774_000_000, scale=0))  # 2026-03-20
    for expression in ("2026-04-01 12:00", "0 0 1 * *", "30 2 * * *"):
        ask(app, "cron.add", url="a.example", expression=expression, timezone="Europe/Berlin")
    times = [(await told(app, "POST", "clock", {"next_run": True}))["now"] for _ in range(15)]
    assert times == sorted(set(times))
    assert 1_775_037_600 in times


async def test_a_year_of_a_hundred_jobs_passes():
    """A year of a hundred jobs, each once a minute, is counted whole."""
    app = app_with()
    for number in range(100):
        ask(app, "cron.add", url=f"http://a.example/{number}", expression="* * * * *")
    moved = await told(app, "POST", "clock", {"advance": "1 year"})
    assert moved["count"] == 100 * 365 * 24 * 60


async def test_a_job_can_be_run_by_hand():
    """A trigger answers when the run has ended. A disabled job needs to be forced."""
    network = Network()
    app = calling_app(network)
    job = ask(app, "cron.add", url="http://127.0.0.1/", expression="manual")
    path = f"jobs/fastcron/{job['id']}/trigger"
    run = await told(app, "POST", path)
    assert (run["result"], run["row"]["httpStatus"]) == ("ok", 200)
    ask(app, "cron.disable", id=job["id"])
    assert "force=1" in (await told(app, "POST", path, status=409))["error"]
    await told(app, "POST", f"{path}?force=1")
    assert (len(network.calls), ask(app, "cron.get", id=job["id"])["status"]) == (2, 1)
    await told(app, "PATCH", "settings", {"execute": "off"})
    await told(app, "POST", path, status=409)
    await told(app, "PATCH", "settings", {"execute": "fake"})
    forced = await told(app, "POST", f"{path}?force=1")
    assert forced["row"]["output"].endswith("\r\n\r\nOK")
    assert len(network.calls) == 2


async def test_notifications_are_listed():
    """What was posted is shown with the answer to it."""
    network = Network(lambda request: httpx.Response(500))
    app = calling_app(network, era="latest", webhook="http://127.0.0.1/hook")
    job = ask(app, "cron.add", url="http://127.0.0.1/", expression="manual")
    await told(app, "POST", f"jobs/fastcron/{job['id']}/trigger")
    shown = await told(app, "GET", "webhooks")
    assert shown["url"] == "http://127.0.0.1/hook"
    assert [(sent["body"]["id"], sent["delivered"]) for sent in shown["sent"]] == [
        (job["id"], False)
    ]
