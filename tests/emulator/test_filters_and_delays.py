"""Runs that a filter leaves out, and runs that are late by a drawn number of minutes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cronapi.emulator.planned import count_planned, next_planned, past_planned
from cronapi.emulator.time_filter import read_filter
from tests.emulator.conftest import START, Desk, refused
from tests.support.called import Network, ask, calling_app

DAY = 86_400
BERLIN = "Europe/Berlin"

# Each filter with the same condition in Python.
FILTERS = {
    "hour == 9": lambda t: t.hour == 9,
    "hour >= 9 and hour <= 17 and weekday != 'Sun'": lambda t: (
        9 <= t.hour <= 17 and t.weekday() != 6
    ),
    "(weekday == 'Fri' and day == 13) or month == 2": lambda t: (
        (t.weekday(), t.day) == (4, 13) or t.month == 2
    ),
    'weekday in ["Mon", "Wed"] && !(hour < 12)': lambda t: t.weekday() in {0, 2} and t.hour >= 12,
    "hour not in 9..17 || minute % 20 == 0": lambda t: (
        t.hour not in range(9, 18) or t.minute % 20 == 0
    ),
    "day in 1 .. 7 and weekday==='Mon'": lambda t: t.day <= 7 and t.weekday() == 0,
    "minute + 60 * hour > 600": lambda t: t.minute + 60 * t.hour > 600,
    "-hour < -12 and hour - 1 != '14'": lambda t: t.hour > 12 and t.hour != 15,
    "true and not false": lambda _t: True,
    "(hour - 12) % 5 == -1": lambda t: t.hour in {1, 6, 11},
    "[hour, day] == [9, 1] or [[minute]] == [[7]]": lambda t: (
        (t.hour, t.day) == (9, 1) or t.minute == 7
    ),
    "weekday < 'Mon'": lambda t: t.weekday() == 4,
    "hour / (minute % 2) == hour": lambda t: t.minute % 2 == 1,
    "weekday + 1 == 2": lambda _t: False,
    "hour == 3 or day + 'x' == 1": lambda t: t.hour == 3,
    "hour == 3 && day == 2 || weekday + 1 == 2": lambda t: (t.hour, t.day) == (3, 2),
    "!(hour != 3 and minute / 0 == 1)": lambda t: t.hour == 3,
    "day != 1 || hour % 0 == 1": lambda t: t.day != 1,
    "hour > 22 or minute < 30 or weekday * 2": lambda t: t.hour > 22 or t.minute < 30,
    "day == 9 and (hour == 3 or -weekday)": lambda t: (t.day, t.hour) == (9, 3),
    "day + 'x' == 1 or hour == 3": lambda _t: False,
    "hour == 5 and day == 1 or hour == 6": lambda t: (t.hour, t.day) == (5, 1) or t.hour == 6,
}
WRONG = [
    *("(((", "hour", "hour ==", "== 5", "hour == 5)", "(hour == 5", "hour = 5", "hours == 5"),
    *("hour == 5 minute == 3", "'Mon", "weekday == Mon", "hour in [1, 2", "hour in [1 2]", "[,]"),
    *(
        "hour == 5;",
        "exec('x')",
        "hour.real",
        "a" * 600,
        "(" * 100 + "1" + ")" * 100,
        "not",
        "1..",
        "$",
    ),
    *("hour == 12345678901", "hour == 5 ? 1 : 0", "hour == 05x", "-" * 100 + "1"),
]


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_is_a_condition_on_local_time(text):
    """It holds as the same condition in Python does, in the zone of the job."""
    zone, condition = ZoneInfo(BERLIN), FILTERS[text]
    found = read_filter(text)
    for time in range(START, START + 400 * DAY, 37 * 3600 + 13 * 60):
        local = datetime.fromtimestamp(time, zone)
        assert found.holds(time, zone) == condition(local), (text, local)
        assert found.may_hold(time, zone) or not condition(local), (text, local)


def test_a_wrong_filter_is_refused():
    """It is refused as a job is added or changed, with the reason. Without one a job has none."""
    desk = Desk(era="latest")
    job = desk.add(filter="")["id"]
    for text in WRONG:
        if text != "hour":
            refused("Invalid filter: ", desk.add, filter=text)
            refused("Invalid filter: ", desk, "cron.edit", id=job, filter=text)
    assert [row["id"] for row in desk("cron.list")] == [job]
    refused("'hours' is not one of minute, hour, day", desk.add, filter="hours == 5")
    refused("value is missing before end", desk.add, filter="hour ==")


def test_a_filter_never_takes_long():
    """Whatever may be written in one, it ends, and takes no memory to speak of."""
    for text in (
        "1 in 0..999999999",
        "'x' * 999999999",
        "9" + "*999999999" * 40,
        "1" + "==1" * 166,
    ):
        read_filter(text).holds(START, ZoneInfo("UTC"))
    desk = Desk(era="latest")
    for text in ("hour == 25", "month == 13", "day == 31 and month == 2", "weekday == 'Mo'"):
        job = desk.add(expression="* * * * *", filter=text)["id"]
        assert desk("cron.next", id=job) == []
    leap = desk.add(expression="* * * * *", filter="day == 29 and month == 2 and hour == 7")["id"]
    first = datetime.fromtimestamp(desk("cron.next", id=leap)[0], UTC)
    assert (first.month, first.day, first.hour, first.minute) == (2, 29, 7, 0)


HUGE = "hour/1" + "*999999999" * 34


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("weekday in 0..999999999", False),
        ("weekday not in 0..999999999", False),
        ("hour/7 in 0..999999999", False),
        ("weekday in 0..4999", False),
        ("weekday not in 0..4999", True),
        ("hour / 2 in 3..9", True),
        ("(hour + 1) / 2 in 3..9", False),
        ("true in 0..9", True),
        ("[8] in 0..9 or 1..2 in 0..9", False),
        ("9 in hour..minute * 999999999", False),
        ("weekday in [0..999999999]", False),
        ("not 0..999999999", False),
        (f"{HUGE} in 0..9", False),
        (f"{HUGE} == 0..9", False),
    ],
)
def test_a_range_is_never_walked_through(text, found):
    """Only whole numbers are in one, and one of more than 5,000 numbers lets no run through."""
    eight = START - START % DAY + 8 * 3600 + 60
    assert read_filter(text).holds(eight, ZoneInfo("UTC")) == found


@pytest.mark.few(4)
@pytest.mark.parametrize(
    "text",
    [
        f"{HUGE}*18*0%2==0",
        f"{HUGE}*18%2==0",
        f"2%({HUGE}*18)==2",
        f"{HUGE}*18..9==0",
        "hour % (hour - hour) == 0",
        "-weekday == 1",
        "weekday * hour == 0",
        "hour in weekday",
    ],
)
def test_a_filter_that_cannot_be_calculated_leaves_out_its_runs_alone(text):
    """At any hour of the day jobs are listed and run, and the job can be deleted."""
    desk = Desk(era="latest")
    good = desk.add(expression="0 * * * *")["id"]
    job = desk.add(expression="0 * * * *", filter=text)["id"]
    for _ in range(24):
        desk.now += 3600
        assert len(desk("cron.list")) == 2
    late = [datetime.fromtimestamp(row["result"]["time"], UTC) for row in logs(desk, job)]
    assert all(time.hour < 10 for time in late)
    assert len(logs(desk, good)) == 24
    assert desk("cron.delete", id=job)["id"] is None


async def test_such_a_filter_does_not_end_the_runs_of_other_jobs():
    """Where jobs really call, those beside it are called on."""
    network = Network()
    app = calling_app(network, era="latest")
    for more in ({"filter": f"{HUGE}*18*0%2==0"}, {}):
        ask(app, "cron.add", url="http://127.0.0.1/", expression="0 9,11 * * *", **more)
    await app.run_for(2 * DAY)
    assert len(network.urls) == 6


@pytest.mark.parametrize(
    ("expression", "zone", "text"),
    [
        ("*/20 * * * *", BERLIN, "hour in 9..17 and weekday not in ['Sat', 'Sun']"),
        ("0 0 * * *", "America/St_Johns", "day == 1 or weekday == 'Mon'"),
        ("R R2 * * *", "Pacific/Apia", "weekday != 'Wed' and minute < 30"),
        ("7 hours", "UTC", "hour >= 12"),
        ("30 2 * * *", BERLIN, "month in [3, 10] and day > 24"),
    ],
)
def test_runs_are_those_of_the_schedule_at_which_the_filter_holds(expression, zone, text):
    """Ahead, back and counted, over a year with both changes of the clock."""
    job = {"id": 7, "expression": expression, "timezone": zone, "last": START}
    end, kept = START + 366 * DAY, FILTERED[text]
    every = past_planned(job, end, 30_000, "0")
    wanted = [run for run in every if kept(datetime.fromtimestamp(run, ZoneInfo(zone)))]
    assert 0 < len(wanted) < len(every)
    filtered = {**job, "filter": text}
    assert next_planned(filtered, START, len(wanted), "0") == wanted
    assert past_planned(filtered, end, 20, "0") == wanted[-20:]
    assert count_planned(filtered, end, "0") == len(wanted)


FILTERED = {
    "hour in 9..17 and weekday not in ['Sat', 'Sun']": lambda t: (
        9 <= t.hour <= 17 and t.weekday() < 5
    ),
    "day == 1 or weekday == 'Mon'": lambda t: t.day == 1 or t.weekday() == 0,
    "weekday != 'Wed' and minute < 30": lambda t: t.weekday() != 2 and t.minute < 30,
    "hour >= 12": lambda t: t.hour >= 12,
    "month in [3, 10] and day > 24": lambda t: t.month in {3, 10} and t.day > 24,
}


def test_a_job_with_a_filter_runs_when_it_holds():
    """Its log has no other run, however often somebody looks, and an edit can take it away."""
    desk = Desk(era="latest")
    job = desk.add(expression="*/30 * * * *", filter="hour == 12")["id"]
    for _ in range(48):
        desk.now += 3600
        desk("cron.get", id=job)
    times = [datetime.fromtimestamp(row["result"]["time"], UTC) for row in logs(desk, job)]
    assert [(time.hour, time.minute) for time in times] == [(12, 30), (12, 0)] * 2
    desk("cron.edit", id=job, filter="")
    desk.now += 3600
    assert len(logs(desk, job)) == 6


def logs(desk, job):
    return desk("cron.logs", id=job)


@pytest.mark.parametrize("expression", ["45 6 * * *", "*/10 * * * *", "0,5 R * * *"])
def test_a_delay_is_drawn_for_each_run(expression):
    """Each planned run happens once, 0 to `delay` whole minutes late, and is drawn once for all:
    looking on the way makes no difference.
    """
    watched, left_alone, plain = (Desk(era="latest") for _ in range(3))
    delayed = [desk.add(expression=expression, delay=20)["id"] for desk in (watched, left_alone)]
    job = plain.add(expression=expression)["id"]
    planned = plain("cron.next", id=job)[:40]
    announced = watched("cron.next", id=delayed[0])[:40]
    while watched.now < planned[-1]:
        watched.now += 777
        watched("cron.get", id=delayed[0])
    watched.now = left_alone.now = planned[-1] + 20 * 60
    times = [row["result"]["time"] for row in logs(left_alone, delayed[1])]
    assert times == [row["result"]["time"] for row in logs(watched, delayed[0])]
    assert times[::-1][:30] == announced[:30]
    assert sorted(times) == times[::-1]
    late = [real - plan for plan, real in zip(planned, sorted(times), strict=False)]
    assert expression != "45 6 * * *" or all(0 <= one <= 1200 and one % 60 == 0 for one in late)
    assert len(set(late)) > 3
    assert plain.now == START


def test_a_delay_makes_up_for_no_run_before_a_job_began():
    """A run that was planned before a job was added, enabled or changed does not come late."""
    desk = Desk(era="latest")
    desk.now = START - START % DAY + 10 * 60  # ten minutes after midnight
    job = desk.add(expression="0 0 * * *", delay=1440)["id"]
    for act in (
        lambda: None,
        lambda: desk("cron.disable", id=job) and desk("cron.enable", id=job),
        lambda: desk("cron.edit", id=job, delay=1439),
        lambda: desk("cron.edit", id=job, expression="0 0 * * 1-7"),
    ):
        act()
        midnight = desk.now - desk.now % DAY + DAY
        assert desk("cron.next", id=job)[0] >= midnight
        assert len(desk("cron.next", id=job)) == 100


def test_a_dated_job_and_a_chain_of_steps_can_be_late_too():
    """A date runs once. Steps are counted from the run before, its delay included."""
    desk = Desk(era="latest")
    once = desk.add(expression=f"@{START + 3600}", delay=30)["id"]
    steps = desk.add(expression="1 hour", delay=10)["id"]
    (run,) = desk("cron.next", id=once)
    assert 3600 <= run - START <= 5400
    for _ in range(5):
        desk.now = desk("cron.next", id=steps)[0]
        desk("cron.get", id=steps)
    times = [row["result"]["time"] for row in logs(desk, steps)][::-1]
    assert len(times) == 5
    assert all(3600 <= b - a <= 4200 for a, b in zip([START, *times], times, strict=False))
    assert len(logs(desk, once)) == 1
