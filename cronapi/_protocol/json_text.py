"""JSON text in, a JSON value out, one kind of error for all other text, and copies of values."""

from __future__ import annotations

import json
from typing import Any


def parse_json(body: bytes | bytearray | str) -> object:
    """Return the JSON value of a text.

    ValueError if it is not JSON, not UTF-8 or nested too deep, or if a number is too long.
    """
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def copied(value: Any) -> Any:
    """Return a deep copy of a JSON value."""
    if isinstance(value, dict):
        return {name: copied(item) for name, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value
