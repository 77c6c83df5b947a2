"""The demo's roles: the calls that the coroutines of a backend make all day.

Coroutines come in crews of five that share a group. The jobs run once a year or by hand, so that
only the coroutines change them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import anyio
from attrs import define, field, frozen

from cronapi._protocol.declared import NewJobParams
from cronapi.cli.demo.recording import RecordingClient
from cronapi.errors import CronAPIError

YEARLY, MONTHLY = "0 3 1 1 *", "30 4 1 * *"


@define
class Crew:
    """Coroutines that share a group.

    `group` is the group's id once `group_known` is set, or None if it could not be added.
    """

    name: str
    group: int | None = None
    group_known: anyio.Event = field(factory=anyio.Event)

    async def wait(self) -> int | None:
        """Wait for the group, and return its id."""
        await self.group_known.wait()
        return self.group

    def job(self, role: str, *, group: int | None = None) -> NewJobParams:
        """Return the parameters of a role's job."""
        name = f"{self.name} {role}"
        return {
            "url": f"https://example.com/{name.replace(' ', '-')}",
            "name": name,
            "expression": YEARLY,
            "group": group,
        }


async def founder(client: RecordingClient, crew: Crew) -> None:
    """Add the crew's group and a job in it, and list the group's jobs."""
    await _add_group(client, crew)
    await client.add(crew.job("founder", group=crew.group))
    await client.counted(client.api.group.items(_required(crew.group)))


async def batch_founder(client: RecordingClient, crew: Crew) -> None:
    """Add the crew's group, and three jobs in it with one call."""
    await _add_group(client, crew)
    jobs = [crew.job(f"batch {number}", group=crew.group) for number in range(3)]
    for job in await client.counted(client.api.cron.batch_add(jobs)):
        client.record_added(job)


async def _add_group(client: RecordingClient, crew: Crew) -> None:
    try:
        group = await client.counted(client.api.group.add(crew.name))
        crew.group = group.id
        client.ledger.keep(group)
    finally:
        crew.group_known.set()


async def editor(client: RecordingClient, crew: Crew) -> None:
    """Add a job, read it, move it to the crew's group and read its logs."""
    job = await client.add(crew.job("editor"))
    await client.check(job)
    await client.change(client.api.cron.edit(job, group=await crew.wait(), expression=MONTHLY))
    await client.counted(client.api.cron.logs(job))


async def short_editor(client: RecordingClient, crew: Crew) -> None:
    """Add a job and move it to the crew's group."""
    job = await client.add(crew.job("editor"))
    await client.change(client.api.cron.edit(job, group=await crew.wait(), expression=MONTHLY))


async def runner(client: RecordingClient, crew: Crew) -> None:
    """Add a job, run it, switch it off and on, and read it."""
    job = await client.add(crew.job("runner"))
    await client.counted(client.api.cron.run(job))
    await client.change(client.api.cron.disable(job))
    await client.change(client.api.cron.enable(job))
    await client.check(job)


async def short_runner(client: RecordingClient, crew: Crew) -> None:
    """Add a job and run it."""
    job = await client.add(crew.job("runner"))
    await client.counted(client.api.cron.run(job))


async def deleter(client: RecordingClient, crew: Crew) -> None:
    """Add a job, read it, change it and delete it."""
    job = await client.add(crew.job("deleter"))
    await client.check(job)
    await client.change(client.api.cron.edit(job, http_method="POST", post_data='{"a": 1}'))
    await client.delete(job)


async def short_deleter(client: RecordingClient, crew: Crew) -> None:
    """Add a job and delete it."""
    await client.delete(await client.add(crew.job("deleter")))


async def pauser(client: RecordingClient, crew: Crew) -> None:
    """Add a job, suspend it and search for it."""
    job = await client.add(crew.job("pauser"))
    await client.change(client.api.cron.pause(job, for_="1 day"))
    await client.counted(client.api.cron.list(keyword=f"{crew.name} pauser"))


async def reader(client: RecordingClient, crew: Crew) -> None:
    """List the jobs of the crew's group."""
    await client.counted(client.api.group.items(_required(await crew.wait())))


def _required(group: int | None) -> int:
    if group is None:
        raise CronAPIError("The crew's group could not be made.")
    return group


@frozen
class Role:
    """The work of one coroutine of each crew, and how many calls it makes."""

    play: Callable[[RecordingClient, Crew], Awaitable[None]]
    calls: int


ROLES: Mapping[str, tuple[Role, ...]] = {
    "setcronjob": (
        Role(founder, 3),
        Role(editor, 4),
        Role(runner, 5),
        Role(deleter, 4),
        Role(pauser, 3),
    ),
    "fastcron": (
        Role(batch_founder, 2),
        Role(short_editor, 2),
        Role(short_runner, 2),
        Role(short_deleter, 2),
        Role(reader, 1),
    ),
}
