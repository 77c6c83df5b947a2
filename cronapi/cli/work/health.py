"""Checking the health of jobs: its cost, the verdicts, and a memory between two commands."""

from __future__ import annotations

import json
import os
from pathlib import Path
from shutil import get_terminal_size
from typing import NamedTuple

import click

from cronapi._calls.options import fingerprint_of
from cronapi.cli.frame.values import whole_number
from cronapi.cli.frame.words import counted
from cronapi.cli.work.dry_run import cost_of, dry_run, told
from cronapi.cli.work.journals import state_dir
from cronapi.cli.work.pinging import check_ping, ping
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import one_group
from cronapi.errors import ConfigurationError
from cronapi.health import HealthReport, Sightings, exit_code, write
from cronapi.health.formats.table import table
from cronapi.health.report import states_of
from cronapi.manifest.writing import write_private


class Wanted(NamedTuple):
    """The options of the command."""

    late: bool
    budget: int
    grace: float
    group: str | None
    match: str | None
    format: str | None
    fail_on: str
    ping: str | None = None


async def check_health(session: Session, wanted: Wanted) -> None:
    """Write a report, and let the command end in the code that it has."""
    format, fail_on = _format(session, wanted), states_of(wanted.fail_on)
    check_ping(wanted.ping)
    if session.common.dry_run:
        params = {"late": wanted.late, "budget": wanted.budget}
        would = f"check the health of jobs with at most {counted(wanted.budget, 'request')}"
        dry_run(session, "cron.list", params, cost=cost_of(session, wanted.budget), would=would)
        return
    budget, group = await _group(session, wanted)
    path = _path(session)
    check = session.api.cron.health(
        late=wanted.late,
        budget=budget,
        grace=wanted.grace,
        group=group,
        match=wanted.match,
        sightings=_read(session, path),
    )
    session.say(told(session, await check.cost(), "cron.list, cron.logs"))
    report = await check
    _keep(session, path, report)
    if format == "table" and session.draws:
        click.echo(table(report, columns=get_terminal_size().columns))
    else:
        click.echo(write(report, format, fail_on=fail_on))
    _tell_empty(session, wanted, report)
    session.code = exit_code(report, format, fail_on=fail_on)
    if wanted.ping is not None:
        await ping(wanted.ping, report.summary(), failed=session.code != 0)


def _tell_empty(session: Session, wanted: Wanted, report: HealthReport) -> None:
    """Name a choice that has fitted no job: there is no fault then, and no check either."""
    options = {"--group": wanted.group, "--match": wanted.match}
    given = {option: value for option, value in options.items() if value is not None}
    if report.jobs or not report.is_whole or not given:
        return
    if len(given) > 1:
        session.warn("--group and --match fit no job together.")
    for option, value in given.items() if len(given) == 1 else ():
        session.warn(f"{option} {value!r} fits no job.")


async def _group(session: Session, wanted: Wanted) -> tuple[int, int | None]:
    """Return the budget that is left when a group has been found by its name, and its id."""
    number = None if wanted.group is None else whole_number(wanted.group)
    if wanted.group is None or number is not None:
        return wanted.budget, number
    if wanted.budget == 1:
        raise click.UsageError("Finding a group by its name is a request: give its id.")
    once = session.api.with_options(retry=None)
    return wanted.budget - 1, (await one_group(session, None, wanted.group, once)).id


def _format(session: Session, wanted: Wanted) -> str:
    """Return the format. A form that only lists have is a usage error."""
    if wanted.format is not None:
        return wanted.format
    output = session.common.output or "table"
    if output not in {"table", "json"}:
        raise click.BadParameter(f"health has no {output}; see --format.", param_hint="--output")
    return output


def _path(session: Session) -> Path:
    account = fingerprint_of(session.credentials.token)
    return state_dir(os.environ) / "health" / f"{session.provider.name}-{account}.json"


def _read(session: Session, path: Path) -> Sightings | None:
    """Return the sightings of the last check. A file that cannot be read begins anew."""
    try:
        return Sightings.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ConfigurationError, RecursionError):
        session.say(f"{path} cannot be read, and is written anew.")
        return None


def _keep(session: Session, path: Path, report: HealthReport) -> None:
    """Write the sightings for the next check, in one step, for their owner alone."""
    part = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)  # of a process that was killed and had this number
        write_private(part, json.dumps(report.sightings.to_dict()))
        part.replace(path)
    except (OSError, ConfigurationError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        session.say(f"Cannot write {path}: {reason}. The next check begins anew.")
