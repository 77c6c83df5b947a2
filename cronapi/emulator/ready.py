"""Is an emulator ready to answer?"""

from __future__ import annotations

import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from cronapi.emulator.server import EVERY_ADDRESS

_BETWEEN = 0.05
_PATIENCE = 2.0


def is_ready(host: str, port: int, seconds: float = 0.0) -> bool:
    """Return True once an emulator answers at an address, False if none does in `seconds`.

    It asks at least once, and goes through no proxy. A `host` that stands for every address is
    this machine.
    """
    end = time.monotonic() + seconds
    while not _answers(host, port):
        if time.monotonic() >= end:
            return False
        time.sleep(_BETWEEN)
    return True


def _answers(host: str, port: int) -> bool:
    connection = HTTPConnection(EVERY_ADDRESS.get(host, host), port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/_emulator/readyz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()
