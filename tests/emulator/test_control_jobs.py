"""Jobs, requests in brief and single kinds of faults, under `/_emulator/`."""

from __future__ import annotations

import httpx
import pytest

from cronapi.emulator import MovableClock, create_app
from tests.support.called import ask
from tests.support.emulated import START, TOKEN
from tests.support.page_state import page_app


async def told(app, method, path, *, status=200):
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await http.request(method, f"/_emulator/{path}")
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_jobs_are_listed_with_their_last_runs():
    """Both services' jobs are there, the newest first, up to date, with counts by state."""
    app = page_app(4)
    ask(app, "cron.disable", id=100_001)
    app.emulator.clock.advance(600)
    listed = await told(app, "GET", "jobs")
    assert [(job["provider"], job["id"]) for job in listed["jobs"]] == [
        *(("fastcron", 100_002), ("setcronjob", 100_002)),
        *(("fastcron", 100_001), ("setcronjob", 100_001)),
    ]
    assert (listed["total"], listed["found"]) == (4, 4)
    assert listed["states"] == {"active": 2, "paused": 1, "failing": 1}
    newest, failing, paused, _ = listed["jobs"]
    assert (newest["state"], newest["due"], newest["schedule"]) == (
        "active",
        START + 900,
        "*/5 * * * *",
    )
    assert (newest["last_run"]["time"], newest["last_run"]["status"]) == (START + 600, 0)
    assert (failing["state"], failing["fail"], failing["last_run"]["httpStatus"]) == (
        "failing",
        2,
        500,
    )
    assert (paused["state"], paused["due"], paused["last_run"]) == ("paused", None, None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=JOB+3", 1),
        ("search=100002", 2),
        ("search=ping/2", 1),
        ("search=%F0%9F", 0),
        ("provider=fastcron", 2),
        ("state=active", 4),
        ("state=paused", 0),
        ("provider=setcronjob&search=job+1", 1),
    ],
)
async def test_jobs_can_be_searched(query, found):
    """A name, a URL, an id, a service and a state find jobs, and a limit leaves some out."""
    app = page_app(4)
    listed = await told(app, "GET", f"jobs?{query}&limit=1")
    assert (listed["found"], len(listed["jobs"]), listed["total"]) == (found, min(found, 1), 4)


async def test_jobs_are_enabled_and_disabled_like_by_the_services():
    """Either can be repeated, and answers with the job. An unknown job or name is told."""
    app = page_app(2)
    for word, status in [("disable", 1), ("disable", 1), ("enable", 0), ("enable", 0)]:
        job = await told(app, "POST", f"jobs/setcronjob/100001/{word}")
        assert (job["id"], job["status"]) == (100_001, status)
        assert ask(app, "cron.get", "setcronjob", id=100_001)["status"] == status
    assert ask(app, "cron.get", id=100_001)["status"] == 0
    for method, path, status in [
        *(("POST", "jobs/fastcron/7/enable", 404), ("POST", "jobs/fastcorn/1/disable", 400)),
        *(("GET", "jobs?stat=active", 400), ("GET", "jobs?state=activ", 400)),
        *(("GET", "jobs?provider=x", 400), ("GET", "jobs?limit=-1", 400)),
        *(("POST", "jobs", 405), ("DELETE", "faults?kind=lsoe", 400)),
    ]:
        await told(app, method, path, status=status)


async def test_requests_in_brief_have_no_texts():
    """The query, the body and the answer are left out. The path hides tokens all the same."""
    app = create_app(clock=MovableClock(START, scale=0))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        await http.get(f"/api/v1/cron_list/{TOKEN}", params={"token": TOKEN, "page": 1})
    (whole,) = (await told(app, "GET", "requests"))["requests"]
    (brief,) = (await told(app, "GET", "requests?brief=1"))["requests"]
    assert whole.keys() - brief.keys() == {"query", "body", "answer"}
    assert brief.items() <= whole.items()
    assert brief["path"] == "/api/v1/cron_list/***"


async def test_one_kind_of_faults_can_be_dropped():
    """The others stay, and each says how often it can still strike."""
    app = page_app(1)
    app.fail_next("lose", times=3)
    app.fail_next("error", times=None)
    app.emulator.faults.take("fastcron", "cron.get", gate=False)
    pending = (await told(app, "GET", "faults"))["pending"]
    assert [(fault["kind"], fault["times"], fault["left"]) for fault in pending] == [
        ("lose", 3, 2),
        ("error", None, None),
    ]
    left = (await told(app, "DELETE", "faults?kind=lose"))["pending"]
    assert [fault["kind"] for fault in left] == ["error"]


async def test_runs_of_many_jobs_are_listed_by_time():
    """A look at jobs that came due lists their runs in the order of their times."""
    app = page_app(3)
    app.emulator.clock.advance(900)
    await told(app, "GET", "jobs")
    runs = (await told(app, "GET", "executions"))["runs"]
    assert [run["time"] for run in runs] == [START + at for at in (900, 600, 300) for _ in range(3)]
