"""Both services on one local server, to test clients against.

The emulator shares no code with the client, so the two cannot share a mistake. `create_app` makes
an ASGI app for use in process. `serve` and `run_in_thread` put it on a loopback socket.
"""

from __future__ import annotations

from cronapi.emulator.app import App
from cronapi.emulator.clock import Clock, ManualClock, MovableClock
from cronapi.emulator.create import DEFAULT_TOKEN, create_app
from cronapi.emulator.emulator import Emulator
from cronapi.emulator.faults import KINDS, ConnectionLost, Fault, Faults
from cronapi.emulator.limiter import Limiter
from cronapi.emulator.request_log import Entry
from cronapi.emulator.runner.taking import Run
from cronapi.emulator.schedule import next_runs
from cronapi.emulator.server import run_in_thread, serve
from cronapi.emulator.service import functions
from cronapi.emulator.spelling import ALTERS, NORMALISE, UNFORESEEN
from cronapi.emulator.words import Era, FaultKind

__all__ = [
    "ALTERS",
    "DEFAULT_TOKEN",
    "KINDS",
    "NORMALISE",
    "UNFORESEEN",
    "App",
    "Clock",
    "ConnectionLost",
    "Emulator",
    "Entry",
    "Era",
    "Fault",
    "FaultKind",
    "Faults",
    "Limiter",
    "ManualClock",
    "MovableClock",
    "Run",
    "create_app",
    "functions",
    "next_runs",
    "run_in_thread",
    "serve",
]
