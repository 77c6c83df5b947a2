"""Check manifests, export what is there, and rotate a secret."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import click
from attrs import asdict

from cronapi.cli.exit_codes import DIFFERS
from cronapi.cli.frame.escape import escaped, one_line
from cronapi.cli.frame.words import counted
from cronapi.cli.plan.deeds import read_manifest
from cronapi.cli.plan.ending import code_of_errors, end
from cronapi.cli.plan.options import Files
from cronapi.cli.work.session import Session
from cronapi.errors.concerns import input_error
from cronapi.manifest import Finding, Rotated, export, rotate
from cronapi.manifest.replacing import PLACES
from cronapi.manifest.writing import check_new, environ_text, write_private


async def check_manifest(session: Session, files: Files, *, github: bool, online: bool) -> None:
    """Print what the rules find in a manifest."""
    manifest = read_manifest(session, files)
    found = await manifest.check_online(session.api) if online else manifest.check()
    if session.printer.is_json:
        session.printer.document([asdict(one) for one in found])
    for one in [] if session.printer.is_json else found:
        click.echo(escaped(_annotation(one) if github else str(one)))
    session.code = DIFFERS if found else 0


def _annotation(one: Finding) -> str:
    """Return a finding as GitHub shows it beside the line."""
    file, _, line = one.place.rpartition(":")
    return f"::warning file={file},line={line},title={one.rule}::{one.job}: {one.text}"


async def export_jobs(
    session: Session,
    secrets: str,
    env_file: str | None,
    *,
    everything: bool,
    group: str | None,
    prefix: str | None,
) -> None:
    """Print a manifest, and write the values of its variables if that was asked for."""
    check_new(env_file)
    exported = await export(
        session.api,
        everything=everything,
        group=group,
        prefix=prefix,
        secrets=cast("Literal['placeholder', 'plain']", secrets),
    )
    if env_file is None:
        tell_variables(session, exported.environ)
    elif not session.common.dry_run:
        write_private(Path(env_file), environ_text(exported.environ))
    session.code = DIFFERS if exported.skipped else 0
    if not exported.names and not exported.skipped and not everything:
        option, value = ("--prefix", prefix) if group is None else ("--group", group)
        session.warn(f"{option} {value!r} fits no job.")
    if session.printer.is_json:
        session.printer.document(
            {
                "manifest": exported.text,
                "variables": list(exported.environ),
                "skipped": list(exported.skipped),
                "skipped_ids": list(exported.skipped_ids),
            }
        )
        return
    session.printer.text(exported.text)
    for reason in exported.skipped:
        session.say(f"Not exported: {reason}")
    if exported.skipped:
        ids = " ".join(map(str, exported.skipped_ids))
        session.say(
            f"Give these a name of their own: cronapi adopt {ids} --as '{{name}} {{id}}' "
            "--env-file more.env."
        )


async def rotate_secret(
    session: Session,
    old_env: str,
    new_env: str,
    group: str | None,
    places: str | None,
    include_hidden: tuple[str, ...],
) -> None:
    """Rotate a secret, and print the jobs that showed the old one."""
    old, new = (_variable(name) for name in (old_env, new_env))
    chosen = PLACES if places is None else tuple(places.split(","))
    turn = partial(
        rotate, session.api, old, new, group=group, places=chosen, include_hidden=include_hidden
    )
    only_look = session.common.dry_run
    if not only_look and not session.common.yes:
        only_look = not await _agree(session, turn)
    done = await turn(dry_run=only_look)
    _tell_rotated(session, done)
    if only_look:
        session.code = 0 if done.is_complete else DIFFERS
        return
    # A last look tells what became of an edit, unless the service hides what was edited.
    is_done = done.is_complete and not (include_hidden and done.errors)
    text = f"{counted(len(done.left), 'job')} left, {counted(len(done.errors), 'error')}."
    end(session, 0 if is_done else code_of_errors(done.errors), "rotate", text)


async def _agree(session: Session, turn: Callable[..., Awaitable[Rotated]]) -> bool:
    """Look first, to ask with the number of jobs. Return False if there is nothing to ask."""
    question = "Put the new secret into every job that shows the old one?"
    if session.can_ask:
        jobs = (await turn(dry_run=True)).jobs
        if not jobs:
            return False
        for job in jobs:
            session.say(f"{job.id} {job.name}: {', '.join(job.fields)}")
        question = f"Put the new secret into {counted(len(jobs), 'job')}?"
    session.confirm(question)
    return True


def _tell_rotated(session: Session, done: Rotated) -> None:
    """Print the jobs of a rotation, and what else there is to know."""
    if session.printer.is_json:
        session.printer.document(_rotated(done))
        return
    for job in done.jobs:
        click.echo(f"{job.id}\t{escaped(job.name)}\t{', '.join(job.fields)}")
    for error in done.errors:
        click.echo(one_line(str(error)), err=True)
    found, left = counted(len(done.jobs), "job"), len(done.left)
    session.say(f"{found} found, {left} still {'shows' if left == 1 else 'show'} the old secret.")
    if done.jobs and not session.common.dry_run:
        session.say("Set the variables of your manifests too: an apply brings the old value back.")
    if done.unseen:
        jobs = counted(done.unseen, "job")
        session.say(
            f"The passwords of {jobs} cannot be seen: for each job that has the old secret as its "
            "password, say --include-hidden NAME."
        )


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise input_error(f"The variable {name} is not set or empty.")
    return value


def _rotated(done: Rotated) -> dict[str, Any]:
    return {
        "jobs": [asdict(job) for job in done.jobs],
        "left": [job.id for job in done.left],
        "unseen": done.unseen,
        "errors": [str(error) for error in done.errors],
    }


def tell_variables(session: Session, environ: Mapping[str, str]) -> None:
    """Name the variables of a manifest whose values are kept nowhere."""
    if environ:
        session.say(f"Set these variables, whose values are secrets: {', '.join(environ)}.")
