"""The nearest name, for an error that names one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence: `; did you mean 'status'?` or a full stop."""
    from difflib import get_close_matches  # noqa: PLC0415 -- only an error needs it

    found = get_close_matches(name, list(known), 1)
    return f"; did you mean {found[0]!r}?" if found else "."
