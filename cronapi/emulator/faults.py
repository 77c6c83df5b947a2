"""Faults on demand: the plan of the answers that go wrong, carried out by the app."""

from __future__ import annotations

import math
import random
import threading
from collections import deque
from collections.abc import Container, Sequence
from typing import Any

from attrs import Attribute, field, frozen

from cronapi.emulator.checks import is_number, is_whole, shown
from cronapi.emulator.pages import FRONT_PAGES
from cronapi.emulator.service import HANDLERS, PROVIDERS
from cronapi.emulator.words import FaultKind, FrontPage

_REMEMBERED = 100_000

KINDS: dict[FaultKind, str] = {
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
    "late": "the connection is lost without an answer, and some seconds later it is applied",
    "twice": "applied twice, the second time's answer is sent",
    "repeat": "applied, but sent is the last envelope before it of the same provider, if any",
    "busy": "not applied, an API error with code 1 asks to try again",
    "front": "applied, then 503 with the page of a load balancer",
    "front_before": "503 with the page of a load balancer, not counted, not applied",
    "slow_503": "applied, and some seconds later nginx's 503 with its page",
    "envelope_503": "applied, then an API error with HTTP status 503",
    "envelope_503_before": "an API error with HTTP status 503, not applied",
    "envelope_429": "applied, then an API error with HTTP status 429",
    "envelope_429_before": "an API error with HTTP status 429, not applied",
    "timeout_408": "applied, then 408 with a page",
}
"""The effect of each kind of fault. "Applied" means that the service carried out the request."""
# These kinds strike before the limiter counts. All others strike a request that it let through.
AT_THE_GATE = frozenset({"reset", "outage", "front_before"})
_TIMED = frozenset({"stall", "stall_before", "late", "slow_503"})
_WITH_PAGE = frozenset({"front", "front_before"})
BATCHES = {"cron.batch_add": "data", "cron.batch_edit": "id", "cron.batch_delete": "id"}


class ConnectionLost(ConnectionResetError):  # noqa: N818 -- what happened, as its base says
    """The connection is lost: in process the app raises this, on a socket the server resets it."""


def _is_one_of(value: object, known: Container[str]) -> bool:
    return isinstance(value, str) and value in known


def _check_kind(_fault: Fault, _attribute: Attribute[Any], value: str) -> None:
    if not _is_one_of(value, KINDS):
        raise ValueError(f"unknown fault {shown(value)}; known: {', '.join(KINDS)}")


def _check_provider(_fault: Fault, _attribute: Attribute[Any], value: str | None) -> None:
    if value is not None and not _is_one_of(value, PROVIDERS):
        raise ValueError(f"unknown provider {shown(value)}; known: {', '.join(PROVIDERS)}")


def _check_function(_fault: Fault, _attribute: Attribute[Any], value: str | None) -> None:
    if value is not None and not _is_one_of(value, HANDLERS):
        raise ValueError(f"unknown function {shown(value)}; the name is dotted, as in 'cron.add'")


def _check_times(_fault: Fault, _attribute: Attribute[Any], value: int | None) -> None:
    if value is not None and not is_whole(value):
        raise ValueError(f"times must be 1 or more, or None for ever, not {shown(value)}")


def _check_share(_fault: Fault, _attribute: Attribute[Any], value: float) -> None:
    if not (is_number(value) and 0 <= value <= 1):
        raise ValueError(f"share must be a probability from 0 to 1, not {shown(value)}")


def _check_seconds(fault: Fault, _attribute: Attribute[Any], value: float) -> None:
    fits = is_number(value) and value >= 0
    if not fits or (fault.kind in _TIMED) != (value > 0):
        raise ValueError(
            f"seconds must be positive for {', '.join(sorted(_TIMED))}, "
            f"and 0 for other faults, not {shown(value)}"
        )


def _check_page(fault: Fault, _attribute: Attribute[Any], value: str | None) -> None:
    is_page = _is_one_of(value, FRONT_PAGES) and fault.kind in _WITH_PAGE
    if value is not None and not is_page:
        raise ValueError(
            f"unknown page {shown(value)} for {fault.kind!r}; "
            f"{' and '.join(sorted(_WITH_PAGE))} have {', '.join(FRONT_PAGES)}"
        )


@frozen
class Fault:
    """A fault that strikes one or more requests.

    `kind` is lose, reset, stall, stall_before, outage, error, bad_gateway, garbage, truncated, cut,
    half, redirect, empty, late, twice, repeat, busy, front, front_before, slow_503, envelope_503,
    envelope_503_before, envelope_429, envelope_429_before or timeout_408. `cronapi.emulator.KINDS`
    describes each.

    The fault strikes only requests of `provider` and of `function` (dotted, as in `cron.add`), with
    `None` those of all. `share` is the probability that it strikes such a request. After it struck
    `times` times it is gone, with `None` it stays. `seconds` is the delay of a kind that
    has one, in the event loop's time. `page` is the page of front and front_before: haproxy,
    varnish, aws, cloudfront, apache or envoy. Without it the seed draws one.

    Raises `ValueError` for an unknown name or a number out of range.
    """

    kind: FaultKind = field(validator=_check_kind)
    provider: str | None = field(default=None, validator=_check_provider)
    function: str | None = field(default=None, validator=_check_function)
    times: int | None = field(default=1, validator=_check_times)
    share: float = field(default=1.0, validator=_check_share)
    seconds: float = field(default=0.0, validator=_check_seconds)
    page: FrontPage | None = field(default=None, validator=_check_page)

    def strikes(self, provider: str, function: str) -> bool:
        """Return True if this fault can strike such a request."""
        fits = self.provider in {None, provider} and self.function in {None, function}
        return fits and (self.kind != "half" or function in BATCHES)


@frozen
class FiredFault:
    """One fault that happened, with the request that it struck."""

    kind: FaultKind
    provider: str
    function: str


class Faults:
    """The pending faults in the order of their addition, and the faults that fired.

    `seed` fixes the draws for shares below 1. `fired` holds the last 100,000. Any thread may add
    and clear faults while another one serves.
    """

    def __init__(self, seed: int = 0) -> None:
        """Begin with no faults. Raises `ValueError` for a seed that is no whole number."""
        if not is_whole(seed, -math.inf):
            raise ValueError(f"seed must be a whole number, not {shown(seed)}")
        self._random = random.Random(seed)  # noqa: S311 -- repeatable on purpose
        self._lock = threading.Lock()
        self._pending: list[tuple[Fault, int | None]] = []
        self.fired: deque[FiredFault] = deque(maxlen=_REMEMBERED)

    @property
    def pending(self) -> Sequence[Fault]:
        """The faults that can still fire."""
        return [fault for fault, _ in self._pending]

    def add(self, *faults: Fault) -> None:
        """Add faults. Of several that fit a request, the one added first strikes.

        Raises `ValueError` for anything but a `Fault`.
        """
        for fault in faults:
            if not isinstance(fault, Fault):
                raise ValueError(f"{shown(fault)} is no Fault")  # noqa: TRY004 -- as for its values
        with self._lock:
            self._pending.extend((fault, fault.times) for fault in faults)

    def clear(self) -> None:
        """Drop the pending faults and keep `fired`."""
        with self._lock:
            self._pending.clear()

    def take(self, provider: str, function: str, *, gate: bool) -> Fault | None:
        """Return the fault that strikes a request and count it, `None` if there is none.

        With `gate` only faults that strike before the limiter are considered, else only the others.
        """
        with self._lock:
            for position, (fault, left) in enumerate(self._pending):
                here = (fault.kind in AT_THE_GATE) == gate and fault.strikes(provider, function)
                if here and self._random.random() < fault.share:
                    self._use(position, fault, left)
                    self.fired.append(FiredFault(fault.kind, provider, function))
                    return fault
        return None

    def _use(self, position: int, fault: Fault, left: int | None) -> None:
        if left == 1:
            del self._pending[position]
        else:
            self._pending[position] = (fault, left and left - 1)
