"""The notification of a run: is one due, and what does it say? Pure decisions.

Source: FastCron's page on its webhook integration, and the `notify` codes of SetCronJob.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.executions import ACTIVE

if TYPE_CHECKING:
    from cronapi.emulator.store import Document
    from cronapi.emulator.words import Era

_NEVER, _ON_FAILURE, _ALWAYS, _WHEN_DISABLED = range(4)
_MEMBERS = ("time", "output", "downloaded", "httpStatus", "error", "executionTime", "status")
_ONLY_SEED = ("startTime", "ip", "source_ip")


def is_due(before: Document, after: Document, *, failed: bool) -> bool:
    """Return True if a run is told, by the job before and after it.

    A failure is told as often as `notifyEvery` says, and a recovery if a failure was.
    """
    code, every = int(after["notify"]), after.get("notifyEvery") or 1
    if code == _WHEN_DISABLED:
        return bool(before["status"] == ACTIVE != after["status"])
    if code != _ON_FAILURE:
        return code == _ALWAYS
    return bool(after["fail"] % every == 0 if failed else before["fail"] >= every)


def notification(job: Document, row: Document, *, group: str, era: Era) -> Document:
    """Return the JSON of a notification of one execution.

    None is documented before 2024. Those eras post what was posted then.
    """
    members = {name: row[name] for name in _MEMBERS}
    about = {"name": job["name"] or None, "url": job["url"], "group": group}
    if era != "latest":
        seed = {name: row[name] for name in _ONLY_SEED}
        return {**members, **seed, "redirect": 0, "id": job["id"], **about}
    message = "fails" if row["status"] else "recovered"
    return {"id": job["id"], **members, "message": message, **about}
