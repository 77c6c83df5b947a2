"""The program of a user that prints the token: bounded in what it prints, and ended with us."""

from __future__ import annotations

import signal
import subprocess
from typing import NoReturn

import click

from cronapi.cli.work.interruption import signals_to

MOST_PRINTED = 64 * 1024
"""Bytes. It may have more to say than a token."""
_GRACE = 2.0
"""Seconds in which it may end by itself, and put its terminal in order."""


class _SignalError(BaseException):
    """A signal has come."""


def _raise(number: int, _frame: object) -> NoReturn:
    raise _SignalError(number)


def output_of(command: list[str]) -> tuple[bytes, int]:
    """Run a command, and return its output with its exit code.

    One that prints more than `MOST_PRINTED` bytes is ended, and so is one in whose time a signal
    comes. Then Ctrl-C raises Abort, and SIGTERM ends this process. Raises OSError or ValueError if
    it cannot be run.
    """
    came: list[int] = []

    def take(number: int, _frame: object) -> None:
        came.append(number)  # one that raised while the process is made would leave it behind

    try:
        with signals_to(take, take), _started(command) as run:
            return _read(run, came), run.returncode
    except _SignalError as told:
        if told.args[0] == signal.SIGINT:
            raise click.Abort from None
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
        raise


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    """Start it. What it leaves running has its stderr, and would keep a pipe of ours open."""
    return subprocess.Popen(  # noqa: S603 -- the user's own
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def _read(run: subprocess.Popen[bytes], came: list[int]) -> bytes:
    assert run.stdout is not None  # noqa: S101 -- it is a pipe
    try:
        with signals_to(_raise, _raise):
            if came:
                raise _SignalError(came[0])
            output: bytes = run.stdout.read(MOST_PRINTED + 1)
            if len(output) <= MOST_PRINTED:
                run.wait()
            return output
    finally:
        if run.poll() is None:
            _end(run)


def _end(run: subprocess.Popen[bytes]) -> None:
    """End a command. It has time to do that by itself, unless another signal comes."""
    try:
        with signals_to(_raise, _raise):
            run.terminate()
            run.wait(_GRACE)
    except (subprocess.TimeoutExpired, _SignalError):
        run.kill()
