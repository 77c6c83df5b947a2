"""The arguments of a question: read, checked, and answered with an error that says what is wrong.

Inside this room a time is a whole number of Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronapi.errors.concerns import input_error
from cronapi.schedule.reading import (
    LIST_FIELDS,
    Rule,
    ScheduleSource,
    lists_as_text,
    read_schedule,
    read_zone,
)

MOST_CHARACTERS = 1_000
"""Characters of an expression. A longer one is refused before it is read."""
MOST_IN_A_ZONE = 255
_MOST_BITS = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_FIRST_SECOND = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _SECOND


def read(source: ScheduleSource) -> tuple[str, Rule]:
    """Return an expression as text, and its rule.

    Raises `ConfigurationError` for anything that is none.
    """
    lists = None if isinstance(source, str) else _lists(source)
    text = source.strip() if isinstance(source, str) else lists_as_text(lists or {})
    if len(text) > MOST_CHARACTERS:
        raise input_error(
            f"A schedule has at most {MOST_CHARACTERS:,} characters, and this one {len(text):,}."
        )
    try:
        return text, read_schedule(text if lists is None else lists)
    except ValueError as error:
        reason = str(error)
    if lists is not None:
        raise input_error(f"The value lists are no schedule: {reason}.")
    # Imported here, since only an error needs it.
    from cronapi.schedule.advice import diagnosis  # noqa: PLC0415 -- only for an error

    raise input_error(diagnosis(text, reason, _reads)) from None


def zone_of(name: str) -> ZoneInfo:
    """Return a timezone by its IANA name, or raise `ConfigurationError`."""
    if not isinstance(name, str):
        raise input_error(f"A timezone is an IANA name, not {type(name).__name__}.")
    try:
        return read_zone(name[: MOST_IN_A_ZONE + 1])
    except ValueError:
        pass
    from cronapi.schedule.zones import unknown_zone  # noqa: PLC0415 -- only an error needs it

    raise input_error(unknown_zone(name[:MOST_IN_A_ZONE])) from None


def seconds_up_to(name: str, time: datetime) -> int:
    """Return the last whole Unix second not later than `time`, within the calendar of UTC."""
    if not isinstance(time, datetime) or time.utcoffset() is None:
        raise input_error(f"{name} must be a datetime with a timezone, such as datetime.now(UTC).")
    return max(_FIRST_SECOND, min((time - _EPOCH) // _SECOND, LAST_SECOND))


def seconds_before(name: str, time: datetime) -> int:
    """Return the last whole Unix second earlier than `time`."""
    seconds = seconds_up_to(name, time)
    return seconds - 1 if time == moment(seconds) else seconds


def moment(seconds: int) -> datetime:
    """Return a Unix time as a UTC datetime."""
    return _EPOCH + seconds * _SECOND


def whole(name: str, value: int) -> int:
    """Return a whole number from 0 on, or raise `ConfigurationError`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise input_error(f"{name} must be a whole number from 0 on.")
    return value


LAST_SECOND = (_LATEST - _EPOCH) // _SECOND
"""The end of the calendar. No run is later."""


def _reads(text: str) -> bool:
    try:
        read_schedule(text)
    except ValueError:
        return False
    return True


def _lists(source: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    if not isinstance(source, Mapping):
        raise input_error(
            f"A schedule is text or value lists by name, not {type(source).__name__}."
        )
    unknown = [repr(name) for name in source if name not in LIST_FIELDS]
    if unknown:
        raise input_error(
            f"A schedule has no list {unknown[0]:.80}; known: {', '.join(LIST_FIELDS)}."
        )
    return {name: _values(name, values) for name, values in source.items()}


def _values(name: str, values: object) -> list[str]:
    """Return the values of a list as texts; the services also take a comma list."""
    listed = values.split(",") if isinstance(values, str) else values
    is_bytes = isinstance(listed, bytes | bytearray)  # a sequence of numbers too
    if isinstance(listed, Sequence) and not is_bytes and all(map(_is_value, listed)):
        return [str(value).strip() for value in listed]
    raise input_error(f"{name} must be a list of texts.")


def _is_value(value: object) -> bool:
    """Return True for text, and for a number that Python writes."""
    return isinstance(value, str) or (isinstance(value, int) and value.bit_length() <= _MOST_BITS)
