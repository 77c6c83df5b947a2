"""The schedulers that clients share by default: one bucket per provider address and process, one queue per event loop on it."""

from __future__ import annotations

import threading
import time

from anyio.lowlevel import RunVar

from cronapi.errors import ConfigurationError
from cronapi.providers import Rate
from cronapi.scheduler.bucket import LocalBucket
from cronapi.scheduler.queue import Scheduler

_lock = threading.Lock()
_buckets: dict[str, tuple[Rate, LocalBucket]] = {}
_queues: RunVar[dict[str, Scheduler]] = RunVar("cronapi_schedulers")


def shared_scheduler(key: str, rate: Rate) -> Scheduler:
    """Return the running event loop's queue on the process's bucket for `key`.

    Raises ConfigurationError where the key is already paced at another rate: two rates would be two budgets for one service.
    """
    queues = _queues.get(None)
    if queues is None:
        queues = {}
        _queues.set(queues)
    if key not in queues:
        queues[key] = Scheduler(rate, bucket=_bucket(key, rate))
    return queues[key]


def _bucket(key: str, rate: Rate) -> LocalBucket:
    with _lock:
        known, bucket = _buckets.setdefault(key, (rate, LocalBucket(rate, clock=time.monotonic)))
    if known != rate:
        raise ConfigurationError(f"{key} is already paced at {known}; hand a scheduler in to pace it at {rate}.")
    return bucket
