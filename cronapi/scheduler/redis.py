"""The leaky bucket of a fleet: the state lives in Redis, and every process takes its turn by Redis's clock.

One evaluation a slot: it tells how the last starts fared and reserves the next one, so nobody polls. The reserved start stays with
the bucket, whoever asked for it, and lapses after half an interval. House rule: what goes to Redis goes once. After an error the
outcomes that travelled with it count as lost: a refusal less is harmless, one counted twice is a hold for nothing.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal, Self, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import checkpoint

from cronapi.errors import ConfigurationError, SchedulerError
from cronapi.providers import Rate
from cronapi.scheduler.bucket import LocalBucket, log_hold
from cronapi.scheduler.fleet import MILLION, Answer, Fleet, SharedStart, take_over
from cronapi.scheduler.outage import Outage
from cronapi.scheduler.pace import RESOLUTION, Pace, Start
from cronapi.scheduler.redis_script import Evaluate, connect

T = TypeVar("T")
Fallback = Literal["error", "local"]

LEASE_INTERVALS, LEASE_SECONDS = 10, 2.0
"""A probe that is not heard of for so long has crashed with its process; another may go."""
MOMENT = 0.005
"""Seconds between two looks whether an evaluation that is under way has ended."""
FRESH_INTERVALS, FRESH_SECONDS = 0.5, 0.05
"""A reserved start that is late by more than both lapses: it would meet the next one of somebody else."""
MOST_NEWS = 1000

logger: logging.Logger = logging.getLogger("cronapi.scheduler")


class RedisBucket:
    """Hands out starts at a rate that all processes with the same Redis and key share.

    `Scheduler(rate, bucket=RedisBucket.from_url("redis://localhost", key="team"))`; the scheduler tells it the rate, which must be
    the same in all processes. While Redis is away, calls wait up to `timeout` seconds and for the try under way; then they fail with
    SchedulerError and nothing sent, or with `fallback="local"` go on at a `share`th of the rate until Redis answers again.

    The first argument evaluates the script, in a worker thread unless `threads` is False; `clock` gives monotonic seconds.
    """

    shared: ClassVar[bool] = True

    def __init__(
        self,
        evaluate: Evaluate,
        *,
        timeout: float = 10.0,
        fallback: Fallback = "error",
        share: int = 1,
        clock: Callable[[], float] = time.monotonic,
        threads: bool = True,
    ) -> None:
        if not (isinstance(timeout, int | float) and 0 <= timeout < math.inf):
            raise ConfigurationError(f"timeout must be seconds, not {timeout!r}.")
        if fallback not in ("error", "local"):
            raise ConfigurationError(f"fallback is error or local, not {fallback!r}.")
        if isinstance(share, bool) or not isinstance(share, int) or share < 1:
            raise ConfigurationError(f"share must be the number of processes, not {share!r}.")
        self._send = evaluate
        self._fallback: Fallback = fallback
        self._share = share
        self._clock = clock
        self._threads = threads
        self._turn = threading.Lock()  # held during an evaluation, so that there is one at a time
        self._lock = threading.Lock()  # held while looking at or changing what follows
        self._fleet: Fleet | None = None
        self._local: LocalBucket | None = None
        self._reserved: SharedStart | None = None
        self._ask_at = -math.inf
        self._news: deque[tuple[str, SharedStart, int]] = deque(maxlen=MOST_NEWS)
        self._urgent = False
        self._outage = Outage(timeout)
        self._standing_in = False

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        key: str,
        timeout: float = 10.0,
        fallback: Fallback = "error",
        share: int = 1,
    ) -> Self:
        """Return a bucket at a Redis address such as `redis://localhost:6379/0`.

        `key` names the budget: one account at one service. It is stored as it is, so do not put a token into it.
        """
        return cls(connect(url, key), timeout=timeout, fallback=fallback, share=share)

    @property
    def rate(self) -> Rate:
        """The rate that is shared."""
        return self._pace.rate

    def bind(self, rate: Rate) -> None:
        """Learn the rate; raise ConfigurationError where it is another one already."""
        with self._lock:
            if self._fleet is None:
                self._fleet = Fleet(rate)
        if self.rate != rate:
            raise ConfigurationError(
                f"The shared bucket is already paced at {self.rate}, not at {rate}."
            )

    async def reserve(self) -> None:
        """Reserve the next start, unless one is reserved; what was reserved stays, also when the caller is cancelled.

        Raises SchedulerError where Redis is away for longer than `timeout`.
        """
        if self._standing_in:
            self._check()
            return
        while self._is_needed():
            if not self._outage.is_hopeless(self._clock()):
                await self._run(partial(self._evaluate, wanted=True))
            if self._outage.since is None:
                continue
            if self._outage.left(self._clock()) <= 0:
                self._give_up()
                return
            await anyio.sleep(self._outage.pause(self._clock()))

    async def publish(self) -> None:
        """Tell the others of a refusal, of the success that ends a row, or how a probe fared; without Redis nothing is told."""
        while self._urgent and self._outage.since is None:
            await self._run(partial(self._evaluate, wanted=False))

    def take(self) -> Start | None:
        """Take the reserved start if it is due now; one that is due for too long lapses."""
        with self._lock:
            if self._standing_in:
                return self._stand_in.take()
            start, now = self._reserved, self._clock()
            if start is None or start.due - now > RESOLUTION:
                return None
            self._reserved = None
            if now - start.due > max(FRESH_INTERVALS * self.rate.interval, FRESH_SECONDS):
                self._note("unused", start)
                return None
            start.at = now
            return start

    def wait(self) -> float:
        """Return the seconds until the reserved start is due, or until it is worth asking for one."""
        with self._lock:
            if self._standing_in:
                return self._stand_in.wait()
            due = self._ask_at if self._reserved is None else self._reserved.due
            return max(0.0, due - self._clock())

    def release_unused(self, start: Start) -> None:
        """Keep a start that was not used for the next caller, or tell Redis with the next evaluation."""
        with self._lock:
            if not isinstance(start, SharedStart):
                self._stand_in.release_unused(start)
            elif self._reserved is None and not self._standing_in:
                self._reserved = start
            else:
                self._note("unused", start)

    def sent(self, start: Start) -> float:
        """Learn that the request is ready to go out, and return the seconds it still has to wait behind this process's last."""
        with self._lock:
            if not isinstance(start, SharedStart):
                return self._stand_in.sent(start)
            delay = self._pace.sent(start, self._clock())
            self._note("sent", start, round(self._pace.lead * MILLION))
            if self._reserved is not None:
                self._reserved.due = max(
                    self._reserved.due, start.at + self._pace.closest - self._pace.lead
                )
            return delay

    def accepted(self, start: Start) -> None:
        """Learn that the request was let through."""
        with self._lock:
            if isinstance(start, SharedStart):
                self._note("accepted", start, round((self._clock() - start.at) * MILLION))
                self._urgent = self._urgent or self._pace.row > 0
            else:
                self._stand_in.accepted(start)

    def refused(self, start: Start, retry_after: float | None = None) -> None:
        """Learn that the rate limit refused the request; `retry_after` is in seconds."""
        with self._lock:
            if isinstance(start, SharedStart):
                self._pace.turned_back(start)
                self._note(
                    "refused", start, -1 if retry_after is None else round(retry_after * MILLION)
                )
                self._urgent = True
            else:
                self._stand_in.refused(start, retry_after)

    def lost(self, start: Start) -> None:
        """Learn that no answer came."""
        with self._lock:
            if not isinstance(start, SharedStart):
                self._stand_in.lost(start)
            elif start.probe:
                self._note("lost", start)

    def read(self, look: Callable[[Pace, float], T]) -> T:
        """Return what `look(pace, now)` sees: the fleet's pace as of this process's last evaluation."""
        with self._lock:
            return (
                self._stand_in.read(look) if self._standing_in else look(self._pace, self._clock())
            )

    @property
    def _pace(self) -> Fleet:
        if self._fleet is None:
            raise ConfigurationError("Hand this bucket to a Scheduler first, which knows the rate.")
        return self._fleet

    @property
    def _stand_in(self) -> LocalBucket:
        """The bucket of this process alone, whose starts are no SharedStart."""
        if self._local is None:
            rate = self.rate
            self._local = LocalBucket(Rate(rate.limit / self._share, rate.per), clock=self._clock)
        return self._local

    def _note(self, kind: str, start: SharedStart, value: int = 0) -> None:
        self._news.append((kind, start, value))
        self._urgent = self._urgent or (start.probe and kind != "sent")

    def _is_needed(self) -> bool:
        with self._lock:
            return self._reserved is None and self._ask_at - self._clock() <= RESOLUTION

    async def _run(self, work: Callable[[], None]) -> None:
        if self._turn.locked():  # by somebody who went away meanwhile, or on another event loop
            await anyio.sleep(MOMENT)
        elif self._threads:  # with a limiter of its own, which no other work in threads can use up
            await anyio.to_thread.run_sync(
                work, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
            )
        else:
            work()
            await checkpoint()

    def _evaluate(self, *, wanted: bool) -> None:
        """Send the news, and ask for a start if one is still wanted; whatever comes of it stays with the bucket."""
        with self._turn:
            if not (self._is_needed() if wanted else self._urgent):
                return
            begun, arguments = self._clock(), self._arguments(wanted=wanted)
            try:
                answer = Answer(*self._send(arguments))
            except OSError as error:
                self._fail(begun, error)
            else:
                self._learn(answer)

    def _arguments(self, *, wanted: bool) -> list[int | str]:
        interval = math.ceil(self.rate.interval * MILLION)
        arguments: list[int | str] = [
            interval,
            round(LEASE_INTERVALS * interval + LEASE_SECONDS * MILLION),
            int(wanted),
        ]
        with self._lock:
            for kind, start, value in self._news:
                arguments += [kind, start.number, start.moment, value]
            self._news.clear()
            self._urgent = False
        return arguments

    def _learn(self, answer: Answer) -> None:
        with self._lock:
            now, pace = self._clock(), self._pace
            held = pace.holding
            take_over(pace, answer, now)
            self._outage.ended()
            self._standing_in = False
            if answer.number:
                due = now + answer.wait / MILLION
                self._reserved = SharedStart(
                    due, answer.number, bool(answer.probe), due, answer.now - now * MILLION
                )
            elif answer.wait:
                self._ask_at = now + answer.wait / MILLION
            if pace.holding and self._reserved is not None and not self._reserved.probe:
                self._reserved = None  # reserved before the hold began, which it would disregard
        log_hold(held, pace.holding, answer.held / MILLION)

    def _fail(self, begun: float, error: OSError) -> None:
        with self._lock:
            self._outage.failed(begun, self._clock(), error)
        logger.debug("the shared bucket did not answer: %s", error)

    def _give_up(self) -> None:
        if self._fallback == "error":
            since, error = self._outage.since or 0.0, self._outage.error
            raise SchedulerError(
                f"The shared bucket is unreachable for {self._clock() - since:.1f} s; nothing was sent."
            ) from error
        with self._lock:
            self._standing_in, self._reserved, self._ask_at = True, None, -math.inf
        logger.warning(
            "the shared bucket is unreachable; this process goes on alone at %s until it answers",
            self._stand_in.rate,
        )

    def _check(self) -> None:
        """Look in the background whether Redis is back."""
        if self._turn.locked() or not self._outage.is_worth_a_look(self._clock()):
            return
        work = partial(self._evaluate, wanted=True)
        if self._threads:
            threading.Thread(target=work, daemon=True).start()
        else:
            work()
