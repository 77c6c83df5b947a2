"""The five fields of a crontab expression: their values, and the draws of random fields.

Source: FastCron guides "cron-expressions" and "random-time".
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

MINUTE, HOUR, DAY, MONTH, WEEKDAY = range(5)
FIELD_NAMES = ("minute", "hour", "day", "month", "weekday")
LAST_DAY = "L"
# Weekdays go from 1 (Monday) to 7 (Sunday), and steps begin at 1.
LOWEST_TO_HIGHEST = {MINUTE: (0, 59), HOUR: (0, 23), DAY: (1, 31), MONTH: (1, 12), WEEKDAY: (1, 7)}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

# A name stands for a whole value, so no digit or letter is beside it. No step is one.
_MONTH_NAME, _WEEKDAY_NAME = (
    re.compile(rf"(?<![0-9A-Z/])(?:{'|'.join(names)})(?![0-9A-Z])") for names in (MONTHS, WEEKDAYS)
)
_SUNDAY_FIRST = re.compile(r"(?<![0-9A-Z])SUN-(?:SUN(?![0-9A-Z]))?")
_ITEM = r"(?:\*(?:/0*[1-9][0-9]*)?|[0-9]+(?:-[0-9]+(?:/0*[1-9][0-9]*)?)?)"
_LIST = re.compile(rf"{_ITEM}(?:,{_ITEM})*")
_RANDOM = re.compile(rf"R([0-9]*)(?:,({_ITEM}(?:,{_ITEM})*))?")


def read_field(word: str, index: int) -> str:
    """Return a field in digits. Raises a `ValueError` that names the field for any other text."""
    field = _without_names(word, index)
    if index == DAY and field == LAST_DAY:
        return field
    drawn = _RANDOM.fullmatch(field) if index in {MINUTE, HOUR} else None
    if not (drawn or _LIST.fullmatch(field)):
        raise ValueError(f"bad {FIELD_NAMES[index]} {word!r}")
    # Checked before the values are counted, since a range may be long.
    if not all(_is_item(item, index) for item in choices(field).split(",")):
        raise ValueError(f"bad {FIELD_NAMES[index]} {word!r}")
    if drawn and int(drawn[1] or 1) not in range(1, len(values_of(choices(field), index)) + 1):
        raise ValueError(f"{word!r} draws more values than there are")
    return field


def is_random(field: str) -> bool:
    """Return True if the values of a field are drawn."""
    return field.startswith("R")


def values_of(field: str, index: int) -> list[int]:
    """Return the values of a field that is not random, ascending."""
    return sorted({value for item in field.split(",") for value in _values(item, index)})


def draw(field: str, index: int, seed: str) -> list[int]:
    """Return the values of a field, ascending, those of a random one as `seed` draws them."""
    if not is_random(field):
        return values_of(field, index)
    # Not for secrets: unpredictable runs would make tests fail by chance.
    generator = random.Random(f"{seed} {FIELD_NAMES[index]}")  # noqa: S311 -- repeatable on purpose
    return sorted(generator.sample(values_of(choices(field), index), picks(field)))


def picks(field: str) -> int:
    """Return how many values a field draws in each period, 0 for one that is not random."""
    return int(field.partition(",")[0].removeprefix("R") or 1) if is_random(field) else 0


def choices(field: str) -> str:
    """Return the list that a random field draws from, or the field itself."""
    return (field.partition(",")[2] or "*") if is_random(field) else field


def _without_names(word: str, index: int) -> str:
    if index == MONTH:
        return _MONTH_NAME.sub(lambda name: str(MONTHS.index(name[0]) + 1), word)
    if index == WEEKDAY:
        from_sunday = _SUNDAY_FIRST.sub(lambda range_: range_[0].replace("SUN", "0"), word)
        return _WEEKDAY_NAME.sub(lambda name: str(WEEKDAYS.index(name[0]) + 1), from_sunday)
    return word


def _is_item(item: str, index: int) -> bool:
    lowest, highest = LOWEST_TO_HIGHEST[index]
    first, last, _ = _parts(item, index)
    # 0 is Sunday too.
    return (0 if index == WEEKDAY else lowest) <= first <= last <= highest


def _values(item: str, index: int) -> Iterator[int]:
    first, last, step = _parts(item, index)
    return (value or 7 if index == WEEKDAY else value for value in range(first, last + 1, step))


def _parts(item: str, index: int) -> tuple[int, int, int]:
    span, _, step = item.partition("/")
    if span == "*":
        return *LOWEST_TO_HIGHEST[index], int(step or 1)
    first, _, last = span.partition("-")
    return int(first), int(last or first), int(step or 1)
