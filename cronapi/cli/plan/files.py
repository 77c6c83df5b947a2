"""Write manifests: export what is there, and adopt jobs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

import click

from cronapi.cli.exit_codes import FAILED
from cronapi.cli.plan.deeds import read_manifest
from cronapi.cli.plan.options import Files
from cronapi.cli.work.session import Session
from cronapi.errors import ConfigurationError
from cronapi.manifest import export
from cronapi.manifest.writing import write_private


async def export_jobs(
    session: Session, group: str | None, prefix: str | None, secrets: str, env_file: str | None
) -> None:
    """Print a manifest, and write the values of its variables if that was asked for."""
    exported = await export(
        session.api,
        group=group,
        prefix=prefix,
        secrets=cast("Literal['placeholder', 'plain']", secrets),
    )
    _write_environ(session, exported.environ, env_file)
    session.printer.text(exported.text)
    for reason in exported.skipped:
        session.say(f"Not exported: {reason}")


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
        raise ConfigurationError("Jobs can be adopted into a file only.")
    manifest = read_manifest(session, files)
    done = await manifest.adopt(session.api, *ids, match=match, name=name)
    _write_environ(session, done.environ, env_file)
    for one in done.names:
        click.echo(one)
    failed = [] if done.report is None else [*done.report.failed, *done.report.unknown]
    for outcome in failed:
        session.say(str(outcome.error))
    session.code = FAILED if failed else 0


def _write_environ(session: Session, environ: Mapping[str, str], path: str | None) -> None:
    """Write variables as a shell reads them, or name them."""
    if path is not None:
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in environ.items()]
        write_private(Path(path), "".join(lines))
    elif environ:
        session.say(f"Set these variables, whose values are secrets: {', '.join(environ)}.")
