"""Laws that hold for every expression, zone and time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from cronapi.schedule import Kind, Schedule
from tests.support.expressions import crontabs, near_changes, relatives

anything = st.one_of(crontabs, relatives)
DAYS = timedelta(days=3)


def at(place):
    return datetime.fromtimestamp(place[1], UTC)


@given(anything, near_changes())
def test_next_is_later_and_between_is_next_again_and_again(text, place):
    """Runs ascend strictly, and all questions about what follows have one answer."""
    schedule, start = Schedule.parse(text, timezone=place[0]), at(place)
    runs = schedule.upcoming(start, 6)
    assert all(earlier < later for earlier, later in pairwise([start, *runs]))
    assert schedule.next(start) == next(iter(runs), None)
    if runs:
        assert list(schedule.between(start, runs[-1])) == runs
    if schedule.kind is Kind.CRONTAB:
        repeated = [schedule.next(run) for run in [start, *runs[:-1]]]
        assert repeated == runs[: len(repeated)] or not runs


@given(crontabs, near_changes())
def test_previous_is_the_run_before_next(text, place):
    """What was announced is found when looking back, over each change of a clock."""
    schedule, start = Schedule.parse(text, timezone=place[0]), at(place)
    runs = schedule.upcoming(start, 4)
    assert [schedule.previous(run) for run in runs[1:]] == runs[:-1]
    before = schedule.previous(start + timedelta(microseconds=1))
    assert before is None or before <= start
    assert before is None or schedule.next(before) == next(iter(runs), None)


@given(anything, near_changes())
def test_the_normal_form_is_the_same_schedule(text, place):
    """It is read as itself, runs at the same times, and never differs from what it came from."""
    schedule = Schedule.parse(text, timezone=place[0])
    normal = Schedule.parse(schedule.normal, timezone=place[0])
    assert normal.normal == schedule.normal
    assert schedule.same_as(normal) is normal.same_as(schedule) is not False
    assert list(islice(normal.windows(at(place)), 3)) == list(
        islice(schedule.windows(at(place)), 3)
    )
    assert (normal.gaps, normal.never) == (schedule.gaps, schedule.never)


@given(anything, anything, near_changes())
def test_two_schedules_that_are_the_same_run_alike(one, other, place):
    """Same is the same from both sides, and no run contradicts it."""
    first, second = (Schedule.parse(text, timezone=place[0]) for text in (one, other))
    same = first.same_as(second)
    assert second.same_as(first) is same
    if same:
        assert first.upcoming(at(place), 5) == second.upcoming(at(place), 5)


@given(anything, st.integers(0, 2_500_000_000))
def test_no_gap_is_outside_its_bounds(text, seconds):
    """Where no clock is changed, runs in a row are as far apart as the bounds say."""
    schedule = Schedule.parse(text)
    start = datetime.fromtimestamp(seconds, UTC)
    # A first step may be shorter: it leads to the weekday and the time of day.
    runs = schedule.upcoming(start, 9)[schedule.kind is Kind.RELATIVE :]
    gaps = schedule.gaps
    assert gaps or len(runs) < 2
    for earlier, later in pairwise(runs):
        assert gaps.shortest <= later - earlier <= gaps.longest


@given(anything, near_changes())
def test_every_schedule_has_its_words(text, place):
    """The sentence begins with a capital, ends with a full stop, and is one line."""
    words = Schedule.parse(text, timezone=place[0]).explain()
    assert words[0] == words[0].upper()
    assert words.endswith(".")
    assert "\n" not in words
    assert "  " not in words
