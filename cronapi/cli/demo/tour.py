"""A look at a real account that changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cronapi.cli.frame.common import Common
from cronapi.cli.signals import run_on_loop
from cronapi.cli.work.credentials import PROVIDERS, credentials_of
from cronapi.client import Client
from cronapi.models import CronJob

MOST_JOBS = 3


def tour(provider: str, base_url: str | None) -> None:
    """Print a summary of an account.

    The token comes from the environment. Raises CronAPIError.
    """
    service = PROVIDERS[provider]
    token = credentials_of(Common(), {}, service).token
    run_on_loop(_tour, Client(service, token, base_url=base_url))


async def _tour(api: Client) -> None:
    async with api:
        click.echo(f"{api.provider.name} at {api.provider.base_url}")
        if "account.get" in api.provider.functions:
            await _show_account(api)
        await _show_groups(api)
        jobs = await api.cron.list()
        active = sum(job.is_active is True for job in jobs)
        click.echo(f"jobs on the first page: {len(jobs)}, active: {active}")
        await _show_jobs(api, jobs[:MOST_JOBS])


async def _show_account(api: Client) -> None:
    account = await api.account.get()
    click.echo(f"account {account.id}: plan {account.plan}, time zone {account.timezone}")


async def _show_groups(api: Client) -> None:
    groups = await api.group.list()
    names = ", ".join(str(group.name) for group in groups)
    click.echo(f"groups: {len(groups)}{f' ({names})' if names else ''}")


async def _show_jobs(api: Client, jobs: Sequence[CronJob]) -> None:
    for job in jobs:
        state = "active" if job.is_active else "not active"
        click.echo(f"job {job.id} {job.name or '(no name)'}: {job.expression}, {state}")
        click.echo(f"  last run: {await _last_run(api, job.id)}")
        if "cron.next" in api.provider.functions:
            click.echo(f"  next run: {await _next_run(api, job.id)}")


async def _last_run(api: Client, job: int) -> str:
    runs = await api.cron.logs(job)
    if not runs:
        return "none on record"
    return f"{_text(runs[0].time)}, HTTP {runs[0].http_status}, of {len(runs)} on record"


async def _next_run(api: Client, job: int) -> str:
    times = await api.cron.next(job)
    return _text(times[0]) if times else "none"


def _text(time: object) -> str:
    return str(time) if time else "unknown"
