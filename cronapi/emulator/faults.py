"""Faults on demand: which answers go wrong, how, and how often. Data only; the app carries them out."""

from __future__ import annotations

import math
import random
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from cronapi.emulator.service import HANDLERS, PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attrs import Attribute

_REMEMBERED = 100_000

KINDS: dict[str, str] = {
    "lose": "applied, then the connection is lost without an answer",
    "reset": "the connection is lost before anything is counted or applied",
    "stall": "applied, the answer held back for some seconds",
    "stall_before": "held back for some seconds, then applied",
    "outage": "503 with a page, not counted, not applied",
    "error": "500 with a page, not applied",
    "bad_gateway": "502 with a page, applied",
    "garbage": "applied, the answer is not JSON",
    "truncated": "applied, the JSON ends in the middle and its length says so",
    "cut": "applied, the connection is lost in the middle of the answer",
    "half": "only the first half of a batch is applied, then the connection is lost",
    "redirect": "302 to another place, not applied",
    "empty": "applied, the answer has no body",
}
"""What each kind of fault does; "applied" means that the service did what was asked."""
# Kinds that strike before the limiter counts; all others strike a request that was let through.
AT_THE_GATE = frozenset({"reset", "outage"})
_TIMED = frozenset({"stall", "stall_before"})
BATCHES = {"cron.batch_add": "data", "cron.batch_edit": "id", "cron.batch_delete": "id"}


class ConnectionLost(ConnectionResetError):  # noqa: N818 -- what happened, as its base says
    """The connection is gone; in process it comes out of the app, on a socket the socket is reset."""


def _check_kind(_fault: Fault, _attribute: Attribute[Any], value: str) -> None:
    if value not in KINDS:
        raise ValueError(f"unknown fault {value!r}; known: {', '.join(KINDS)}")


def _check_provider(_fault: Fault, _attribute: Attribute[Any], value: str | None) -> None:
    if value is not None and value not in PROVIDERS:
        raise ValueError(f"unknown provider {value!r}; known: {', '.join(PROVIDERS)}")


def _check_function(_fault: Fault, _attribute: Attribute[Any], value: str | None) -> None:
    if value is not None and value not in HANDLERS:
        raise ValueError(f"unknown function {value!r}; the name is dotted, as in 'cron.add'")


def _check_times(_fault: Fault, _attribute: Attribute[Any], value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"times must be 1 or more, or None for ever, not {value!r}")


def _check_share(_fault: Fault, _attribute: Attribute[Any], value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"share must be a probability from 0 to 1, not {value!r}")


def _check_seconds(fault: Fault, _attribute: Attribute[Any], value: float) -> None:
    if not (math.isfinite(value) and value >= 0) or (fault.kind in _TIMED) != (value > 0):
        raise ValueError(
            f"seconds must be positive for {' and '.join(sorted(_TIMED))}, and 0 for other faults, not {value!r}"
        )


@frozen
class Fault:
    """One thing that goes wrong.

    `kind` is a key of `cronapi.emulator.KINDS`, which says what each does: lose, reset, stall, stall_before, outage,
    error, bad_gateway, garbage, truncated, cut, half, redirect or empty. `provider` and (dotted) `function` say
    whose answers, `None` for all; `times` how often, `None` for ever; `share` with what probability;
    `seconds` how long a stall lasts, in the event loop's time. Raises `ValueError` for a value that makes no sense.
    """

    kind: str = field(validator=_check_kind)
    provider: str | None = field(default=None, validator=_check_provider)
    function: str | None = field(default=None, validator=_check_function)
    times: int | None = field(default=1, validator=_check_times)
    share: float = field(default=1.0, validator=_check_share)
    seconds: float = field(default=0.0, validator=_check_seconds)

    def strikes(self, provider: str, function: str) -> bool:
        """Say whether this fault is meant for such a request."""
        fits = self.provider in {None, provider} and self.function in {None, function}
        return fits and (self.kind != "half" or function in BATCHES)


@frozen
class Fired:
    """One fault that happened, and to what."""

    kind: str
    provider: str
    function: str


class Faults:
    """The faults still to come, in the order they were added, and those that fired.

    `seed` settles the draws for shares below 1. `fired` holds the last 100,000. Faults may be added and cleared from
    another thread than the one that serves.
    """

    def __init__(self, seed: int = 0) -> None:
        """Begin with no faults."""
        # Not for secrets: a run must be repeatable.
        self._random = random.Random(seed)  # noqa: S311 -- repeatable on purpose
        self._lock = threading.Lock()
        self._pending: list[tuple[Fault, int | None]] = []
        self.fired: deque[Fired] = deque(maxlen=_REMEMBERED)

    @property
    def pending(self) -> Sequence[Fault]:
        """The faults that can still fire."""
        return [fault for fault, _ in self._pending]

    def add(self, *faults: Fault) -> None:
        """Plan faults; where several fit a request, the first one added strikes."""
        with self._lock:
            self._pending.extend((fault, fault.times) for fault in faults)

    def clear(self) -> None:
        """Forget the faults still to come; what fired stays on record."""
        with self._lock:
            self._pending.clear()

    def take(self, provider: str, function: str, *, gate: bool) -> Fault | None:
        """Return the fault that strikes a request at the gate or behind it, and count it; `None` if all is well."""
        with self._lock:
            for position, (fault, left) in enumerate(self._pending):
                here = (fault.kind in AT_THE_GATE) == gate and fault.strikes(provider, function)
                if here and self._random.random() < fault.share:
                    self._use(position, fault, left)
                    self.fired.append(Fired(fault.kind, provider, function))
                    return fault
        return None

    def _use(self, position: int, fault: Fault, left: int | None) -> None:
        if left == 1:
            del self._pending[position]
        else:
            self._pending[position] = (fault, left and left - 1)
