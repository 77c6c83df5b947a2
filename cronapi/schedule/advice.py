"""The error for a text that is no schedule: the part that is wrong, and the nearest that reads."""

from __future__ import annotations

import re
from collections.abc import Callable

from cronapi.schedule.cron_fields import (
    DAY,
    FIELD_NAMES,
    LOWEST_TO_HIGHEST,
    MONTH,
    WEEKDAY,
    read_field,
)
from cronapi.schedule.nearest import nearest

_LONGEST = 80
_FIVE = len(FIELD_NAMES)
_MORE = {
    DAY: ", or L for the last day",
    MONTH: ", or JAN to DEC",
    WEEKDAY: " from Monday to Sunday, or MON to SUN",
}
_RANDOM = ", or R for random ones"
_FIELD = re.compile(r"[\dA-Z*?/,#-]+", re.IGNORECASE | re.ASCII)
_ENGLISH = re.compile(r"(?:SEC|MIN|HOUR|DAY|WEEK|MONTH|YEAR|TOMOR|NEXT|EVERY)[A-Z]*", re.IGNORECASE)


def diagnosis(text: str, reason: str, reads: Callable[[str], bool]) -> str:
    """Return an error text for an expression that `reads` refuses for a reason."""
    meant = next((near for near in nearest(text) if reads(near)), None)
    advice = f" Did you mean {meant!r}?" if meant else ""
    return f"{_shown(text)} is no schedule: {_reason(text, reason)}.{advice}"


def _shown(text: str) -> str:
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}..."


def _reason(text: str, reason: str) -> str:
    words = text.split()
    if not words:
        return "it is empty"
    if text.startswith("@"):
        return "after @ comes a Unix time"
    if reason.endswith("is not a time of day"):
        return reason
    if not _looks_like_fields(words):
        return "it is neither five fields, nor a time expression such as '1 day 17:05', nor a date"
    if len(words) != _FIVE:
        return f"an expression has five fields ({', '.join(FIELD_NAMES)}), not {len(words)}"
    wrong = [_wrong_field(word, index) for index, word in enumerate(words)]
    return "; ".join(filter(None, wrong)) or reason


def _looks_like_fields(words: list[str]) -> bool:
    if any(map(_ENGLISH.fullmatch, words)) or not all(map(_FIELD.fullmatch, words)):
        return False
    return any(re.search(r"[\d*?]", word) for word in words)


def _wrong_field(word: str, index: int) -> str | None:
    name, (lowest, highest) = FIELD_NAMES[index], LOWEST_TO_HIGHEST[index]
    try:
        read_field(word.upper(), index)
    except ValueError as error:
        if "draws" in str(error):
            return f"the {name} {_shown(word)} draws no value, or more than there are"
        if word.upper().startswith("R"):
            return f"the {name} {_shown(word)} cannot be random, only minute and hour can"
        return (
            f"the {name} {_shown(word)} cannot be read: values are {lowest} to {highest}"
            f"{_MORE.get(index, _RANDOM)}"
        )
    return None
