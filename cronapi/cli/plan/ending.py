"""How a command for manifests ends that did less than it was asked for."""

from __future__ import annotations

from collections.abc import Iterable

from cronapi.cli.exit_codes import FAILED, UNKNOWN, exit_code
from cronapi.cli.work.session import Session
from cronapi.errors import Applied, CronAPIError

_OF_ALL = frozenset({4, 7})
"""The exit codes of errors that are no job's own: no token, and not now."""


def code_of_errors(errors: Iterable[CronAPIError]) -> int:
    """Return the exit code of changes that ended in these errors.

    A change in doubt counts more than one that failed. All of them may have failed in one way that
    is no job's own, such as an outage, and then the code is that one's.
    """
    found = list(errors)
    if any(error.applied is Applied.UNKNOWN for error in found):
        return UNKNOWN
    codes = {exit_code(error) for error in found}
    return codes.pop() if len(codes) == 1 and codes <= _OF_ALL else FAILED


def end(session: Session, code: int, function: str, text: str) -> None:
    """Set the exit code. Where the output is JSON, an error of one line tells why it is not 0.

    In text each failure has a line of its own already. Some changes may have been made, as in a
    BulkError.
    """
    session.code = code
    if code and session.printer.is_json:
        session.fail(CronAPIError(text, function=function, applied=Applied.UNKNOWN), code)
