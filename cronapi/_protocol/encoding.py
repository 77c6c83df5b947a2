"""The form in which values travel: times, spans of time, headers, codes and whole jobs."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from cronapi._names import wire_name
from cronapi.errors import ConfigurationError
from cronapi.models import Notify
from cronapi.providers import Provider

_CLEARABLE = frozenset(
    {"name", "group", "filter", "http_headers", "post_data", "user_agent", "username", "password"}
    | {"notify_match", "pattern", "keyword", "payload"}
)
_NUMBERS = {
    "id": "an id is a number, such as job.id",
    "group": "a group is given by its number, such as group.id",
}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
N = TypeVar("N", int, float)
_MOST_BITS = 64
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def unix_seconds(time: datetime | float) -> int:
    """Return a time as whole Unix seconds. A naive datetime is refused: it names no moment."""
    if isinstance(time, int | float):
        return int(_finite(time))
    if not isinstance(time, datetime):
        raise ConfigurationError(
            f"A time is a datetime or Unix seconds, not {type(time).__name__}."
        )
    if time.utcoffset() is None:
        raise ConfigurationError(
            "The datetime has no time zone: it names no moment. Give one with tzinfo, such as UTC."
        )
    return math.floor(time.timestamp())


def span(value: str | timedelta) -> str:
    """Return a span of time as the services read it: `15 minutes`."""
    if isinstance(value, str):
        return value
    if not isinstance(value, timedelta):
        raise ConfigurationError(
            "A span of time is text such as '15 minutes' or a timedelta, "
            f"not {type(value).__name__}."
        )
    seconds = round(value.total_seconds())
    if seconds <= 0:
        raise ConfigurationError("A span of time must be at least one second.")
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"


def header_lines(headers: Mapping[str, str] | str) -> str:
    """Return headers as lines joined with CRLF.

    A name or value that would break out of its line is refused.
    """
    if isinstance(headers, str):
        pairs: Iterable[tuple[str, str]] = (
            _split_header(line) for line in headers.splitlines() if line.strip()
        )
    elif isinstance(headers, Mapping):
        pairs = headers.items()
    else:
        raise ConfigurationError(f"http_headers must be a mapping, not {type(headers).__name__}.")
    return "\r\n".join(_header_line(name, value) for name, value in pairs)


def _split_header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ConfigurationError("A line of http_headers has no colon.")
    return name.strip(), value.strip()


def _header_line(name: str, value: str) -> str:
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is not a header name.")
    if not isinstance(value, str) or any(c in value for c in "\r\n\0"):
        raise ConfigurationError(
            f"The value of the header {name!r} must be text without CR, LF or NUL."
        )
    return f"{name}: {value}"


def _notify(value: bool | int, provider: Provider) -> bool | int:
    if not isinstance(value, int) or int(value) not in {int(code) for code in Notify}:
        raise ConfigurationError(
            f"notify must be a boolean or one of the codes 0 to 3, not {value!r}."
        )
    if provider.notify_codes:
        return int(value)
    if value not in (Notify.NEVER, Notify.ON_FAILURE):
        raise ConfigurationError(
            f"{provider.name} has no notify code {int(value)}; it takes True (on failure) or False."
        )
    return bool(value)


def _finite(value: N) -> N:
    """Return a number as it is. One that JSON cannot hold, or no service takes, is refused."""
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            raise ConfigurationError(f"A number of {value.bit_length()} bits is too large.")
    elif not math.isfinite(value):
        raise ConfigurationError(f"{value!r} is not a finite number.")
    return value


def _plain(name: str, value: object) -> object:
    """Return a value as JSON has it."""
    if isinstance(value, datetime):
        return unix_seconds(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, int | float):
        return _finite(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(name, item) for item in value]
    raise ConfigurationError(
        f"{name} cannot be a {type(value).__name__}; "
        f"{_NUMBERS.get(name, 'bodies and payloads are text')}."
    )


def _jobs(value: object) -> Sequence[Mapping[str, Any]]:
    """Return the jobs of a batch in a raw call, or none if the value is something else."""
    return (
        value
        if isinstance(value, list | tuple) and all(isinstance(item, Mapping) for item in value)
        else ()
    )


def _encode(name: str, value: Any, provider: Provider) -> object:
    wire = wire_name(name)
    if wire == "httpHeaders":
        return header_lines(value)
    if wire == "data" and (jobs := _jobs(value)):
        return [encode_params(job, provider, clear=False) for job in jobs]
    if name == "notify":
        return _notify(value, provider)
    if name in ("run", "time"):
        return unix_seconds(value)
    return _plain(name, value)


def encode_params(params: Mapping[str, Any], provider: Provider, *, clear: bool) -> dict[str, Any]:
    """Return parameters as they travel, under the wire's names.

    With `clear` (an edit), None is sent as "" and clears a field. ConfigurationError if the field
    cannot be cleared. Without `clear`, None is left out.
    """
    wire = {
        wire_name(name): _encode(name, value, provider)
        for name, value in params.items()
        if value is not None
    }
    empty = [name for name, value in params.items() if value is None] if clear else []
    for name in empty:
        if name not in _CLEARABLE:
            raise ConfigurationError(f"{name} cannot be cleared; leave it out to keep its value.")
        wire[wire_name(name)] = ""
    return wire
