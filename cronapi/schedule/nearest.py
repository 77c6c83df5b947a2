"""Expressions that are likely meant by a text which is none.

A few rewritings are tried. Not each of them can be read; the reader decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from cronapi.schedule.cron_fields import (
    FIELD_NAMES,
    LOWEST_TO_HIGHEST,
    MONTH,
    MONTHS,
    WEEKDAY,
    WEEKDAYS,
)
from cronapi.schedule.english import MONTH_NAMES, TIME, WEEKDAY_NAMES, read_clock

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 7",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""crontab's names for times, which the services do not read."""
_PLAIN = {name[1:]: text for name, text in MACROS.items()}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
_DAYS = {
    "day": "*",
    "days": "*",
    "daily": "*",
    "weekday": "1-5",
    "weekdays": "1-5",
    "workday": "1-5",
    "workdays": "1-5",
    "weekend": "6-7",
    "weekends": "6-7",
    **{name: str(place) for place, name in enumerate(WEEKDAY_NAMES, 1)},
    **{f"{name}s": str(place) for place, name in enumerate(WEEKDAY_NAMES, 1)},
}
_VOCABULARY = (
    *(unit + ending for unit in _UNITS for ending in ("", "s")),
    *("next", "tomorrow", "first", "last", "of", "manual", "am", "pm"),
    *WEEKDAY_NAMES,
    *MONTH_NAMES,
)
_FIVE = len(FIELD_NAMES)
_LONGEST = 100
_NAMES = {MONTH: (MONTHS, MONTH_NAMES), WEEKDAY: (WEEKDAYS, WEEKDAY_NAMES)}


def nearest(text: str) -> Iterator[str]:
    """Yield texts that may be meant, the likeliest first, for a text of some words."""
    if len(text) > _LONGEST:
        return
    lowered = " ".join(text.lower().split())
    yield from _named(lowered)
    words = text.upper().replace("?", "*").split()
    if len(words) == _FIVE:
        yield " ".join(_mended(word, index) for index, word in enumerate(words))
    if len(words) > _FIVE:
        # Seconds stand before the minute elsewhere, and a year after the weekday.
        yield " ".join(words[1 : _FIVE + 1])
        yield " ".join(words[:_FIVE])
    if 1 < len(words) < _FIVE:
        yield " ".join([*words, *["*"] * (_FIVE - len(words))])
    yield from _time_of_day(lowered)
    yield from _english(lowered)


def _named(text: str) -> Iterator[str]:
    known = MACROS | _PLAIN
    yield from (known[name] for name in get_close_matches(text, known, 1, cutoff=0.8))


def _mended(word: str, index: int) -> str:
    return ",".join(_mended_item(item, index) for item in word.split(","))


def _mended_item(item: str, index: int) -> str:
    lowest, highest = LOWEST_TO_HIGHEST[index]
    named = re.sub(r"[A-Z]{3,}", lambda name: _short_name(name[0], index), item)
    digits = re.sub(r"[A-Z]{3}", lambda name: _number(name[0], index), named)
    if stepped := re.fullmatch(r"(\d{1,2})/(\d{1,2})", digits):
        return f"{stepped[1]}-{highest}/{stepped[2]}"
    wrapped = re.fullmatch(r"(\d{1,2})-(\d{1,2})", digits)
    if wrapped and lowest <= int(wrapped[2]) < int(wrapped[1]) <= highest:
        return f"{wrapped[1]}-{highest},{lowest}-{wrapped[2]}"
    if lowest == 0 and item == str(highest + 1):
        return "0"
    return named


def _short_name(word: str, index: int) -> str:
    """Return the first three letters of the name that is closest, one of the same letter first."""
    if index not in _NAMES:
        return word
    short, names = _NAMES[index]
    near = get_close_matches(word.lower(), [*names, *map(str.lower, short)], 3)
    near.sort(key=lambda name: name[0] != word[0].lower())
    return near[0][:3].upper() if near else word


def _number(name: str, index: int) -> str:
    short = _NAMES[index][0] if index in _NAMES else ()
    return str(short.index(name) + 1) if name in short else name


def _time_of_day(text: str) -> Iterator[str]:
    """Yield five fields for a day and a time of day, as in `every Friday at 5 pm`."""
    found = re.search(rf"(?<!\S)(?:{TIME})(?!\S)", text, re.IGNORECASE | re.ASCII)
    days = [_DAYS[word] for word in text.split() if word in _DAYS]
    if not found or not days:
        return
    try:
        clock = read_clock(found[0])
    except ValueError:
        return
    if clock:
        yield f"{clock[1]} {clock[0]} * * {','.join(dict.fromkeys(days))}"


def _english(text: str) -> Iterator[str]:
    text = re.sub(r"^(?:every|each|in|on)\s|\b(?:at|on)\s", "", text)
    words = [str(_NUMBERS.index(word)) if word in _NUMBERS else word for word in text.split()]
    if words and words[0] in _UNITS:
        words = ["1", *words]
    yield " ".join(words)
    yield " ".join(_known_word(word) for word in words)


def _known_word(word: str) -> str:
    if not word.isalpha() or word in _VOCABULARY:
        return word
    return next(iter(get_close_matches(word, _VOCABULARY, 1)), word)
