"""The demo's two kinds of callers: coroutines that play a role, and a web page with a user."""

from __future__ import annotations

import anyio

from cronapi.cli.demo.recording import RecordingClient
from cronapi.cli.demo.roles import Crew, Role
from cronapi.errors import CronAPIError, WaitTooLongError


async def work(role: Role, client: RecordingClient, crew: Crew) -> None:
    """Play a role. The first call that fails ends it, and is recorded."""
    try:
        await role.play(client, crew)
    except CronAPIError as error:
        client.ledger.errors.append(f"{crew.name}: {error}")


async def browse(client: RecordingClient, every: float, over: anyio.Event) -> None:
    """List jobs every `every` seconds until the work is over, as a web page for its user."""
    next_at = anyio.current_time()
    while True:
        next_at += every
        with anyio.CancelScope(deadline=next_at):
            await over.wait()
        if over.is_set():  # the deadline may have passed too, if the last call took long
            return
        await _list_jobs(client)


async def _list_jobs(client: RecordingClient) -> None:
    began = anyio.current_time()
    try:
        await client.counted(client.api.cron.list(keyword="crew 1 "))
    except WaitTooLongError:
        client.ledger.turned_away += 1
    except CronAPIError as error:
        client.ledger.errors.append(f"web: {error}")
    else:
        client.ledger.waits.append(anyio.current_time() - began)
