"""The schedulers that clients share by default.

There is one bucket for each provider address in a process, and on it one queue for each event loop.
"""

from __future__ import annotations

from collections.abc import Hashable

from anyio.lowlevel import RunVar

from cronapi._protocol.arguments import refusal
from cronapi.errors import ConfigurationError
from cronapi.providers import Rate
from cronapi.scheduler.bucket import LocalBucket, checked_rate
from cronapi.scheduler.queue import Scheduler

_buckets: dict[Hashable, LocalBucket] = {}
_queues: RunVar[dict[Hashable, Scheduler]] = RunVar("cronapi_schedulers")


def shared_scheduler(key: Hashable, rate: Rate) -> Scheduler:
    """Return the running event loop's queue on the process's bucket for `key`.

    Raises ConfigurationError if the key is already paced at another rate: two rates would be two
    budgets for one service.
    """
    checked_rate(rate)
    if not _is_hashable(key):
        raise refusal("key", "hashable", key)
    queues = _queues.get(None)
    if queues is None:
        queues = {}
        _queues.set(queues)
    bucket = _bucket(key, rate)
    if bucket.rate != rate:
        raise ConfigurationError(
            f"This address is already paced at {bucket.rate}; "
            f"hand a scheduler in to pace it at {rate}."
        )
    if key not in queues:
        queues[key] = Scheduler(rate, bucket=bucket)
    return queues[key]


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
