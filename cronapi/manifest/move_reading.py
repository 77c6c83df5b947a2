"""Read the whole list of an account for a move, and say what that costs."""

from __future__ import annotations

from cronapi.client import Client
from cronapi.manifest.account import pages_down, read_account
from cronapi.manifest.compare import Row
from cronapi.manifest.comparing import calls_of
from cronapi.manifest.problems import Place, Source
from cronapi.manifest.wanted import Scope


async def all_jobs(api: Client) -> dict[int, Row]:
    """Return the whole list of an account by ids, in rows that may be changed."""
    account = await read_account(calls_of(api), Scope(Place(Source("cutover", ""), ()), prefix=""))
    await account.finish()
    return {number: dict(row) for number, row in account.rows.items()}


def list_requests(api: Client, jobs: int) -> int:
    """Return the requests for a list of so many jobs, down and up, as far as can be told."""
    return 2 * pages_down(jobs, calls_of(api).paging) - 1
