"""Carry a change out on one target or on many, and tell the outcomes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from shutil import get_terminal_size
from typing import Any, NamedTuple

import click
from attrs import evolve

from cronapi.bulk import Bulk, BulkError, Done, Outcome, Report
from cronapi.cli.exit_codes import FAILED, UNKNOWN, exit_code
from cronapi.cli.frame.fault import facts_of
from cronapi.cli.frame.json_line import json_document, json_line
from cronapi.cli.frame.words import counted
from cronapi.cli.show.columns import JOBS, Kind
from cronapi.cli.work.dry_run import cost_of, dry_run, named, told
from cronapi.cli.work.progress import ProgressLine, sees_progress
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import Target
from cronapi.client import Client
from cronapi.errors import Applied, CronAPIError
from cronapi.scheduler.stopping import StoppedError

_BATCHED = frozenset({"cron.batch_add", "cron.batch_delete"})
_MOST_FAULTS = 20
"""Failures that are told in lines of their own."""


class Deed(NamedTuple):
    """A change that one call makes on one target, and a bulk on many.

    `verb` is as in `delete`. `params` is what is sent beside the ids.
    """

    function: str
    verb: str
    many: Callable[..., Bulk[Any]]
    """Takes the client, the ids and the options of a bulk."""
    one: Callable[[Client, int], Awaitable[Any]] | None = None
    params: Mapping[str, Any] = {}
    asks: bool = False
    kind: Kind = JOBS
    reads: bool = False
    """True if the values are the result, and not the outcomes."""
    before: int = 0
    """Requests that come first."""
    shown: Callable[[int, Any], object] | None = None
    """Makes the result that is shown of an id and a value. Without it the value is the result."""

    def result(self, given: Any, value: Any) -> object:
        """Return the result of a target."""
        return value if self.shown is None else self.shown(given, value)

    @property
    def doing(self) -> str:
        """The verb in progress: `deleting`."""
        stem = self.verb.removesuffix("e")
        return f"{'runn' if self.verb == 'run' else stem}ing"


async def carry_out(session: Session, deed: Deed, targets: Sequence[Target]) -> None:
    """Do it, or tell its cost with --dry-run. No target is nothing to do."""
    if not targets:
        session.say(f"Nothing to {deed.verb}.")
        empty(session, deed.function, deed.kind)
        return
    ids = [target.id for target in targets]
    alone = len(ids) == 1
    cost = cost_of(session) if alone else deed.many(session.plan, ids).cost()
    if deed.before:
        cost = cost_of(session, cost.requests + deed.before)
    batch = deed.function if alone else _sent_function(session, deed.function)
    jobs = counted(len(ids), "job")
    if session.common.dry_run:
        params = {"id": ids[0] if alone else ids, **deed.params}
        dry_run(
            *(session, deed.function, params),
            cost=cost,
            would=f"{deed.verb} {jobs}",
            asks=deed.asks,
            batch=batch,
            targets=targets,
        )
        return
    if deed.asks:
        text = told(session, cost, batch)
        session.confirm(f"{deed.verb.capitalize()} {jobs}: {named(session, targets)}? {text}.")
    if alone and deed.one is not None:
        session.show(deed.result(ids[0], await deed.one(session.api, ids[0])), deed.kind)
    else:
        await run_bulk(session, deed, ids)


def _sent_function(session: Session, function: str) -> str:
    """Return the function that a bulk sends: a batch where the service has it."""
    batch = function.replace(".", ".batch_")
    return batch if batch in _BATCHED and batch in session.provider.functions else function


def empty(session: Session, function: str, kind: Kind) -> None:
    """Write the result of a change of nothing."""
    if session.printer.output == "json":
        click.echo(json_document(_facts(Report((), function), function, 0, 0.0, [])))
    elif session.printer.output not in {"table", "ndjson"}:
        session.show_all([], kind)


async def run_bulk(session: Session, deed: Deed, items: Any, **options: Any) -> Report[Any]:
    """Run a bulk with a progress line, write its outcomes, and set the exit code."""
    quiet = session.common.quiet or session.printer.is_json
    line = ProgressLine(
        deed.doing, write=sees_progress(quiet=quiet), width=get_terminal_size().columns
    )
    bulk, outcomes = deed.many(session.api, items, progress=line, **options), list[Outcome[Any]]()
    before, began = session.scheduler.started, time.monotonic()
    error: CronAPIError | None = None
    try:
        async for outcome in bulk:
            line.failed += outcome.error is not None
            outcomes.append(_as_shown(deed, outcome))
            if session.printer.output == "ndjson" and not deed.reads:
                click.echo(json_line(_outcome(session, deed, outcomes[-1])))
    except CronAPIError as raised:
        error = raised
    finally:
        line.clear()
    report = Report(outcomes, deed.function, error or bulk.report.stopped_by)
    requests = session.scheduler.started - before
    _write(session, deed, report, requests, time.monotonic() - began)
    _end(session, report)
    return report


def _as_shown(deed: Deed, outcome: Outcome[Any]) -> Outcome[Any]:
    """Return an outcome with the result that is shown, which may tell the time of now."""
    if deed.shown is None or not isinstance(outcome, Done):
        return outcome
    return evolve(outcome, value=deed.result(outcome.given, outcome.value))


def is_untried(outcome: Outcome[Any]) -> bool:
    """Return True for an item that was never sent, also because the command was interrupted."""
    error = outcome.error
    stopped = isinstance(error, StoppedError) and error.applied is Applied.NO
    return outcome.status == "not_tried" or stopped


def code_of(report: Report[Any]) -> int:
    """Return the exit code of a bulk: that of the error that stopped it, else of the worst item."""
    statuses = Counter(outcome.status for outcome in report)
    if statuses["unknown"]:
        return UNKNOWN
    if report.stopped_by is not None:
        return exit_code(report.stopped_by)
    return FAILED if statuses["failed"] or statuses["not_tried"] else 0


def _end(session: Session, report: Report[Any]) -> None:
    """Let the command fail if an item has."""
    code = code_of(report)
    if code == 0:
        session.say(f"{report.function}: {summary(report)}")
        return
    text = f"{report.function}: {summary(report)}"
    if report.stopped_by is not None:
        text += f"; {report.stopped_by}"
    errors = [one.error for one in report if one.error is not None]
    session.fail(BulkError(text, errors or [CronAPIError(text)], report), code)


def _write(
    session: Session, deed: Deed, report: Report[Any], requests: int, seconds: float
) -> None:
    if session.printer.output == "json" and not deed.reads:
        shown = [_outcome(session, deed, outcome) for outcome in report]
        click.echo(json_document(_facts(report, deed.function, requests, seconds, shown)))
    elif session.printer.output != "ndjson" or deed.reads:
        session.show_all([one.value for one in report.done], deed.kind)
        _tell_faults(session, report)


def counts(report: Report[Any]) -> dict[str, int]:
    """Return the number of items of each status."""
    untried = sum(map(is_untried, report))
    statuses = Counter(one.status for one in report if not is_untried(one))
    found = {status: statuses[status] for status in ("done", "failed", "unknown")}
    return {**found, "not_tried": untried}


def summary(report: Report[Any]) -> str:
    """Return the counts in words. A count of zero is left out, except that of the done."""
    shown = counts(report).items()
    return ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in shown if count or name == "done"
    )


def _facts(
    report: Report[Any], function: str, requests: int, seconds: float, outcomes: list[Any]
) -> dict[str, Any]:
    facts = {"function": function, **counts(report)}
    return {**facts, "requests": requests, "seconds": round(seconds, 3), "outcomes": outcomes}


def _outcome(session: Session, deed: Deed, outcome: Outcome[Any]) -> dict[str, Any]:
    given = _given(outcome)
    status = "not_tried" if is_untried(outcome) else outcome.status
    shown: dict[str, Any] = {"index": outcome.index, "given": given, "status": status}
    if outcome.value is not None:
        shown["value"] = session.printer.row(outcome.value, deed.kind)
    if outcome.error is not None:
        shown["error"] = facts_of(outcome.error)
    return shown


def _given(outcome: Outcome[Any]) -> int | str:
    """Return the id of an item, or the name of a new job, or else its index."""
    given = outcome.given[0] if isinstance(outcome.given, tuple) else outcome.given
    if isinstance(given, Mapping):
        given = given.get("name")
    return given if isinstance(given, int | str) else f"item {outcome.index}"


def _tell_faults(session: Session, report: Report[Any]) -> None:
    faults = [one for one in report if one.error is not None and not is_untried(one)]
    for outcome in faults[:_MOST_FAULTS]:
        session.say(f"{outcome.status}: {_given(outcome)}: {outcome.error}")
    if len(faults) > _MOST_FAULTS:
        session.say(f"... and {len(faults) - _MOST_FAULTS} more")
