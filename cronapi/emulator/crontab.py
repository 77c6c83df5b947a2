"""Crontab expressions of the services, and their random fields.

cronsim evaluates plain expressions, by Debian's daylight-saving rules. Where the services differ,
an expression is first translated to an equal one for cronsim. Source: FastCron guides
"cron-expressions" and "random-time".
"""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen
from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY, MONTH, WEEKDAY = range(5)
_FIELD_NAMES = ("minute", "hour", "day", "month", "weekday")
_LOWEST_TO_HIGHEST = {MINUTE: (0, 59), HOUR: (0, 23), DAY: (1, 31), MONTH: (1, 12), WEEKDAY: (1, 7)}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

_ITEM = r"(?:\*(?:/[1-9]\d*)?|\d+(?:-\d+(?:/[1-9]\d*)?)?)"
_LIST = re.compile(rf"{_ITEM}(?:,{_ITEM})*")
_RANDOM = re.compile(rf"R(\d*)(?:,({_ITEM}(?:,{_ITEM})*))?")
_A_DAY = timedelta(days=1)


@frozen
class Crontab:
    """A five-field expression for cronsim, with a run at each of `seconds` of a matching minute."""

    expression: str
    seconds: tuple[int, ...] = (0,)

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs later than `start`, earliest first."""
        # One minute back: the minute of `start` may have a run at a later second.
        for minute in CronSim(self.expression, datetime.fromtimestamp(start - 60, zone)):
            first = int(minute.timestamp())
            yield from (first + second for second in self.seconds if first + second > start)

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs later than `start` and not later than `end`, latest first."""
        # From a whole minute: versions of cronsim treat seconds differently.
        next_minute = (end // 60 + 1) * 60
        for minute in CronSim(
            self.expression, datetime.fromtimestamp(next_minute, zone), reverse=True
        ):
            first = int(minute.timestamp())
            if first + 60 <= start:
                return
            yield from (
                first + second for second in reversed(self.seconds) if start < first + second <= end
            )


@frozen
class RandomCrontab:
    """An expression with R fields: minutes are drawn anew for every hour, hours for every day.

    A draw depends only on `seed`, the field and the period: asking twice gives the same runs.
    """

    fields: tuple[str, ...]
    seed: str

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs later than `start`, earliest first."""
        first = datetime.fromtimestamp(start, zone).replace(tzinfo=None) - 2 * _A_DAY
        for day in CronSim(self._days, first):
            yield from (run for run in self._runs(day, zone) if run > start)

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs later than `start` and not later than `end`, latest first."""
        last = datetime.fromtimestamp(end, zone).replace(tzinfo=None) + 2 * _A_DAY
        for day in CronSim(self._days, last, reverse=True):
            if datetime.fromtimestamp(start, UTC).replace(tzinfo=None) > day + 3 * _A_DAY:
                return
            yield from (run for run in reversed(self._runs(day, zone)) if start < run <= end)

    @property
    def _days(self) -> str:
        return " ".join(("0", "0", *self.fields[DAY:]))

    def _runs(self, day: datetime, zone: ZoneInfo) -> list[int]:
        # A set: when the clock is put forward, two hours of the day can be the same Unix time.
        runs: set[int] = set()
        for hour in _draw(self.fields[HOUR], HOUR, f"{self.seed} {day:%Y-%m-%d}"):
            minutes = _draw(self.fields[MINUTE], MINUTE, f"{self.seed} {day:%Y-%m-%d} {hour}")
            times = (day.replace(hour=hour, minute=minute, tzinfo=zone) for minute in minutes)
            runs.update(int(time.timestamp()) for time in times)
        return sorted(runs)


def read_crontab(
    text: str, *, seconds: tuple[int, ...] = (0,), seed: str = ""
) -> Crontab | RandomCrontab:
    """Read an expression of five fields.

    Weekdays go from 1 (Monday) to 7 (Sunday), and 0 is also Sunday. Raises a `ValueError` that
    names the wrong field.
    """
    words = text.upper().split()
    if len(words) != len(_FIELD_NAMES):
        raise ValueError(f"an expression has five fields, not {len(words)}: {text!r}")
    fields = tuple(_translate(word, index) for index, word in enumerate(words))
    # cronsim does not know R, so it checks the expression with a star in its place.
    plain = " ".join("*" if _RANDOM.fullmatch(field) else field for field in fields)
    try:
        CronSim(plain, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f"{error} in {text!r}") from error
    if plain == " ".join(fields):
        return Crontab(plain, seconds)
    return RandomCrontab(fields, f"{seed} {' '.join(fields)}")


def _translate(word: str, index: int) -> str:
    field = _without_names(word, index)
    if index == DAY and field == "L":
        return field
    if index in {MINUTE, HOUR} and _is_drawable(field, index):
        return field
    if not _LIST.fullmatch(field):
        raise ValueError(f"bad {_FIELD_NAMES[index]} {word!r}")
    return field if index in {MINUTE, HOUR, MONTH} else _without_starred_steps(field, index)


def _without_names(word: str, index: int) -> str:
    if index == MONTH:
        return re.sub("|".join(_MONTHS), lambda name: str(_MONTHS.index(name[0]) + 1), word)
    if index == WEEKDAY:
        from_sunday = re.sub("SUN(?=-)", "0", word)
        return re.sub(
            "|".join(_WEEKDAYS), lambda name: str(_WEEKDAYS.index(name[0]) + 1), from_sunday
        )
    return word


def _without_starred_steps(field: str, index: int) -> str:
    """Write `*/2` as `1-31/2`.

    cronsim counts weekdays from 0, and takes a field that begins with a star for unrestricted.
    """
    lowest, highest = _LOWEST_TO_HIGHEST[index]
    items = field.split(",")
    if "*" in items or "*/1" in items:
        return "*"
    return ",".join(item.replace("*/", f"{lowest}-{highest}/") for item in items)


def _is_drawable(field: str, index: int) -> bool:
    match = _RANDOM.fullmatch(field)
    if not match:
        return False
    lowest, highest = _LOWEST_TO_HIGHEST[index]
    choices = _expand(match[2] or "*", index)
    if int(match[1] or 1) not in range(1, len(choices) + 1) or not set(choices) <= set(
        range(lowest, highest + 1)
    ):
        raise ValueError(
            f"{field!r} draws more values than there are, or has a wrong {_FIELD_NAMES[index]}"
        )
    return True


def _draw(field: str, index: int, seed: str) -> list[int]:
    match = _RANDOM.fullmatch(field)
    if not match:
        return _expand(field, index)
    # Not for secrets: unpredictable runs would make tests fail by chance.
    generator = random.Random(f"{seed} {_FIELD_NAMES[index]}")  # noqa: S311 -- repeatable on purpose
    return sorted(generator.sample(_expand(match[2] or "*", index), int(match[1] or 1)))


def _expand(field: str, index: int) -> list[int]:
    return sorted({value for item in field.split(",") for value in _values(item, index)})


def _values(item: str, index: int) -> range:
    span, _, step = item.partition("/")
    lowest, highest = _LOWEST_TO_HIGHEST[index]
    if span != "*":
        first, _, last = span.partition("-")
        lowest, highest = int(first), int(last or first)
    return range(lowest, highest + 1, int(step or 1))
