"""Two libraries judge the five fields: croniter and cronsim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from cronsim import CronSim
from hypothesis import assume, given
from hypothesis import strategies as st

from cronapi.schedule import Schedule
from cronapi.schedule.cron_fields import values_of
from tests.support.expressions import CHANGES, DAY, random_expressions, windows

START = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
EXPLAINED = {
    "weekday steps": "both count the weekdays of */n from Sunday, FastCron from Monday",
    "star and weekday": "cronsim takes a day or weekday that begins with a star for unrestricted",
    "a time shown twice": "croniter runs a job of a fixed time twice, or misses a part of an hour",
    "the moment of a change": "croniter makes up for frequent jobs, and for a day left out",
}


def runs_by_croniter(text, start, end):
    judge = croniter(text, start)
    runs = iter(lambda: judge.get_next(datetime).astimezone(UTC), None)
    return set(takewhile(lambda run: run <= end, runs))


def explanation(text, run, zone):
    """Return the row of EXPLAINED that allows croniter another opinion about a run."""
    if text.split()[-1].startswith("*/"):
        return "weekday steps"
    wall = run.astimezone(zone).replace(fold=0)
    if wall.utcoffset() != wall.replace(fold=1).utcoffset():
        return "a time shown twice"
    before = (run - timedelta(seconds=1)).astimezone(zone)
    if before.utcoffset() != run.astimezone(zone).utcoffset():
        return "the moment of a change"
    return None


def check(expressions):
    """Compare expressions over the changes of every zone. Return the reasons for differences."""
    reasons = set()
    for text in expressions:
        for name in () if "R" in text else CHANGES:
            zone, schedule = ZoneInfo(name), Schedule.parse(text, timezone=name)
            for ends in windows(name):
                start, end = (datetime.fromtimestamp(edge, zone) for edge in ends)
                ours = set(schedule.between(start, end))
                for run in ours ^ runs_by_croniter(text, start, end):
                    reasons.add(explanation(text, run, zone))
                    assert None not in reasons, (text, name, run)
    return reasons


def test_croniter_agrees_but_for_changes_of_the_clock():
    """In eight zones, croniter has the same runs around each change, for the reasons listed."""
    assert check(random_expressions(5)) <= set(EXPLAINED)


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_croniter_agrees_on_many_expressions():
    """The same for 300 expressions."""
    assert check(random_expressions(300)) <= set(EXPLAINED)


def field(lowest, highest):
    value = st.integers(lowest, highest)
    # A range of one value is read otherwise: 5-5/2 as 5-59/2 by cronsim, 1-1 as 1-7 by croniter.
    longer = st.lists(value, min_size=2, max_size=2, unique=True).map(sorted)
    span = longer.map("{0[0]}-{0[1]}".format)
    # A step of 1 is a star to the services, and a restriction to croniter.
    stepped = st.tuples(st.one_of(st.just("*"), span), st.integers(2, highest))
    return st.one_of(
        st.just("*"),
        st.lists(st.one_of(value.map(str), span), min_size=1, max_size=3).map(",".join),
        stepped.map("{0[0]}/{0[1]}".format),
    )


@given(
    st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(1, 7)),
    st.integers(0, 4 * 365 * DAY),
)
def test_both_agree_where_no_clock_is_changed(fields, seconds):
    """In UTC both libraries have the same next and past runs, with day and weekday alike."""
    text, start = " ".join(fields), START + timedelta(seconds=seconds)
    day, weekday = fields[2], fields[4]
    assume(not weekday.startswith("*/"))
    # croniter takes a field of every value for a star.
    every = {len(values_of(day, 2)) == 31, len(values_of(weekday, 4)) == 7}
    assume("*" in (day, weekday) or every == {False})
    schedule = Schedule.parse(text)
    runs = schedule.upcoming(start, 3)
    # A date that no year has is an error of both, late or soon.
    assume(not schedule.never)
    judge = croniter(text, start, max_years_between_matches=20)
    assert [judge.get_next(datetime) for _ in runs] == runs
    assert croniter(text, runs[0]).get_prev(datetime) == schedule.previous(runs[0])
    if not (day.startswith("*/") and weekday != "*"):
        assert list(islice(CronSim(text, start), 3)) == runs
