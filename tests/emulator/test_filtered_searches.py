"""The search for the runs that a filter lets through, over long gaps and with long filters."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest

from cronapi.emulator.call import Settings
from cronapi.emulator.executions import with_next_due
from cronapi.emulator.planned import count_planned, next_planned, past_planned
from cronapi.emulator.pretended import run_due

DAY = 86_400
JANUARY = 1_798_761_600  # 2027-01-01 in UTC, a Friday


def job(expression, text, zone="UTC"):
    plain = {"lists": None, "queued": [], "status": 0, "resumes": None, "runs": 0, "skips": 0}
    never_run = {"ran": None, "fail": 0, "url": "https://example.com/x", "due": None}
    given = {"expression": expression, "filter": text, "timezone": zone}
    return {"id": 1, "last": JANUARY, **plain, **never_run, **given}


def steps_of(work):
    """Return the number of calls inside a piece of work."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.few(3)
@pytest.mark.parametrize(
    "text",
    [
        "hour" + "+1" * 240 + "==0",
        "minute+hour+day+month" + "+1" * 230 + "==0",
        "hour in [" + ",".join("99" for _ in range(160)) + "]",
        "minute+day in [" + ",".join("99" for _ in range(160)) + "]",
        "!(" + " or ".join(["day<99"] * 50) + ")",
        "day+month==99 and weekday in [" + ",".join(["'X'"] * 110) + "]",
        "hour == 25",
    ],
)
@pytest.mark.parametrize("expression", ["* * * * *", "1 second"])
def test_a_filter_that_never_holds_is_given_up_soon(expression, text):
    """However long it is, a search looks at it a limited number of times."""
    found = []
    calls = steps_of(lambda: found.extend(next_planned(job(expression, text), JANUARY, 1, "0")))
    assert (found, calls < 2_000_000) == ([], True)


@pytest.mark.parametrize(
    ("expression", "text", "zone", "first"),
    [
        ("1 minute", "month == 12", "UTC", "2027-12-01 00:00:00"),
        ("1 minute", "month == 12", "Europe/Berlin", "2027-11-30 23:00:00"),
        ("7 minutes", "month == 12 and day > 24", "UTC", "2027-12-25 00:02:00"),
        ("1 second", "day == 31 and month == 10 and hour == 9", "UTC", "2027-10-31 09:00:00"),
        ("1 second", "hour == 23", "UTC", "2027-01-01 23:00:00"),
        ("* * * * *", "hour + day + month == 66", "UTC", "2027-12-31 23:00:00"),
        ("* * * * *", "minute + day == 90 and month == 12", "UTC", "2027-12-31 00:59:00"),
        ("5 minutes", "(hour - 20) * day * month > 1100", "UTC", "2027-12-31 23:00:00"),
        (
            "30 * * * *",
            "hour == day and day == month and month == 12",
            "UTC",
            "2027-12-12 12:30:00",
        ),
        ("* * * * *", "hour * 100 + day == 2329 and month == 2", "UTC", "2028-02-29 23:00:00"),
        ("1 minute", "minute * day * month == 21948", "UTC", "2027-12-31 00:59:00"),
        ("45 seconds", "day == 29 and month == 2", "UTC", "2028-02-29 00:00:00"),
        ("0 0 1 1 *", "weekday == 'Mon'", "UTC", "2029-01-01 00:00:00"),
        ("0 0 29 2 *", "weekday == 'Mon'", "UTC", "2044-02-29 00:00:00"),
        ("1 year", "weekday == 'Wed'", "UTC", "2031-01-01 00:00:00"),
        ("1 day", "month == 11 and weekday == 'Sun'", "UTC", "2027-11-07 00:00:00"),
        ("1 day 12:00", "day == 29 and month == 2", "America/Havana", "2028-02-29 17:00:00"),
    ],
)
def test_a_run_far_away_is_found(expression, text, zone, first):
    """Whatever the schedule is, dates on which the filter holds at no time are of no account."""
    (found,) = next_planned(job(expression, text, zone), JANUARY, 1, "0")
    assert str(datetime.fromtimestamp(found, UTC))[:19] == first


@pytest.mark.few(4)
@pytest.mark.parametrize(
    ("expression", "text", "step", "days"),
    [
        ("5 minutes", "month in [1, 12]", 1, 364),
        ("15 minutes", "month in [1, 3] and hour < 2", 9, 100),
        ("*/10 * * * *", "month in [1, 12]", 1, 364),
        ("1 minute", "minute + day * 60 + hour * 2000 == 47919", 30, 100),
        ("* * * * *", "hour + day == 54", 30, 90),
        ("30 seconds", "minute == 0 and hour + day * 100 + month * 10000 == 33023", 20, 100),
        ("1 hour", "hour == 25", 50, 100),
    ],
)
def test_looking_on_the_way_makes_no_difference(expression, text, step, days):
    """Months in one move have the runs of months in steps, and none comes where none was to."""
    end, settings = JANUARY + days * DAY, Settings()
    begun = stepped = with_next_due(job(expression, text), "0")
    for time in range(JANUARY, end + 1, step * DAY):
        stepped, _ = run_due(stepped, time, settings)
    stepped, _ = run_due(stepped, end, settings)
    moved, _ = run_due(begun, end, settings)
    assert [moved[name] for name in ("runs", "due", "ran")] == [
        stepped[name] for name in ("runs", "due", "ran")
    ]
    runs = past_planned(begun, end, None, "0")
    assert (len(runs), runs[-1:]) == (moved["runs"], [moved["ran"]] if runs else [])
    assert count_planned(begun, end, "0") == len(runs)
