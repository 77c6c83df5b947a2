"""The buttons of the page: each is a request to steer the emulator, as other programs send it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.control import clock, faults, jobs, runs
from cronapi.emulator.control.asked import Asked, ControlError
from cronapi.emulator.faults import TIMED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cronapi.emulator.control.routes import Handler
    from cronapi.emulator.store import Document

    Act = Callable[[list[str], Mapping[str, str]], tuple[Handler, Asked]]

_DELAY = 2.0
"""Seconds of a fault with a delay, unless the form says how many."""

NOTICES: Mapping[str, str] = {
    "enable": "The job is enabled.",
    "disable": "The job is paused.",
    "ok": "The run ended well.",
    "failed": "The run failed.",
    "skipped": "The run was skipped: as many instances as allowed are at work.",
    "dropped": "The run was left out: the job rests after failures.",
    "moved": "The time was moved.",
    "short": "The time was moved, and stopped short: too many runs were on the way.",
    "faults": "The faults were changed.",
}
"""The sentences about each act. No other text of an address is ever shown as one."""


def read_act(form: Mapping[str, str]) -> tuple[str, Handler, Asked]:
    """Return the name of an act, and the handler that carries it out with what it is asked.

    Raises `ControlError` for anything but an act of the page.
    """
    name, *rest = form.get("act", "").split(" ", 1)
    if name not in _ACTS:
        raise ControlError(400, f"There is no such act. Known: {', '.join(_ACTS)}.")
    return name, *_ACTS[name](rest[0].split(" ") if rest else [], form)


def notice_of(name: str, told: Document) -> str:
    """Return the key of the sentence about an act that was carried out."""
    if name == "trigger":
        return str(told["result"])
    if name in {"advance", "next-run"}:
        return "moved" if told["whole"] else "short"
    return name if name in NOTICES else "faults"


def _on_job(handler: Handler, **query: str) -> Act:
    def act(rest: list[str], _form: Mapping[str, str]) -> tuple[Handler, Asked]:
        provider, number = (*rest, "", "")[:2]
        return handler, Asked({"provider": provider, "id": number}, query)

    return act


def _advance(rest: list[str], form: Mapping[str, str]) -> tuple[Handler, Asked]:
    return clock.change, Asked(body={"advance": " ".join(rest) or form.get("span", "")})


def _next_run(_rest: list[str], _form: Mapping[str, str]) -> tuple[Handler, Asked]:
    return clock.change, Asked(body={"next_run": True})


def _fault(rest: list[str], form: Mapping[str, str]) -> tuple[Handler, Asked]:
    """Order a fault for a number of requests: the next one without a form's fields."""
    kind = rest[0] if rest else form.get("kind", "")
    body = {"kind": kind, "seconds": _seconds(kind, form), "times": _number(form, "times") or 1}
    given = {name: form[name] for name in ("provider", "function") if form.get(name)}
    return faults.add, Asked(body=[{**body, **given}])


def _keep_fault(rest: list[str], form: Mapping[str, str]) -> tuple[Handler, Asked]:
    kind = " ".join(rest)
    return faults.add, Asked(body=[{"kind": kind, "seconds": _seconds(kind, form), "times": None}])


def _drop_fault(rest: list[str], _form: Mapping[str, str]) -> tuple[Handler, Asked]:
    return faults.clear, Asked(query={"kind": " ".join(rest)})


def _drop_faults(_rest: list[str], _form: Mapping[str, str]) -> tuple[Handler, Asked]:
    return faults.clear, Asked()


def _seconds(kind: str, form: Mapping[str, str]) -> float:
    return (_number(form, "seconds") or _DELAY) if kind in TIMED else 0.0


def _number(form: Mapping[str, str], name: str) -> int | None:
    text = form.get(name, "").strip()
    return Asked(query={name: text}).number(name, 0) if text else None


_ACTS: Mapping[str, Act] = {
    "trigger": _on_job(runs.trigger, force="1"),
    "enable": _on_job(jobs.enable),
    "disable": _on_job(jobs.disable),
    "advance": _advance,
    "next-run": _next_run,
    "fault": _fault,
    "keep-fault": _keep_fault,
    "drop-fault": _drop_fault,
    "drop-faults": _drop_faults,
}
