"""The emulator's health and its switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import asdict

from cronapi.emulator.checks import shown, texts
from cronapi.emulator.control.asked import ControlError
from cronapi.emulator.control.clock import clock_as_json
from cronapi.emulator.service import PROVIDERS

if TYPE_CHECKING:
    from cronapi.emulator.app import App
    from cronapi.emulator.control.asked import Asked
    from cronapi.emulator.store import Document

_OF_APP = ("error_status", "faults_by_header")
_SETS = frozenset({"normalise", "undocumented"})
_OF_LIMITERS = ("rates", "burst", "limiter", "limit_by")


async def live(_app: App, _asked: Asked) -> Document:
    """Say that the emulator answers."""
    return {"status": "ok"}


async def health(app: App, _asked: Asked) -> Document:
    """Return the version, the settings, the clock and what is there."""
    emulator = app.emulator
    counts = {provider: emulator.store.count("job", provider) for provider in PROVIDERS}
    return {
        "status": "ok",
        "version": _version(),
        "settings": all_settings(app),
        "clock": clock_as_json(app),
        "jobs": counts,
        "unreadable": [row.as_json() for row in emulator.store.unreadable],
        "requests": len(app.log.entries()),
        "running": app.runner.at_work,
    }


async def show(app: App, _asked: Asked) -> Document:
    """Return every switch."""
    return all_settings(app)


async def change(app: App, asked: Asked) -> Document:
    """Change the given switches, all or none."""
    change_settings(app, asked.members(all_settings(app)))
    return all_settings(app)


def all_settings(app: App) -> Document:
    """Return every switch by name."""
    emulator = app.emulator
    some = next(iter(emulator.limiters.values()))
    return {
        **asdict(emulator.settings),
        **{name: sorted(getattr(emulator.settings, name)) for name in _SETS},
        **{name: getattr(app, name) for name in _OF_APP},
        "rates": {name: limiter.rate for name, limiter in emulator.limiters.items()},
        "burst": some.burst,
        "limiter": some.method,
        "limit_by": emulator.limit_by,
    }


def change_settings(app: App, changes: Mapping[str, Any]) -> None:
    """Change the given switches, all or none. Changed limits begin to count anew.

    Raises `ValueError` for a bad value.
    """
    given = dict(changes)
    for name in _SETS & given.keys():
        given[name] = frozenset(texts(name, given[name]))
    of_app = {name: given.pop(name) for name in _OF_APP if name in given}
    limits = {name: given.pop(name) for name in _OF_LIMITERS if name in given}
    _check_rates(limits.get("rates", {}))
    app.check(**of_app)
    if not app.emulator.settings.calls:
        # Otherwise runs of the past would be called as soon as jobs make calls.
        app.timeline.catch_up()
    app.emulator.change(given, limits)
    for name, value in of_app.items():
        setattr(app, name, value)


def _check_rates(rates: object) -> None:
    if not isinstance(rates, Mapping) or rates.keys() - set(PROVIDERS):
        raise ControlError(400, f"rates must map providers to numbers or null, not {shown(rates)}.")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 -- is slow to load

    try:
        return version("cronapi-client")
    except PackageNotFoundError:
        return "unknown"
