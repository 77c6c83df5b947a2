"""Asking the service back: a forged notification is contradicted, at one request a minute."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest

from cronapi import Execution, Notification
from cronapi.emulator import Fault, ManualClock, create_app
from cronapi.models import Attempt
from cronapi.webhooks import Receiver
from cronapi.webhooks.verifying import Reading, judged
from tests.support.emulated import FAST, NOW, START, client_of
from tests.support.posts import SECRET, ask, told

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]


class Asked:
    """A receiver that asks the emulator back, and all that it handled."""

    def __init__(self, api, **options):
        self.now = float(START)
        self.verdicts = []

        async def handler(notification):
            self.verdicts.append(notification.verified)

        self.receiver = Receiver(
            secrets=[SECRET], handler=handler, verify=api, clock=lambda: self.now, **options
        )

    async def told(self, *args):
        """Post a notification, and return the verdict about it."""
        async with self.receiver:
            assert (await ask(self.receiver.asgi(), body=told(*args))).status == 204
        return self.verdicts[-1]


def requests_of(app):
    return [request.function for request in app.emulator.requests]


async def test_a_forged_failure_is_contradicted_with_one_request(emulate):
    """The failure of a healthy job is False. 500 forged in a minute cost one request."""
    app, api = await emulate()
    job = await api.cron.add(url="https://example.com/ok", expression="0 0 1 1 *", name="fine")
    asked = Asked(api)
    before = len(app.emulator.requests)
    for second in range(500):
        asked.now = START + second / 10
        verdict = await asked.told(job.id, 1, START - second)
        assert verdict is False
    assert requests_of(app)[before:] == ["cron.failures"]
    asked.now = START + 60
    assert await asked.told(job.id, 1, START + 60) is False
    assert len(app.emulator.requests) == before + 2


async def test_forged_failures_at_once_share_one_request(emulate):
    """500 that come together for one job wait for the same reading, and one for each other job."""
    app, api = await emulate()
    jobs = [
        await api.cron.add(url=f"https://example.com/{n}", expression="0 0 1 1 *", name=f"job {n}")
        for n in range(3)
    ]
    asked = Asked(api)
    before, hook = len(app.emulator.requests), asked.receiver.asgi()

    async def post(number):
        job = jobs[0] if number < 500 else jobs[number % 2 + 1]
        assert (await ask(hook, body=told(job.id, 1, START - number))).status == 204

    async with asked.receiver, anyio.create_task_group() as posts:
        for number in range(540):
            posts.start_soon(post, number)
    assert asked.verdicts == [False] * 540
    assert requests_of(app)[before:] == ["cron.failures"] * 3


async def test_a_true_failure_is_confirmed():
    """A failed run at the very time confirms it, and a recovery at that time is contradicted."""
    clock = ManualClock()
    app = create_app(rates=FAST, clock=clock)
    async with client_of(app) as api:
        job = await api.cron.add(url="https://example.com/404", expression="* * * * *", name="x")
        clock.advance(150)
        rows = await api.cron.failures(job.id)
        times = [int(row.time.timestamp()) for row in rows]
        asked = Asked(api)
        asked.now = max(times) + 2
        assert await asked.told(job.id, 1, times[0]) is True
        assert await asked.told(job.id, 1, times[1]) is True
        assert await asked.told(job.id, 0, times[0]) is False
        assert await asked.told(job.id, 1, times[0] + 1) is False
        asked.now += 60
        assert await asked.told(job.id, 0, times[0]) is False  # it still fails


async def test_a_recovery_is_confirmed_by_the_job(emulate):
    """A job without failures in a row has recovered."""
    app, api = await emulate()
    job = await api.cron.add(url="https://example.com/ok", expression="0 0 1 1 *", name="fine")
    before = len(app.emulator.requests)
    assert await Asked(api).told(job.id, 0, START) is True
    assert requests_of(app)[before:] == ["cron.get"]
    assert await Asked(api).told(999, 0, START) is None  # an error alone is no proof
    app, api = await emulate(app=create_app(rates=FAST, error_status=404))
    assert await Asked(api).told(999, 0, START) is False


async def test_a_service_that_gives_no_answer_proves_nothing(emulate, caplog):
    """The verdict is None, the handler runs, and the request is not repeated."""
    app, api = await emulate()
    app.emulator.faults.add(Fault("outage", times=None))
    asked = Asked(api)
    before = len(app.emulator.requests)
    for second in range(5):
        assert await asked.told(7, 1, START - second) is None
    assert len(app.emulator.requests) == before + 1
    assert "cannot ask the service about job 7" in caplog.text


async def test_a_notification_of_neither_kind_costs_nothing(emulate):
    """Without a status or a time there is nothing to ask for."""
    app, api = await emulate()
    asked = Asked(api)
    before = len(app.emulator.requests)
    assert await asked.told(7, None, START) is None
    assert len(app.emulator.requests) == before


def run_at(seconds, **members):
    time = NOW + timedelta(seconds=seconds)
    return Execution(attempts=(Attempt(**(members or {"time": time})),))


def test_a_reading_tells_what_it_can():
    """The verdict is a function of the notification and the reading."""
    runs = [run_at(0), run_at(-60)]
    started = [run_at(0, start_time=NOW + timedelta(seconds=2.5))]
    table = [
        # status, seconds, failures, fail, fresh, verdict
        (1, 0, runs, None, True, True),
        (1, -60, runs, None, False, True),
        (1, -30, runs, None, True, False),
        (1, 30, runs, None, True, False),
        (1, 30, runs, None, False, None),  # later than the reading
        (1, -90, runs, None, True, None),  # older than the runs that are kept
        (1, 0, [], None, True, False),
        (0, 0, runs, None, True, False),
        (0, 30, runs, None, True, None),
        (1, 0, started, None, True, True),
        (1, -120, started, None, True, None),
        (0, 0, None, 0, True, True),
        (0, 0, None, 3, True, False),
        (0, 30, None, 0, False, None),
        (1, 0, None, 0, False, None),
        (0, 0, None, None, True, None),
        (None, 0, runs, None, True, None),
    ]
    for status, seconds, failures, fail, is_fresh, verdict in table:
        note = Notification(id=7, status=status, time=NOW + timedelta(seconds=seconds))
        reading = Reading(START, failures, fail)
        assert judged(note, reading, is_fresh=is_fresh) is verdict, (status, seconds)
    gone = Reading(START, is_missing=True)
    assert judged(Notification(id=7, status=1, time=NOW), gone, is_fresh=True) is False
    assert judged(Notification(id=7, status=1), Reading(START, []), is_fresh=True) is None
