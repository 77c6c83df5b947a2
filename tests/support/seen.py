"""What the emulated services were asked, and what they hold."""

from __future__ import annotations


def sent(app, function=None):
    """Return how many requests there were, of one function or of all."""
    return sum(function in (None, seen.function) for seen in app.emulator.requests)


def accepted(app, function):
    """Return how many requests of a function reached the service."""
    return sum(seen.function == function and seen.accepted for seen in app.emulator.requests)


def functions(app):
    """Return the functions of all requests, in their order."""
    return [seen.function for seen in app.emulator.requests]


def ids(app, provider="fastcron"):
    """Return the ids of the jobs that are there, the oldest first."""
    return [job["id"] for job in app.emulator.jobs(provider)]


def names(app, provider="fastcron"):
    """Return the names of the jobs that are there, the oldest job first."""
    return [job["name"] for job in app.emulator.jobs(provider)]
