"""Make an account's jobs those that a file lists, each night: `FASTCRON_TOKEN=... python sync.py jobs.toml`.

The file has a table `[[job]]` for each, with the parameters of docs/parameters.md. Only jobs whose names begin with PREFIX are looked at.
A run that breaks off needs no journal: the next sees what is there. CRON_BASE_URL points it elsewhere, at an emulator for example.

A service does not show all that it was given: `password`, `user_agent`, `retry_failed` and others are None in every answer, and whoever
compares them edits every job every night. Here they count as unchanged: change the name too, or run `python sync.py jobs.toml --all`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from cronapi import Bulk, CronJob, FastCron

PREFIX = "sync: "


@frozen
class Plan:
    """What is to be done: specs to add, changes by id, ids to delete."""

    add: list[Mapping[str, Any]]
    edit: dict[int, Mapping[str, Any]]
    delete: list[int]


def load(path: Path) -> dict[str, Mapping[str, Any]]:
    """Return the wanted jobs by name."""
    rows = tomllib.loads(path.read_text(encoding="utf-8")).get("job", [])
    return {name: row | {"name": name} for row in rows for name in [PREFIX + row["name"]]}


def plan(
    wanted: Mapping[str, Mapping[str, Any]], there: Sequence[CronJob], *, everything: bool = False
) -> Plan:
    """Compare what is wanted with what is there; of several jobs with one name the oldest stays."""
    oldest = {job.name: job for job in sorted(there, key=lambda job: -job.id)}
    kept = {name: oldest[name] for name in wanted if name in oldest}
    stay = {job.id for job in kept.values()}
    return Plan(
        add=[spec for name, spec in wanted.items() if name not in kept],
        edit={
            job.id: wanted[name]
            for name, job in kept.items()
            if everything or differs(job, wanted[name])
        },
        delete=[job.id for job in there if job.id not in stay],
    )


def differs(job: CronJob, spec: Mapping[str, Any]) -> bool:
    """Whether a job is shown otherwise than it is wanted."""
    shown = {name: value for name in spec if (value := getattr(job, name, None)) is not None}
    return any(as_shown(spec[name]) != value for name, value in shown.items())


def as_shown(value: object) -> object:
    """Return a value as the services show it: headers as lines."""
    return (
        "\r\n".join(f"{name}: {text}" for name, text in value.items())
        if isinstance(value, Mapping)
        else value
    )


async def carry_out(bulk: Bulk[Any]) -> bool:
    """Await a bulk, print what went wrong, and return whether nothing did."""
    report = await bulk
    print(report.summary())
    for outcome in report.failed + report.unknown:
        print(f"  item {outcome.index}: {outcome.error}")
    return len(report.done) == len(report)


async def sync(
    api: FastCron, wanted: Mapping[str, Mapping[str, Any]], *, everything: bool = False
) -> bool:
    """Make the jobs those that are wanted, and return whether all went well."""
    there = [
        job
        async for job in api.cron.iterate(keyword=PREFIX.strip())
        if (job.name or "").startswith(PREFIX)
    ]
    todo = plan(wanted, there, everything=everything)
    well = [  # a bulk of nothing is an error
        not todo.edit or await carry_out(api.cron.edit_many(todo.edit)),
        not todo.add or await carry_out(api.cron.add_many(todo.add)),
        not todo.delete or await carry_out(api.cron.delete_many(todo.delete)),
    ]
    return all(well)


async def main(path: Path, *, everything: bool) -> int:
    """Read the file, then make the jobs like it."""
    wanted = load(path)
    if not wanted:
        print(f"{path} lists no job, which would delete all.")
        return 1
    async with FastCron(base_url=os.environ.get("CRON_BASE_URL")) as api:
        return 0 if await sync(api, wanted, everything=everything) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), everything="--all" in sys.argv)))
