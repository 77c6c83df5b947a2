"""The scheduler of a command: its budget, which other processes share."""

from __future__ import annotations

from hashlib import sha256

from cronapi.cli.frame.common import Common
from cronapi.providers import Provider, Rate
from cronapi.scheduler.bucket import Bucket
from cronapi.scheduler.stopping import StoppableScheduler


def scheduler_of(common: Common, provider: Provider) -> StoppableScheduler:
    """Return the scheduler for a service. An unusable rate or Redis is a ConfigurationError."""
    rate = provider.rate if common.rate is None else Rate(common.rate)
    return StoppableScheduler(rate, bucket=_bucket(common, provider))


def _bucket(common: Common, provider: Provider) -> Bucket | None:
    if common.redis is None:
        return None
    from cronapi.scheduler.redis import RedisBucket  # noqa: PLC0415 -- an extra

    address = sha256(provider.base_url.encode()).hexdigest()[:12]
    return RedisBucket.from_url(common.redis, key=f"cronapi-{provider.name}-{address}")
