"""A shared pace as text, and back: a record that cannot be true is void."""

from __future__ import annotations

import json
import math
from typing import Any

from attrs import fields

from cronapi._protocol.arguments import is_number
from cronapi.providers import Rate
from cronapi.scheduler.margin import least_margin
from cronapi.scheduler.shared_pace import SharedPace
from cronapi.scheduler.tuning import (
    GREATEST_MARGIN,
    GREATEST_PATIENCE,
    GREATEST_STRIDE,
    LONGEST_HOLD,
    LONGEST_RETRY_AFTER,
    MOST_EXCESS,
    MOST_OUTWARD,
    NEVER,
    UNREFUSED,
)

MOST_WAITING = 2000
"""Intervals. Each process of a machine reserves a single start, so one farther ahead is void.

During a hold they are counted from its end.
"""
_LARGEST = 2**53
_ABSENT = {"sent_before": None, "rival": 0, "followed_by": 0, "outward": 0.0, "excess": 0.0}
"""Fields that a record of before them has not."""
_PAST = ("seen", "hold_began", "proven_at")
_AHEAD = ("next_at", "before", "ask_at", "lease_until", "held_until", "last_sent", "sent_before")
_COUNTS = (
    *("number", "eager", "probing", "mark", "refusal_streak", "accepted_calls", "refused_calls"),
    *("holds", "calm", "patience", "stride", "widened", "eased", "rival", "followed_by"),
)
_MEASURES = {
    "margin": GREATEST_MARGIN,
    "level": GREATEST_MARGIN,
    "proven": NEVER,
    "narrow": NEVER,
    "round_trip": _LARGEST,
    "deviation": _LARGEST,
    "outward": MOST_OUTWARD,
    "excess": MOST_EXCESS,
}
"""Each with its greatest value."""
_KEPT = (*_PAST, *_AHEAD, *_COUNTS, *_MEASURES, "prober")
_ATTRIBUTES = {field.alias: field.name for field in fields(SharedPace) if field.alias in _KEPT}


def record_of(pace: SharedPace, now: float) -> str:
    """Return a pace as JSON, seen at a time. A time that never was is null."""
    values = {name: getattr(pace, attribute) for name, attribute in _ATTRIBUTES.items()}
    never = {name: None for name, value in values.items() if value == -math.inf}
    return json.dumps({"seen": now, **values, **never}, allow_nan=False)


def pace_of(record: object, rate: Rate, now: float, lease: float) -> SharedPace:
    """Return the pace of a record, or a new one if the record is void.

    So is a record that nothing here has written, or that comes from a clock of before a reboot.
    """
    values = _read(record)
    if values is None or not _is_plausible(values, rate.interval, now, lease):
        return SharedPace(rate)
    del values["seen"]
    return SharedPace(rate, **values)


def last_sent_of(record: object, now: float, most: float) -> float:
    """Return when the last request of all processes went out, or will. Minus infinity if unknown.

    It is later by how late the request has probably arrived. A time that is more than `most`
    seconds ahead is unknown.
    """
    values = _read(record)
    at = -math.inf if values is None else values["last_sent"]
    return at if is_number(at) and at <= now + most else -math.inf


def _read(record: object) -> dict[str, Any] | None:
    """Return the values of a record by their names, or None if it has not just these."""
    if not isinstance(record, str | bytes):
        return None
    try:
        values = json.loads(record)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or (values := _ABSENT | values).keys() != set(_KEPT):
        return None
    return values | {name: -math.inf for name in (*_PAST, *_AHEAD) if values[name] is None}


def _is_plausible(values: dict[str, Any], interval: float, now: float, lease: float) -> bool:
    bounds = _greatest(interval, now, lease)
    if values["round_trip"] is None:  # no call was accepted yet
        del bounds["round_trip"]
    return (
        isinstance(values["prober"], str)
        and all(isinstance(values[name], int) for name in _COUNTS)
        and all(
            _is_within(values[name], _least(name, values["calm"], interval), greatest)
            for name, greatest in bounds.items()
        )
        and values["stride"] > 0
    )


def _greatest(interval: float, now: float, lease: float) -> dict[str, float]:
    """Return the greatest plausible value of each field that is a number."""
    longest_hold = max(LONGEST_RETRY_AFTER, LONGEST_HOLD * interval)
    farthest = now + longest_hold + MOST_WAITING * interval + lease
    return {
        **dict.fromkeys(_PAST, now),
        **dict.fromkeys(_AHEAD, farthest),
        **dict.fromkeys(_COUNTS, _LARGEST),
        **_MEASURES,
        "held_until": now + longest_hold,
        "lease_until": farthest + lease,
        "stride": GREATEST_STRIDE,
        "patience": GREATEST_PATIENCE,
    }


def _least(name: str, calm: int, interval: float) -> float:
    """Return the least plausible value of a field that is a number."""
    if name in (*_PAST, *_AHEAD):
        return -math.inf
    if name == "excess":
        return -MOST_EXCESS
    return least_margin(interval) if name == "margin" and calm > UNREFUSED else 0.0


def _is_within(value: Any, least: float, greatest: float) -> bool:
    return is_number(value) and least <= value <= greatest
