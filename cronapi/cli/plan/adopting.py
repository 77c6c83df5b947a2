"""Adopt jobs, and tell what that changes at the service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cronapi.cli.frame.escape import escaped, one_line
from cronapi.cli.frame.words import counted
from cronapi.cli.plan.deeds import DEFAULT_FILE, read_manifest
from cronapi.cli.plan.ending import code_of_errors, end
from cronapi.cli.plan.files import tell_variables
from cronapi.cli.plan.options import Files
from cronapi.cli.work.dry_run import told
from cronapi.cli.work.session import Session
from cronapi.errors.concerns import input_error
from cronapi.manifest import Adopted, AdoptedJob


async def adopt_jobs(
    session: Session,
    files: Files,
    ids: tuple[int, ...],
    match: str | None,
    name: str | None,
    env_file: str | None,
) -> None:
    """Add jobs to the file and move them into the scope."""
    if files.paths == ("-",):
        raise input_error("Jobs can be adopted into a file only.")
    manifest, only_look = read_manifest(session, files), session.common.dry_run
    path = (files.paths or (DEFAULT_FILE,))[0]
    with _telling_half(session, path, env_file):
        done = await manifest.adopt(
            session.api, *ids, match=match, name=name, env_file=env_file, dry_run=only_look
        )
    if env_file is None:
        tell_variables(session, done.environ)
    if left := sorted(set(ids) - {one.id for one in done.jobs}):
        session.say(f"Adopted before: {', '.join(map(str, left))}.")
    if only_look:
        _tell_planned(session, done, path)
    else:
        _tell_adopted(session, done, path, env_file)


@contextmanager
def _telling_half(session: Session, path: str, env_file: str | None) -> Iterator[None]:
    """Say how to go on if the file has changed, and not all of the jobs."""
    before = Path(path).read_bytes()
    try:
        yield
    except BaseException:  # an interruption too leaves the tables
        if Path(path).read_bytes() != before:
            _tell_half(session, path, env_file)
        raise


def _tell_half(session: Session, path: str, env_file: str | None) -> None:
    done = f"The tables are in {path}, and not all jobs were changed."
    if env_file is None:
        session.say(f"{done} Set the variables of the tables, and give the same command again.")
    else:
        session.say(
            f"{done} Set the variables of {env_file}, and give the same command without --env-file."
        )


def _line(job: AdoptedJob) -> str:
    return f"{job.id}: {job.before!r} becomes {job.name!r}"


def _tell_planned(session: Session, done: Adopted, path: str) -> None:
    """Print what would be done, and its cost."""
    cost = done.cost
    if session.printer.is_json:
        facts = {"requests": cost.requests, "seconds": round(cost.seconds, 3)}
        session.printer.document({"dry_run": facts, **_document(done, [])})
        return
    click.echo(escaped(f"would adopt {counted(len(done.jobs), 'job')} into {path}"))
    for one in done.jobs:
        click.echo(escaped(_line(one) if one.is_renamed else f"{one.id}: {one.name}"))
    click.echo(told(session, cost, "cron.edit"))
    click.echo("nothing was sent")


def _tell_adopted(session: Session, done: Adopted, path: str, env_file: str | None) -> None:
    """Print the tables, the changes and the failures of an adoption, and set the exit code."""
    report = done.report
    faults = [] if report is None else [one.error for one in report if one.error is not None]
    errors = [str(error) for error in faults]
    text = f"{counted(len(errors), 'job')} could not be moved into the scope."
    end(session, code_of_errors(faults) if faults else 0, "adopt", text)
    if session.printer.is_json:
        session.printer.document(_document(done, errors))
        return
    for name in done.names:
        click.echo(escaped(name))
    for error in errors:
        click.echo(one_line(error), err=True)
    if errors:
        _tell_half(session, path, env_file)
        return
    renamed = [one for one in done.jobs if one.is_renamed]
    for one in renamed:
        session.say(_line(one))
    moved = sum(one.is_moved for one in done.jobs)
    session.say(f"{counted(len(done.jobs), 'job')} adopted, {len(renamed)} renamed, {moved} moved.")


def _document(done: Adopted, errors: list[str]) -> dict[str, Any]:
    return {
        "names": list(done.names),
        "jobs": [
            {"id": one.id, "name": one.name, "before": one.before, "moved": one.is_moved}
            for one in done.jobs
        ],
        "variables": list(done.environ),
        "errors": errors,
    }
