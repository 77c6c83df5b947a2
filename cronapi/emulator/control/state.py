"""The emulator's state as a whole: emptied, read, replaced, filled."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from cronapi.emulator.control.asked import Asked, ControlError, check_names
from cronapi.emulator.control.settings import all_settings, change_settings
from cronapi.emulator.seeding import seed_jobs

if TYPE_CHECKING:
    from cronapi.emulator.app import App
    from cronapi.emulator.store import Document

_FORMAT = 1


async def reset(app: App, asked: Asked) -> Document:
    """Empty everything, with `?keep=jobs` all but jobs, groups and logs."""
    check_names(asked.query, ("keep",))
    if asked.query.get("keep", "jobs") != "jobs":
        raise ControlError(400, "keep takes jobs only.")
    app.reset(keep_jobs="keep" in asked.query)
    return {"status": "ok"}


async def show(app: App, _asked: Asked) -> Document:
    """Return jobs, groups, logs, counters and settings. Passwords are among them."""
    return {"format": _FORMAT, **app.emulator.store.dump(), "settings": all_settings(app)}


async def put(app: App, asked: Asked) -> Document:
    """Take a state that `show` returned, in place of everything, all or nothing."""
    known = ("format", "documents", "counters", "settings")
    given = asked.members(known)
    if given.get("format") != _FORMAT or len(given) != len(known):
        raise ControlError(400, f"A state has {', '.join(known)}, and its format is {_FORMAT}.")
    try:
        with app.emulator.store.replaced(given):
            change_settings(app, Asked(body=given["settings"]).members(all_settings(app)))
    except (TypeError, ValueError, ControlError, OverflowError, sqlite3.Error) as error:
        raise ControlError(400, f"That is no state: {error}") from error
    return await show(app, asked)


async def seed(app: App, asked: Asked) -> Document:
    """Add groups and jobs of both services through the checks of the API, all or nothing."""
    return seed_jobs(app.emulator, asked.body)
