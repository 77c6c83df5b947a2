"""Counts in words."""

from __future__ import annotations

TOO_MUCH = "a number is too long, or lists are nested too deep"
"""The fault of a document that is well-formed, and yet cannot be read."""


def counted(count: float, noun: str) -> str:
    """Return a count with its noun: `1 job`, `2 jobs`, `0.5 requests`."""
    number = count if isinstance(count, int) else f"{count:g}"
    return f"{number} {noun}{'' if count == 1 else 's'}"
