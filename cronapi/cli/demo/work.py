"""The demo's work: what a backend's coroutines do all day, each writing down what it was told.

Coroutines come in crews that share a group. The jobs run once a year or by hand, so that nothing but the coroutines changes them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import anyio
from attrs import define, field, frozen

from cronapi._protocol.params import JobParams
from cronapi.cli.demo.ledger import Ledger
from cronapi.client import Client
from cronapi.errors import CronAPIError, WaitTooLongError
from cronapi.models import CronJob

T = TypeVar("T")

YEARLY, MONTHLY = "0 3 1 1 *", "30 4 1 * *"


@define
class Crew:
    """Coroutines that share a group; `group` is its id once `founded` is set, None where it could not be made."""

    name: str
    group: int | None = None
    founded: anyio.Event = field(factory=anyio.Event)

    async def wait(self) -> int | None:
        """Return the group's id, waiting for it."""
        await self.founded.wait()
        return self.group


@define
class Desk:
    """Where the coroutines of one service make their calls, which it counts in the ledger."""

    api: Client
    ledger: Ledger

    async def ask(self, call: Awaitable[T]) -> T:
        """Make a call."""
        answer = await call
        self.ledger.calls += 1
        return answer

    async def add(self, crew: Crew, role: str, *, group: int | None = None) -> int:
        """Add a job and return its id."""
        job = await self.ask(self.api.cron.add(**_spec(crew, role, group)))
        return self.note(job, added=1)

    async def change(self, call: Awaitable[CronJob]) -> None:
        """Make a call that changes a job."""
        self.note(await self.ask(call))

    async def delete(self, job: int) -> None:
        """Delete a job."""
        await self.ask(self.api.cron.delete(job))
        self.ledger.forget(job)

    async def check(self, job: int) -> None:
        """Read a job and hold it against what was told."""
        self.ledger.confirm(await self.ask(self.api.cron.get(job)))

    def note(self, job: CronJob, *, added: int = 0) -> int:
        """Write a job down and return its id."""
        self.ledger.keep(job)
        self.ledger.added += added
        return job.id


def _spec(crew: Crew, role: str, group: int | None) -> JobParams:
    name = f"{crew.name} {role}"
    return {
        "url": f"https://example.com/{name.replace(' ', '-')}",
        "name": name,
        "expression": YEARLY,
        "group": group,
    }


# --- roles -----------------------------------------------------------------------------------------------------------------------


async def _found(desk: Desk, crew: Crew) -> None:
    try:
        group = await desk.ask(desk.api.group.add(crew.name))
        crew.group = group.id
        desk.ledger.keep(group)
    finally:
        crew.founded.set()


async def founder(desk: Desk, crew: Crew) -> None:
    """Make the crew's group, add a job to it and look at both."""
    await _found(desk, crew)
    await desk.add(crew, "founder", group=crew.group)
    await desk.ask(desk.api.group.items(_known(crew.group)))


async def batch_founder(desk: Desk, crew: Crew) -> None:
    """Make the crew's group and add three jobs to it with one call."""
    await _found(desk, crew)
    specs = [_spec(crew, f"batch {number}", crew.group) for number in range(3)]
    for job in await desk.ask(desk.api.cron.batch_add(specs)):
        desk.note(job, added=1)


async def editor(desk: Desk, crew: Crew) -> None:
    """Add a job, read it, move it to the crew's group and read its logs."""
    job = await desk.add(crew, "editor")
    await desk.check(job)
    await desk.change(desk.api.cron.edit(job, group=await crew.wait(), expression=MONTHLY))
    await desk.ask(desk.api.cron.logs(job))


async def short_editor(desk: Desk, crew: Crew) -> None:
    """Add a job and move it to the crew's group."""
    job = await desk.add(crew, "editor")
    await desk.change(desk.api.cron.edit(job, group=await crew.wait(), expression=MONTHLY))


async def runner(desk: Desk, crew: Crew) -> None:
    """Add a job, run it, switch it off and on, and read it."""
    job = await desk.add(crew, "runner")
    await desk.ask(desk.api.cron.run(job))
    await desk.change(desk.api.cron.disable(job))
    await desk.change(desk.api.cron.enable(job))
    await desk.check(job)


async def short_runner(desk: Desk, crew: Crew) -> None:
    """Add a job and run it."""
    job = await desk.add(crew, "runner")
    await desk.ask(desk.api.cron.run(job))


async def deleter(desk: Desk, crew: Crew) -> None:
    """Add a job, read it, change it and delete it."""
    job = await desk.add(crew, "deleter")
    await desk.check(job)
    await desk.change(desk.api.cron.edit(job, http_method="POST", post_data='{"a": 1}'))
    await desk.delete(job)


async def short_deleter(desk: Desk, crew: Crew) -> None:
    """Add a job and delete it."""
    await desk.delete(await desk.add(crew, "deleter"))


async def pauser(desk: Desk, crew: Crew) -> None:
    """Add a job, suspend it and search for it."""
    job = await desk.add(crew, "pauser")
    await desk.change(desk.api.cron.pause(job, for_="1 day"))
    await desk.ask(desk.api.cron.list(keyword=f"{crew.name} pauser"))


async def reader(desk: Desk, crew: Crew) -> None:
    """Look at the crew's group."""
    await desk.ask(desk.api.group.items(_known(await crew.wait())))


def _known(group: int | None) -> int:
    if group is None:
        raise CronAPIError("The crew's group could not be made.")
    return group


@frozen
class Role:
    """What one coroutine of each crew does, in how many calls."""

    play: Callable[[Desk, Crew], Awaitable[None]]
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


# --- the two kinds of callers ----------------------------------------------------------------------------------------------------


async def work(role: Role, desk: Desk, crew: Crew) -> None:
    """Play a role; a call that ends in an error ends it, and is written down."""
    try:
        await role.play(desk, crew)
    except CronAPIError as error:
        desk.ledger.errors.append(f"{crew.name}: {error}")


async def browse(desk: Desk, every: float, over: anyio.Event) -> None:
    """Ask every so many seconds, as a web page does that has a user waiting, until the work is over."""
    next_at = anyio.current_time()
    while True:
        next_at += every
        with anyio.CancelScope(deadline=next_at):
            await over.wait()
        if over.is_set():  # also where it is behind its time
            return
        await _ask(desk)


async def _ask(desk: Desk) -> None:
    began = anyio.current_time()
    try:
        await desk.ask(desk.api.cron.list(keyword="crew 1 "))
    except WaitTooLongError:
        desk.ledger.told_off += 1
    except CronAPIError as error:
        desk.ledger.errors.append(f"web: {error}")
    else:
        desk.ledger.waits.append(anyio.current_time() - began)
