"""JSON text in, a JSON value out, one kind of error for all other text, and copies of values."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

MOST_DEPTH = 100
"""Lists and objects inside each other. The services' answers have five.

The parser takes several hundred, by the release of Python. Copies, reprs, pickles and writers take
fewer, by the depth of their caller's stack, so the bound is here.
"""

MOST_OPENINGS = 1_000_000
"""Lists and objects in one text. A page of 1,000 jobs has a few thousand. Each costs the parser far
more than its two characters: 32 MiB of nothing else took seven seconds and a gigabyte.
"""
_NESTED = frozenset({dict, list})
_CONTAINERS = (dict, list, tuple)
_TOO_DEEP = "nested too deep"


def parse_json(body: bytes | bytearray | str) -> object:
    """Return the JSON value of a text.

    ValueError if it is not JSON, not UTF-8, nested too deep or of too many parts, or if a number is
    too long.
    """
    openings = _openings(body)
    if openings > MOST_OPENINGS:
        raise ValueError("of too many parts")
    try:
        value = json.loads(body)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    if openings > MOST_DEPTH and _is_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def _openings(body: bytes | bytearray | str) -> int:
    if isinstance(body, str):
        return body.count("[") + body.count("{")
    return body.count(b"[") + body.count(b"{")


def _is_deep(value: object) -> bool:
    """Return True if a value has too many levels. It takes them one by one, without recursion."""
    level = [value] if type(value) in _NESTED else []
    for _ in range(MOST_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
    return bool(level)


def _inside(outer: Any) -> list[Any]:
    """Return the lists and objects in a list or object. Most often there are none."""
    items = outer.values() if type(outer) is dict else outer
    if _NESTED.isdisjoint(map(type, items)):
        return []
    return [item for item in items if type(item) in _NESTED]


def copied(value: Any, leaf: Callable[[Any], Any] | None = None, levels: int = MOST_DEPTH) -> Any:
    """Return a deep copy of a JSON value, with lists for tuples. ValueError if it is too deep.

    `leaf` makes the copy of a value that is neither a list nor an object.
    """
    if not isinstance(value, _CONTAINERS):
        return value if leaf is None else leaf(value)
    if levels == 0:
        raise ValueError(_TOO_DEEP)
    if isinstance(value, dict):
        return {name: copied(item, leaf, levels - 1) for name, item in value.items()}
    return [copied(item, leaf, levels - 1) for item in value]
