"""The nearest name, for an error that names one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

from cronapi._protocol.hints import nearest


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence: `; did you mean 'status'?`, or else all that there are."""
    names = list(known)
    near = nearest(name, names)
    if near is not None:
        return f"; did you mean {near!r}?"
    return f"; there are {', '.join(names)}." if names else "."
