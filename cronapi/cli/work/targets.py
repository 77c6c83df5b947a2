"""The jobs and groups that a command is about, found by the way in which they were named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from cronapi.cli.frame.standard_input import read_all
from cronapi.cli.frame.targets import Named
from cronapi.cli.frame.values import whole_number
from cronapi.cli.work.choosing import Choice, choice_of
from cronapi.cli.work.session import Session
from cronapi.client import Client
from cronapi.errors import NotFoundError
from cronapi.models import CronJob, Group

GROUP_BY = "Name the group by an ID or by --name."


class Target(NamedTuple):
    """A job or group: its id, and its name if that is known."""

    id: int
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else str(self.id)


async def targets_of(session: Session, named: Named) -> list[Target]:
    """Return the jobs that were named, each once. To name none at all is a usage error."""
    _check_one_way(named)
    found = [Target(id) for id in named.ids]
    if named.ids_from is not None:
        found += [Target(id) for id in ids_in(named.ids_from)]
    if named.name is not None:
        found.append(await job_named(session, named.name))
    if named.match or named.group:
        choice = await chosen_jobs(session, named.group, named.match)
        jobs = session.api.cron.iterate()
        found += [Target(job.id, job.name) async for job in jobs if choice.fits(job)]
        choice.tell(session)
    return list({target.id: target for target in found}.values())


def _check_one_way(named: Named) -> None:
    """Refuse jobs that are named in no way or in two, of which one would be forgotten."""
    if not any(named):
        raise click.UsageError("Name the jobs: by ID, --name, --match, --group or --ids-from.")
    ways = sum(
        [named.ids_from is not None, named.name is not None, bool(named.match + named.group)]
    )
    if named.ids and ways:
        raise click.UsageError("Give ids, or name the jobs by an option, not both.")
    if ways > 1:
        raise click.UsageError("Name the jobs in one way. Only --match and --group go together.")


async def found_job(session: Session, name: str) -> CronJob:
    """Return the job of exactly this name. NotFoundError if there is none, 64 for several."""
    job = await job_or_none(session, name)
    if job is None:
        raise _absent(session, f"There is no job named {name!r}.", "cron.list")
    return job


async def job_or_none(session: Session, name: str) -> CronJob | None:
    """Return the job of exactly this name, or None. Several are a usage error with their ids.

    A search that shows none proves nothing, so the whole list is read then.
    """
    iterate = session.api.cron.iterate
    jobs = [job async for job in iterate(keyword=name) if job.name == name]
    jobs = jobs or [job async for job in iterate() if job.name == name]
    if len(jobs) > 1:
        raise _several(f"Several jobs are named {name!r}", jobs)
    return jobs[0] if jobs else None


def _several(text: str, found: Sequence[CronJob | Group]) -> click.UsageError:
    ids = ", ".join(str(one.id) for one in found)
    return click.UsageError(f"{text}: {ids}. Give one id.")


async def job_named(session: Session, name: str) -> Target:
    """Return the job of exactly this name, as `found_job` does."""
    job = await found_job(session, name)
    return Target(job.id, job.name)


async def one_job(session: Session, id: int | None, name: str | None) -> Target:
    """Return the one job that was named by an id or a name."""
    if (id is None) == (name is None):
        raise click.UsageError("Name the job by an ID or by --name.")
    return Target(id) if id is not None else await job_named(session, name or "")


async def one_group(
    session: Session, id: int | None, name: str | None, api: Client | None = None
) -> Group:
    """Return the one group that was named by an id or a name, read from the service."""
    api = api or session.api
    if id is not None:
        return await api.group.get(id)
    if name is None:
        raise click.UsageError(GROUP_BY)
    groups = await api.group.lookup(name)
    if not groups:
        raise _absent(session, f"There is no group named {name!r}.", "group.lookup")
    if len(groups) > 1:
        raise _several(f"Several groups are named {name!r}", groups)
    return groups[0]


def check_one_group(id: int | None, name: str | None) -> None:
    """Refuse a group that is named in no way or in two, of which one would be forgotten."""
    if (id is None) == (name is None):
        raise click.UsageError(GROUP_BY)


async def group_id(session: Session, id: int | None, name: str | None) -> int:
    """Return the id of the one group that was named. A name costs a request."""
    check_one_group(id, name)
    return id if id is not None else (await one_group(session, id, name)).id


async def chosen_jobs(
    session: Session,
    groups: Sequence[str],
    matches: Sequence[str],
    statuses: Sequence[str] = (),
) -> Choice:
    """Return the choice of jobs of any of the groups, names and statuses. Groups are looked up."""
    numbered = [(group, await group_number(session, group)) for group in groups]
    return choice_of(numbered, matches, statuses)


async def group_number(session: Session, group: str) -> int:
    """Return the id of a group that is given by its id or its name."""
    number = whole_number(group)
    return (await one_group(session, None, group)).id if number is None else number


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
        if (id := whole_number(word[0])) is None:
            raise click.UsageError(f"{label}, line {number}: {word[0]!r} is no id.")
        ids.append(id)
    return ids


def read_text(path: str) -> str:
    """Return the text of a file, or of standard input."""
    try:
        if path == "-":
            return read_all()
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeError as error:
        raise click.UsageError(f"Cannot read {path}: it is not UTF-8.") from error
    except OSError as error:
        raise click.UsageError(f"Cannot read {path}: {error.strerror}.") from error
