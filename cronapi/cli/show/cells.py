"""A member as the text of a cell."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cronapi.cli.frame.escape import escaped

LONGEST_OUTPUT = 200
"""Characters of a run's output in a table."""
_STEPS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_FORMULA = ("=", "+", "-", "@")


def _local(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _unix(time: datetime) -> str:
    return f"{time.timestamp():.0f}"


def _relative(time: datetime) -> str:
    seconds = (time - datetime.now(UTC)).total_seconds()
    size, unit = next((step for step in _STEPS if abs(seconds) >= step[0]), _STEPS[-1])
    count = f"{abs(seconds) / size:.0f} {unit}"
    return f"in {count}" if seconds > 0 else f"{count} ago"


_TIMES: Mapping[str, Callable[[datetime], str]] = {
    "local": _local,
    "utc": _utc,
    "unix": _unix,
    "relative": _relative,
}


def as_cell(name: str, value: Any, time_format: str) -> str:
    """Return a member as text, which may hold anything that the service sent."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if (
        (name == "until" or "time" in name)
        and isinstance(value, str)
        and (time := _read(value)) is not None
    ):
        return _TIMES[time_format](time)
    return str(value)


def _read(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else None


def as_table_cell(name: str, value: Any, time_format: str) -> str:
    """Return a member as text for a terminal: escaped, and a run's output cut."""
    text = as_cell(name, value, time_format)
    if name == "output" and len(text) > LONGEST_OUTPUT:
        text = f"{text[:LONGEST_OUTPUT]}…"
    return escaped(text)


def for_spreadsheet(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
