"""A schedule in plain English."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cronapi.schedule.cron_fields import (
    DAY,
    HOUR,
    LOWEST_TO_HIGHEST,
    MINUTE,
    MONTH,
    WEEKDAY,
    choices,
    is_random,
    picks,
    values_of,
)
from cronapi.schedule.crontab import Crontab
from cronapi.schedule.dates import sample_of
from cronapi.schedule.english import MONTH_NAMES, ONE_DAY, WEEKDAY_NAMES, Once, Recurring
from cronapi.schedule.normal import span_text
from cronapi.schedule.reading import Rule

_MOST_TIMES = 6
"""More times of day than these are told by their minutes and hours."""
_SERIES = 3
_UNITS = {MINUTE: "minute", HOUR: "hour"}
_ORDINALS = {2: "2nd", 3: "3rd"}
_NAMES = {MONTH: MONTH_NAMES, WEEKDAY: WEEKDAY_NAMES}


def explained(rule: Rule, timezone: str) -> str:
    """Return sentences that tell when a rule runs."""
    if isinstance(rule, Crontab):
        text = " ".join(filter(None, (_times(rule), _dates(rule))))
        never = "" if sample_of(rule.dates) else " No year has such a day, so it never runs."
        return f"{text[0].upper()}{text[1:]}, in {timezone}.{never}"
    if isinstance(rule, Recurring):
        return _steps(rule, timezone)
    if isinstance(rule, Once):
        return f"Once, at {rule.time}{'' if rule.time.tzinfo else f', in {timezone}'}."
    return "Only on request."


def _times(crontab: Crontab) -> str:
    minute, hour = crontab.fields[MINUTE], crontab.fields[HOUR]
    seconds = "" if crontab.seconds == (0,) else f" at second {_listed(map(str, crontab.seconds))}"
    minutes, hours = (values_of(choices(crontab.fields[index]), index) for index in (MINUTE, HOUR))
    if len(minutes) * len(hours) <= _MOST_TIMES and not (is_random(minute) or is_random(hour)):
        times = [f"{one:02}:{other:02}" for one in hours for other in minutes]
        return f"at {_listed(times)}{seconds}"
    if _is_hourly(crontab) and not is_random(minute) and _step_of(minutes, MINUTE):
        return f"{_minutes(minute)}{seconds}"
    return f"{_minutes(minute)}{seconds} of {_hours(hour)}"


def _is_hourly(crontab: Crontab) -> bool:
    """Return True for a job that runs in every hour of a day."""
    hour = crontab.fields[HOUR]
    return not is_random(hour) and _step_of(values_of(hour, HOUR), HOUR) == 1


def _minutes(field: str) -> str:
    values = values_of(choices(field), MINUTE)
    if is_random(field):
        return f"at {_drawn(field, MINUTE)}"
    step = _step_of(values, MINUTE)
    return _every(step, MINUTE) if step else f"at minute {_numbers(values)}"


def _hours(field: str) -> str:
    values = values_of(choices(field), HOUR)
    if is_random(field):
        return _drawn(field, HOUR)
    step = _step_of(values, HOUR)
    return _every(step, HOUR) if step else f"hour {_numbers(values)}"


def _drawn(field: str, index: int) -> str:
    count, unit = picks(field), _UNITS[index]
    few = f"a random {unit}" if count == 1 else f"{count} random {unit}s"
    _, listed, _ = field.partition(",")
    return f"{few} out of {_numbers(values_of(choices(field), index))}" if listed else few


def _dates(crontab: Crontab) -> str:
    dates = crontab.dates
    found = []
    if dates.last:
        found.append("on the last day of the month")
    elif dates.days is not None:
        found.append(f"on {_days(sorted(dates.days))} of the month")
    if dates.weekdays is not None:
        found.append(f"on {_named(dates.weekdays, WEEKDAY)}")
    every = _step_of(sorted(dates.months), MONTH) == 1
    months = "" if every else f"in {_named(dates.months, MONTH)}"
    # cron's rule: with both, a match of either is enough.
    days = " or ".join(found) or ("" if _is_hourly(crontab) else "every day")
    return " ".join(filter(None, (days, months)))


def _days(days: list[int]) -> str:
    step = _step_of(days, DAY)
    return f"every {_ordinal(step)} day from the first" if step else f"day {_numbers(days)}"


def _named(values: frozenset[int], index: int) -> str:
    names = [name.title() for name in _NAMES[index]]
    return _rows(sorted(values), lambda value: names[value - 1])


def _numbers(values: list[int]) -> str:
    return _rows(values, str)


def _step_of(values: list[int], index: int) -> int | None:
    """Return the step of values that go through the whole field, else `None`."""
    lowest, highest = LOWEST_TO_HIGHEST[index]
    if len(values) < _SERIES or values[0] != lowest:
        return None
    step = values[1] - values[0]
    return step if values == list(range(lowest, highest + 1, step)) else None


def _every(step: int, index: int) -> str:
    unit = _UNITS[index]
    if step == 1:
        return f"every {unit}"
    if index == MINUTE:
        return f"every {step} minutes"
    return f"every {_ordinal(step)} {unit}"


def _ordinal(number: int) -> str:
    return _ORDINALS.get(number, f"{number}th")


def _rows(values: list[int], name: Callable[[int], str]) -> str:
    """List values, those of a row by the first and the last."""
    parts: list[list[int]] = []
    for value in values:
        if parts and value == parts[-1][-1] + 1:
            parts[-1].append(value)
        else:
            parts.append([value])
    return _listed(text for row in parts for text in _row(row, name))


def _row(row: list[int], name: Callable[[int], str]) -> list[str]:
    if len(row) < _SERIES:
        return [name(value) for value in row]
    return [f"{name(row[0])} to {name(row[-1])}"]


def _listed(texts: Iterable[str]) -> str:
    *most, last = texts
    return f"{', '.join(most)} and {last}" if most else last


def _steps(rule: Recurring, timezone: str) -> str:
    clock = "" if rule.clock is None else f", at {rule.clock[0]:02}:{rule.clock[1]:02}"
    if rule.weekday is not None:
        clock = clock or ", at 00:00"
    if rule.period:
        span = span_text(rule).removeprefix("1 ")
        return f"Every {span}, counted from the last run."
    if rule.edge:
        return f"On the {rule.edge} day of the month after the last run{clock}, in {timezone}."
    if rule.weekday is not None and rule.span == ONE_DAY:
        name = WEEKDAY_NAMES[rule.weekday].title()
        return f"On the {name} after the last run{clock}, in {timezone}."
    day = "" if rule.weekday is None else f", then on to {WEEKDAY_NAMES[rule.weekday].title()}"
    return f"{span_text(rule)} after the last run{day}{clock}, in {timezone}."
