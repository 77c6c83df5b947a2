"""The schedulers that clients share by default.

There is one bucket for each provider address in a process, and on it one queue for each event loop.
"""

from __future__ import annotations

from collections.abc import Hashable

from cronapi._protocol.arguments import refusal
from cronapi.errors.concerns import setting_error
from cronapi.providers import Rate
from cronapi.scheduler.bucket import LocalBucket, checked_rate
from cronapi.scheduler.loops import ByLoop, running_loop_or_none
from cronapi.scheduler.queue import Scheduler

_buckets: dict[Hashable, LocalBucket] = {}
_queues: ByLoop[dict[Hashable, Scheduler]] = ByLoop(dict)
_unclaimed: dict[Hashable, Scheduler] = {}
"""Queues that were asked for where no event loop runs. The next loop takes them over."""


def shared_scheduler(key: Hashable, rate: Rate, *, loop: object = None) -> Scheduler:
    """Return an event loop's queue on the process's bucket for `key`.

    Without a `loop` it is the queue of the one that runs in this thread. Where none runs, it is a
    queue that nothing waits in yet, and the next loop that asks takes it over. Any thread may ask.
    Raises ConfigurationError if the key is already paced at another rate: two rates would be two
    budgets for one service.
    """
    loop = running_loop_or_none() if loop is None else loop
    queues = _unclaimed if loop is None else _queues.of(loop)
    checked_rate(rate)
    if not _is_hashable(key):
        raise refusal("key", "hashable", key)
    bucket = _bucket(key, rate)
    if bucket.rate != rate:
        raise setting_error(
            f"This address is already paced at {bucket.rate}; "
            f"hand a scheduler in to pace it at {rate}."
        )
    queue = queues.get(key)
    if queue is None or queue.bucket is not bucket:
        queue = queues[key] = _claimed(key, bucket) or Scheduler(rate, bucket=bucket)
    return queue


def _is_hashable(key: object) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True


def _bucket(key: Hashable, rate: Rate) -> LocalBucket:
    if key in _buckets:
        return _buckets[key]
    return _buckets.setdefault(key, LocalBucket(rate))  # at once, also where another thread asks


def _claimed(key: Hashable, bucket: LocalBucket) -> Scheduler | None:
    """Take over the queue that was asked for before, unless it is another bucket's."""
    queue = _unclaimed.pop(key, None)
    return queue if queue is not None and queue.bucket is bucket else None
