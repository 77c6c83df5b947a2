"""Plan, show what differs, and apply."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from cronapi.cli.exit_codes import DIFFERS, FAILED, UNKNOWN, UNSAFE
from cronapi.cli.frame.escape import one_line
from cronapi.cli.frame.standard_input import read_all
from cronapi.cli.frame.words import counted
from cronapi.cli.plan.ending import code_of_errors, end
from cronapi.cli.plan.options import ALL, Asked, Files
from cronapi.cli.work.journals import state_folder
from cronapi.cli.work.session import Session
from cronapi.errors.concerns import input_error
from cronapi.manifest import ApplyResult, Manifest, Plan
from cronapi.manifest.writing import check_new, write_private

DEFAULT_FILE = "cronjobs.toml"


def read_manifest(session: Session, files: Files) -> Manifest:
    """Read the manifest. Its service is that of the command, unless --provider was said."""
    paths = files.paths or (DEFAULT_FILE,)
    chosen = session.common.provider
    if paths == ("-",):
        text = read_all()
        manifest = Manifest.loads(text, name="<stdin>", env=files.env, provider=chosen)
    else:
        manifest = Manifest.load(*paths, env=files.env, provider=chosen)
    if chosen is None:
        session.common = session.common._replace(provider=manifest.wanted.scope.provider)
    return manifest


async def make_plan(
    session: Session, files: Files, asked: Asked, *, check_limit: bool = False
) -> Plan:
    """Read the manifest and the account, and compare them."""
    manifest = read_manifest(session, files)
    hidden = asked.resend_hidden
    return await manifest.plan(
        session.api,
        prune=asked.prune,
        enable=asked.enable,
        revive=asked.revive,
        dedupe=asked.dedupe,
        max_deletes=asked.max_deletes,
        resend_hidden=True if ALL in hidden else hidden,
        check_limit=check_limit,
    )


async def show_plan(
    session: Session,
    files: Files,
    asked: Asked,
    *,
    out: str | None,
    markdown: bool,
    check_limit: bool,
) -> None:
    """Print a plan, and save it if that was asked for."""
    check_new(out)
    plan = await make_plan(session, files, asked, check_limit=check_limit)
    if out is not None and not session.common.dry_run:
        write_private(Path(out), json.dumps(plan.to_dict(), indent=2) + "\n")
    _print(session, plan, markdown=markdown)
    session.code = code_of(plan)


async def show_drift(session: Session, files: Files, asked: Asked) -> None:
    """Print what differs, or nothing."""
    plan = await make_plan(session, files, asked)
    if plan.has_drift or session.printer.is_json:
        _print(session, plan)
    session.code = code_of(plan) or (DIFFERS if plan.has_drift else 0)


def code_of(plan: Plan) -> int:
    """Return the exit code that tells of a plan."""
    if plan.brake.tripped or plan.elsewhere:
        return UNSAFE
    if plan.limit is not None and plan.limit.is_exceeded:
        return FAILED
    if plan.changes:
        return DIFFERS
    return FAILED if plan.blocked else 0


def _print(session: Session, plan: Plan, *, markdown: bool = False) -> None:
    if session.printer.is_json:
        session.printer.document(plan.to_dict())
    else:
        text = plan.to_text()
        click.echo(f"```diff\n{text}```" if markdown else text, nl=markdown)


async def apply_plan(
    session: Session,
    files: Files,
    asked: Asked,
    saved: str | None,
    *,
    undo: str | None,
    deletes_first: bool,
) -> None:
    """Plan, ask, apply, and say what was done."""
    kept = None if saved is None else _saved(saved)
    check_new(undo)
    plan = await make_plan(session, files, asked if kept is None else _asked(kept))
    if kept is not None:
        plan.check_saved(kept)
    if session.common.dry_run:
        _print(session, plan)
        session.code = code_of(plan)
        return
    if not session.common.quiet and not session.printer.is_json:
        click.echo(plan.to_text(), err=True, nl=False)
    if kept is None and plan.changes and code_of(plan) != UNSAFE:
        session.confirm(_question(plan))
    path = undo or _undo_path(session, plan)
    with telling_undo(session, path):
        result = await plan.apply(undo=path, deletes_first=deletes_first)
    _tell(session, plan, result)


def _question(plan: Plan) -> str:
    """Return the question before an apply, with the number of changes of each kind."""
    counts = Counter(change.action for change in plan.changes)
    kinds = ", ".join(f"{action} {count}" for action, count in counts.items())
    requests = counted(plan.cost.requests, "request")
    return f"Make {counted(len(plan.changes), 'change')} ({kinds}) with {requests}?"


P = TypeVar("P", bound=str | None)


@contextmanager
def telling_undo(session: Session, path: P) -> Iterator[P]:
    """Name the file that keeps the deleted jobs, if there is one. A failure leaves it too."""
    try:
        yield path
    finally:
        if path is not None and Path(path).exists():
            again = f"cronapi apply -f {shlex.quote(path)}"
            session.say(
                f"What was deleted is kept in {path}. `{again}` makes it again, but for twins of "
                "jobs that are there, and for settings that the service does not show, such as "
                "passwords: that file names them."
            )


def _undo_path(session: Session, plan: Plan) -> str | None:
    """Return a new file in the state directory, if anything may be deleted: twins too."""
    if not any(change.action in ("create", "delete") for change in plan.changes):
        return None
    return new_undo_file(session)


def new_undo_file(session: Session) -> str:
    """Return the path of a new file in the state directory."""
    folder = state_folder("undo", "--undo")
    return str(folder / f"{session.provider.name}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.toml")


def _saved(path: str) -> Mapping[str, Any]:
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise input_error(f"{path} cannot be read: {type(error).__name__}.") from None
    if not isinstance(document, dict) or not _has_options(document):
        raise input_error(f"{path} is no saved plan.")
    return document


def _has_options(document: Mapping[str, Any]) -> bool:
    """Return True if a saved plan tells what it was allowed to do."""
    options = document.get("options")
    return isinstance(options, dict) and isinstance(options.get("resend_hidden", []), list)


def _asked(saved: Mapping[str, Any]) -> Asked:
    """Return what a saved plan was allowed to do."""
    options: dict[str, Any] = {name: saved["options"].get(name) for name in Asked._fields}
    options["resend_hidden"] = tuple(map(str, options["resend_hidden"] or ()))
    most = options.pop("max_deletes")
    switches = {name: one is True for name, one in options.items() if name != "resend_hidden"}
    given: dict[str, Any] = options | switches
    return Asked(**given, max_deletes=most if isinstance(most, int) else None)


def _tell(session: Session, plan: Plan, result: ApplyResult) -> None:
    """Print what was done, and set the exit code."""
    if session.printer.is_json:
        session.printer.document(_document(plan, result))
    else:
        click.echo(result.summary())
        for one in result.outcomes:
            if one.error is not None:
                click.echo(
                    one_line(f"{one.change.action} {one.change.name}: {one.error}"), err=True
                )
        for change in result.left:
            click.echo(one_line(f"changed meanwhile: {change.action} {change.name}"), err=True)
    end(session, _code_of_result(result), "apply", result.summary())


def _code_of_result(result: ApplyResult) -> int:
    statuses = {one.status for one in result.outcomes}
    if "unknown" in statuses:
        return UNKNOWN
    if statuses - {"done"}:
        return code_of_errors(result.errors)
    if result.blocked:
        return FAILED
    return 0 if result.is_complete else UNSAFE


def _document(plan: Plan, result: ApplyResult) -> dict[str, Any]:
    return {
        "plan": plan.to_dict(),
        "outcomes": [
            {
                "action": one.change.action,
                "name": one.change.name,
                "id": one.id,
                "status": one.status,
                "error": None if one.error is None else str(one.error),
            }
            for one in result.outcomes
        ],
        "twins": list(result.twins),
        "left": [{"action": one.action, "name": one.name, "id": one.id} for one in result.left],
        "unchanged": result.unchanged,
        "verified": result.is_verified,
        "requests": result.requests,
        "seconds": round(result.seconds, 3),
    }
