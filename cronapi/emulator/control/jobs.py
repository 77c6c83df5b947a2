"""The jobs of both services: looked at, enabled, disabled."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cronapi.emulator import cron
from cronapi.emulator.control.asked import ControlError, check_names
from cronapi.emulator.executions import ACTIVE, FAILED
from cronapi.emulator.jobs import log_rows
from cronapi.emulator.planned import schedule_of
from cronapi.emulator.service import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from cronapi.emulator.agenda import Key
    from cronapi.emulator.app import App
    from cronapi.emulator.call import Call
    from cronapi.emulator.control.asked import Asked
    from cronapi.emulator.store import Document

STATES: tuple[str, ...] = ("active", "failing", "paused", "failed")
"""The states of a job. `failing` is active with failures in a row, `paused` does not run."""
_FILTERS = ("provider", "state", "search")
_MOST = 1000
_SHOWN = ("id", "name", "url", "timezone", "status", "fail", "resumes", "due", "runs")


async def show(app: App, asked: Asked) -> Document:
    """Return the jobs that fit, the newest first, with their last runs, and counts by state.

    `search` is found in a name, a URL or an id.
    """
    check_names(asked.query, (*_FILTERS, "limit"))
    check_names([asked.query[name] for name in ("provider",) if name in asked.query], PROVIDERS)
    check_names([asked.query[name] for name in ("state",) if name in asked.query], STATES)
    if not app.emulator.settings.calls:
        app.timeline.catch_up()
    every = [pair for name in PROVIDERS for pair in app.emulator.store.keyed("job", name)]
    found = [(key, job) for key, job in every if _fits(key, job, asked)]
    newest = sorted(found, key=lambda pair: pair[0][2], reverse=True)
    shown = newest[: asked.number("limit", _MOST)]
    return {
        "total": len(every),
        "states": dict(Counter(state_of(job) for _, job in every)),
        "found": len(found),
        "jobs": [_as_json(app, key, job) for key, job in shown],
    }


async def enable(app: App, asked: Asked) -> Document:
    """Make a job active, like `cron.enable`."""
    return _changed(app, asked, cron.enable)


async def disable(app: App, asked: Asked) -> Document:
    """Make a job inactive, like `cron.disable`."""
    return _changed(app, asked, cron.disable)


def key_of(app: App, asked: Asked) -> Key:
    """Return the key of the job that the path names, or raise `ControlError`."""
    check_names([asked.parts["provider"]], PROVIDERS)
    key = app.emulator.store.key_of(asked.parts["provider"], asked.parts["id"])
    if key is None:
        raise ControlError(404, "There is no such job.")
    return key


def state_of(job: Document) -> str:
    """Return one of `STATES`."""
    if job["status"] == ACTIVE:
        return "failing" if job["fail"] else "active"
    return "failed" if job["status"] == FAILED else "paused"


def _changed(app: App, asked: Asked, handler: Callable[[Call], Document]) -> Document:
    provider, account, number = key_of(app, asked)
    with app.emulator.store.transaction():
        return handler(app.emulator.call(provider, account, {"id": number}))


def _fits(key: Key, job: Document, asked: Asked) -> bool:
    wanted = asked.query
    if wanted.get("provider", key[0]) != key[0]:
        return False
    if "state" in wanted and wanted["state"] != state_of(job):
        return False
    search = wanted.get("search", "").casefold()
    texts = (job["name"], job["url"], str(job["id"]))
    return not search or any(search in text.casefold() for text in texts)


def _as_json(app: App, key: Key, job: Document) -> Document:
    rows = log_rows(app.emulator.call(*key[:2]), job)
    members = {name: job[name] for name in _SHOWN}
    about = {"provider": key[0], **members, "schedule": schedule_of(job), "state": state_of(job)}
    return {**about, "last_run": rows[-1] if rows else None}
