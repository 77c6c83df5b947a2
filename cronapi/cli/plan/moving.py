"""Move jobs to another service: the manifest for it, the cutover, and the way back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import click
from attrs import frozen

from cronapi._calls.options import fingerprint_of
from cronapi.cli.exit_codes import DIFFERS
from cronapi.cli.frame.again import GOES_ON
from cronapi.cli.frame.escape import escaped, one_line
from cronapi.cli.frame.words import counted
from cronapi.cli.plan.deeds import new_undo_file, telling_undo
from cronapi.cli.plan.ending import code_of_errors, end
from cronapi.cli.plan.files import tell_variables
from cronapi.cli.plan.move_planned import (
    tell_cutover_planned,
    tell_way_back_planned,
    with_cost,
)
from cronapi.cli.work.journals import state_folder
from cronapi.cli.work.session import Session
from cronapi.errors.concerns import input_error
from cronapi.manifest import CutOver, Migrated, MovedBack, cut_over, migrate, move_back
from cronapi.manifest.writing import check_new, values_first, write_private
from cronapi.providers import FASTCRON, SETCRONJOB


@frozen
class Move:
    """The move, and the places of its description and its journal."""

    source: str
    target: str
    into: str
    out: str | None
    group: str | None
    prefix: str | None
    env_file: str | None
    accept_losses: bool
    overlap: Literal["short", "none"]
    journal: str | None

    @property
    def route(self) -> tuple[str, str, str]:
        """The services, and the group at the second one."""
        return self.source, self.target, self.into


async def migrate_jobs(session: Session, move: Move) -> None:
    """Write a manifest for another service, and print the losses."""
    if move.out is None and not session.common.dry_run:
        raise click.UsageError("Say --out, the path of the new manifest, or -n to see the losses.")
    check_new(move.out, move.env_file)
    session = _source(session, move)
    target = next(one for one in (FASTCRON, SETCRONJOB) if one.name == move.target)
    moved = await migrate(session.api, target, into=move.into, group=move.group, prefix=move.prefix)
    if move.env_file is None:
        tell_variables(session, moved.environ)
    jobs, place = counted(len(moved.names), "job"), move.out or "a new manifest"
    if session.common.dry_run:
        session.say(f"would write {jobs} to {place}; nothing was written")
    elif move.out is not None:
        with values_first(move.env_file, moved.environ):
            write_private(Path(move.out), moved.text)
        session.say(f"{jobs} written to {place}. Nothing was changed at either service.")
    if session.printer.is_json:
        session.printer.document(_losses(moved))
    else:
        _tell_losses(moved)
    session.code = DIFFERS if _is_lossy(moved) and not move.accept_losses else 0


def _source(session: Session, move: Move) -> Session:
    if move.source == move.target:
        raise input_error("A migration is from one service to another one.")
    session.common = session.common._replace(provider=move.source)
    return session


def _is_lossy(moved: Migrated) -> bool:
    return bool(moved.losses or moved.skipped)


def _losses(moved: Migrated) -> dict[str, Any]:
    losses = [
        {"id": one.id, "name": one.name, "field": one.loss.field, "reason": one.loss.reason}
        for one in moved.losses
    ]
    unseen = [
        {"field": one.field, "jobs": len(one.jobs), "reason": one.reason} for one in moved.unseen
    ]
    skipped = list(moved.skipped)
    return {"jobs": len(moved.names), "losses": losses, "unseen": unseen, "skipped": skipped}


def _tell_losses(moved: Migrated, *, again: bool = False) -> None:
    """Print a line for each loss, and for each hidden parameter if they were not told before."""
    unseen = () if again else moved.unseen
    for line in (*map(str, moved.losses), *map(str, unseen), *moved.skipped):
        click.echo(escaped(line))


async def cut_jobs_over(session: Session, move: Move) -> None:
    """Make the jobs at the new service and disable the old ones, if it is agreed to."""
    old, new, journal = _both(session, move)
    names = ("into", "group", "prefix", "overlap", "out", "env_file")
    options: dict[str, Any] = {name: getattr(move, name) for name in names} | {"journal": journal}
    tried = await cut_over(old.api, new.api, accept_losses=True, dry_run=True, **options)
    if not session.printer.is_json:
        _tell_losses(tried.migrated, again=tried.has_begun)
    stops = _is_lossy(tried.migrated) and not (move.accept_losses or tried.has_begun)
    if stops or session.common.dry_run:
        tell_cutover_planned(session, tried, move.route, _losses(tried.migrated))
        session.code = DIFFERS if stops or tried.left else 0
        if stops:
            session.say("Something gets lost, so nothing was changed: --accept-losses goes on.")
        return
    if not tried.left:
        _tell_cutover(session, tried)
        return
    jobs = counted(len(tried.left), "job")
    session.confirm(f"Move {jobs} from {move.source} to {move.target}{with_cost(tried)}?")
    if move.env_file is None and not tried.has_begun:
        tell_variables(session, tried.migrated.environ)
    try:
        done = await cut_over(old.api, new.api, accept_losses=move.accept_losses, **options)
    finally:
        if _has_begun(journal):
            session.say(f"The same command goes on, --back undoes it: the journal is {journal}.")
    _tell_cutover(session, done)
    _end(session, done)


def _has_begun(journal: str) -> bool:
    path = Path(journal)
    return path.is_file() and path.stat().st_size > 0


def _end(session: Session, done: CutOver | MovedBack) -> None:
    is_done = not done.errors and not done.left
    text = f"{counted(len(done.left), 'job')} left, {counted(len(done.errors), 'error')}."
    end(session, 0 if is_done else code_of_errors(done.errors), "migrate", text)


async def move_jobs_back(session: Session, move: Move) -> None:
    """Undo a cutover, if it is agreed to."""
    old, new, journal = _both(session, move)
    options: dict[str, Any] = {"journal": journal, "overlap": move.overlap}
    tried = await move_back(old.api, new.api, dry_run=True, **options)
    if session.common.dry_run:
        tell_way_back_planned(session, tried, move.route)
        session.code = DIFFERS if tried.left else 0
        return
    if tried.left:
        jobs = counted(len(tried.left), "job")
        session.confirm(f"Move {jobs} from {move.target} back to {move.source}{with_cost(tried)}?")
    with telling_undo(session, new_undo_file(new)) as undo:
        done = await move_back(old.api, new.api, undo=undo, **options)
    _tell_back(session, done)
    _end(session, done)


def _both(session: Session, move: Move) -> tuple[Session, Session, str]:
    """Return the sessions of both services, and the path of the journal."""
    session.again = GOES_ON
    common = session.common
    if common.token_file or common.base_url or common.profile:
        raise click.UsageError(
            "Two services are called: leave --token-file, --base-url and --profile out, and set "
            "the variables of both."
        )
    old = _source(session, move)
    new = session.beside(move.target)
    if move.journal is not None:
        return old, new, move.journal
    folder = state_folder("moves", "--journal")
    marks = [str(fingerprint_of(one.credentials.token)) for one in (old, new)]
    digest = hashlib.sha256("\n".join([*marks, move.into]).encode()).hexdigest()[:16]
    return old, new, str(folder / f"{move.source}-{move.target}-{digest}.jsonl")


def _tell_cutover(session: Session, done: CutOver) -> None:
    left = [str(one) for one in done.left]
    if session.printer.is_json:
        counts = {"made": done.made, "disabled": done.disabled}
        errors = [str(error) for error in done.errors]
        told = {"left": left, "gone": [str(one) for one in done.gone], "errors": errors}
        session.printer.document(_losses(done.migrated) | counts | told)
        return
    gone = f", {len(done.gone)} gone" if done.gone else ""
    click.echo(f"{done.made} made, {done.disabled} disabled, {len(left)} left{gone}")
    _tell_left([*left, *map(str, done.gone)], done)


def _tell_back(session: Session, done: MovedBack) -> None:
    left = [str(one) for one in done.left]
    if session.printer.is_json:
        counts = {"enabled": done.enabled, "deleted": done.deleted}
        errors = [str(error) for error in done.errors]
        session.printer.document(counts | {"left": left, "errors": errors})
        return
    click.echo(f"{done.enabled} enabled, {done.deleted} deleted, {len(left)} left")
    _tell_left(left, done)


def _tell_left(left: list[str], done: CutOver | MovedBack) -> None:
    for line in left:
        click.echo(escaped(line))
    for error in done.errors:
        click.echo(one_line(str(error)), err=True)
