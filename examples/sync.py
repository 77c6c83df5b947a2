"""Make an account's jobs those that a file lists: `FASTCRON_TOKEN=... python sync.py jobs.toml`.

The file has a table `[[job]]` for each job, with the parameters of docs/parameters.md. Only jobs
whose names begin with PREFIX are touched. A run that breaks off needs no journal: the next run sees
what is there. FASTCRON_BASE_URL points it elsewhere, at an emulator for example.

A service does not show everything that it was given: `password`, `user_agent`, `retry_failed` and
others are None in every answer. A comparison of those would edit every job every night. Here they
count as unchanged: change the name too, or run `python sync.py jobs.toml --all`.
"""

from __future__ import annotations

import asyncio
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
    """The work to do: specs to add, changes by id, and ids to delete."""

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
    """Compare the wanted jobs with those at the service.

    Where several jobs have the same name, the oldest stays.
    """
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
    """Return True if the service shows another value than the wanted one."""
    shown = {name: value for name in spec if (value := getattr(job, name, None)) is not None}
    return any(as_shown(spec[name]) != value for name, value in shown.items())


def as_shown(value: object) -> object:
    """Return a value as the services show it: a mapping of headers becomes lines."""
    return (
        "\r\n".join(f"{name}: {text}" for name, text in value.items())
        if isinstance(value, Mapping)
        else value
    )


async def carry_out(bulk: Bulk[Any]) -> bool:
    """Await a bulk, print its failures, and return True if there are none."""
    report = await bulk
    print(report.summary())
    for outcome in report.failed + report.unknown:
        print(f"  item {outcome.index}: {outcome.error}")
    return len(report.done) == len(report)


async def sync(
    api: FastCron, wanted: Mapping[str, Mapping[str, Any]], *, everything: bool = False
) -> bool:
    """Make the jobs those that are wanted, and return True if all went well."""
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
    """Read the file, make the jobs those that it lists, and return the exit code."""
    wanted = load(path)
    if not wanted:
        print(f"{path} lists no job, which would delete all.")
        return 1
    async with FastCron() as api:
        return 0 if await sync(api, wanted, everything=everything) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), everything="--all" in sys.argv)))
