"""The endpoints under `/_emulator/`, as a table."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from cronapi.emulator.control import clock, faults, jobs, requests, runs, settings, state
from cronapi.emulator.control.asked import ControlError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronapi.emulator.app import App
    from cronapi.emulator.control.asked import Asked

Handler = Callable[["App", "Asked"], Awaitable[object]]

ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "livez": {"GET": settings.live},
    "readyz": {"GET": settings.live},
    "health": {"GET": settings.health},
    "settings": {"GET": settings.show, "PATCH": settings.change},
    "requests": {"GET": requests.show, "DELETE": requests.clear},
    "requests/unmatched": {"GET": requests.unmatched},
    "requests/{id}": {"GET": requests.get},
    "faults": {"GET": faults.show, "POST": faults.add, "DELETE": faults.clear},
    "chaos": {"GET": faults.show_chaos, "PUT": faults.set_chaos},
    "reset": {"POST": state.reset},
    "state": {"GET": state.show, "PUT": state.put},
    "seed": {"POST": state.seed},
    "clock": {"GET": clock.show, "POST": clock.change},
    "jobs": {"GET": jobs.show},
    "jobs/{provider}/{id}/enable": {"POST": jobs.enable},
    "jobs/{provider}/{id}/disable": {"POST": jobs.disable},
    "jobs/{provider}/{id}/trigger": {"POST": runs.trigger},
    "executions": {"GET": runs.executions},
    "webhooks": {"GET": runs.webhooks},
}
"""The handlers by path and method."""

_PATTERNS = [
    (re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)), methods)
    for path, methods in ROUTES.items()
]


def find_route(method: str, path: str) -> tuple[Handler, dict[str, str]]:
    """Return the handler for a path below `/_emulator/`, and the parts of the path.

    Raises `ControlError` for an unknown path or method.
    """
    for pattern, methods in _PATTERNS:
        found = pattern.fullmatch(path)
        if found and method in methods:
            return methods[method], found.groupdict()
        if found:
            raise ControlError(405, f"{path} takes {' and '.join(methods)}.")
    raise ControlError(404, f"There is no such endpoint. Known: {', '.join(ROUTES)}.")
