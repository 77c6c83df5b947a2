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

_FILTERS = ("provider", "function", "status", "verdict")
_SHAPES = ("since", "limit", "brief")


async def show(app: App, asked: Asked) -> Document:
    """Return the requests that fit, the newest first, and their number.

    `since` is an id. With `?brief=1` they come without query, body and answer.
    """
    check_names(asked.query, (*_FILTERS, *_SHAPES))
    since, limit = asked.number("since", 0), asked.number("limit", REMEMBERED)
    wanted = {name: value for name, value in asked.query.items() if name in _FILTERS}
    newest = [
        entry
        for entry in reversed(app.log.entries())
        if entry.id > since
        and all(str(getattr(entry, name)) == value for name, value in wanted.items())
    ]
    told = _in_brief if asked.query.get("brief") == "1" else _as_json
    return {"requests": [told(app, entry) for entry in newest[:limit]], "found": len(newest)}


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


def _in_brief(app: App, entry: Entry) -> Document:
    return entry.in_brief(app.emulator.tokens)
