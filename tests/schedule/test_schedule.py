"""The door of the schedule language: `Schedule`, its questions and its answers."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from cronapi import ConfigurationError
from cronapi.schedule import Kind, Schedule

FRIDAY = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
FORMS = {
    "0 9 * * 1-5": Kind.CRONTAB,
    "R R3 * * *": Kind.CRONTAB,
    "0 9 L * *": Kind.CRONTAB,
    "15 minutes": Kind.RELATIVE,
    "1 day 17:05": Kind.RELATIVE,
    "last day of next month": Kind.RELATIVE,
    "Feb 14, 2030, 7:30": Kind.ONCE,
    "@1905821065": Kind.ONCE,
    "manual": Kind.MANUAL,
}


def local(times, zone=BERLIN):
    return [f"{time.astimezone(zone):%a %d %b %H:%M %z}" for time in times]


def test_a_schedule_tells_its_next_run():
    """The next run is later than the time asked for, in UTC."""
    schedule = Schedule.parse("0 9 * * 1-5", timezone="Europe/Berlin")
    monday = datetime(2027, 1, 18, 8, 0, tzinfo=UTC)
    assert schedule.next(FRIDAY) == monday
    assert schedule.next(FRIDAY - timedelta(microseconds=1)) == FRIDAY
    assert schedule.previous(monday) == FRIDAY
    assert schedule.previous(monday + timedelta(microseconds=1)) == monday
    assert schedule.upcoming(FRIDAY, 3) == [monday + timedelta(days=day) for day in range(3)]
    assert schedule.next(FRIDAY).tzinfo is UTC


def test_a_span_has_its_end_and_not_its_start():
    """Spans that follow each other have each run once."""
    schedule = Schedule.parse("*/20 * * * *")
    hour, end = FRIDAY + timedelta(hours=1), FRIDAY + timedelta(hours=2)
    assert [run.minute for run in schedule.between(FRIDAY, hour)] == [20, 40, 0]
    both = [*schedule.between(FRIDAY, hour), *schedule.between(hour, end)]
    assert both == list(schedule.between(FRIDAY, end))
    assert list(schedule.between(end, FRIDAY)) == []


def test_the_time_asked_for_may_be_in_any_zone():
    """A time counts as the instant that it is, also in an hour that the clock shows twice."""
    schedule = Schedule.parse("0 * * * *", timezone="Europe/Berlin")
    first = datetime(2027, 10, 31, 2, 30, tzinfo=BERLIN)
    assert local([schedule.next(first)]) == ["Sun 31 Oct 02:00 +0100"]
    assert local([schedule.next(first.replace(fold=1))]) == ["Sun 31 Oct 03:00 +0100"]
    assert schedule.next(first.astimezone(UTC)) == schedule.next(first)


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("30 2 * * *", datetime(2027, 3, 28, tzinfo=BERLIN), "Sun 28 Mar 03:00 +0200"),
        ("30 2 * * *", datetime(2027, 10, 31, tzinfo=BERLIN), "Sun 31 Oct 02:30 +0200"),
        ("0 0 29 2 *", datetime(2096, 3, 1, tzinfo=UTC), "Fri 29 Feb 00:00 +0100"),
        ("1 day", datetime(2027, 3, 27, 8, tzinfo=BERLIN), "Sun 28 Mar 08:00 +0200"),
        ("Mar 28, 2027 02:30", FRIDAY, "Sun 28 Mar 03:00 +0200"),
    ],
)
def test_times_are_those_of_the_clock_on_the_wall(text, start, expected):
    """Changes of the clock and leap days are those of the zone and the calendar."""
    run = Schedule.parse(text, timezone="Europe/Berlin").next(start)
    assert local([run]) == [expected]


@pytest.mark.parametrize(("text", "kind"), FORMS.items())
def test_every_form_has_its_kind(text, kind):
    """A schedule says of which form it is, compares by value, and survives a copy and a pickle."""
    schedule = Schedule.parse(f"  {text} ", timezone="Europe/Berlin")
    assert schedule.kind is kind
    assert str(schedule) == f"{text} (Europe/Berlin)"
    for twin in (pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule)):
        assert (twin, hash(twin)) == (schedule, hash(schedule))
        assert twin.upcoming(FRIDAY, 3) == schedule.upcoming(FRIDAY, 3)
    assert schedule != Schedule.parse(text, timezone="UTC")


def test_value_lists_are_a_schedule():
    """The lists of old jobs are read, with their seconds, as lists or as comma lists."""
    lists = {"second": ["0", "30"], "minute": ("0",), "hour": "8,9"}
    schedule = Schedule.parse(lists, timezone="UTC")
    assert (schedule.expression, schedule.seconds) == ("0 8,9 * * *", (0, 30))
    runs = schedule.upcoming(FRIDAY, 3)
    assert [f"{run:%H:%M:%S}" for run in runs] == ["08:00:30", "09:00:00", "09:00:30"]
    assert schedule != Schedule.parse("0 8,9 * * *", timezone="UTC")
    assert schedule.explain() == "At 08:00 and 09:00 at second 0 and 30 every day, in UTC."
    spaced = {"second": " 0, 30", "minute": "0 ", "hour": ["8", " 9"]}
    assert Schedule.parse(spaced) == schedule


def test_a_date_that_no_year_has_is_told_at_once():
    """An expression that can never run is read, and says so without a search."""
    for text in ("0 0 31 2 *", "0 0 30 2 *", "* * 31 4,6,9,11 *", "0 0 30-31 feb *"):
        schedule = Schedule.parse(text)
        assert schedule.never
        assert schedule.next(FRIDAY) is schedule.previous(FRIDAY) is schedule.gaps is None
        assert list(schedule.windows(FRIDAY)) == list(schedule.between(FRIDAY, FRIDAY)) == []
        assert schedule.explain().endswith("No year has such a day, so it never runs.")
    for text in ("0 0 29 2 *", "0 0 31 2 5", "0 0 L 2 *", "1 day"):
        assert not Schedule.parse(text).never
    assert Schedule.parse("manual").never


def test_a_relative_schedule_counts_from_the_time_it_is_given():
    """What follows a run is asked with that run; the past of such a schedule is not known."""
    schedule = Schedule.parse("1 day 17:05", timezone="Europe/Berlin")
    assert local(schedule.upcoming(FRIDAY, 2)) == [
        "Sat 16 Jan 17:05 +0100",
        "Sun 17 Jan 17:05 +0100",
    ]
    for question in (schedule.previous, schedule.previous_window):
        with pytest.raises(ConfigurationError, match="counted from the last one"):
            question(FRIDAY)


def test_one_run_is_before_or_after():
    """A dated schedule has one next run and then none, and the same in the past."""
    schedule = Schedule.parse("2030-02-14 07:30", timezone="America/New_York")
    run = datetime(2030, 2, 14, 12, 30, tzinfo=UTC)
    assert schedule.upcoming(FRIDAY, 5) == [run]
    assert (schedule.next(run), schedule.previous(run)) == (None, None)
    assert schedule.previous(run + timedelta(seconds=1)) == run


@pytest.mark.parametrize("wrong", [datetime(2027, 1, 1), 1_800_000_000, None, "2027-01-01"])  # noqa: DTZ001
def test_a_time_without_a_zone_is_refused(wrong):
    """Every question takes an aware datetime, and names the argument that is none."""
    schedule = Schedule.parse("0 9 * * *")
    questions = {
        "after": (schedule.next, schedule.windows, lambda time: schedule.upcoming(time, 1)),
        "before": (schedule.previous, schedule.previous_window),
        "start": (lambda time: schedule.between(time, FRIDAY),),
        "end": (lambda time: schedule.between(FRIDAY, time),),
    }
    for name, asked in questions.items():
        for question in asked:
            with pytest.raises(ConfigurationError, match=f"{name} must be a datetime with"):
                question(wrong)


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "3", None])
def test_a_count_is_whole(wrong):
    """A count that is none is refused."""
    with pytest.raises(ConfigurationError, match="count must be a whole number"):
        Schedule.parse("0 9 * * *").upcoming(FRIDAY, wrong)


def test_a_count_is_a_number_of_any_size():
    """As many runs are returned as there are, also if more are asked for than a list can hold."""
    runs = Schedule.parse("2030-02-14 07:30").upcoming(FRIDAY, 10**30)
    assert runs == [datetime(2030, 2, 14, 7, 30, tzinfo=UTC)]


def test_sunday_to_sunday_is_one_day():
    """Sunday begins a week or ends it, by the place of its name in a range."""
    days = {"SUN-SUN": "7", "sun": "7", "SUN-MON": "1,7", "FRI-SUN": "5-7", "SUN-SAT": "*"}
    for given, meant in days.items():
        schedule = Schedule.parse(f"0 9 * * {given}")
        assert schedule.same_as(Schedule.parse(f"0 9 * * {meant}")), given


@pytest.mark.parametrize("hours", [0, 14])
def test_a_schedule_ends_with_the_calendar(hours):
    """Neither the first nor the last instant of any zone that Python has makes an error."""
    east, west = (timezone(timedelta(hours=offset)) for offset in (hours, -hours))
    first, last = datetime.min.replace(tzinfo=east), datetime.max.replace(tzinfo=west)
    for text in (*FORMS, "* * * * *", "99999999999999 hours", "9999-12-31 23:59:59", "99999 weeks"):
        for zone in ("UTC", "America/New_York", "Pacific/Apia"):
            schedule = Schedule.parse(text, timezone=zone)
            assert schedule.next(last) is None
            assert list(schedule.windows(last)) == list(schedule.between(last, last)) == []
            schedule.next(first)
            if schedule.kind is not Kind.RELATIVE:
                assert schedule.previous(first) is schedule.previous_window(first) is None
                schedule.previous(last)
                schedule.previous_window(last)


def test_a_random_schedule_says_what_is_random():
    """The fields that the service draws are named, and its times here are one draw of many."""
    drawn = {
        "R 9 * * *": ("minute",),
        "0 R3 * * *": ("hour",),
        "R R * * *": ("minute", "hour"),
        "0 9 * * *": (),
        "1 hour": (),
    }
    for text, fields in drawn.items():
        assert Schedule.parse(text).random == fields
    once, again = (Schedule.parse("R R3 * * *") for _ in range(2))
    assert once.upcoming(FRIDAY, 9) == again.upcoming(FRIDAY, 9)
    assert len(list(islice(once.between(FRIDAY, FRIDAY + timedelta(days=9)), 99))) in range(24, 31)
