"""The nearest name, for an error that names one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

from cronapi._protocol.hints import nearest


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence: `; did you mean 'status'?` or a full stop."""
    near = nearest(name, known)
    return "." if near is None else f"; did you mean {near!r}?"
