"""Pacing and queueing: the only room of cronapi that waits for time."""

from cronapi.scheduler.bucket import Bucket, LocalBucket
from cronapi.scheduler.queue import Scheduler, SchedulerStats
from cronapi.scheduler.redis import RedisBucket
from cronapi.scheduler.shared import shared_scheduler
from cronapi.scheduler.slot import Lane, Slot

__all__ = [
    "Bucket",
    "Lane",
    "LocalBucket",
    "RedisBucket",
    "Scheduler",
    "SchedulerStats",
    "Slot",
    "shared_scheduler",
]
