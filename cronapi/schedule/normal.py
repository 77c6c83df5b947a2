"""The normal form of a schedule, and the comparison of two."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby, islice
from zoneinfo import ZoneInfo

from cronapi.schedule.cron_fields import (
    DAY,
    HOUR,
    LAST_DAY,
    LOWEST_TO_HIGHEST,
    MINUTE,
    MONTH,
    WEEKDAY,
    choices,
    picks,
    values_of,
)
from cronapi.schedule.crontab import Crontab
from cronapi.schedule.dates import sample_of
from cronapi.schedule.english import ONE_DAY, WEEKDAY_NAMES, Once, Recurring
from cronapi.schedule.reading import Rule
from cronapi.schedule.windows import Span, random_fields, spans_after

_SERIES = 3
"""A list of as many values is written as a range or as steps."""
_PROBES = [int(datetime(2030, month, 15, tzinfo=UTC).timestamp()) for month in range(1, 13)]
_PROBED = 5


def normal_form(rule: Rule) -> str:
    """Return the expression of a rule in one spelling, which is read as the same rule."""
    if isinstance(rule, Crontab):
        fields = [_field(rule.fields[index], index) for index in (MINUTE, HOUR)]
        seconds = "" if rule.seconds == (0,) else f" at seconds {rule.seconds}"
        return " ".join((*fields, *_dates(rule))) + seconds
    if isinstance(rule, Recurring):
        return _steps(rule)
    if isinstance(rule, Once):
        return str(rule.time) if rule.time.tzinfo is None else f"@{int(rule.time.timestamp())}"
    return "manual"


def same(one: Rule, other: Rule, zone: ZoneInfo, other_zone: ZoneInfo) -> bool | None:
    """Return True or False if two rules certainly are the same or certainly differ, else None."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Once) and isinstance(other, Once):
        return one.unix_time(zone) == other.unix_time(other_zone)
    found = _same_rule(one, other, zone)
    if zone == other_zone or found is False or not _depends_on_zone(one):
        return found
    if offset_of(zone) is not None and offset_of(zone) == offset_of(other_zone):
        return found
    # Zones cannot be compared for all time. A run that differs is a proof, none is not.
    return False if _probes(one, zone) != _probes(other, other_zone) else None


def offset_of(zone: ZoneInfo) -> object:
    """Return the offset of a zone whose clock was never changed, else `None`."""
    return zone.utcoffset(None)


def _same_rule(one: Rule, other: Rule, zone: ZoneInfo) -> bool | None:
    if not (isinstance(one, Crontab) and isinstance(other, Crontab)):
        return normal_form(one) == normal_form(other)
    dates = sample_of(one.dates)
    if dates != sample_of(other.dates):
        return False
    if not dates:
        return True
    if _times(one) != _times(other):
        return False
    if random_fields(one) and normal_form(one).count("R"):
        return None
    # The star of a frequent job tells on days on which the clock is changed.
    return True if one.frequent == other.frequent or offset_of(zone) is not None else None


def _times(crontab: Crontab) -> object:
    drawn = [(_picks(crontab.fields[index], index)) for index in (MINUTE, HOUR)]
    values = [values_of(choices(crontab.fields[index]), index) for index in (MINUTE, HOUR)]
    return drawn, values, crontab.seconds


def _picks(field: str, index: int) -> int:
    """Return how many values are drawn, 0 if that leaves no choice."""
    count = picks(field)
    return 0 if count == len(values_of(choices(field), index)) else count


def _depends_on_zone(rule: Rule) -> bool:
    return isinstance(rule, Crontab) or (isinstance(rule, Recurring) and not rule.period)


def _probes(rule: Rule, zone: ZoneInfo) -> list[Span]:
    return [span for probe in _PROBES for span in islice(spans_after(rule, probe, zone), _PROBED)]


def _field(field: str, index: int) -> str:
    """Write a minute or an hour. A star stays one, since it tells a frequent job."""
    values, count = values_of(choices(field), index), _picks(field, index)
    lowest, highest = LOWEST_TO_HIGHEST[index]
    every = len(values) == highest - lowest + 1
    if count:
        drawn = f"R{count if count > 1 else ''}"
        return drawn if every else f"{drawn},{_ranges(values)}"
    if field.startswith("*") and (every or index == MINUTE):
        return _starred(values, index)
    if index == HOUR and not every:
        return _steps_or_ranges(values, index)
    return _ranges(values)


def _starred(values: list[int], index: int) -> str:
    lowest, highest = LOWEST_TO_HIGHEST[index]
    step = values[1] - values[0] if len(values) > 1 else highest + 1
    if values == list(range(lowest, highest + 1, step)):
        return "*" if step == 1 else f"*/{step}"
    # A step beyond the end is a star with the lowest value alone.
    return f"*/{highest + 1},{_ranges(values[1:])}"


def _dates(crontab: Crontab) -> tuple[str, str, str]:
    dates = crontab.dates
    months = _steps_or_ranges(sorted(dates.months), MONTH)
    day, weekday = (
        "*" if values is None else _steps_or_ranges(sorted(values), index)
        for values, index in ((dates.days, DAY), (dates.weekdays, WEEKDAY))
    )
    if dates.last:
        day = LAST_DAY
    if _is_every(dates.days, DAY) or _is_every(dates.weekdays, WEEKDAY):
        # Either may match, and one always does.
        day = weekday = "*"
    return day, months, weekday


def _is_every(values: frozenset[int] | None, index: int) -> bool:
    lowest, highest = LOWEST_TO_HIGHEST[index]
    return values is not None and len(values) == highest - lowest + 1


def _steps_or_ranges(values: list[int], index: int) -> str:
    lowest, highest = LOWEST_TO_HIGHEST[index]
    if len(values) < _SERIES or values[0] != lowest:
        return _ranges(values)
    step = values[1] - values[0]
    if values != list(range(lowest, highest + 1, step)):
        return _ranges(values)
    return "*" if step == 1 else f"*/{step}"


def _ranges(values: list[int]) -> str:
    # Values of a row without a gap have one distance to their places.
    rows = groupby(enumerate(values), lambda pair: pair[1] - pair[0])
    return ",".join(_range([value for _, value in row]) for _, row in rows)


def _range(row: list[int]) -> str:
    return f"{row[0]}-{row[-1]}" if len(row) >= _SERIES else ",".join(map(str, row))


def _steps(rule: Recurring) -> str:
    clock = "" if rule.clock is None else f" {rule.clock[0]:02}:{rule.clock[1]:02}"
    if rule.edge:
        return f"{rule.edge} day of next month{clock}"
    day = "" if rule.weekday is None else f" {WEEKDAY_NAMES[rule.weekday].title()}"
    if day and rule.span == ONE_DAY:
        return f"next{day}{clock or ' 00:00'}"
    # A weekday without a time of day is at midnight.
    clock = clock or (" 00:00" if day else "")
    return f"{span_text(rule)}{day}{clock}"


def span_text(rule: Recurring) -> str:
    """Return a span with one unit for its months, one for its days and one for its seconds."""
    span = rule.span
    unit, size = next(
        (unit, size)
        for unit, size in (("hour", 3600), ("minute", 60), ("second", 1))
        if span.seconds % size == 0
    )
    parts = ((span.months, "month"), (span.days, "day"), (span.seconds // size, unit))
    return " ".join(f"{count} {name}{'s' * (count != 1)}" for count, name in parts if count)
