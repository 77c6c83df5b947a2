"""The exit codes: the one table from an exception to the number in which a command ends.

Scripts depend on these numbers. 64 is that of sysexits.h for wrong usage: click's own 2 would read
as "there is a difference".
"""

from __future__ import annotations

from typing import NamedTuple

import click

from cronapi.errors import Applied, CronAPIError

FAILED, DIFFERS, UNSAFE, UNKNOWN, USAGE, INTERRUPTED, TERMINATED = 1, 2, 3, 6, 64, 130, 143


class ExitCode(NamedTuple):
    """One exit code: its meaning, and the names of the errors that end in it."""

    code: int
    meaning: str
    errors: tuple[str, ...] = ()


CODES = (
    ExitCode(0, "Done, or nothing to do. An empty list is 0."),
    ExitCode(FAILED, "Failed: the service said no, or some items failed.", ("CronAPIError",)),
    ExitCode(
        DIFFERS,
        "There is a difference, or something to tell: plan, drift, check, export, migrate, health, "
        "and apply and rotate with -n.",
    ),
    ExitCode(
        UNSAFE,
        "Not carried out, or changed meanwhile: too many deletions, a group that seems wrong, or a "
        "stale plan. health with "
        "--format nagios: nobody can tell.",
        ("UnsafePlanError",),
    ),
    ExitCode(
        4,
        "No token, or the service does not know it (code 11).",
        ("AuthenticationError", "NoTokenError"),
    ),
    ExitCode(5, "There is certainly no such thing.", ("NotFoundError",)),
    ExitCode(
        UNKNOWN,
        "Sent, and nobody can tell if it was applied. Look before you repeat it.",
        ("OutcomeUnknownError",),
    ),
    ExitCode(
        7,
        "Not now: rate limit, outage, max-wait or Redis. Nothing was applied: try again later.",
        ("WaitTooLongError", "ServiceUnavailableError", "TransportError", "SchedulerError"),
    ),
    ExitCode(
        USAGE,
        "Wrong usage or input. Nothing was sent.",
        ("UsageError", "ConfigurationError", "ManifestError", "UnsupportedFunctionError"),
    ),
    ExitCode(INTERRUPTED, "Ended by Ctrl-C. What was done is printed first.", ("Abort",)),
    ExitCode(TERMINATED, "Ended by SIGTERM, as by Ctrl-C."),
)
_CODE_OF = {name: row.code for row in CODES for name in row.errors}


class NoTokenError(CronAPIError):
    """There is no API token to use. Nothing was sent."""


def exit_code(error: BaseException) -> int:
    """Return the code in which an error ends a command."""
    if isinstance(error, CronAPIError) and error.applied is Applied.UNKNOWN:
        return UNKNOWN
    names = (cls.__name__ for cls in type(error).__mro__)
    code = next((_CODE_OF[name] for name in names if name in _CODE_OF), FAILED)
    return error.exit_code if code == FAILED and isinstance(error, click.ClickException) else code
