"""Schedules on the days on which a zone's clock is changed: forward, backward and counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim, CronSimError

from cronapi.emulator.schedule import next_runs
from cronapi.schedule.cron_fields import values_of
from cronapi.schedule.reading import read_schedule
from tests.support.expressions import (
    CHANGES,
    DAY,
    count_runs,
    past_runs,
    random_expressions,
    unix,
    windows,
)

from .conftest import Desk


def shown(times, zone):
    return [f"{datetime.fromtimestamp(time, ZoneInfo(zone)):%d %H:%M %z}" for time in times]


RUNS = [
    # St. John's used to change at one minute past midnight, back into the day before.
    ("0 */6 * * *", "America/St_Johns", "2010-11-07 00:00", ["07 06:00 -0330", "07 12:00 -0330"]),
    ("30 23 * * *", "America/St_Johns", "2010-11-06 22:00", ["06 23:30 -0230", "07 23:30 -0330"]),
    ("*/30 * * * *", "America/St_Johns", "2010-11-07 00:00", ["06 23:30 -0330", "07 00:00 -0330"]),
    # The clock is put back: a fixed time runs once, a frequent job in both hours.
    ("30 2 * * *", "Europe/Berlin", "2027-10-31 00:00", ["31 02:30 +0200", "01 02:30 +0100"]),
    ("30 1 * * *", "America/New_York", "2027-11-07 00:00", ["07 01:30 -0400", "08 01:30 -0500"]),
    ("30 1 * * *", "Europe/London", "2027-10-31 00:00", ["31 01:30 +0100", "01 01:30 +0000"]),
    ("30 2 * * *", "Africa/Casablanca", "2026-02-15 00:00", ["15 02:30 +0100", "16 02:30 +0000"]),
    ("45 1 * * *", "Australia/Lord_Howe", "2027-04-04 00:00", ["04 01:45 +1100", "05 01:45 +1030"]),
    ("0 * * * *", "Europe/Berlin", "2027-10-31 02:00", ["31 02:00 +0100", "31 03:00 +0100"]),
    ("*/30 2 * * *", "Europe/Berlin", "2027-10-31 02:30", ["31 02:00 +0100", "31 02:30 +0100"]),
    # The clock is put forward: what was skipped runs at once, and once.
    ("30 2 * * *", "Europe/Berlin", "2027-03-28 00:00", ["28 03:00 +0200", "29 02:30 +0200"]),
    ("0,30 2 * * *", "Europe/Berlin", "2027-03-28 00:00", ["28 03:00 +0200", "29 02:00 +0200"]),
    ("0,30 2,3 * * *", "Europe/Berlin", "2027-03-28 00:00", ["28 03:00 +0200", "28 03:30 +0200"]),
    ("R1,30 2 * * *", "Europe/Berlin", "2027-03-28 00:00", ["28 03:00 +0200", "29 02:30 +0200"]),
    ("1 day 02:30", "Europe/Berlin", "2027-03-27 02:30", ["28 03:00 +0200", "29 02:30 +0200"]),
    ("Mar 28, 2027 02:30", "Europe/Berlin", "2027-03-27 02:30", ["28 03:00 +0200"]),
    ("* 2 * * *", "Europe/Berlin", "2027-03-28 00:00", ["29 02:00 +0200", "29 02:01 +0200"]),
    ("30 0 * * *", "America/Havana", "2024-03-09 12:00", ["10 01:00 -0400", "11 00:30 -0400"]),
    ("15 2 * * *", "Australia/Lord_Howe", "2027-10-03 00:00", ["03 02:30 +1100", "04 02:15 +1100"]),
    # A day that a zone left out is not made up for.
    ("32 7 * * *", "Pacific/Apia", "2011-12-29 08:00", ["31 07:32 +1400", "01 07:32 +1400"]),
    ("0 0 30 12 *", "Pacific/Apia", "2011-12-01 00:00", ["30 00:00 +1400"]),
]


@pytest.mark.parametrize(
    ("text", "zone", "start", "expected"), RUNS, ids=[f"{row[0]} {row[1]}" for row in RUNS]
)
def test_a_change_of_the_clock_loses_no_run_and_doubles_none(text, zone, start, expected):
    """What is skipped runs at the moment of the change, and what is repeated runs once."""
    runs = next_runs(text, zone, unix(start, zone), len(expected))
    assert shown(runs, zone) == expected


@pytest.mark.parametrize(
    ("zone", "time"),
    [
        ("Europe/Berlin", "2027-10-31 02:30"),
        ("America/New_York", "2027-11-07 01:30"),
        ("Europe/London", "2027-10-31 01:30"),
        ("Africa/Casablanca", "2026-02-15 02:30"),
        ("Australia/Lord_Howe", "2027-04-04 01:45"),
        ("America/St_Johns", "2010-11-06 23:30"),
    ],
)
def test_a_run_is_in_the_log_while_the_clock_repeats_itself(zone, time):
    """In the second pass of the hour there is one run in the log, the next run is a coming one,
    and disabling and enabling the job loses nothing.
    """
    run = unix(time, zone)
    hour, minute = time[-5:].split(":")
    for later in (60, 1500, 3000, 3660):
        desk = Desk()
        desk.now = run - 7200
        job = desk.add(expression=f"{minute} {hour} * * *", timezone=zone)["id"]
        desk.now = run + later
        for function in ("cron.get", "cron.disable", "cron.enable"):
            desk(function, id=job)
        assert [row["result"]["time"] for row in desk("cron.logs", id=job)] == [run]
        assert desk("cron.next", id=job)[0] > desk.now + 3600


# --- forward equals backward ----------------------------------------------------------------------


def check_both_ways(text, zone, start, end):
    """Check that runs ahead, runs back and their count agree. Return the runs."""
    schedule, where = read_schedule(text), ZoneInfo(zone)
    ahead = list(takewhile(lambda run: run <= end, schedule.after(start, where)))
    assert all(earlier < later for earlier, later in pairwise([start, *ahead])), (text, zone)
    assert list(schedule.until(start, end, where)) == ahead[::-1], (text, zone)
    assert schedule.count(start, end, where) == len(ahead), (text, zone)
    assert past_runs(text, zone, start, end, 3) == ahead[-3:], (text, zone)
    for middle in ahead[:: max(1, len(ahead) // 3)]:
        expected = [run for run in ahead if run > middle][:1]
        assert list(takewhile(lambda run: run <= end, next_runs(text, zone, middle, 1))) == expected
        assert count_runs(text, zone, start, middle) == ahead.index(middle) + 1
    return ahead


def cronsim_says(text, zone, start, end):
    """Return cronsim's runs up to the point where it goes back, `None` where it does not end."""
    if zone == "America/St_Johns":
        return None
    try:
        judge = CronSim(text, datetime.fromtimestamp(start, ZoneInfo(zone)))
    except CronSimError:
        return []
    runs = [start]
    for run in islice(judge, 6000):
        if not runs[-1] < int(run.timestamp()) <= end:
            break
        runs.append(int(run.timestamp()))
    return runs[1:]


@cache
def minutes(zone, start, end):
    """Return the minutes of a window with what the clock shows then."""
    where = ZoneInfo(zone)
    return [
        (time, datetime.fromtimestamp(time, where).replace(tzinfo=None))
        for time in range(start - 4 * 3600, end + 1, 60)
    ]


def crond_does(text, zone, start, end):
    """Return the runs of a daemon that wakes up each minute, as Debian's crond does."""
    words = text.split()
    minute, hour, month = (set(values_of(words[index], index)) for index in (0, 1, 3))
    day, weekday = (set(values_of(words[index], index)) for index in (2, 4))
    allowed = any if "*" not in (words[2], words[4]) else all
    often = words[0].startswith("*") or words[1] == "*"

    def fits(wall):
        return (
            wall.minute in minute
            and wall.hour in hour
            and wall.month in month
            and allowed((wall.day in day, wall.isoweekday() in weekday))
        )

    runs, before = [], minutes(zone, start, end)[0][1]
    for time, wall in minutes(zone, start, end):
        skipped = int((wall - before).total_seconds()) // 60
        if often or abs(skipped) > 180:
            due, before = fits(wall), wall
        else:
            due = any(fits(before + timedelta(minutes=number + 1)) for number in range(skipped))
            before = max(before, wall)
        if due and time > start:
            runs.append(time)
    return runs


EXPLAINED = {
    "draws": "cronsim does not draw",
    "day and weekday": "cronsim takes a field that begins with a star for unrestricted",
    "weekday steps": "cronsim counts weekdays from Sunday",
    "every few hours": "cron(8): a job that runs less than hourly is made up for, and runs once",
    "no midnight": "cronsim begins a date at midnight, which Havana's clock skips in spring",
    "half an hour": "cronsim goes on by whole hours, and misses a part of one",
    "date line": "cronsim makes up for a whole day that a zone left out",
}


def explanation(text, zone):
    """Return the row of EXPLAINED that allows a difference from cronsim, `None` for no reason."""
    minute, hour, day, _, weekday = text.split()
    if "R" in text:
        return "draws"
    if weekday.startswith("*/"):
        return "weekday steps"
    if day.startswith("*/") and weekday != "*":
        return "day and weekday"
    if zone == "Pacific/Apia":
        return "date line"
    if hour.startswith("*/") and not minute.startswith("*"):
        return "every few hours"
    if minute.startswith("*") or hour == "*":
        return {"Australia/Lord_Howe": "half an hour", "America/Havana": "no midnight"}.get(zone)
    return None


def check(expressions, zones, *, crond_every=1):
    """Check expressions in zones, and return the reasons for which cronsim differs."""
    reasons = set()
    for number, text in enumerate(expressions):
        for zone in zones:
            for start, end in windows(zone):
                runs = check_both_ways(text, zone, start, end)
                if number % crond_every == 0 and "R" not in text:
                    assert runs == crond_does(text, zone, start, end), (text, zone)
                if cronsim_says(text, zone, start, end) not in (None, runs):
                    reasons.add(explanation(text, zone))
    return reasons


def test_looking_back_finds_what_looking_ahead_announces_over_changes():
    """In zones of every kind runs are ascending, the same in both directions, and those of a
    daemon that looks each minute. They are cronsim's too, but for the reasons listed.
    """
    assert check(random_expressions(4), CHANGES) <= set(EXPLAINED)


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_two_thousand_expressions_run_alike_in_both_directions():
    """The same for two thousand expressions, and every reason listed is needed."""
    assert check(random_expressions(2000), CHANGES, crond_every=10) == set(EXPLAINED)


# --- nothing hangs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["0 0 31 2 *", "58 22 31 4,9 *", "0 0 30 2 *", "* * 31 6,11 *", "*/5 3 30-31 feb *"],
)
@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns"])
def test_a_date_that_no_year_has_never_comes(text, zone):
    """The job is accepted, and has no run, neither coming nor past."""
    desk = Desk()
    job = desk.add(expression=text, timezone=zone)["id"]
    assert desk("cron.next", id=job) == []
    desk.now += 400 * DAY
    assert desk("cron.logs", id=job) == []
    assert past_runs(text, zone, 0, desk.now, 1) == []


def test_a_leap_day_is_waited_for():
    """The 29th of February may be eight years away."""
    start = int(datetime(2097, 1, 1, tzinfo=UTC).timestamp())
    leap_day = datetime(2104, 2, 29, tzinfo=UTC)
    assert next_runs("0 0 29 2 *", "UTC", start, 1) == [int(leap_day.timestamp())]
    assert past_runs("0 0 29 2 *", "UTC", 0, int(leap_day.timestamp()) + 1, 1) == [
        int(leap_day.timestamp())
    ]


def test_runs_end_with_the_calendar():
    """Neither the last year nor the first makes an error of a schedule."""
    last = int(datetime(9999, 12, 29, 23, 0, tzinfo=UTC).timestamp())
    for text in ("0 * * * *", "0 0 * * *", "1 day", "1 month 17:05", "next Friday 7 PM"):
        assert all(run > last for run in next_runs(text, "Europe/Berlin", last, 100))
        assert next_runs(text, "Europe/Berlin", last + 900 * DAY, 1) == []
    assert past_runs("0 0 * * *", "UTC", -(10**15), -(10**12), 3) == []
    assert next_runs("0 0 1 1 *", "UTC", 10**15, 3) == []


def test_many_runs_are_counted_at_once():
    """Ten years of a run each ten seconds, and of one a minute, are counted."""
    decade = int(timedelta(days=3650).total_seconds())
    assert count_runs("10 seconds", "UTC", 0, decade) == decade // 10
    assert count_runs("* * * * *", "UTC", 0, decade // 10) == decade // 600


@pytest.mark.few(2)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"])
def test_a_year_of_runs_is_counted_as_it_is_listed(zone):
    """Every kind of schedule has as many runs as are listed, over all changes of the clock."""
    begin = int(datetime(2011, 3, 20, 13, 7, tzinfo=UTC).timestamp())
    for text in (
        *("*/20 * * * *", "0-59/30 2 * * *", "30 1,2,3 * * *", "15 R * * *", "R R 1-9 * 1"),
        *("0 0 29 2 *", "0 12 L * *", "0 0 31 2 *", "59 23 31 12 7"),
    ):
        for span in (0, 59, DAY - 1, DAY, DAY + 1, 2 * DAY, 366 * DAY):
            listed = past_runs(text, zone, begin, begin + span, 100_000)
            assert count_runs(text, zone, begin, begin + span) == len(listed), (text, span)
