"""`api.cron.health`: verdicts on the emulator's own runs, their cost, and the budget."""

from __future__ import annotations

import gc
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import inf
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import anyio
import httpx
import pytest

from cronapi import (
    AuthenticationError,
    ConfigurationError,
    CronAPIError,
    CronJob,
    FastCron,
    JobStatus,
    Rate,
    RetryPolicy,
    ServiceUnavailableError,
)
from cronapi.emulator import Fault, ManualClock, create_app
from cronapi.health import FORMATS, HealthReport, Sightings, State, exit_code, write
from cronapi.health.order import chosen
from cronapi.health.sightings import renewed
from tests.support.emulated import FAST, NOW, START, TOKEN, URL, Hurry, client_of, fill

LATE = ("late", "never_ran")


@pytest.fixture
async def desk_of(emulate):
    """Return a function that makes an emulator whose clock stands still, and a client of it."""

    async def make(provider="fastcron", start=START, **options):
        clock = ManualClock(start)
        app, api = await emulate(provider, create_app(rates=FAST, clock=clock, **options))
        return SimpleNamespace(
            api=api,
            emulator=app.emulator,
            clock=clock,
            now=lambda: datetime.fromtimestamp(clock.now(), UTC),
            sent=lambda: len(app.emulator.requests),
            fill=lambda count: fill(app, provider, count),
        )

    return make


# --- the emulator's own runs ---------------------------------------------------------------------


def at_once(run, _zone):
    """Return the span in which a run without a random time may be logged."""
    return run, run


def in_hour(run, zone):
    """Return the local hour out of which the minute of a run was drawn.

    Nobody can tell if a service draws again for an hour that the clock repeats.
    """
    local = datetime.fromtimestamp(run, ZoneInfo(zone))
    if local.fold:
        return run, inf
    return local.replace(minute=0).timestamp(), local.replace(minute=59).timestamp()


def in_day(run, zone):
    """Return the hours of the local day out of which the hour of a run was drawn."""
    midnight = datetime.fromtimestamp(run, ZoneInfo(zone)).replace(hour=0, fold=0)
    return midnight.timestamp(), midnight.replace(hour=23).timestamp()


KINDS = {
    "30 2 * * *": at_once,
    "0 * * * *": at_once,
    "*/15 * * * *": at_once,
    "* * * * *": at_once,
    "0 9 * * 1-5": at_once,
    "0 3 * * 7": at_once,
    "0,30 1-3 * * *": at_once,
    "R 4 * * *": in_hour,
    "R * * * *": in_hour,
    "0 R3 * * *": in_day,
    "15 minutes": at_once,
    "1 day 02:30": at_once,
}
"""Kinds of schedules, each with the span out of which a run of it is drawn."""
ZONES = [
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana"),
    "Asia/Kathmandu",
]
CHANGES = ["2027-03-28", "2027-10-31"]
OTHER_CHANGES = ["2027-03-14", "2027-04-04", "2027-10-03", "2027-11-07"]
"""The days on which the clocks of the first four zones are changed, Berlin's apart."""
GRACE = 60


class Oracle:
    """Sees the emulator's own runs, and loses those of some jobs in a span of time.

    A span that began before a job was first seen proves nothing.
    """

    def __init__(self, emulator):
        self.emulator = emulator
        self.account = emulator._accounts[TOKEN]
        self.first_seen = emulator.clock.now()
        self.lost = {}

    def times(self, number):
        log = self.emulator.store.get("log", "fastcron", self.account, number)
        return [row["time"] for row in log["rows"]] if log else []

    def lose(self, job, since):
        """Take the runs from a time on out of the log of a job, and remember them."""
        log = self.emulator.store.get("log", "fastcron", self.account, job.id)
        rows = log["rows"] if log else []
        kept = [row for row in rows if row["time"] <= since]
        self.lost.setdefault(job.id, []).extend(row["time"] for row in rows[len(kept) :])
        self.emulator.store.put("log", "fastcron", self.account, {"id": job.id, "rows": kept})

    def is_late(self, job, now):
        """Return True if a run is lost whose span is over, and nothing has run since it began."""
        newest = max(self.times(job.id), default=0)
        spans = [KINDS[job.expression](run, job.timezone) for run in self.lost.get(job.id, ())]
        return any(
            end <= now - GRACE and start > max(newest, self.first_seen) for start, end in spans
        )


async def verdicts_around(desk, kinds, zones, copies, hours):
    """Run jobs around a change of the clock, and compare each check with the oracle.

    Half of the jobs lose their runs in every second span of hours. Returns the number of late ones.
    """
    specs = [
        {"url": f"{URL}/{n}", "name": f"{text} {zone}", "expression": text, "timezone": zone}
        for n in range(copies)
        for text in kinds
        for zone in zones
    ]
    jobs = await desk.api.cron.batch_add(specs)
    report, oracle, found = await desk.api.cron.health(now=desk.now()), Oracle(desk.emulator), 0
    for number, span in enumerate(hours):
        before = desk.clock.now()
        desk.clock.advance(span * 3600 + 7)
        await desk.api.cron.list()
        for job in jobs if number % 2 else ():
            if job.id % 2:
                oracle.lose(job, before)
        report = await desk.api.cron.health(
            late=True, budget=None, now=desk.now(), sightings=report.sightings
        )
        for health, job in zip(sorted(report, key=lambda one: one.id), jobs, strict=True):
            is_late = oracle.is_late(job, desk.clock.now())
            assert (health.state in LATE) == is_late, (health, oracle.lost.get(job.id))
            found += is_late
    return found


@pytest.mark.few(1)
@pytest.mark.parametrize("day", CHANGES)
async def test_verdicts_are_those_of_an_oracle_that_sees_every_run(desk_of, day):
    """Over a change of the clock, no job that ran is late, and each one that did not is found."""
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00") - timedelta(hours=30)
    desk = await desk_of(start=start.timestamp())
    assert await verdicts_around(desk, KINDS, ZONES[:1], 2, [7, 25]) > 6


@pytest.mark.proof
@pytest.mark.parametrize("day", [*CHANGES, *OTHER_CHANGES])
@pytest.mark.parametrize("hours", [[7, 25, 3, 2], [24, 4, 1, 30], [29, 1, 1, 1, 26]])
async def test_verdicts_on_two_hundred_jobs_are_those_of_the_oracle(desk_of, day, hours):
    """Twelve kinds of schedules, checked again and again around both changes of four zones."""
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00") - timedelta(hours=30)
    desk = await desk_of(start=start.timestamp())
    assert await verdicts_around(desk, KINDS, ZONES, 4, hours) > 50


@pytest.mark.parametrize("shape", ["flat", "object", "list", "string"])
async def test_every_shape_of_a_log_is_read(desk_of, shape):
    """The four shapes of log rows give one verdict each on good, bad and lost runs."""
    desk = await desk_of(log_shape=shape)
    good = await desk.api.cron.add(url=URL, expression="*/5 * * * *", timezone="UTC")
    bad = await desk.api.cron.add(
        url=f"{URL}/500", expression="*/5 * * * *", timezone="UTC", failure_threshold=100
    )
    lost = await desk.api.cron.add(url=URL, expression="*/5 * * * *", timezone="UTC")
    new = await desk.api.cron.add(url=URL, expression="0 0 1 1 *", timezone="UTC")
    before = await desk.api.cron.health(now=desk.now())
    assert [health.state for health in before] == ["not_looked_at"] * 4
    desk.clock.advance(3600)
    await desk.api.cron.list()
    halfway = desk.clock.now()
    desk.clock.advance(3600)
    await desk.api.cron.list()
    Oracle(desk.emulator).lose(lost, halfway)
    report = await desk.api.cron.health(late=True, now=desk.now(), sightings=before.sightings)
    states = {health.id: health.state for health in report}
    assert states == {
        bad.id: State.FAILING,
        lost.id: State.LATE,
        new.id: State.CANNOT_TELL,
        good.id: State.HEALTHY,
    }
    assert [health.id for health in report.faults()] == [bad.id, lost.id]
    told = {health.id: health for health in report}
    assert told[bad.id].failures == 24
    assert told[lost.id].last_run == desk.now() - timedelta(hours=1)


RAN = {"time": START - 60}
EMPTY_LOGS = [
    *(([], "cannot_tell"), ("", "cannot_tell"), (None, "cannot_tell"), ({}, "cannot_tell")),
    *(([one], "cannot_tell") for one in ("", None, [], {}, {"time": ""}, {"time": None})),
    *(([{**RAN, "result": empty}], "healthy") for empty in ("", None, [], {})),
    *(([RAN], "healthy"), ([{"result": [RAN]}], "healthy")),
]
"""The log of a job that runs each five minutes, and its state."""


async def test_a_log_or_a_row_that_is_empty_makes_no_job_late():
    """Whatever a service says instead of nothing, a job is well, or nobody can tell."""
    job = {"id": 7, "url": URL, "expression": "*/5 * * * *", "timezone": "UTC", "status": 0}
    for log, state in EMPTY_LOGS:

        def answer(request, log=log):
            is_list = request.url.path.endswith("cron_list")
            rows = [job] if is_list and json.loads(request.content).get("page", 1) == 1 else []
            data = rows if is_list else log
            return httpx.Response(200, json={"status": "success", "code": 0, "data": data})

        transport, hurry = httpx.MockTransport(answer), Hurry(Rate(1000))
        async with FastCron(TOKEN, transport=transport, scheduler=hurry) as api:
            (health,) = await api.cron.health(late=True, now=NOW)
        assert health.state == state, (log, health)
        assert health.evidence or state == "healthy"


async def test_the_list_alone_tells_who_is_disabled_or_failing(desk_of):
    """The default costs the list, and says of the rest that nobody has looked."""
    desk = await desk_of("setcronjob")
    for number in range(4):
        url = f"{URL}/500" if number == 3 else URL
        await desk.api.cron.add(url=url, expression="* * * * *", timezone="UTC")
    jobs = await desk.api.cron.list()
    await desk.api.cron.disable(jobs[0].id)
    await desk.api.cron.pause(jobs[1].id, for_="1 day")
    desk.clock.advance(300)
    report = await desk.api.cron.health(now=desk.now())
    assert [health.state for health in report] == ["failing", "paused", "paused", "not_looked_at"]
    assert report.summary().startswith("1 failing, 2 paused, 1 not looked at")
    assert (report.exit_code(), report.exit_code(["late"]), report.exit_code("paused")) == (2, 0, 2)


async def test_jobs_are_chosen_by_group_and_name(desk_of):
    """A filter chooses verdicts, and the sightings still know every job."""
    desk = await desk_of()
    team = await desk.api.group.add("team")
    await desk.api.cron.add(url=URL, name="tmp one", group=team.id)
    await desk.api.cron.add(url=URL, name="tmp two")
    report = await desk.api.cron.health(group=team, late=True, now=desk.now())
    assert [health.name for health in report] == ["tmp one"]
    assert report.requests == 3
    assert len(report.sightings.jobs) == 2
    named = await desk.api.cron.health(match="* two", now=desk.now())
    assert [health.name for health in named] == ["tmp two"]


# --- cost and budget -----------------------------------------------------------------------------


@pytest.mark.few(1)
@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
async def test_a_thousand_jobs_cost_two_requests(desk_of, provider):
    """The list alone is read, and once."""
    desk = await desk_of(provider)
    desk.fill(1000)
    before = desk.sent()
    report = await desk.api.cron.health(now=NOW)
    assert len(report) == 1000
    assert report.requests == desk.sent() - before == 2


@pytest.mark.parametrize("budget", [None, 1, 2, 3, 5, 30])
async def test_the_cost_is_told_before_and_is_what_is_spent(desk_of, budget):
    """The list is read to tell it, and is not read again."""
    desk = await desk_of(page_size=3)
    desk.fill(7)
    before = desk.sent()
    check = desk.api.cron.health(late=True, budget=budget, now=NOW)
    cost = await check.cost()
    listed = desk.sent() - before
    assert listed == min(budget or 3, 3)
    report = await check
    assert report.requests == cost.requests == desk.sent() - before
    assert cost.seconds == report.seconds
    assert report.requests <= (budget or 10)
    assert report.is_whole is (budget is None or budget >= 3)
    assert len(report) == min(7, 3 * listed)
    looked = report.requests - listed
    assert len(report.of("not_looked_at")) == len(report) - looked


FAULTS = ["outage", "reset", "garbage", "truncated", "bad_gateway", "error", "lose"]


@pytest.mark.parametrize("kind", FAULTS)
async def test_the_budget_is_never_exceeded(desk_of, kind):
    """Refused and lost requests are repeated only as far as the budget goes."""
    for budget in (1, 4, 9):
        for share in (0.4, 1.0):
            desk = await desk_of(page_size=4, seed=budget)
            desk.fill(6)
            desk.emulator.faults.add(Fault(kind, share=share, times=None))
            before = desk.sent()
            report = None
            with suppress(CronAPIError):  # the list could not be read
                report = await desk.api.cron.health(late=True, budget=budget, now=NOW)
            sent = desk.sent() - before
            assert sent <= budget
            assert report is None or report.requests == sent


async def test_a_list_that_is_not_read_to_its_end_is_no_good_news(desk_of):
    """The report says so, keeps what earlier checks saw, and is UNKNOWN to Nagios."""
    desk = await desk_of(page_size=2)
    desk.fill(5)
    whole = await desk.api.cron.health(now=NOW)
    part = await desk.api.cron.health(budget=1, now=NOW, sightings=whole.sightings)
    assert (part.is_whole, len(part)) == (False, 2)
    assert len(part.sightings.jobs) == 5
    assert part.summary().endswith("the list of jobs was not read to its end")
    assert [exit_code(part, format) for format in FORMATS] == [0, 0, 0, 3, 0]
    assert write(part, "nagios").startswith("CRONAPI UNKNOWN - ")


@pytest.mark.parametrize("budget", [None, 3, 4, 5])
async def test_a_delete_of_the_same_client_meanwhile_hides_no_job(emulate, budget):
    """Later jobs move to pages that were read before. The check reads up again, or says that it
    has not read all.
    """
    app = create_app(rates=FAST, page_size=2)
    ids = fill(app, "fastcron", 5)
    inner = httpx.ASGITransport(app)
    waiting = [ids[0], ids[1]]

    class Meddling(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            if waiting and b'"page":2' in request.content.replace(b" ", b""):
                await api.cron.delete(waiting.pop(0))
            return await inner.handle_async_request(request)

    _, api = await emulate(app=app, transport=Meddling())
    report = await api.cron.health(now=NOW, budget=budget)
    missed = set(ids[2:]) - {one.id for one in report}
    assert not missed or not report.is_whole
    assert not missed or budget is not None


async def test_a_log_that_cannot_be_read_is_no_verdict(desk_of):
    """An error of one log is told for its job, and an outage ends the reading."""
    desk = await desk_of()
    desk.fill(3)
    desk.emulator.faults.add(Fault("busy", function="cron.logs", times=1))
    report = await desk.api.cron.health(late=True, now=NOW)
    unread = next(one for one in report if "could not be read" in one.evidence[0])
    assert unread.state == "cannot_tell"
    assert "could not be read: APIError" in unread.evidence[0]
    desk.emulator.faults.add(Fault("outage", function="cron.logs", times=None))
    report = await desk.api.cron.health(late=True, now=NOW)
    assert report.stopped_by is not None
    assert [health.state for health in report] == ["not_looked_at"] * 3
    assert "stopped by ServiceUnavailableError" in report.summary()
    assert exit_code(report, "nagios") == 3


async def test_an_outage_is_told_though_the_budget_is_spent_on_it(desk_of):
    """Jobs that were asked for in vain are not the same as jobs that nobody asked for."""
    for budget in (3, 4, 7):
        desk = await desk_of()
        desk.fill(3)
        desk.emulator.faults.add(Fault("outage", function="cron.logs", times=None))
        before = desk.sent()
        report = await desk.api.cron.health(late=True, budget=budget, now=NOW)
        assert desk.sent() - before <= budget
        assert "stopped by ServiceUnavailableError" in report.summary()
        desk.emulator.faults.clear()
        desk.emulator.faults.add(Fault("outage", function="cron.list", times=None))
        with pytest.raises(ServiceUnavailableError):
            await desk.api.cron.health(budget=budget, now=NOW)


async def test_a_client_without_repeats_makes_none(desk_of):
    """`retry=None` and `max_attempts` hold for a check too."""
    for retry, most in ((None, 1), (RetryPolicy(max_attempts=2), 2), (RetryPolicy(), 5)):
        desk = await desk_of()
        desk.emulator.faults.add(Fault("outage", times=None))
        with pytest.raises(ServiceUnavailableError):
            await desk.api.with_options(retry=retry).cron.health(now=NOW)
        assert desk.sent() == most


async def test_an_error_of_the_list_is_raised(emulate):
    """Without a list there is nothing to tell."""
    _, api = await emulate(token="wrong")
    with pytest.raises(AuthenticationError):
        await api.cron.health()


async def test_a_check_is_made_once(desk_of):
    """Its verdicts are those of one time."""
    desk = await desk_of()
    check = desk.api.cron.health(now=NOW)
    assert repr(check) == "<HealthCheck: 0 requests so far>"
    await check
    desk.fill(3)
    again, ended = desk.api.cron.health(late=True, now=NOW), []
    await again.cost()
    before = desk.sent()

    async def finish():
        try:
            ended.append(type(await again))
        except ConfigurationError as error:
            ended.append(type(error))

    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(finish)
    assert (ended, desk.sent() - before) == ([ConfigurationError, HealthReport], 3)
    with pytest.raises(ConfigurationError, match="once"):
        await check
    with pytest.raises(ConfigurationError, match="once"):
        await check.cost()


def test_a_check_that_nobody_awaits_is_told(recwarn):
    """A forgotten `await` is a warning, as it is of a coroutine and of a bulk."""
    api = client_of(create_app(rates=FAST))
    del recwarn.list[:]
    api.cron.health()
    gc.collect()
    (told,) = recwarn
    assert str(told.message) == "cron.health was never awaited: nothing was sent."
    assert told.category is RuntimeWarning


async def test_what_makes_no_sense_is_refused_before_anything_is_sent(desk_of):
    """Each argument has a kind, and a refusal names it."""
    desk = await desk_of()
    before = desk.sent()
    wrong = [
        {"late": 1}, {"budget": 0}, {"budget": 2.5}, {"budget": True}, {"grace": -1},
        {"grace": float("inf")}, {"grace": "60"}, {"now": NOW.replace(tzinfo=None)}, {"now": 1.0},
        {"sightings": {}}, {"match": 3}, {"group": "x"},
    ]  # fmt: skip
    for options in wrong:
        with pytest.raises(ConfigurationError, match=next(iter(options))):
            desk.api.cron.health(**options)
    report = await desk.api.cron.health(now=NOW)
    with pytest.raises(ConfigurationError, match="Did you mean 'late'"):
        report.faults(["lates"])
    for names in (None, 5, "", ",", "late,"):
        with pytest.raises(ConfigurationError, match="state"):
            report.faults(names)
    with pytest.raises(ConfigurationError, match="openmetrics"):
        write(report, "xml")
    assert desk.sent() == before + report.requests


async def test_a_client_that_shares_requests_counts_its_own(emulate):
    """Two checks at once do not share a request, so that each budget is its own."""
    app = create_app(rates=FAST)
    async with client_of(app, coalesce=True) as api:
        fill(app, "fastcron", 3)
        reports = []

        async def check():
            reports.append(await api.cron.health(late=True, now=NOW))

        async with anyio.create_task_group() as group:
            group.start_soon(check)
            group.start_soon(check)
    assert len(app.emulator.requests) == sum(report.requests for report in reports)


# --- turns ---------------------------------------------------------------------------------------


def active(number, fail=0, expression="*/5 * * * *"):
    return CronJob(
        id=number, status=JobStatus.ACTIVE, fail=fail, expression=expression, timezone="UTC"
    )


def test_all_jobs_have_their_turn_within_some_checks():
    """Failing jobs take half of the places, so the others are seen all the same."""
    jobs = [active(number, fail=number % 3 == 0) for number in range(90)]
    sightings, looked = Sightings(), set()
    for day in range(12):
        now = NOW + timedelta(days=day)
        turn = chosen(jobs, 10, now, sightings)
        assert len(turn) == 10
        assert sum(job.fail > 0 for job in turn) == 5
        looked |= {job.id for job in turn}
        sightings = renewed(sightings, jobs, [job.id for job in turn], now, is_whole=True)
    assert looked == {job.id for job in jobs}


def test_failing_jobs_come_first_and_then_the_longest_expected():
    """Without earlier checks, the job whose run lies longest back is looked at before others."""
    jobs = [
        active(1), active(2, expression="0 0 1 * *"), active(3, expression="0 3 * * *"),
        active(4, fail=2), active(5, expression="manual"), active(6, expression="1 month"),
        active(7, expression="what"), active(8, expression="2027-02-14 03:30"),
    ]  # fmt: skip
    order = [job.id for job in chosen(jobs, 4, NOW, None)]
    assert order[0] == 4
    assert order[1:] == [6, 2, 3]
    assert [job.id for job in chosen(jobs, None, NOW, None)] == [1, 2, 3, 4, 6]
    assert chosen(jobs, 0, NOW, None) == []
