"""Many coroutines at one client, and many jobs with few requests.

Run it with `FASTCRON_TOKEN=... python bulk.py 20`; it deletes the jobs in the end.
FASTCRON_BASE_URL points it elsewhere, at an emulator for example (`cronapi emulator`).
"""

from __future__ import annotations

import asyncio
import sys

from cronapi import CronJob, FastCron, JobSpec


def describe(number: int) -> JobSpec:
    """Return the job with this number."""
    return JobSpec(
        url=f"https://example.com/customers/{number}",
        expression="0 3 * * *",
        name=f"customer {number}",
    )


async def add(api: FastCron, spec: JobSpec) -> CronJob:
    """Add one job. The client's queue keeps the rate limit, not this function."""
    job = await api.cron.add(**spec.params)
    print(f"added {job.name} as {job.id}, {api.scheduler.stats.waiting['bulk']} still waiting")
    return job


async def fill(api: FastCron, count: int) -> list[int]:
    """Add `count` jobs by single calls and as many by a bulk, and return their ids."""
    bulk = api.with_options(lane="bulk")  # lets calls with a user waiting go first
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(add(bulk, describe(number))) for number in range(count)]
    report = await api.cron.add_many(describe(number) for number in range(count, 2 * count))
    report.raise_for_failures()
    print(f"{len(tasks)} jobs with {len(tasks)} requests, {len(report.values)} jobs with few")
    return [task.result().id for task in tasks] + [job.id for job in report.values]


async def main(count: int) -> None:
    """Add jobs and delete them again."""
    async with FastCron() as api:
        ids = await fill(api, count)
        gone = await api.cron.delete_many(ids)
        stats = api.scheduler.stats
    print(
        f"deleted {len(gone.done)}; {stats.rate:.2f} requests a second, "
        f"{stats.refusals} of them refused"
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
