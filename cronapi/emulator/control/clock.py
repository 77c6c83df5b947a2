"""The emulator's clock: read, moved, run at another pace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cronapi.emulator.checks import check_switch, is_number, shown
from cronapi.emulator.clock import MovableClock
from cronapi.emulator.control.asked import ControlError
from cronapi.emulator.control.runs import most_of
from cronapi.emulator.spans import LATEST, after_span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cronapi.emulator.app import App
    from cronapi.emulator.control.asked import Asked
    from cronapi.emulator.store import Document


async def show(app: App, _asked: Asked) -> Document:
    """Return the time, the pace and the next due run."""
    return clock_as_json(app)


async def change(app: App, asked: Asked) -> Document:
    """Move the time or change its pace, and answer when the runs on the way have ended."""
    given = asked.members(_CHANGES)
    if len(given) != 1:
        raise ControlError(400, f"Give one of {', '.join(_CHANGES)}.")
    if app.runner.is_held:
        raise ControlError(409, "The time is being moved already.")
    ((name, value),) = given.items()
    return await _CHANGES[name](app, value)


def clock_as_json(app: App) -> Document:
    """Return what there is to know about the clock. Times are in Unix seconds.

    `utc` is the time as text, and null where the calendar has ended: a clock runs on after that.
    """
    now = app.emulator.clock.now()
    scale = getattr(app.emulator.clock, "scale", None)
    return {
        "now": now,
        "utc": _utc(now),
        "scale": scale,
        "frozen": scale == 0,
        "next_due": app.timeline.next_due,
    }


def _utc(now: float) -> str | None:
    try:
        return datetime.fromtimestamp(now, UTC).isoformat()
    except (ValueError, OverflowError, OSError):  # the year 10000
        return None


async def _advance(app: App, value: object) -> Document:
    return await _move(app, after_span(app.emulator.clock.now(), value))


async def _set(app: App, value: object) -> Document:
    if not is_number(value):
        raise ControlError(400, f"set takes Unix seconds, not {shown(value)}.")
    target = float(str(value))
    if target > LATEST:
        raise ControlError(400, f"set ends at the year 9999, so {shown(value)} is too late.")
    return await _move(app, target)


async def _next_run(app: App, value: object) -> Document:
    if value is not True:
        raise ControlError(400, "next_run must be true.")
    due = app.timeline.next_due
    if due is None:
        raise ControlError(409, "No job has a run to come.")
    return await _move(app, max(due, app.emulator.clock.now()))


async def _scale(app: App, value: object) -> Document:
    if not isinstance(value, int | float):
        raise ControlError(400, f"scale must be a number, not {shown(value)}.")
    _movable(app).set_scale(value)
    return clock_as_json(app)


async def _freeze(app: App, value: object) -> Document:
    check_switch("freeze", value)
    _movable(app).set_scale(0 if value else 1)
    return clock_as_json(app)


async def _move(app: App, target: float) -> Document:
    moved = await app.timeline.advance_to(target)
    return {**clock_as_json(app), "count": moved.count, "whole": moved.whole, **most_of(moved.runs)}


def _movable(app: App) -> MovableClock:
    clock = app.emulator.clock
    if not isinstance(clock, MovableClock):
        raise ControlError(409, "This emulator's clock has no pace.")
    return clock


_CHANGES: Mapping[str, Callable[[App, object], Awaitable[Document]]] = {
    "advance": _advance,
    "set": _set,
    "next_run": _next_run,
    "scale": _scale,
    "freeze": _freeze,
}
