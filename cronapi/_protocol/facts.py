"""The facts of a call in its error, filled in later or taken over by another error."""

from __future__ import annotations

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


def with_facts(error: E, **facts: Unpack[CallFacts]) -> E:
    """Fill facts of its call into an error, and return the error itself."""
    vars(error).update(facts)
    return error
