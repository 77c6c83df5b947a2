"""Schedules: each form against the documentation, and crontab text against cronsim."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given
from hypothesis import strategies as st

from cronapi.emulator.schedule import next_runs
from cronapi.schedule.english import read_span
from cronapi.schedule.reading import read_schedule
from tests.support.expressions import past_runs

FRIDAY = int(datetime(2027, 1, 15, 8, 0, tzinfo=UTC).timestamp())
ZONES = ["UTC", "Europe/London", "America/New_York", "Asia/Kathmandu"]


def field(lowest, highest):
    value = st.integers(lowest, highest)
    span = st.tuples(value, value).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, highest)
    # cronsim reads 5-5/2 as 5-59/2.
    longer = span.filter(lambda text: len(set(text.split("-"))) == 2)
    stepped = st.tuples(st.one_of(st.just("*"), longer), step).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    lists = st.lists(st.one_of(value.map(str), span), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), lists, stepped)


crontabs = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12)).map(
    lambda fields: " ".join((*fields, "*"))
)
moments = st.integers(FRIDAY, FRIDAY + 3 * 365 * 86_400)


def words(times, zone="UTC"):
    return [
        f"{datetime.fromtimestamp(time, ZoneInfo(zone)):%a %Y-%m-%d %H:%M:%S}" for time in times
    ]


@given(crontabs, moments)
def test_crontab_text_runs_when_cronsim_says(text, moment):
    """An expression without a weekday runs at cronsim's times, all later than the start."""
    start = datetime.fromtimestamp(moment, UTC)
    expected = [int(run.timestamp()) for run in islice(CronSim(text, start), 3)]
    assert next_runs(text, "UTC", moment, 3) == expected


@given(crontabs, moments, st.sampled_from(ZONES))
def test_looking_back_finds_what_looking_ahead_announced(text, moment, zone):
    """In every zone, past runs are the runs announced before."""
    announced = next_runs(text, zone, moment, 4)
    assume(len(announced) == 4)
    assume(all(later > earlier for earlier, later in pairwise(announced)))
    assert past_runs(text, zone, moment, announced[-1], 4) == announced


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 8 * * *", ["Fri 2027-01-15 08:30:00", "Sat 2027-01-16 08:30:00"]),
        ("0 9 * * 1", ["Mon 2027-01-18 09:00:00", "Mon 2027-01-25 09:00:00"]),
        ("0 9 * * 7", ["Sun 2027-01-17 09:00:00", "Sun 2027-01-24 09:00:00"]),
        ("0 9 * * 0", ["Sun 2027-01-17 09:00:00", "Sun 2027-01-24 09:00:00"]),
        ("0 9 * * Sat-Sun", ["Sat 2027-01-16 09:00:00", "Sun 2027-01-17 09:00:00"]),
        ("0 9 * * Sun-Mon", ["Sun 2027-01-17 09:00:00", "Mon 2027-01-18 09:00:00"]),
        ("0 9 * * */3", ["Sun 2027-01-17 09:00:00", "Mon 2027-01-18 09:00:00"]),
        ("0 9 * * */1", ["Fri 2027-01-15 09:00:00", "Sat 2027-01-16 09:00:00"]),
        ("0 9 L * *", ["Sun 2027-01-31 09:00:00", "Sun 2027-02-28 09:00:00"]),
        ("0 9 1 Mar,Apr *", ["Mon 2027-03-01 09:00:00", "Thu 2027-04-01 09:00:00"]),
        ("0 9 */15 * *", ["Sat 2027-01-16 09:00:00", "Sun 2027-01-31 09:00:00"]),
        ("50-50/2 9-10/3 * * *", ["Fri 2027-01-15 09:50:00", "Sat 2027-01-16 09:50:00"]),
        ("7-7/5,9 10 * * *", ["Fri 2027-01-15 10:07:00", "Fri 2027-01-15 10:09:00"]),
        ("0 9 20-20/3 1-1/2 *", ["Wed 2027-01-20 09:00:00", "Thu 2028-01-20 09:00:00"]),
        ("0 9 * * 7-7/2", ["Sun 2027-01-17 09:00:00", "Sun 2027-01-24 09:00:00"]),
        ("0 9 * * 0-6/3", ["Sat 2027-01-16 09:00:00", "Sun 2027-01-17 09:00:00"]),
    ],
)
def test_crontab_fields_are_read_as_documented(text, expected):
    """Weekdays run from 1 (Monday), 0 is Sunday too, L is the last day, and names are read."""
    assert words(next_runs(text, "UTC", FRIDAY, 2)) == expected


def test_a_restricted_day_and_weekday_may_match_either_way():
    """With both a day and a weekday, a match of either is enough."""
    expected = ["Mon 2027-01-18 09:00:00", "Wed 2027-01-20 09:00:00", "Mon 2027-01-25 09:00:00"]
    assert words(next_runs("0 9 20 * Mon", "UTC", FRIDAY, 3)) == expected


def test_times_are_those_of_the_zone():
    """The hour of an expression is an hour in the job's zone."""
    assert words(next_runs("30 8 * * *", "America/New_York", FRIDAY, 1)) == [
        "Fri 2027-01-15 13:30:00"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "* * ? * *",
        "* * 15W * *",
        "* * * * 5L",
        "* * * * 5#2",
        "* * L,15 * *",
        "5/10 * * * *",
        "22-2 * * * *",
        "@daily",
        "@",
        "@soon",
        "@99999999999999999999",
        "tomorow",
        "sometimes",
        "0 seconds",
        "Friday 17:05",
        "R0 * * * *",
        "R61 * * * *",
        "R2,5 * * * *",
        "* R,25 * * *",
        "* * R * *",
        "0-99999999999999999999 * * * *",
        "9" * 5000 + " * * * *",
        "\u0663 * * * *",
        "R999999999999 * * * *",
        "1 day 13:00 PM",
        "1 day 0:30 AM",
        "1 day 12:60",
        "Feb 30, 2030 7:30",
        "Okt 16, 2030 07:50",
        "0001-01-01",
        "1 day 25:00",
        "2030-13-01",
        "first day of month",
    ],
)
def test_unknown_text_is_an_error(text):
    """A text that is not a schedule raises ValueError."""
    with pytest.raises(ValueError, match=r"."):
        read_schedule(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 seconds", ["Fri 2027-01-15 08:00:10", "Fri 2027-01-15 08:00:20"]),
        ("1 min 30 sec", ["Fri 2027-01-15 08:01:30", "Fri 2027-01-15 08:03:00"]),
        ("65 minutes", ["Fri 2027-01-15 09:05:00", "Fri 2027-01-15 10:10:00"]),
        ("1 Hour", ["Fri 2027-01-15 09:00:00", "Fri 2027-01-15 10:00:00"]),
        ("1 day", ["Sat 2027-01-16 08:00:00", "Sun 2027-01-17 08:00:00"]),
        ("1 day 17:05", ["Sat 2027-01-16 17:05:00", "Sun 2027-01-17 17:05:00"]),
        ("1 day 2 hours", ["Sat 2027-01-16 10:00:00", "Sun 2027-01-17 12:00:00"]),
        ("2 weeks Friday 17:05", ["Fri 2027-01-29 17:05:00", "Fri 2027-02-12 17:05:00"]),
        ("1 week Mon", ["Mon 2027-01-25 00:00:00", "Mon 2027-02-01 00:00:00"]),
        ("next Friday 17:05", ["Fri 2027-01-22 17:05:00", "Fri 2027-01-29 17:05:00"]),
        ("next mon", ["Mon 2027-01-18 00:00:00", "Mon 2027-01-25 00:00:00"]),
        ("tomorrow", ["Sat 2027-01-16 00:00:00", "Sun 2027-01-17 00:00:00"]),
        ("first day of next month 17:05", ["Mon 2027-02-01 17:05:00", "Mon 2027-03-01 17:05:00"]),
        ("last day of next month", ["Sun 2027-02-28 08:00:00", "Wed 2027-03-31 08:00:00"]),
        ("1 month 17:05", ["Mon 2027-02-15 17:05:00", "Mon 2027-03-15 17:05:00"]),
        ("3 months", ["Thu 2027-04-15 08:00:00", "Thu 2027-07-15 08:00:00"]),
        ("1 year 9 am", ["Sat 2028-01-15 09:00:00", "Mon 2029-01-15 09:00:00"]),
        ("1 month 2 days Monday", ["Mon 2027-02-22 00:00:00", "Mon 2027-03-29 00:00:00"]),
        ("next Friday 7:05 PM", ["Fri 2027-01-22 19:05:00", "Fri 2027-01-29 19:05:00"]),
        ("next friday 7PM", ["Fri 2027-01-22 19:00:00", "Fri 2027-01-29 19:00:00"]),
        ("tomorrow 12:15 am", ["Sat 2027-01-16 00:15:00", "Sun 2027-01-17 00:15:00"]),
        ("1 day 12:15 PM", ["Sat 2027-01-16 12:15:00", "Sun 2027-01-17 12:15:00"]),
        ("last day of next month 11:59 pm", ["Sun 2027-02-28 23:59:00", "Wed 2027-03-31 23:59:00"]),
        ("Oct 16, 2030 07:50 PM", ["Wed 2030-10-16 19:50:00"]),
        ("June 04, 2030 8:15 AM", ["Tue 2030-06-04 08:15:00"]),
        ("sep 1, 2030, 12:00 am", ["Sun 2030-09-01 00:00:00"]),
        ("2030-10-16 07:50 PM", ["Wed 2030-10-16 19:50:00"]),
        ("1 second 00:00", []),
        ("2030-02-14 07:30", ["Thu 2030-02-14 07:30:00"]),
        ("2030-02-14T07:30:00+02:00", ["Thu 2030-02-14 05:30:00"]),
        ("Feb 14, 2030, 7:30", ["Thu 2030-02-14 07:30:00"]),
        ("February 14, 2030 7:30", ["Thu 2030-02-14 07:30:00"]),
        ("2020-02-14 07:30", []),
        ("@1905821065", ["Fri 2030-05-24 02:44:25"]),
        ("manual", []),
    ],
)
def test_time_expressions_and_dates_are_read_as_documented(text, expected):
    """Each documented form gives its runs, counted from the time of planning."""
    runs = next_runs(text, "UTC", FRIDAY, 2)
    assert words(runs) == expected
    assert past_runs(text, "UTC", FRIDAY, runs[-1] if runs else FRIDAY + 10, 5) == runs


def test_a_month_that_is_too_short_is_counted_on():
    """Like PHP, a month after January 31 is in March."""
    start = int(datetime(2027, 1, 31, 8, 0, tzinfo=UTC).timestamp())
    assert words(next_runs("1 month", "UTC", start, 2)) == [
        "Wed 2027-03-03 08:00:00",
        "Sat 2027-04-03 08:00:00",
    ]


def test_names_do_not_depend_on_the_locale(monkeypatch):
    """Where the process speaks German, English names are read as before, and German ones not."""
    german = [
        "",
        "Jan",
        "Feb",
        "Mär",
        "Apr",
        "Mai",
        "Jun",
        "Jul",
        "Aug",
        "Sep",
        "Okt",
        "Nov",
        "Dez",
    ]
    for name in ("month_abbr", "month_name"):
        monkeypatch.setattr(calendar, name, german)
    monkeypatch.setattr("_strptime._getlang", lambda: ("de_DE", "UTF-8"))
    for name, number in {"Mar": 3, "May": 5, "October": 10, "Dec": 12}.items():
        expected = int(datetime(2030, number, 16, 7, 50, tzinfo=UTC).timestamp())
        assert next_runs(f"{name} 16, 2030 07:50", "UTC", FRIDAY, 1) == [expected]
    assert next_runs("0 0 1 Dec *", "UTC", FRIDAY, 1) != []
    with pytest.raises(ValueError, match="five fields"):
        read_schedule("Dez 16, 2030 07:50")


def test_a_date_without_a_zone_is_in_the_jobs():
    """A date without a zone is in the job's zone."""
    assert words(next_runs("Feb 14, 2030, 7:30", "America/New_York", FRIDAY, 1)) == [
        "Thu 2030-02-14 12:30:00"
    ]


def test_a_days_step_keeps_the_wall_clock_time():
    """One day later is the same time of day, also across the change to summer time."""
    eve = int(datetime(2027, 3, 27, 8, 0, tzinfo=UTC).timestamp())
    assert words(next_runs("1 day", "Europe/London", eve, 1)) == ["Sun 2027-03-28 07:00:00"]


def test_a_series_ends_with_the_calendar():
    """Steps of centuries end at the year 9999 without an error."""
    assert len(next_runs("99999 weeks", "UTC", FRIDAY, 100)) == 4


def test_past_runs_are_the_last_ones():
    """Of many past runs the last are returned, oldest first."""
    assert words(past_runs("10 seconds", "UTC", FRIDAY, FRIDAY + 3605, 2)) == [
        "Fri 2027-01-15 08:59:50",
        "Fri 2027-01-15 09:00:00",
    ]


def test_value_lists_run_at_each_second_given():
    """Value lists allow the seconds 0 and 30, and a missing list means every value."""
    lists = {"second": ["30", "0"], "minute": ["0", "30"], "hour": ["8"]}
    expected = [
        "Fri 2027-01-15 08:00:30",
        "Fri 2027-01-15 08:30:00",
        "Fri 2027-01-15 08:30:30",
        "Sat 2027-01-16 08:00:00",
    ]
    runs = next_runs(lists, "UTC", FRIDAY, 4)
    assert words(runs) == expected
    assert past_runs(lists, "UTC", FRIDAY, runs[-1], 10) == runs


def test_value_lists_know_no_other_seconds():
    """A second other than 0 and 30 raises ValueError."""
    with pytest.raises(ValueError, match="second must be 0, 30 or both"):
        read_schedule({"second": ["15"]})


@given(st.integers(0, 5), moments, st.sampled_from(ZONES))
def test_random_hours_are_drawn_anew_each_day(seed, moment, zone):
    """R3 hours give three runs a day, the same whenever they are computed."""
    runs = next_runs("R R3 * * *", zone, moment, 12, seed=str(seed))
    days = [text[:14] for text in words(runs, zone)]
    assert zone != "UTC" or all(days.count(day) == 3 for day in days[3:9])
    assert next_runs("R R3 * * *", zone, moment, 12, seed=str(seed)) == runs
    assert past_runs("R R3 * * *", zone, moment, runs[-1], 12, seed=str(seed)) == runs


def test_random_picks_come_from_the_list():
    """R4,8-11,13-16 picks four of the listed hours, at the given minutes."""
    runs = next_runs("0,30 R4,8-11,13-16 * * Mon-Fri", "UTC", FRIDAY, 80)
    hours = {datetime.fromtimestamp(run, UTC).hour for run in runs}
    assert hours <= {8, 9, 10, 11, 13, 14, 15, 16}
    monday = [text for text in words(runs) if text.startswith("Mon 2027-01-18")]
    assert len(monday) == 8


def test_random_runs_are_looked_for_no_further_back_than_asked():
    """A short span back has only its own random runs."""
    runs = next_runs("R R * * *", "UTC", FRIDAY, 3, seed="1")
    assert past_runs("R R * * *", "UTC", FRIDAY, runs[-1], 10, seed="1") == runs
    assert past_runs("R R * * *", "UTC", runs[0], runs[0], 10, seed="1") == []


def test_an_unknown_zone_is_an_error():
    """A name of no IANA zone raises ValueError."""
    for name in ("Nowhere/Atlantis", "", "../etc/passwd"):
        with pytest.raises(ValueError, match="unknown timezone"):
            next_runs("1 hour", name, FRIDAY, 1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15 minutes", 900),
        ("1 hour", 3600),
        ("2 days 1 hour", 176_400),
        ("90sec", 90),
        ("soon", None),
        ("0 min", None),
    ],
)
def test_spans_are_read_in_seconds(text, seconds):
    """A span is read as its seconds, and another text or a length of 0 as None."""
    span = read_span(text)
    assert (span and span.total) == seconds
