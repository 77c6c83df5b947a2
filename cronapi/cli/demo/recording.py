"""A client that writes every answer down in a ledger."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from attrs import define

from cronapi._protocol.declared import NewJobParams
from cronapi.cli.demo.ledger import Ledger
from cronapi.client import Client
from cronapi.models import CronJob

T = TypeVar("T")


@define
class RecordingClient:
    """The client of one service's coroutines, with the ledger that they share."""

    api: Client
    ledger: Ledger

    async def counted(self, call: Awaitable[T]) -> T:
        """Make a call and count its answer."""
        answer = await call
        self.ledger.calls += 1
        return answer

    async def add(self, params: NewJobParams) -> int:
        """Add a job and return its id."""
        job = await self.counted(self.api.cron.add(**params))
        self.record_added(job)
        return job.id

    async def change(self, call: Awaitable[CronJob]) -> None:
        """Make a call that changes a job."""
        self.ledger.keep(await self.counted(call))

    async def delete(self, job: int) -> None:
        """Delete a job."""
        await self.counted(self.api.cron.delete(job))
        self.ledger.forget(job)

    async def check(self, job: int) -> None:
        """Read a job and compare it with its last answer."""
        self.ledger.confirm(await self.counted(self.api.cron.get(job)))

    def record_added(self, job: CronJob) -> None:
        """Record a job that was added."""
        self.ledger.keep(job)
        self.ledger.added += 1
