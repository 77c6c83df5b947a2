"""The jobs and groups that a command is about, found by the way in which they were named."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import click

from cronapi.cli.frame.targets import Named
from cronapi.cli.work.session import Session
from cronapi.errors import NotFoundError
from cronapi.models import CronJob, Group

Filter = Callable[[CronJob], bool]


class Target(NamedTuple):
    """A job or group: its id, and its name if that is known."""

    id: int
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else str(self.id)


async def targets_of(session: Session, named: Named) -> list[Target]:
    """Return the jobs that were named, each once. To name none at all is a usage error."""
    if not any(named):
        raise click.UsageError("Name the jobs: by ID, --name, --match, --group or --ids-from.")
    if named.ids and any(named[1:]):
        raise click.UsageError("Give ids, or name the jobs by an option, not both.")
    found = [Target(id) for id in named.ids]
    if named.ids_from is not None:
        found += [Target(id) for id in ids_in(named.ids_from)]
    if named.name is not None:
        found.append(await job_named(session, named.name))
    if named.match is not None or named.group is not None:
        jobs = listed(session, group=named.group, match=named.match)
        found += [Target(job.id, job.name) async for job in jobs]
    return list({target.id: target for target in found}.values())


async def found_job(session: Session, name: str) -> CronJob:
    """Return the job of exactly this name. NotFoundError if there is none."""
    job = await session.api.cron.find(name)
    if job is None:
        raise _absent(session, f"There is no job named {name!r}.", "cron.list")
    return job


async def job_named(session: Session, name: str) -> Target:
    """Return the job of exactly this name. NotFoundError if there is none."""
    job = await found_job(session, name)
    return Target(job.id, job.name)


async def one_job(session: Session, id: int | None, name: str | None) -> Target:
    """Return the one job that was named by an id or a name."""
    if (id is None) == (name is None):
        raise click.UsageError("Name the job by an ID or by --name.")
    return Target(id) if id is not None else await job_named(session, name or "")


async def one_group(session: Session, id: int | None, name: str | None) -> Group:
    """Return the one group that was named by an id or a name, read from the service."""
    if id is not None:
        return await session.api.group.get(id)
    if name is None:
        raise click.UsageError("Name the group by an ID or by --name.")
    groups = await session.api.group.lookup(name)
    if not groups:
        raise _absent(session, f"There is no group named {name!r}.", "group.lookup")
    if len(groups) > 1:
        ids = ", ".join(str(group.id) for group in groups)
        raise click.UsageError(f"Several groups are named {name!r}: {ids}. Give one id.")
    return groups[0]


async def group_id(session: Session, id: int | None, name: str | None) -> int:
    """Return the id of the one group that was named. A name costs a request."""
    return id if id is not None else (await one_group(session, id, name)).id


async def listed(
    session: Session,
    *,
    search: str | None = None,
    group: str | None = None,
    status: str | None = None,
    match: str | None = None,
) -> AsyncIterator[CronJob]:
    """Yield the jobs that fit. Only the search is the service's own."""
    fits = await job_filter(session, group=group, status=status, match=match)
    async for job in session.api.cron.iterate(keyword=search):
        if fits(job):
            yield job


async def job_filter(
    session: Session, *, group: str | None, status: str | None, match: str | None
) -> Filter:
    """Return a test of jobs. The name of a group is looked up."""
    number = None if group is None else int(group) if group.isdigit() else None
    if group is not None and number is None:
        number = (await one_group(session, None, group)).id

    def fits(job: CronJob) -> bool:
        return (
            (number is None or job.group == number)
            and (status is None or str(job.status) == status)
            and (match is None or fnmatchcase(job.name or "", match))
        )

    return fits


def _absent(session: Session, text: str, function: str) -> NotFoundError:
    return NotFoundError(text, function=function, provider=session.provider.name)


def ids_in(path: str) -> list[int]:
    """Return the ids of a file: the first word of each line, without a heading."""
    label = "standard input" if path == "-" else path
    ids = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        word = line.replace(",", " ").split()[:1]
        if not word or (number == 1 and word[0].lower() == "id"):
            continue
        if not (word[0].isascii() and word[0].isdigit()):
            raise click.UsageError(f"{label}, line {number}: {word[0]!r} is no id.")
        ids.append(int(word[0]))
    return ids


def read_text(path: str) -> str:
    """Return the text of a file, or of standard input."""
    try:
        if path == "-":
            return sys.stdin.read()
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"Cannot read {path}: it is not UTF-8.") from error
    except OSError as error:
        raise click.UsageError(f"Cannot read {path}: {error.strerror}.") from error
