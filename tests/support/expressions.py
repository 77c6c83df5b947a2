"""Expressions of every kind, and zones with the days on which their clocks are changed."""

from __future__ import annotations

import random
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from cronapi.schedule.reading import read_schedule

DAY = 86_400
CHANGES = {
    "Europe/Berlin": ("2027-03-28", "2027-10-31"),
    "Europe/London": ("2027-03-28", "2027-10-31"),
    "America/New_York": ("2027-03-14", "2027-11-07"),
    "America/St_Johns": ("2010-03-14", "2010-11-07"),
    "America/Havana": ("2024-03-10", "2024-11-03"),
    "Africa/Casablanca": ("2026-02-15", "2026-03-22"),
    "Australia/Lord_Howe": ("2027-04-04", "2027-10-03"),
    "Pacific/Apia": ("2011-12-30", "2012-04-01"),
}
"""Zones with days on which their clocks are changed: by an hour, by half of one and by a day."""


def past_runs(source, zone, after, until, count, *, seed=""):
    """Return the last runs of a schedule later than `after` and up to `until`, ascending."""
    runs = read_schedule(source, seed=seed).until(after, until, ZoneInfo(zone))
    return list(islice(runs, count))[::-1]


def count_runs(source, zone, after, until):
    """Return the number of runs of a schedule later than `after` and up to `until`."""
    return read_schedule(source).count(after, until, ZoneInfo(zone))


def unix(text, zone):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def windows(zone):
    """Yield the days around each change of a zone's clock, in Unix seconds."""
    for day in CHANGES[zone]:
        noon = unix(f"{day} 12:00", zone)
        yield noon - 2 * DAY, noon + DAY


def random_field(rng, lowest, highest):
    first, last = sorted(rng.sample(range(lowest, highest + 1), 2))
    step = rng.randint(2, 9)
    lists = (str(first), f"{first},{last}", f"{first}-{last}", f"{first}-{last}/{step}")
    return rng.choice(["*", "*", f"*/{step}", *lists])


def random_expressions(count):
    rng = random.Random("expressions")
    fields = [(0, 59), (0, 23), (1, 31), (1, 12), (1, 7)]
    for _ in range(count):
        words = [random_field(rng, *field) for field in fields]
        # Otherwise most expressions would not run near a change at all.
        for index in (2, 3, 4):
            if rng.random() < 0.7:
                words[index] = "*"
        if rng.random() < 0.5:
            words[1] = rng.choice(["0", "1", "2", "1-3", "0,2,23", "*/3"])
        if rng.random() < 0.05:
            words[0] = "R2"
        yield " ".join(words)


def _field(lowest, highest, *more):
    value = st.integers(lowest, highest)
    span = st.tuples(value, value).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, highest + 5)
    stepped = st.tuples(st.one_of(st.just("*"), span), step).map("{0[0]}/{0[1]}".format)
    item = st.one_of(value.map(str), span, stepped, *map(st.just, more))
    lists = st.lists(item, min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), st.just("*"), item, lists)


def _drawn(lowest, highest):
    some = st.integers(lowest, highest).map(lambda value: f"R,{value},{min(value + 5, highest)}")
    return st.one_of(_field(lowest, highest), st.sampled_from(["R", "R2", "R1", "R3,1-9"]), some)


crontabs = st.tuples(
    _drawn(0, 59),
    _drawn(0, 23),
    st.one_of(_field(1, 31), st.just("L")),
    _field(1, 12, "jan", "Feb-Apr"),
    _field(0, 7, "Mon", "sat-sun", "Sun-Wed"),
).map(" ".join)
"""Five fields of every kind."""

_SPANS = st.tuples(
    st.integers(1, 90),
    st.sampled_from(["sec", "minutes", "hour", "hours", "day", "days", "week", "month", "years"]),
).map("{0[0]} {0[1]}".format)
_CLOCKS = st.sampled_from(["", " 17:05", " 2:30", " 7 PM", " 0:00"])
_WEEKDAYS = st.sampled_from(["", " Friday", " mon", " Sunday"])
relatives = st.one_of(
    st.tuples(_SPANS, _WEEKDAYS, _CLOCKS).map("".join),
    st.tuples(_SPANS, st.just(" "), _SPANS, _WEEKDAYS, _CLOCKS).map("".join),
    st.tuples(st.sampled_from(["next Tue", "tomorrow"]), _CLOCKS).map("".join),
    st.tuples(st.sampled_from(["first", "last"]), st.just(" day of next month"), _CLOCKS).map(
        "".join
    ),
)
"""Time expressions of every kind."""

zones = st.sampled_from(["UTC", "Asia/Kathmandu", *CHANGES])


@st.composite
def near_changes(draw):
    """Return a zone and a time, often near a change of its clock."""
    zone = draw(zones)
    if zone not in CHANGES:
        return zone, draw(st.integers(0, 2_500_000_000))
    start, end = draw(st.sampled_from(list(windows(zone))))
    return zone, draw(st.integers(start, end))
