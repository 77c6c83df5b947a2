"""A point in time that is a span after another, as people ask for it."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from cronapi.emulator.checks import is_number, shown
from cronapi.schedule.english import read_span

LATEST = 253_402_300_799
"""The end of the year 9999."""


def after_span(now: float, span: object) -> float:
    """Return the Unix seconds that are a span after `now`.

    It is a number of seconds, or text such as `2 hours` or `1 month`, by the calendar in UTC.
    Raises `ValueError` for anything else, and for a time after the year 9999.
    """
    if isinstance(span, str):
        target = _after_text(now, span)
    elif is_number(span):
        target = now + float(str(span))
    else:
        raise ValueError(f"a span is seconds or text such as '2 hours', not {shown(span)}")
    if target > LATEST:
        raise ValueError(f"{shown(span)} ends after the year 9999")
    return target


def _after_text(now: float, text: str) -> float:
    span = read_span(text)
    if span is None:
        raise ValueError(f"a span is seconds or text such as '2 hours', not {shown(text)}")
    try:
        begin = datetime.fromtimestamp(now, UTC)
        month = begin.year * 12 + begin.month - 1 + span.months
        year, index = divmod(month, 12)
        day = min(begin.day, monthrange(year, index + 1)[1])
        end = begin.replace(year=year, month=index + 1, day=day)
        return (end + timedelta(days=span.days, seconds=span.seconds)).timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{shown(text)} ends after the year 9999") from error
