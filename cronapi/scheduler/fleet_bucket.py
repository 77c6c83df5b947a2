"""The leaky bucket of a fleet of processes: the pace lives in a place that all of them can reach.

Each slot costs one evaluation there: it tells how the last starts fared and reserves the next one,
so no process polls. The reserved start stays with the bucket even if its caller goes away, and
lapses after half an interval.

House rule: a message goes once. After an error the outcomes that travelled with it count as lost.
A refusal less is harmless, but one counted twice is a hold for nothing.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal, TypeVar, get_args

import anyio

from cronapi._logs import lines
from cronapi._protocol import arguments
from cronapi._protocol.not_copied import NotCopied
from cronapi.errors.concerns import setting_error
from cronapi.providers import Rate
from cronapi.scheduler.bucket import LocalBucket, log_hold
from cronapi.scheduler.exchanges import Exchanges
from cronapi.scheduler.fleet import Answer, Evaluate, FleetPace, Look, Member, SharedStart
from cronapi.scheduler.forks import renew_in_child
from cronapi.scheduler.outage import Outage
from cronapi.scheduler.pace import Pace, Start
from cronapi.scheduler.tuning import MOST_WAITED

T = TypeVar("T")
Fallback = Literal["error", "local"]

LONGEST_TALK = 0.1
"""Seconds for a look, and for telling. A request goes out then, also if the place is silent."""


class FleetBucket(NotCopied):
    """Hands out starts at a rate that all processes with the same pace share.

    `evaluate` asks for the next start, and `look` for the last request, in a worker thread unless
    `threads` is False. The other arguments are those of a `RedisBucket`.
    """

    shared: ClassVar[bool] = True
    _not_copied = (
        "A shared bucket cannot be pickled or copied: it holds locks and a connection. Make one in "
        "each process, with the same path or the same address and key."
    )

    def __init__(
        self,
        evaluate: Evaluate,
        look: Look,
        *,
        timeout: float,
        fallback: Fallback,
        share: int,
        clock: Callable[[], float],
        threads: bool,
    ) -> None:
        arguments.function("clock", clock)
        arguments.seconds("timeout", timeout, endless=False)
        arguments.choice("fallback", fallback, get_args(Fallback))
        arguments.count("share", share)
        arguments.switch("threads", threads)
        self._send = evaluate
        self._last_sent = look
        self._fallback: Fallback = fallback
        self._share = share
        self._clock = clock
        self._exchanges = Exchanges(threads=threads)
        self._outage = Outage(timeout)
        self._bound: Member | None = None
        self._renew()
        renew_in_child(self)

    @property
    def rate(self) -> Rate:
        """The rate that is shared."""
        return self._member.pace.rate

    def bind(self, rate: Rate) -> None:
        """Learn the rate; raise ConfigurationError if the bucket has another one already."""
        with self._lock:
            if self._bound is None:
                self._bound = Member(FleetPace(rate))
        if self.rate != rate:
            raise setting_error(
                f"The shared bucket is already paced at {self.rate}, not at {rate}."
            )

    async def reserve(self) -> None:
        """Reserve the next start, unless one is reserved.

        A reserved start stays, also if the caller is cancelled. Raises SchedulerError if there was
        no answer for longer than `timeout`, or at once if waiting would not mend the fault.
        """
        if self._standing_in:
            self._check_for_end()
            return
        while self._needs_start():
            if not self._outage.spares_try(self._clock()):
                await self._exchanges.run(partial(self._evaluate, wanted=True))
            if self._outage.since is None:
                continue
            if self._outage.patience_left(self._clock()) <= 0:
                self._give_up()
                return
            await anyio.sleep(self._outage.pause(self._clock()))

    async def publish(self) -> None:
        """Tell the others of a refusal, of the success that ends a streak, or how a probe fared.

        During an outage nothing is told.
        """
        while self._member.urgent and self._outage.since is None:
            await self._exchanges.run(partial(self._evaluate, wanted=False))

    async def _finish(self) -> None:
        """Tell all outcomes, and give back a start that nobody waits for.

        A process that makes a single call would tell no success otherwise.
        """
        with self._lock:
            if self._standing_in:
                return
            self._member.finish()
        await self.publish()

    def take(self) -> Start | None:
        """Take the reserved start if it is due. One that is overdue for too long lapses."""
        with self._lock:
            if self._standing_in:
                return self._stand_in.take()
            return self._member.take(self._clock())

    def wait(self) -> float:
        """Return the seconds until the reserved start is due, or until it is worth asking."""
        with self._lock:
            if self._standing_in:
                return self._stand_in.wait()
            return self._member.wait(self._clock())

    def release_unused(self, start: Start) -> None:
        """Keep an unused start for the next caller, or tell of it with the next evaluation."""
        with self._lock:
            if not isinstance(start, SharedStart):
                self._stand_in.release_unused(start)
            elif self._member.reserved is None and not self._standing_in:
                self._member.reserved = start
            else:
                self._member.note("unused", start)

    def sent(self, start: Start) -> float:
        """Learn that the request is ready, and return the seconds it still has to wait.

        It waits behind the last request of this process.
        """
        with self._lock:
            if isinstance(start, SharedStart):
                return self._member.sent(start, self._clock())
            return self._stand_in.sent(start)

    async def _depart(self, start: Start) -> float:
        """Learn that a request is ready, and return the seconds that it still has to wait.

        A late request tells the others before, and all look, since starts are reserved ahead.
        """
        if not isinstance(start, SharedStart) or not self._member.pace.is_slow:
            return self.sent(start)
        with anyio.move_on_after(LONGEST_TALK):  # a thread goes on with it
            await self._exchanges.run_beside(partial(self._look, start))
        until = self._clock() + self.sent(start)
        with self._lock:
            is_late = self._member.tell_if_late(start)
        if is_late:
            with anyio.move_on_after(LONGEST_TALK):
                await self.publish()
        return max(0.0, until - self._clock())

    def accepted(self, start: Start) -> None:
        """Learn that the request was let through."""
        with self._lock:
            if isinstance(start, SharedStart):
                self._member.accepted(start, self._clock())
            else:
                self._stand_in.accepted(start)

    def refused(self, start: Start, retry_after: float | None = None) -> None:
        """Learn that the rate limit refused the request, with `retry_after` in seconds."""
        with self._lock:
            if isinstance(start, SharedStart):
                self._member.refused(start, retry_after)
            else:
                self._stand_in.refused(start, retry_after)

    def lost(self, start: Start) -> None:
        """Learn that no answer came."""
        with self._lock:
            if not isinstance(start, SharedStart):
                self._stand_in.lost(start)
            elif start.probe:
                self._member.note("lost", start)

    def read(self, look: Callable[[Pace, float], T]) -> T:
        """Return `look(pace, now)`, with the fleet's pace as of this process's last evaluation."""
        with self._lock:
            if self._standing_in:
                return self._stand_in.read(look)
            return look(self._member.pace, self._clock())

    def _renew(self) -> None:
        """Begin anew, also in a forked process: the start and the news are its parent's."""
        self._exchanges.turn = threading.Lock()
        self._lock = threading.Lock()  # held while looking at or changing the fields that follow
        self._bound = self._bound and Member(FleetPace(self._bound.pace.rate))
        self._local: LocalBucket | None = None
        self._outage = Outage(self._outage.patience)
        self._standing_in = False

    @property
    def _member(self) -> Member:
        if self._bound is None:
            raise setting_error("Hand this bucket to a Scheduler first: it knows the rate.")
        return self._bound

    @property
    def _stand_in(self) -> LocalBucket:
        """The bucket of this process alone, whose starts are no SharedStart."""
        if self._local is None:
            rate = self.rate
            self._local = LocalBucket(Rate(rate.limit / self._share, rate.per), clock=self._clock)
        return self._local

    def _needs_start(self) -> bool:
        with self._lock:
            return self._member.needs_start(self._clock())

    def _look(self, start: SharedStart) -> None:
        """Learn when the last request of all processes went out."""
        at = self._last_sent(start, MOST_WAITED * self.rate.interval)
        with self._lock:
            self._member.pace.keep_from(at)

    def _evaluate(self, *, wanted: bool) -> None:
        """Send the outcomes, and ask for a start if one is still wanted.

        The start stays with the bucket.
        """
        with self._exchanges.turn:
            if not (self._needs_start() if wanted else self._member.urgent):
                return
            begun = self._clock()
            with self._lock:
                arguments = self._member.arguments(wanted=wanted)
            try:
                answer = Answer(*self._send(arguments))
            except Exception as error:  # noqa: BLE001 -- the border: `evaluate` may be a user's own
                self._fail(begun, error)
            else:
                self._learn(answer)

    def _learn(self, answer: Answer) -> None:
        with self._lock:
            pace, held = self._member.pace, self._member.pace.holding
            self._member.learn(answer, self._time_of(answer))
            lasted = self._outage.ended(self._clock())
            self._standing_in = False
        if lasted:
            lines.write(lines.BUCKET_OUTAGE_ENDS, lasted)
        log_hold(held, pace.holding, answer.hold)

    def _time_of(self, answer: Answer) -> float:  # noqa: ARG002 -- a bucket may know it better
        """Return the time of an evaluation on this process's clock: not before its answer came."""
        return self._clock()

    def _fail(self, begun: float, error: Exception) -> None:
        with self._lock:
            begins = self._outage.failed(begun, self._clock(), error)
        lines.write(lines.BUCKET_FAILED, error)
        if begins:
            lines.write(lines.BUCKET_OUTAGE_BEGINS, self._outage.reason, self._outage.patience)

    def _give_up(self) -> None:
        if self._fallback == "error":
            raise self._outage.told(self._clock()) from self._outage.error
        with self._lock:
            self._standing_in = True
            self._member.reserved, self._member.ask_at = None, -math.inf
        lines.write(lines.STANDS_IN, self._outage.reason, self._stand_in.rate)

    def _check_for_end(self) -> None:
        """Check in the background if the outage is over."""
        if not self._exchanges.turn.locked() and self._outage.is_check_due(self._clock()):
            self._exchanges.begin(partial(self._evaluate, wanted=True))
