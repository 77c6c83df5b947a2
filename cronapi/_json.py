"""JSON text in, a JSON value out, and one kind of error for everything that is not JSON."""

from __future__ import annotations

import json


def parse_json(body: bytes | str) -> object:
    """Return the JSON value, or raise ValueError: not JSON, not UTF-8, nested too deep, or a number too long."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
