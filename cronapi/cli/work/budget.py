"""The scheduler of a command: its budget, which the other processes of the machine share."""

from __future__ import annotations

import os
from hashlib import sha256

import click

from cronapi.cli.frame.common import Common
from cronapi.cli.frame.escape import one_line
from cronapi.errors import SchedulerError
from cronapi.providers import Provider, Rate
from cronapi.scheduler.bucket import Bucket
from cronapi.scheduler.file import machine_scheduler
from cronapi.scheduler.stopping import StoppableScheduler

PACE_FILE = "CRONAPI_PACE_FILE"
_OFF = "off"


def scheduler_of(common: Common, provider: Provider) -> StoppableScheduler:
    """Return the scheduler for a service. An unusable rate or Redis is a ConfigurationError.

    A pace file that cannot be used is told in one warning. The command has its own rate then.
    """
    rate = provider.rate if common.rate is None else Rate(common.rate)
    return StoppableScheduler(rate, bucket=_bucket(common, provider, rate))


def _bucket(common: Common, provider: Provider, rate: Rate) -> Bucket | None:
    if common.redis is not None:
        return _redis(common.redis, provider)
    path = os.environ.get(PACE_FILE) or None
    if path == _OFF or common.dry_run:
        return None
    try:
        return machine_scheduler(provider.base_url, rate, path).bucket
    except SchedulerError as error:
        click.echo(one_line(f"Warning: {error}"), err=True)
        return None


def _redis(url: str, provider: Provider) -> Bucket:
    from cronapi.scheduler.redis import RedisBucket  # noqa: PLC0415 -- an extra

    address = sha256(provider.base_url.encode()).hexdigest()[:12]
    return RedisBucket.from_url(url, key=f"cronapi-{provider.name}-{address}")
