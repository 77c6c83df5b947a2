"""The leaky bucket of a fleet whose pace is in Redis, by Redis's clock.

Each slot costs one evaluation of a script.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Self

from cronapi._protocol import arguments
from cronapi.scheduler.fleet import MILLION, Evaluate, Looking, SharedStart
from cronapi.scheduler.fleet_bucket import Fallback, FleetBucket
from cronapi.scheduler.redis_script import RemoteScript


class RedisBucket(FleetBucket):
    """Hands out starts at a rate that all processes with the same Redis and key share.

    `Scheduler(rate, bucket=RedisBucket.from_url("redis://localhost", key="team"))`. The scheduler
    tells it the rate, which must be the same in all processes. While Redis is away, calls wait up
    to `timeout` seconds and for the try under way. Then they fail with SchedulerError and nothing
    sent. They fail at once where waiting does not help, as with a wrong password. With
    `fallback="local"` they go on at a `share`th of the rate until Redis answers again.

    `evaluate` evaluates the script, in a worker thread unless `threads` is False. It may have a
    method `last_sent()`, which returns microseconds of Redis's clock or 0, and may be called in
    several threads at once and during an evaluation. With it no request comes too close to one that
    another process sent late. `clock` gives monotonic seconds.
    """

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
        arguments.function("evaluate", evaluate)
        self._looks: Looking | None = evaluate if isinstance(evaluate, Looking) else None
        super().__init__(
            evaluate,
            self._look_into_redis,
            timeout=timeout,
            fallback=fallback,
            share=share,
            clock=clock,
            threads=threads,
        )

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

        `key` names the budget: one account at one service. It is stored as it is, so do not put a
        token into it.
        """
        arguments.text("key", key, "text without braces")
        return cls(RemoteScript(url, key), timeout=timeout, fallback=fallback, share=share)

    def _look_into_redis(self, start: SharedStart, most: float) -> float:
        if self._looks is None:
            return -math.inf
        try:
            sent = float(self._looks.last_sent())
        except Exception:  # noqa: BLE001 -- the border: it may be a user's own; an evaluation tells
            return -math.inf
        at = (sent - start.origin) / MILLION
        return at if sent and at <= self._clock() + most else -math.inf
