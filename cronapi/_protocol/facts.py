"""The facts of a call in its error, filled in later or taken over by another error."""

from __future__ import annotations

from copy import copy
from typing import TypeVar, Unpack

from cronapi.errors import CallFacts, CronAPIError

E = TypeVar("E", bound=CronAPIError)


def facts_of(error: CronAPIError) -> CallFacts:
    """Return the facts of an error's call, for another error of the same call."""
    return {
        "provider": error.provider,
        "function": error.function,
        "attempts": error.attempts,
        "applied": error.applied,
    }


def copied(error: E) -> E:
    """Return a copy of an error for another caller or item, since each raise adds to its traceback.

    It has the same cause and the same notes, in a list of its own.
    """
    twin = copy(error)
    twin.__cause__, twin.__context__ = error.__cause__, error.__context__
    twin.__suppress_context__ = error.__suppress_context__
    if (notes := getattr(error, "__notes__", None)) is not None:
        twin.__notes__ = list(notes)
    return twin


def with_facts(error: E, **facts: Unpack[CallFacts]) -> E:
    """Fill facts of its call into an error, and return the error itself."""
    vars(error).update(facts)
    return error
