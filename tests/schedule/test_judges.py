"""Two libraries judge the five fields: croniter and cronsim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from attrs import frozen
from croniter import croniter
from cronsim import CronSim
from hypothesis import assume, given
from hypothesis import strategies as st

from cronapi.schedule import Schedule
from cronapi.schedule.cron_fields import values_of
from tests.support.expressions import CHANGES, DAY, random_expressions, windows

START = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
BOTH = ("croniter", "cronsim")
HOUR = timedelta(hours=1)


@frozen
class Difference:
    """A run that we have and a judge has not, or the other way round.

    `others_agree`: the other judge is of our opinion.
    """

    judge: str
    text: str
    run: datetime
    others_agree: bool

    @property
    def fields(self):
        return self.text.split()

    @property
    def is_shown_twice(self):
        return self.run.replace(fold=0).utcoffset() != self.run.replace(fold=1).utcoffset()

    @property
    def is_at_a_change(self):
        return self._offset(-timedelta(seconds=1)) != self.run.utcoffset()

    @property
    def is_after_no_midnight(self):
        """The clock went from the end of a day to the first hour of the next, in which this is."""
        midnight = self.run.replace(hour=0, minute=0)
        return midnight.astimezone(UTC).astimezone(self.run.tzinfo).hour == self.run.hour == 1

    @property
    def is_on_an_odd_day(self):
        """A clock was changed by less than an hour, or between two hours, not a day ago."""
        offsets = {self._offset(-back * HOUR) for back in range(25)}
        if len(offsets) == 1:
            return False
        minute = timedelta(minutes=1)
        change = next(
            back
            for back in range(24 * 60 + 1)
            if self._offset(-back * minute) != self._offset(-(back + 1) * minute)
        )
        return bool((max(offsets) - min(offsets)) % HOUR or (self._at(-change * minute)).minute)

    def _at(self, distance):
        return (self.run.astimezone(UTC) + distance).astimezone(self.run.tzinfo)

    def _offset(self, distance):
        return self._at(distance).utcoffset()


EXPLAINED = {
    "both count the weekdays of */n from Sunday, FastCron from Monday": (
        BOTH,
        lambda one: one.fields[4].startswith("*/"),
    ),
    "cronsim takes a day that begins with a star for unrestricted": (
        ("cronsim",),
        lambda one: one.fields[2].startswith("*/") and one.fields[4] != "*",
    ),
    "croniter takes a day or a weekday of every value for a star": (
        ("croniter",),
        lambda one: (
            "*" not in one.fields[2::2]
            and (len(values_of(one.fields[2], 2)) == 31 or len(values_of(one.fields[4], 4)) == 7)
        ),
    ),
    "croniter runs a job of a fixed time twice, or misses a part of an hour": (
        ("croniter",),
        lambda one: one.is_shown_twice,
    ),
    "croniter makes up for frequent jobs, and for a day left out": (
        ("croniter",),
        lambda one: one.is_at_a_change,
    ),
    "cronsim takes every second hour for every hour, when a clock is changed": (
        ("cronsim",),
        lambda one: one.fields[1].startswith("*/") and (one.is_shown_twice or one.is_at_a_change),
    ),
    "cronsim does not go back to the day before midnight that is shown again": (
        ("cronsim",),
        lambda one: one.is_shown_twice and one.run.fold and one.run.hour == 23,
    ),
    "cronsim loses the first hour of a day that has no midnight": (
        ("cronsim",),
        lambda one: one.others_agree and one.is_after_no_midnight,
    ),
    "cronsim makes up for frequent jobs where there is no midnight": (
        ("cronsim",),
        lambda one: (
            one.is_at_a_change and one.is_after_no_midnight and one.fields[0].startswith("*")
        ),
    ),
    "cronsim makes up for a day left out": (
        ("cronsim",),
        lambda one: one.is_at_a_change and one.run.tzname() == "+14",
    ),
    "cronsim steps by whole hours, and loses the beginning of those that a change has moved": (
        ("cronsim",),
        lambda one: one.others_agree and one.is_on_an_odd_day,
    ),
}
"""The reasons for which a judge may have another opinion, with its name and the runs at stake."""


def explanation(difference):
    """Return the first reason that explains a difference, or None."""
    return next(
        (
            reason
            for reason, (judges, explains) in EXPLAINED.items()
            if difference.judge in judges and explains(difference)
        ),
        None,
    )


def runs_by_croniter(text, start, end):
    judge = croniter(text, start)
    runs = iter(lambda: judge.get_next(datetime).astimezone(UTC), None)
    return set(takewhile(lambda run: run <= end, runs))


class LostError(Exception):
    """The judge goes round in circles."""


class BoundedCronSim(CronSim):
    """Gives up a search that never ends.

    Where an hour is shown again after midnight, it looks from 0:01 back to 23:00 for ever.
    """

    steps = 0

    def tick(self, seconds=1):
        self.steps += 1
        if self.steps > 20_000:
            raise LostError
        super().tick(seconds)


def runs_by_cronsim(text, start, end):
    """Return the runs, and the end of those that are known. It is before `end` if it is lost."""
    judge, found, last = BoundedCronSim(text, start), set(), start.astimezone(UTC)
    while True:
        judge.steps = 0
        try:
            run = next(judge).astimezone(UTC)
        except LostError:
            return found, last
        if run <= last:
            return found, last
        if run > end:
            return found, end
        found.add(run)
        last = run


def judged_by_cronsim(text, start, end):
    """Return the runs, and the span without a judgement. It begins anew at noon if it is lost."""
    found, lost = runs_by_cronsim(text, start, end)
    if lost == end:
        return found, (end, end)
    noon = max(end - timedelta(seconds=DAY), lost.astimezone(end.tzinfo))
    more, until = runs_by_cronsim(text, noon, end)
    assert until == end
    return found | more, (lost, noon)


def differences(text, name, ends):
    """Yield the differences of both judges in a window of a zone."""
    start, end = (datetime.fromtimestamp(edge, ZoneInfo(name)) for edge in ends)
    ours = set(Schedule.parse(text, timezone=name).between(start, end))
    croniter_differs = ours ^ runs_by_croniter(text, start, end)
    by_cronsim, (lost, found) = judged_by_cronsim(text, start, end)
    assert lost == found or name == "America/St_Johns", (text, name)
    cronsim_differs = {run for run in ours ^ by_cronsim if not lost < run <= found}
    for judge, one, other in (
        ("croniter", croniter_differs, cronsim_differs),
        ("cronsim", cronsim_differs, croniter_differs),
    ):
        for run in one:
            yield Difference(judge, text, run.astimezone(ZoneInfo(name)), run not in other)


def check(expressions, zones=tuple(CHANGES)):
    """Compare expressions over the changes of zones. Return the reasons for differences."""
    reasons = set()
    for text in expressions:
        for name in () if "R" in text else zones:
            for ends in windows(name):
                for one in differences(text, name, ends):
                    reasons.add(explanation(one))
                    assert None not in reasons, one
    return reasons


def test_the_judges_agree_but_for_changes_of_the_clock():
    """In eight zones, both have the same runs around each change, but for the reasons listed."""
    assert check(random_expressions(5)) <= set(EXPLAINED)


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("place", range(len(CHANGES)), ids=list(CHANGES))
def test_the_judges_agree_on_two_thousand_expressions(place):
    """The same for 2,000 expressions, an eighth of them in each zone."""
    zone, expressions = list(CHANGES)[place], list(random_expressions(2000))
    assert check(expressions[place :: len(CHANGES)], [zone]) <= set(EXPLAINED)


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
