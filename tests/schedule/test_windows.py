"""Windows: between which times a run of a random schedule is certain."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi.schedule import Schedule
from cronapi.schedule.reading import read_schedule

FRIDAY = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CHANGES = {
    "Europe/Berlin": [datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 10, 31, tzinfo=UTC)],
    "America/Havana": [datetime(2024, 3, 10, tzinfo=UTC), datetime(2024, 11, 3, tzinfo=UTC)],
    "America/St_Johns": [datetime(2010, 3, 14, tzinfo=UTC), datetime(2010, 11, 7, tzinfo=UTC)],
    "Australia/Lord_Howe": [datetime(2027, 4, 4, tzinfo=UTC), datetime(2027, 10, 3, tzinfo=UTC)],
    "Pacific/Apia": [datetime(2011, 12, 30, tzinfo=UTC), datetime(2012, 4, 1, tzinfo=UTC)],
}
RANDOM = [
    *("R * * * *", "R2,50-59 * * * *", "R 0 * * *", "R 2 * * *", "R,5,55 1-3 * * *"),
    *("0 R * * *", "30 R3 * * *", "0,30 R2,0-3 * * *", "R R * * *", "R R3 * * *", "* R * * *"),
    *("R,1,2 */2 * * *", "*/20 R,1,2 * * *", "R R 13 * Fri"),
]


def told(windows):
    return [f"{window.earliest:%d %H:%M}-{window.latest:%d %H:%M}" for window in windows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("R 9 * * *", ["15 09:00-15 09:59", "16 09:00-16 09:59"]),
        ("R,10-20 9,11 * * *", ["15 09:10-15 09:20", "15 11:10-15 11:20"]),
        ("R * * * *", ["15 09:00-15 09:59", "15 10:00-15 10:59"]),
        ("30 R3 * * *", ["16 00:30-16 23:30", "17 00:30-17 23:30"]),
        ("R R4,8-11,13-16 * * Mon-Fri", ["18 08:00-18 16:59", "19 08:00-19 16:59"]),
        ("0 9 * * *", ["15 09:00-15 09:00", "16 09:00-16 09:00"]),
        ("15 minutes", ["15 08:15-15 08:15", "15 08:30-15 08:30"]),
        ("manual", []),
    ],
)
def test_a_window_is_as_long_as_the_choice(text, expected):
    """A random minute has a window for each hour, a random hour for each day, others a point."""
    assert told(islice(Schedule.parse(text).windows(FRIDAY), 2)) == expected


def test_the_window_before_is_the_one_that_has_ended():
    """A job is late if it has not run since the beginning of the last window that has ended."""
    schedule = Schedule.parse("R 9 * * *")
    for minute, day in ((0, 14), (59, 14), (60, 15)):
        before = datetime(2027, 1, 15, 9, 0, tzinfo=UTC) + timedelta(minutes=minute)
        assert schedule.previous_window(before).earliest.day == day
    fixed = Schedule.parse("0 9 * * *")
    assert fixed.previous_window(FRIDAY).earliest == fixed.previous(FRIDAY)


@pytest.mark.few(7)
@pytest.mark.parametrize("text", RANDOM)
def test_every_window_has_a_run_whatever_is_drawn(text):
    """In each zone and around each change of its clock, every draw runs in every window."""
    for zone, days in CHANGES.items():
        schedule = Schedule.parse(text, timezone=zone)
        for day in days:
            windows = list(
                takewhile(lambda window: window.latest < day + 3 * DAY, schedule.windows(day - DAY))  # noqa: B023
            )
            assert windows == sorted(windows, key=lambda window: window.earliest)
            for seed in "abc":
                rule = read_schedule(text, seed=seed)
                start, end = ((day + n * DAY).timestamp() for n in (-3, 5))
                runs = list(rule.until(int(start), int(end), ZoneInfo(zone)))[::-1]
                for window in windows:
                    first = runs[bisect_left(runs, window.earliest.timestamp())]
                    assert first <= window.latest.timestamp(), (zone, window)


@given(
    st.sampled_from(RANDOM),
    st.sampled_from([*CHANGES, "UTC"]),
    st.integers(0, 20 * 365 * 86_400),
)
def test_looking_back_finds_the_windows_that_were_announced(text, zone, seconds):
    """The last window before the end of one is the one before it."""
    start = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    schedule = Schedule.parse(text, timezone=zone)
    one, two = islice(schedule.windows(start), 2)
    assert start < one.earliest <= one.latest < two.earliest
    assert schedule.previous_window(two.latest) == one
    assert schedule.previous_window(two.latest + timedelta(microseconds=1)) == two
