"""The requests that came in, and those that the services do not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.control.asked import ControlError, check_names
from cronapi.emulator.request_log import REMEMBERED

if TYPE_CHECKING:
    from cronapi.emulator.app import App
    from cronapi.emulator.control.asked import Asked
    from cronapi.emulator.request_log import Entry
    from cronapi.emulator.store import Document

_FILTERS = ("provider", "function", "status", "verdict", "since", "limit")


async def show(app: App, asked: Asked) -> Document:
    """Return the requests that fit, the newest first. `since` is an id."""
    check_names(asked.query, _FILTERS)
    since, limit = asked.number("since", 0), asked.number("limit", REMEMBERED)
    wanted = {name: value for name, value in asked.query.items() if name not in {"since", "limit"}}
    newest = [
        entry
        for entry in reversed(app.log.entries())
        if entry.id > since
        and all(str(getattr(entry, name)) == value for name, value in wanted.items())
    ]
    return {"requests": [_as_json(app, entry) for entry in newest[:limit]]}


async def get(app: App, asked: Asked) -> Document:
    """Return one request."""
    for entry in app.log.entries():
        if str(entry.id) == asked.parts["id"]:
            return _as_json(app, entry)
    raise ControlError(404, "There is no such request, or no more: the last 1,000 are kept.")


async def clear(app: App, _asked: Asked) -> Document:
    """Forget the requests."""
    app.log.clear()
    return {"requests": []}


async def unmatched(app: App, _asked: Asked) -> Document:
    """Return the requests with a function or a parameter that the service does not know."""
    return {"unmatched": app.unmatched()}


def _as_json(app: App, entry: Entry) -> Document:
    return entry.as_json(app.emulator.tokens)
