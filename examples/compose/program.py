"""A program beside an emulator in a network of containers, which is http and not this machine."""

import asyncio
import os

from cronapi import FastCron


async def main() -> None:
    """Make sure that there is a job, and print it."""
    url = os.environ["FASTCRON_BASE_URL"]
    async with FastCron(base_url=url, allow_http=True) as api:
        job = await api.cron.ensure(name="hello", url="https://example.com/", expression="1 hour")
        print(job.id, job.name)


asyncio.run(main())
