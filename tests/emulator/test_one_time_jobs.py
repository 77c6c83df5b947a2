"""A job that ran once is removed by the service some days later."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from cronapi.emulator import ManualClock, create_app
from cronapi.emulator.request import Request
from tests.emulator.test_control import told
from tests.support.called import Network, ask, calling_app
from tests.support.emulated import FAST, START, TOKEN

DAY = 86_400
RUN = START + 3600
DATED = datetime.fromtimestamp(RUN, UTC).strftime("%b %d, %Y %I:%M %p")
URL = "http://127.0.0.1/"


def app_with(**options):
    options.setdefault("clock", ManualClock(START))
    return create_app(rates=FAST, **options)


def add(app, provider="fastcron", **more):
    return ask(app, "cron.add", provider, **{"url": URL, "expression": DATED, **more})["id"]


def move(app, time):
    app.emulator.clock.advance(time - app.emulator.clock.now())


def listed(app, provider="fastcron"):
    return [job["id"] for job in ask(app, "cron.list", provider)]


def error_of(app, function, **params):
    query = str(httpx.QueryParams({"token": TOKEN, **params}))
    return app.emulator.apply(Request("fastcron", function, query=query)).get("message")


@pytest.mark.parametrize(("era", "days"), [("latest", 3), ("seed", 30), ("2023", 30)])
def test_a_one_time_job_is_removed_some_days_after_its_run(era, days):
    """It is there to the last second, its log too, and then it is unknown, looked at or not."""
    watched, left_alone = app_with(era=era), app_with(era=era)
    for expression in (DATED, f"@{RUN}"):
        for app in (watched, left_alone):
            add(app, expression=expression)
    for day in range(days):
        move(watched, RUN + day * DAY)
        assert len(listed(watched)) == 2
    move(watched, RUN + days * DAY - 1)
    job = listed(watched)[0]
    assert len(ask(watched, "cron.logs", id=job)) == 1
    for app in (watched, left_alone):
        move(app, RUN + days * DAY)
    for function in ("cron.get", "cron.logs", "cron.edit", "cron.enable", "cron.run", "cron.next"):
        if (era, function) != ("2023", "cron.next"):
            assert error_of(left_alone, function, id=job) == "Cronjob not found."
    assert listed(watched) == listed(left_alone) == []
    assert left_alone.emulator.created("fastcron") == 2


def test_every_other_job_stays():
    """One that runs again, runs by request, or has not run stays for ever."""
    app = app_with(era="latest")
    for expression in ("manual", "1 day", "0 0 * * *", "0 0 29 2 *", "0 0 31 2 *", "1 month 17:05"):
        add(app, expression=expression, run=1)
    off = add(app)
    ask(app, "cron.disable", id=off)
    add(app, expression=f"@{START + 400 * DAY}", run=1)
    jobs = listed(app)
    move(app, START + 399 * DAY)
    assert listed(app) == jobs


def test_a_new_run_or_a_new_date_lets_a_job_live_on():
    """The days are counted from its last run, and none of them while a run is to come."""
    app = app_with(era="latest")
    again, moved, paused = add(app), add(app), add(app)
    move(app, RUN + 2 * DAY)
    asked = ask(app, "cron.run", id=again)
    ask(app, "cron.edit", id=moved, expression=f"@{RUN + 9 * DAY}")
    ask(app, "cron.pause", id=paused, **{"for": "5 days"})
    for time, there in [
        (RUN + 3 * DAY, [again, moved, paused]),
        (asked + 3 * DAY, [moved, paused]),
        (RUN + 7 * DAY, [moved]),
        (RUN + 12 * DAY - 1, [moved]),
        (RUN + 12 * DAY, []),
    ]:
        move(app, time)
        assert listed(app) == there


@pytest.mark.parametrize(
    ("edit", "before"),
    [
        ({"expression": DATED}, {}),
        ({"expression": f"@{RUN}"}, {"expression": "1 minute"}),
        ({"expression": f"@{START + 60}"}, {}),
        ({"expression": DATED, "filter": "hour == 25"}, {}),
        ({"expression": DATED, "timezone": "Asia/Tokyo"}, {}),
        ({"expression": f"@{RUN}"}, {"expression": f"@{START + 60}"}),
    ],
)
def test_runs_of_another_schedule_are_no_runs_of_a_date(edit, before):
    """A job that ran, was disabled and got a date at which it did not run stays for ever."""
    app = app_with(era="latest")
    job = add(app, **{"expression": "* * * * *", **before})
    move(app, START + 600)
    ask(app, "cron.disable", id=job)
    ask(app, "cron.edit", id=job, **edit)
    move(app, RUN + 30 * DAY)
    assert listed(app) == [job]
    ask(app, "cron.enable", id=job)
    ask(app, "cron.run", id=job)
    move(app, RUN + 31 * DAY)
    assert listed(app) == [job]
    move(app, RUN + 34 * DAY)
    assert listed(app) == []


@pytest.mark.parametrize("more", [{"filter": "hour == 25"}, {"delay": 30}, {}])
def test_a_run_by_hand_before_the_date_is_no_run_of_it(more):
    """A job that was disabled over its date, or whose filter left its date out, stays."""
    app = app_with(era="latest")
    job = add(app, run=1, **more)
    move(app, START + 600)
    assert len(ask(app, "cron.logs", id=job)) == 1
    if "filter" not in more:
        ask(app, "cron.disable", id=job)
    move(app, RUN + 30 * DAY)
    assert listed(app) == [job]


@pytest.mark.parametrize(
    "edit",
    [{"delay": 5}, {"filter": "hour == 3"}, {"expression": f"@{RUN}"}, {"name": "x"}],
)
def test_an_edit_that_leaves_the_date_leaves_the_run(edit):
    """A job that ran at its date is removed three days later, also if it is changed afterwards."""
    app = app_with(era="latest")
    job = add(app)
    move(app, RUN + DAY)
    ask(app, "cron.edit", id=job, **edit)
    move(app, RUN + 3 * DAY - 1)
    assert listed(app) == [job]
    move(app, RUN + 3 * DAY)
    assert listed(app) == []


def test_a_group_said_after_how_many_days():
    """`autoDelete` of a group is heeded until 2024, 0 is never, and its changes count at once."""
    for era, there in (("2023", "never"), ("seed", "never"), ("latest", "")):
        app = app_with(era=era)
        group = {
            days: ask(app, "group.add", "setcronjob", name=f"{days}", autoDelete=days)["id"]
            for days in (0, 7, 15)
        }
        jobs = {days: add(app, "setcronjob", group=number) for days, number in group.items()}
        outside = add(app, "setcronjob", group=group[0])
        move(app, RUN + 6 * DAY)
        if era == "latest":
            assert listed(app, "setcronjob") == []
            continue
        ask(app, "group.edit", "setcronjob", id=group[15], autoDelete=3)
        assert listed(app, "setcronjob") == [jobs[0], jobs[7], outside]
        move(app, RUN + 7 * DAY)
        assert listed(app, "setcronjob") == [jobs[0], outside]
        ask(app, "cron.edit", "setcronjob", id=outside, group="")
        move(app, RUN + 30 * DAY)
        assert listed(app, "setcronjob") == ([jobs[0]] if there else [])
        ask(app, "group.delete", "setcronjob", id=group[0])
        assert listed(app, "setcronjob") == []


async def test_an_era_that_begins_removes_what_it_keeps_no_longer():
    """A change of the era counts at once, for steering, the page's facts and the counts too."""
    app = app_with()
    add(app)
    move(app, RUN + 4 * DAY)
    assert (await told(app, "GET", "health"))["jobs"]["fastcron"] == 1
    await told(app, "PATCH", "settings", {"era": "latest"})
    assert (await told(app, "GET", "health"))["jobs"]["fastcron"] == 0
    assert (await told(app, "GET", "jobs"))["jobs"] == []


async def test_jobs_that_call_and_jobs_that_do_not_run():
    """A job that calls is removed after its call, and one that never runs is not removed."""
    network = Network()
    app = calling_app(network, era="latest")
    add(app)
    await app.run_for(3600 + 3 * DAY)
    assert (listed(app), network.urls) == ([], [URL])
    app = app_with(era="latest", execute="off")
    job = add(app)
    move(app, RUN + 100 * DAY)
    assert listed(app) == [job]


async def test_a_run_by_hand_counts_as_the_last_one():
    """Three days after it, not after the date, the job is removed."""
    app = app_with(era="latest")
    job = add(app)
    move(app, RUN + 2 * DAY)
    await told(app, "POST", f"jobs/fastcron/{job}/trigger")
    move(app, RUN + 5 * DAY - 1)
    assert listed(app) == [job]
    move(app, RUN + 5 * DAY)
    assert listed(app) == []


def test_a_restart_forgets_no_removal(tmp_path):
    """A state of which the days passed while no emulator ran is as it would have been."""
    where = {"storage": str(tmp_path / "state"), "era": "latest"}
    app = app_with(**where)
    add(app)
    move(app, RUN)
    assert len(listed(app)) == 1
    app.emulator.close()
    later = app_with(clock=ManualClock(RUN + 3 * DAY), **where)
    assert listed(later) == []
    later.emulator.close()
