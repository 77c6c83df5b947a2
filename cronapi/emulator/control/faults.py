"""Faults made to order over HTTP, and chaos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, fields

from cronapi.emulator.checks import is_whole
from cronapi.emulator.control.asked import Asked, ControlError, check_names
from cronapi.emulator.faults import KINDS, Fault

if TYPE_CHECKING:
    from cronapi.emulator.app import App
    from cronapi.emulator.store import Document

_MEMBERS = [attribute.name for attribute in fields(Fault)]
_FIRED = 100


async def show(app: App, _asked: Asked) -> Document:
    """Return the faults to come, the last that struck, and the kinds that there are."""
    faults = app.emulator.faults
    pending = [
        {**asdict(fault), "left": left}
        for fault, left in zip(faults.pending, faults.left, strict=False)
    ]
    fired = [asdict(fault) for fault in faults.fired][-_FIRED:]
    return {"pending": pending, "fired": fired, "kinds": KINDS}


async def add(app: App, asked: Asked) -> Document:
    """Add one fault, or each of a list, all or none."""
    given = asked.body if isinstance(asked.body, list) else [asked.body]
    app.emulator.faults.add(*[_read(Asked(body=item)) for item in given])
    return await show(app, asked)


async def clear(app: App, asked: Asked) -> Document:
    """Drop the faults to come, with `?kind=` those of one kind."""
    check_names(asked.query, ("kind",))
    kind = asked.query.get("kind")
    check_names(() if kind is None else (kind,), KINDS)
    app.emulator.faults.clear(kind)
    return await show(app, asked)


async def show_chaos(app: App, _asked: Asked) -> Document:
    """Return the share of each kind of fault that strikes for ever."""
    return {fault.kind: fault.share for fault in app.emulator.faults.chaos}


async def set_chaos(app: App, asked: Asked) -> Document:
    """Let kinds of faults strike for ever by their shares, in place of the earlier ones.

    `seed` fixes the draws. A kind with a delay takes `{"share": 0.1, "seconds": 2}`.
    """
    given = asked.members(("seed", *KINDS))
    seed = given.get("seed", app.emulator.settings.seed)
    if not is_whole(seed, float("-inf")):
        raise ControlError(400, "seed must be a whole number.")
    chaos = [_lasting(kind, value) for kind, value in given.items() if kind != "seed"]
    app.emulator.faults.set_chaos(chaos, seed)
    return await show_chaos(app, asked)


def _read(asked: Asked) -> Fault:
    given: dict[str, Any] = asked.members(_MEMBERS)
    if "kind" not in given:
        raise ControlError(400, f"A fault needs a kind: {', '.join(KINDS)}.")
    return Fault(**given)


def _lasting(kind: Any, value: object) -> Fault:
    about: dict[str, Any] = value if isinstance(value, dict) else {"share": value}
    check_names(about, ("share", "seconds"))
    return Fault(kind, times=None, **about)
