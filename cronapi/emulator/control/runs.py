"""Runs of jobs: started by hand, and those that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.control.asked import ControlError, check_names
from cronapi.emulator.control.jobs import key_of
from cronapi.emulator.executions import is_tried
from cronapi.emulator.runner.taking import take_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cronapi.emulator.app import App
    from cronapi.emulator.control.asked import Asked
    from cronapi.emulator.runner.taking import Run
    from cronapi.emulator.store import Document

_MOST = 1000


async def trigger(app: App, asked: Asked) -> Document:
    """Run a job now, and return the run when it has ended. A disabled job needs `?force=1`."""
    key = key_of(app, asked)
    if app.emulator.settings.execute == "off":
        raise ControlError(409, "Jobs do not run here: execute is off.")
    job = app.emulator.store.get("job", *key)
    if job and not is_tried(job) and asked.query.get("force") != "1":
        raise ControlError(409, "The job is disabled. Run it all the same with ?force=1.")
    (run,) = await app.runner.run_all(take_now(app.emulator, key))
    return run.as_json()


async def executions(app: App, asked: Asked) -> Document:
    """Return the last runs, the newest first, and the number that is kept."""
    check_names(asked.query, ("limit",))
    newest = list(reversed(app.runner.executions))
    shown = newest[: asked.number("limit", _MOST)]
    return {"runs": [run.as_json() for run in shown], "found": len(newest)}


async def webhooks(app: App, _asked: Asked) -> Document:
    """Return the last notifications that were posted, the newest first."""
    return {"url": app.runner.webhook.url, "sent": list(reversed(app.runner.webhook.sent))}


def most_of(runs: Sequence[Run]) -> Document:
    """Return the last runs of a list for an answer."""
    return {"runs": [run.as_json() for run in runs[-_MOST:]]}
