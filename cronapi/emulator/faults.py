"""Faults on demand: the plan of the answers that go wrong, carried out by the app."""

from __future__ import annotations

import math
import random
import threading
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

from attrs import Attribute, field, frozen

from cronapi.emulator.checks import fits_float, is_number, is_whole, shown
from cronapi.emulator.not_copied import NotCopied
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
TIMED: frozenset[str] = frozenset({"stall", "stall_before", "late", "slow_503"})
"""The kinds with a delay."""
_STATUSES = range(200, 600)
_MATCHED = frozenset({"name", "id"})
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
    if not fits or (fault.kind in TIMED) != (value > 0):
        raise ValueError(
            f"seconds must be positive for {', '.join(sorted(TIMED))}, "
            f"and 0 for other faults, not {shown(value)}"
        )


def _check_page(fault: Fault, _attribute: Attribute[Any], value: str | None) -> None:
    is_page = _is_one_of(value, FRONT_PAGES) and fault.kind in _WITH_PAGE
    if value is not None and not is_page:
        raise ValueError(
            f"unknown page {shown(value)} for {fault.kind!r}; "
            f"{' and '.join(sorted(_WITH_PAGE))} have {', '.join(FRONT_PAGES)}"
        )


def _check_status(_fault: Fault, _attribute: Attribute[Any], value: int | None) -> None:
    if value is not None and (not is_whole(value) or value not in _STATUSES):
        raise ValueError(f"status must be an HTTP status from 200 to 599, not {shown(value)}")


def _check_match(_fault: Fault, _attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, Mapping) or value.keys() - _MATCHED:
        raise ValueError(f"match must have name or id, or both, not {shown(value)}")
    if huge := [one for one in value.values() if isinstance(one, int) and not fits_float(one)]:
        raise ValueError(f"match cannot have {shown(huge[0])}")


def _check_busy(fault: Fault, attribute: Attribute[Any], value: object) -> None:
    fits = isinstance(value, str) if attribute.name == "message" else is_whole(value, -math.inf)
    if value is not None and not (fits and fault.kind == "busy"):
        raise ValueError(f"{attribute.name} is for busy, an API error, not {shown(value)}")


def _check_retry_after(_fault: Fault, _attribute: Attribute[Any], value: object) -> None:
    if value is not None and not is_whole(value, 0):
        raise ValueError(f"retry_after must be whole seconds, not {shown(value)}")


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

    `match` limits the fault to requests with this `name` or `id`. `status` and `retry_after` change
    the HTTP status and add the header, in seconds, to the answer that the fault gives. `code` and
    `message` are those of busy.

    Raises `ValueError` for an unknown name or a number out of range.
    """

    kind: FaultKind = field(validator=_check_kind)
    provider: str | None = field(default=None, validator=_check_provider)
    function: str | None = field(default=None, validator=_check_function)
    times: int | None = field(default=1, validator=_check_times)
    share: float = field(default=1.0, validator=_check_share)
    seconds: float = field(default=0.0, validator=_check_seconds)
    page: FrontPage | None = field(default=None, validator=_check_page)
    status: int | None = field(default=None, validator=_check_status, kw_only=True)
    retry_after: int | None = field(default=None, validator=_check_retry_after, kw_only=True)
    match: Mapping[str, object] = field(
        factory=dict, validator=_check_match, kw_only=True, hash=False
    )
    code: int | None = field(default=None, validator=_check_busy, kw_only=True)
    message: str | None = field(default=None, validator=_check_busy, kw_only=True)

    def strikes(self, provider: str, function: str) -> bool:
        """Return True if this fault can strike such a request."""
        fits = self.provider in {None, provider} and self.function in {None, function}
        return fits and (self.kind != "half" or function in BATCHES)

    def matches(self, parameters: Callable[[], Mapping[str, object]]) -> bool:
        """Return True if the request has the values of `match`, one of them in a list of ids."""
        if not self.match:
            return True
        given = parameters()
        return all(str(wanted) in _texts_of(given.get(name)) for name, wanted in self.match.items())


def _texts_of(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    return [] if value is None else [str(value), *str(value).split(",")]


@frozen
class FiredFault:
    """One fault that happened, with the request that it struck."""

    kind: FaultKind
    provider: str
    function: str


def read_fault(text: str) -> Fault | None:
    """Read a fault for one request, such as `lose` or `stall=2` with seconds.

    Returns `None` for anything else.
    """
    kind, _, seconds = text.strip().partition("=")
    try:
        return Fault(kind, seconds=float(seconds or 0))  # type: ignore[arg-type]  # it checks
    except ValueError:
        return None


class Faults(NotCopied):
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
        self._chaos: list[Fault] = []
        self.fired: deque[FiredFault] = deque(maxlen=_REMEMBERED)

    @property
    def pending(self) -> Sequence[Fault]:
        """The faults that can still fire."""
        return [fault for fault, _ in self._pending]

    @property
    def left(self) -> Sequence[int | None]:
        """The times that each pending fault can still strike, `None` for no end."""
        return [left for _, left in self._pending]

    def add(self, *faults: Fault) -> None:
        """Add faults. Of several that fit a request, the one added first strikes.

        Raises `ValueError` for anything but a `Fault`.
        """
        for fault in faults:
            if not isinstance(fault, Fault):
                raise ValueError(f"{shown(fault)} is no Fault")  # noqa: TRY004 -- as for its values
        with self._lock:
            self._pending.extend((fault, fault.times) for fault in faults)

    def clear(self, kind: str | None = None) -> None:
        """Drop the pending faults, or those of a kind, and keep `fired`."""
        with self._lock:
            self._pending = [item for item in self._pending if kind not in {None, item[0].kind}]

    @property
    def chaos(self) -> Sequence[Fault]:
        """The faults that strike for ever, by their shares, where no pending fault does."""
        return list(self._chaos)

    def set_chaos(self, faults: Iterable[Fault], seed: int) -> None:
        """Take these faults in place of the earlier ones, with draws that begin anew."""
        with self._lock:
            self._chaos = list(faults)
            self._random.seed(seed)

    def reset(self, seed: int) -> None:
        """Drop all faults and `fired`, and begin the draws anew."""
        self.clear()
        self.set_chaos((), seed)
        self.fired.clear()

    def take(
        self,
        provider: str,
        function: str,
        *,
        gate: bool,
        parameters: Callable[[], Mapping[str, object]] = dict,
    ) -> Fault | None:
        """Return the fault that strikes a request and count it, `None` if there is none.

        With `gate` only faults that strike before the limiter are considered, else only the others.
        `parameters` returns the request's, for faults that look at them.
        """
        with self._lock:
            pending = [*self._pending, *((fault, None) for fault in self._chaos)]
            for position, (fault, left) in enumerate(pending):
                here = (fault.kind in AT_THE_GATE) == gate and fault.strikes(provider, function)
                if here and fault.matches(parameters) and self._random.random() < fault.share:
                    self._use(position, fault, left)
                    self.fired.append(FiredFault(fault.kind, provider, function))
                    return fault
        return None

    def _use(self, position: int, fault: Fault, left: int | None) -> None:
        if position >= len(self._pending):
            return  # chaos lasts
        if left == 1:
            del self._pending[position]
        else:
            self._pending[position] = (fault, left and left - 1)
