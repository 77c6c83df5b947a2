"""The log row of a run that made a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.eras import RULES

if TYPE_CHECKING:
    from cronapi.emulator.runner.exchange import Exchange
    from cronapi.emulator.runner.taking import Run
    from cronapi.emulator.store import Document
    from cronapi.emulator.words import Era

_SOURCE_IP = "127.0.0.1"


def row_of(run: Run, exchange: Exchange, *, error: str, begin: float, era: Era) -> Document:
    """Return the row, with the output that it has in an era."""
    head = exchange.headers if RULES[era].heads else ""
    return {
        "jobId": run.job["id"],
        "no": run.run["no"],
        "url": run.job["url"],
        "output": head + exchange.output,
        "downloaded": exchange.downloaded,
        "httpStatus": exchange.status,
        "error": error,
        "message": "",
        "ip": exchange.address,
        "source_ip": _SOURCE_IP,
        "time": run.run["time"],
        "startTime": round(begin, 3),
        "executionTime": round(exchange.seconds, 3),
        "status": int(bool(error)),
    }
