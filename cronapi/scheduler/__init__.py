"""Pacing and queueing: the only room of cronapi that waits for time."""

from cronapi._lazy import lazy
from cronapi.scheduler.bucket import Bucket, LocalBucket
from cronapi.scheduler.queue import Scheduler, SchedulerStats
from cronapi.scheduler.shared import shared_scheduler
from cronapi.scheduler.slot import Lane, Slot

TYPE_CHECKING = False

if TYPE_CHECKING:
    from cronapi.scheduler.file import FileBucket
    from cronapi.scheduler.redis import RedisBucket
else:
    _HOMES = {"FileBucket": "cronapi.scheduler.file", "RedisBucket": "cronapi.scheduler.redis"}
    __getattr__, __dir__ = lazy(__name__, _HOMES, ["file", "redis"])

__all__ = [
    "Bucket",
    "FileBucket",
    "Lane",
    "LocalBucket",
    "RedisBucket",
    "Scheduler",
    "SchedulerStats",
    "Slot",
    "shared_scheduler",
]
