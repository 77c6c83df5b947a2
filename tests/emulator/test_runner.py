"""Jobs that really call: what is sent, when, what follows, and what is told."""

from __future__ import annotations

import json

import anyio
import httpx
import pytest

from cronapi.emulator import MovableClock
from cronapi.emulator.control.settings import change_settings
from tests.support.called import Network, ask, calling_app
from tests.support.emulated import START

MINUTE = 60
FORM = "application/x-www-form-urlencoded"


def answering(*statuses):
    """Answer with these statuses one after the other, the last for ever."""
    left = list(statuses)
    return lambda request: httpx.Response(left.pop(0) if len(left) > 1 else left[0], text="out")


def logs(app, job):
    return [row["result"] for row in ask(app, "cron.logs", id=job["id"])]


async def advance(app, seconds):
    return await app.timeline.advance_to(app.emulator.clock.now() + seconds)


async def test_a_job_calls_its_url_at_each_of_its_times():
    """An hour of a job that runs every ten minutes makes six calls, each logged with its answer."""
    network = Network()
    app = calling_app(network)
    job = ask(app, "cron.add", url="http://127.0.0.1:1/ping?a=1", expression="*/10 * * * *")
    moved = await advance(app, 60 * MINUTE)
    assert network.urls == ["http://127.0.0.1:1/ping?a=1"] * 6
    rows = logs(app, job)
    assert [row["time"] for row in rows[::-1]] == [run.run["time"] for run in moved.runs]
    assert [row["httpStatus"] for row in rows] == [200] * 6
    assert rows[0]["output"].startswith("HTTP/1.1 200 OK\r\n")
    assert rows[0]["output"].endswith("\r\n\r\nOK")


async def test_looking_at_a_job_does_not_run_it():
    """Calls of the API between two runs neither run a job nor invent a log row."""
    network = Network()
    app = calling_app(network)
    job = ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *")
    app.emulator.clock.advance(5 * MINUTE)
    assert ask(app, "cron.get", id=job["id"])["fail"] == 0
    assert logs(app, job) == []
    assert network.calls == []


async def test_pretended_runs_make_no_call():
    """By default runs are logged without a call, and switched off they are not even logged."""
    for execute, count in [("fake", 5), ("off", 0)]:
        network = Network()
        app = calling_app(network, execute=execute)
        job = ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *")
        moved = await advance(app, 5 * MINUTE)
        assert (moved.count, len(logs(app, job)), network.calls) == (count, count, [])


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({}, ("GET", "/x", b"", {})),
        ({"httpMethod": "POST", "postData": "a=1"}, ("POST", "/x", b"a=1", {"content-type": FORM})),
        (
            {"httpMethod": "PUT", "postData": '{"a":1}'},
            ("PUT", "/x", b'{"a":1}', {"content-type": "application/json"}),
        ),
        (
            {"httpMethod": "PATCH", "postData": "{}", "httpHeaders": "Content-Type: x/y"},
            ("PATCH", "/x", b"{}", {"content-type": "x/y"}),
        ),
        ({"httpMethod": "DELETE", "postData": "a=1"}, ("DELETE", "/x", b"", {})),
        (
            {"httpHeaders": "A: b\rC:d\r\n\r\nE : f"},
            ("GET", "/x", b"", {"a": "b", "c": "d", "e": "f"}),
        ),
        ({"username": "u", "password": "p"}, ("GET", "/x", b"", {"authorization": "Basic dTpw"})),
        ({"url": "http://u:p@127.0.0.1/x"}, ("GET", "/x", b"", {"authorization": "Basic dTpw"})),
        (
            {"url": "http://127.0.0.1/x?j=__cronjob__&t=__timestamp__&u=__other__#f"},
            ("GET", "/x?j=100001&t=1800000000&u=__other__", b"", {}),
        ),
        ({"userAgent": "mine"}, ("GET", "/x", b"", {"user-agent": "mine"})),
    ],
)
async def test_the_request_is_what_the_documentation_says(params, sent):
    """Method, URL, body, headers, login and keywords of a job are in its request."""
    network = Network()
    clock = MovableClock(START - MINUTE, scale=0)
    app = calling_app(network, era="latest", clock=clock)
    ask(app, "cron.add", **{"url": "http://127.0.0.1/x", "expression": "* * * * *", **params})
    await advance(app, MINUTE)
    (call,) = network.calls
    method, target, content, headers = sent
    assert (call.method, call.url.raw_path.decode(), call.read()) == (method, target, content)
    agent = {"user-agent": "Mozilla/5.0 (compatible; FastCron/1.0; https://www.fastcron.com/)"}
    assert {**agent, **headers}.items() <= dict(call.headers).items()


async def test_a_payload_replaces_the_body_or_joins_the_query():
    """A run that was asked for with a payload sends it, in the place that the method has for it."""
    network = Network()
    app = calling_app(network, era="latest")
    for method in ("POST", "GET"):
        about = {"httpMethod": method, "postData": "old", "expression": "manual"}
        job = ask(app, "cron.add", url="http://127.0.0.1/?a", **about)
        ask(app, "cron.run", id=job["id"], payload="new=1")
    await advance(app, MINUTE)
    assert [(str(call.url), call.read()) for call in network.calls] == [
        ("http://127.0.0.1/?a", b"new=1"),
        ("http://127.0.0.1/?a&new=1", b""),
    ]  # fmt: skip


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_a_run_that_takes_too_long_is_a_failure():
    """The timeout of a job ends its call, and the log says so."""
    network = Network(lambda request: anyio.sleep_forever())
    app = calling_app(network, era="latest")
    job = ask(app, "cron.add", url="http://127.0.0.1/", expression="manual", timeout=5)
    ask(app, "cron.run", id=job["id"])
    app.emulator.clock.advance(MINUTE)
    started = anyio.current_time()
    (run,) = await app.runner.run_due()
    assert (run.result, run.row["error"]) == ("failed", "Operation timed out after 5 seconds")
    assert anyio.current_time() - started >= 5


async def test_a_connection_that_fails_is_tried_once_more():
    """One refused connection is made good by the second try, and two are a failure."""
    refusals = [httpx.ConnectError("no"), None, httpx.ConnectError("no"), httpx.ConnectError("no")]

    def answer(request):
        refusal = refusals.pop(0)
        if refusal:
            raise refusal
        return httpx.Response(200)

    network = Network(answer)
    app = calling_app(network)
    job = ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *")
    await advance(app, 2 * MINUTE)
    last, first = logs(app, job)
    assert (first["error"], last["error"]) == ("", "Could not connect to the server")
    assert len(network.calls) == 4


@pytest.mark.parametrize(
    ("era", "params", "status", "failed"),
    [
        ("seed", {}, 500, False),
        ("seed", {"ignoreHttpStatus": "0"}, 500, True),
        ("seed", {"pattern": "out"}, 200, True),
        ("seed", {"pattern": "absent"}, 200, False),
        ("latest", {}, 500, True),
        ("latest", {}, 404, True),
        ("latest", {}, 204, False),
        ("latest", {}, 504, False),
        ("latest", {"keyword": "out"}, 200, False),
        ("latest", {"keyword": "absent"}, 200, True),
    ],
)
async def test_the_documentation_of_the_time_decides_what_a_failure_is(era, params, status, failed):
    """Status, pattern and keyword count as each era says."""
    app = calling_app(Network(answering(status)), era=era)
    job = ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *", **params)
    (run,) = (await advance(app, MINUTE)).runs
    assert run.result == ("failed" if failed else "ok")
    assert ask(app, "cron.get", id=job["id"])["fail"] == int(failed)


async def test_a_job_that_fails_too_often_is_disabled():
    """In the seed era the threshold marks a job as failed. It is tried on, unless it must not."""
    app = calling_app(Network(answering(500, 500, 500, 500, 200)))
    spec = {"ignoreHttpStatus": "0", "failureThreshold": 3, "expression": "* * * * *"}
    job = ask(app, "cron.add", url="http://127.0.0.1/", **spec)
    states = []
    for _ in range(5):
        await advance(app, MINUTE)
        states.append(ask(app, "cron.get", id=job["id"])["status"])
    assert states == [0, 0, 4, 4, 0]
    app = calling_app(Network(answering(500)))
    stays = ask(app, "cron.add", url="http://127.0.0.1/", retryFailed="0", **spec)
    moved = await advance(app, 10 * MINUTE)
    assert (moved.count, ask(app, "cron.get", id=stays["id"])["status"]) == (3, 4)


async def test_a_failing_job_of_today_rests_and_a_free_one_is_disabled():
    """From the 100th failure on the next run is dropped, then two, and so on. A free plan's job is
    disabled at 150.
    """
    for plan, status in [("pro", 0), ("free", 1)]:
        network = Network(answering(500))
        app = calling_app(network, era="latest", plan=plan)
        job = ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *")
        await advance(app, 105 * MINUTE)
        assert len(network.calls) == 102  # a rest of one before the 101st, of two before this
        (resting,) = app.emulator.jobs("fastcron")
        close = {**resting, "fail": 148, "skips": 0}
        app.emulator.store.put("job", "fastcron", _account(app), close)
        await advance(app, MINUTE)
        assert ask(app, "cron.get", id=job["id"])["status"] == 0
        await advance(app, 51 * MINUTE)
        shown = ask(app, "cron.get", id=job["id"])
        assert (shown["fail"], shown["status"]) == (150, status)


def _account(app):
    return next(iter(app.emulator._accounts.values()))


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_an_instance_too_many_is_skipped():
    """With one instance allowed, a run that comes due during another is skipped, not queued."""
    gate = anyio.Event()

    async def answer():
        await gate.wait()
        return httpx.Response(200)

    app = calling_app(Network(lambda request: answer()))
    ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *", instances=1)
    app.emulator.clock.advance(2 * MINUTE)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(app.runner.run_due)
        await anyio.wait_all_tasks_blocked()
        gate.set()
    assert sorted(run.result for run in app.runner.executions) == ["ok", "skipped"]


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_at_most_twenty_runs_are_at_work():
    """Of thirty runs that are due at once, ten wait for a seat, and all are carried out."""
    gate, network = anyio.Event(), Network()

    async def answer():
        await gate.wait()
        return httpx.Response(200)

    network.answer = lambda request: answer()
    app = calling_app(network)
    for _ in range(30):
        ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *")
    app.emulator.clock.advance(MINUTE)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(app.runner.run_due)
        await anyio.wait_all_tasks_blocked()
        assert len(network.calls) == 20
        gate.set()
    assert len(network.calls) == 30


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_runs_that_are_given_up_leave_nothing_behind():
    """Cancelled while its calls wait, a move gives the seats back, and no run is repeated."""
    network = Network(lambda request: anyio.sleep_forever())
    app = calling_app(network)
    ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *")
    with anyio.move_on_after(5):
        await app.run_for(MINUTE)
    assert (len(network.calls), app.runner.at_work, app.runner.is_held) == (1, 0, False)
    assert await app.runner.run_due() == []
    with anyio.move_on_after(5):
        async with app.running():
            await anyio.sleep(1)
            app.emulator.clock.advance(MINUTE)
            await anyio.sleep_forever()
    assert (len(network.calls), app.runner.at_work) == (2, 0)


async def test_a_url_that_a_keyword_breaks_is_a_failure():
    """What a keyword makes of a URL may be no URL, and the emulator goes on."""
    app = calling_app(Network())
    ask(app, "account.secret", secret="[")
    ask(app, "cron.add", url="http://x__secret__/", expression="* * * * *")
    (run,) = await app.run_for(MINUTE)
    assert run.row["error"] == "The URL cannot be read"


async def test_runs_of_the_past_are_not_called_when_calls_begin():
    """Switched from pretended runs to calls, the emulator calls for later runs alone."""
    network = Network()
    app = calling_app(network, execute="fake")
    ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *")
    app.emulator.clock.advance(10 * MINUTE)
    change_settings(app, {"execute": "loopback"})
    assert await app.runner.run_due() == []
    assert len(await app.run_for(MINUTE)) == len(network.calls) == 1
    assert app.emulator.jobs("fastcron")[0]["runs"] == 11


@pytest.mark.virtual_clock
async def test_a_running_emulator_calls_without_being_asked():
    """Beside a server jobs run by themselves at the clock's pace, also an hour in a minute."""
    network = Network()
    clock = MovableClock(START, scale=60, now=anyio.current_time)
    app = calling_app(network, clock=clock)
    ask(app, "cron.add", url="http://127.0.0.1/", expression="*/10 * * * *")
    async with app.running():
        await anyio.sleep(61)
    assert len(network.calls) == 6


@pytest.mark.virtual_clock
@pytest.mark.parametrize("execute", ["fake", "off", "loopback"])
async def test_a_running_emulator_rests_between_its_looks(execute):
    """Beside a server it looks a few times a second for due runs, whoever carries them out."""
    app = calling_app(Network(), execute=execute)
    ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *")
    looks, first = [], app.emulator.store.agenda.first
    app.emulator.store.agenda.first = lambda: looks.append(1) or first()
    async with app.running():
        await anyio.sleep(1)
        with app.runner.held():
            app.emulator.clock.advance(5 * MINUTE)
            await anyio.sleep(10)
    assert len(looks) < 500


@pytest.mark.virtual_clock
async def test_runs_that_were_missed_are_listed_and_not_made_good(tmp_path):
    """After a restart the runs of the time in between are listed as missed, and none is called."""
    network, storage = Network(), str(tmp_path / "jobs.db")
    app = calling_app(network, storage=storage)
    job = ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *")
    app.emulator.close()
    later = calling_app(network, storage=storage)
    later.emulator.clock.advance(3 * MINUTE)
    async with later.running():
        await anyio.sleep(1)
    assert [run.result for run in later.runner.executions] == ["missed"] * 3
    assert (network.calls, logs(later, job)) == ([], [])


async def test_a_job_that_was_deleted_meanwhile_stays_deleted():
    """A run that ends after its job was deleted leaves no job and no log behind."""
    app = None

    def answer(request):
        ask(app, "cron.delete", id=100001)
        return httpx.Response(200)

    app = calling_app(Network(answer))
    ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *")
    await advance(app, 5 * MINUTE)
    assert app.emulator.jobs("fastcron") == []
    assert app.emulator.store.agenda.first() is None


async def test_a_time_that_goes_back_is_refused():
    """The time can be moved forward only."""
    app = calling_app(Network())
    with pytest.raises(ValueError, match="forward"):
        await advance(app, -1)


# --- notifications -------------------------------------------------------------------------------


def bodies(network):
    return [json.loads(call.read()) for call in network.calls if call.url.path == "/hook"]


def failing_at(path, *statuses):
    answer = answering(*statuses)
    return lambda request: answer(request) if request.url.path == path else httpx.Response(200)


@pytest.mark.parametrize(
    ("provider", "params", "told"),
    [
        ("fastcron", {}, [1, 1, 0]),
        ("fastcron", {"notify": "false"}, []),
        ("fastcron", {"notifyEvery": 2}, [1, 0]),
        ("setcronjob", {}, []),
        ("setcronjob", {"notify": 1}, [1, 1, 0]),
        ("setcronjob", {"notify": 2}, [0, 1, 1, 0, 0]),
        ("setcronjob", {"notify": 3, "failureThreshold": 2}, [1]),
    ],
)
async def test_failures_and_recoveries_are_posted(provider, params, told):
    """What is told follows `notify` and `notifyEvery`: by status 1 a failure, by 0 a recovery."""
    network = Network(failing_at("/job", 200, 500, 500, 200, 200))
    app = calling_app(network, webhook="http://127.0.0.1/hook")
    params = {"expression": "* * * * *", "ignoreHttpStatus": 0, **params}
    ask(app, "cron.add", provider, url="http://127.0.0.1/job", **params)
    await advance(app, 5 * MINUTE)
    assert [body["status"] for body in bodies(network)] == told


@pytest.mark.parametrize("era", ["seed", "latest"])
async def test_a_notification_has_the_members_of_its_era(era, samples):
    """The posted JSON has the members that recorded notifications of the time have."""
    network = Network(failing_at("/job", 404))
    app = calling_app(network, era=era, webhook="http://127.0.0.1/hook")
    more = {"ignoreHttpStatus": 0} if era == "seed" else {}
    ask(app, "cron.add", url="http://127.0.0.1/job", expression="* * * * *", **more)
    await advance(app, MINUTE)
    (body,) = bodies(network)
    recorded = json.loads(
        (samples / f"{'2024-07' if era == 'seed' else '2026-07'}-failed.json").read_text()
    )
    assert set(body) == set(recorded)
    assert {name: type(value) for name, value in body.items() if name != "startTime"} == {
        name: type(value) for name, value in recorded.items() if name != "startTime"
    }


async def test_a_channel_that_fails_five_times_is_off():
    """After five failed deliveries in a row nothing more is posted, and a success begins anew."""
    replies = [500, 500, 500, 500, 200, 500, 500, 500, 500, 500, 200]

    def answer(request):
        return httpx.Response(replies.pop(0) if request.url.path == "/hook" else 500)

    network = Network(answer)
    app = calling_app(network, era="latest", webhook="http://127.0.0.1/hook")
    ask(app, "cron.add", url="http://127.0.0.1/job", expression="* * * * *")
    await advance(app, 20 * MINUTE)
    assert len(bodies(network)) == 10
    assert [sent["on"] for sent in app.runner.webhook.sent] == [True] * 9 + [False]


@pytest.fixture
def samples(request):
    return request.config.rootpath / "tests/samples/webhook"


async def test_time_passes_with_calls_only_where_it_is_waited_for():
    """Where jobs make calls, `run_for` lets time pass, and `advance` says so."""
    network = Network()
    app = calling_app(network)
    ask(app, "cron.add", url="http://127.0.0.1/", expression="0 * * * *")
    with pytest.raises(ValueError, match="run_for"):
        app.advance("1 day")
    assert len(await app.run_for("1 day")) == len(network.calls) == 24
