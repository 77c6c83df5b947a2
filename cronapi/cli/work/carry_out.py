"""Carry a command out: on an event loop of its own, until its end or a signal."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from typing import Any

import click

from cronapi._logs.setting import LEVELS, QUIET, at_level
from cronapi.cli.frame.common import Common
from cronapi.cli.frame.fault import report
from cronapi.cli.frame.forms import Told
from cronapi.cli.frame.words import counted
from cronapi.cli.show.columns import KINDS
from cronapi.cli.signals import run_on_loop
from cronapi.cli.work.interruption import Interruption
from cronapi.cli.work.profile import profile_of, with_profile
from cronapi.cli.work.session import Session
from cronapi.errors import CronAPIError

_ALL = 2
"""How often -v is given for the library's log."""
Work = Callable[..., Coroutine[Any, Any, None]]


def carry_out(work: Work, common: Common, told: Told, options: Mapping[str, Any]) -> int:
    """Run the body of a command, and return its exit code."""
    profile = profile_of(common)
    common = with_profile(common, profile)
    with _log(common):
        return run_on_loop(_run, work, common, profile, told, options)


async def _run(
    work: Work,
    common: Common,
    profile: Mapping[str, Any],
    told: Told,
    options: Mapping[str, Any],
) -> int:
    interruption = Interruption()
    error: Exception | None = None
    async with AsyncExitStack() as stack:
        session = Session(common, profile, interruption, stack)
        session.again = told.again
        kind = KINDS[told.prints] if isinstance(told.prints, str) else None
        if kind is not None:  # before anything is sent
            session.printer.check(kind)
        async with interruption.watched():
            try:
                await work(session, **options)
            except RecursionError:
                error = click.ClickException("The answer is nested too deep to be printed.")
            except Exception as raised:  # noqa: BLE001 -- raised below, outside of the task group
                error = raised
        _tell(session)
    return _code(session, error)


def _code(session: Session, error: Exception | None) -> int:
    interruption = session.interruption
    if interruption.code is None:
        if error is not None:
            raise error
        if session.failure is None:
            return session.code
        return report(session.failure, as_json=session.printer.is_json, code=session.code)
    if error is not None and not isinstance(error, CronAPIError | click.ClickException):
        raise error
    return report(
        error or session.failure or click.ClickException("Interrupted."),
        as_json=session.printer.is_json,
        code=interruption.code,
        more=session.again,
    )


def _tell(session: Session) -> None:
    """Tell how many values were masked, and with -v the requests of a command."""
    session.printer.tell_masked()
    scheduler = session._scheduler  # noqa: SLF001 -- one that was not needed is not made for this
    if session.common.verbose and scheduler is not None:
        count, refusals = scheduler.started, scheduler.stats.refusals
        click.echo(
            f"{counted(count, 'request')}, waited {scheduler.waited:.1f} s,"
            f" {counted(refusals, 'refusal')} of all processes that share the rate",
            err=True,
        )


def _log(common: Common) -> AbstractContextManager[None]:
    """Write the library's log to stderr with -vv, and only its faults with -q."""
    if common.verbose >= _ALL:
        return at_level(LEVELS["debug"])
    return at_level(QUIET) if common.quiet else nullcontext()
