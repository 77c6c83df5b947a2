"""The leaky bucket of all processes of one machine, whose pace is in a file.

Each slot costs one transaction. Time is the machine's monotonic clock, which its processes share.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from cronapi._protocol.arguments import came
from cronapi.errors.concerns import setting_error
from cronapi.providers import Rate
from cronapi.scheduler.faults import UnusableError, scheduler_error
from cronapi.scheduler.file_script import FileScript
from cronapi.scheduler.fleet import MILLION, Answer, SharedStart
from cronapi.scheduler.fleet_bucket import Fallback, FleetBucket
from cronapi.scheduler.private_file import default_path
from cronapi.scheduler.queue import Scheduler

FALLBACK_AFTER = 3.0
"""Seconds of a locked file until a process goes on alone."""


class FileBucket(FleetBucket):
    """Hands out starts at a rate that all processes of a machine with the same file share.

    `Scheduler(rate, bucket=FileBucket())`. The scheduler tells it the rate, which must be the same
    in all processes.

    Without a path, the file is in the user's home directory. Its name comes from the address of the
    first client that gets the scheduler, and with `scope="token"` from the account too. So all
    processes of one user share it by themselves. Several users name a path, in a directory in which
    only they may write. The file is made if there is none. The directory must be on a disk of this
    machine.

    A call fails with SchedulerError and nothing sent if the file cannot be used. Where waiting may
    help, it waits up to `timeout` seconds before. With `fallback="local"` calls go on at a
    `share`th of the rate until the file can be used.

    `clock` gives monotonic seconds, the same in all processes. A transaction runs in a worker
    thread unless `threads` is False.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        timeout: float = 10.0,
        fallback: Fallback = "error",
        share: int = 1,
        clock: Callable[[], float] = time.monotonic,
        threads: bool = True,
    ) -> None:
        self._given_path: Path | None = None if path is None else _absolute(path)
        self._budget: str | None = None
        self._script: FileScript | None = None
        super().__init__(
            self._evaluate_in_file,
            self._look_into_file,
            timeout=timeout,
            fallback=fallback,
            share=share,
            clock=clock,
            threads=threads,
        )

    @property
    def path(self) -> Path:
        """The path of the file.

        Without one of its own, a bucket has another after a client has got the scheduler. Raises
        ConfigurationError if it has no scheduler yet, and SchedulerError if the user has no home
        directory.
        """
        try:
            return self._path()
        except UnusableError as error:
            raise scheduler_error(error, 0.0) from error

    def check(self) -> None:
        """Make the file if there is none. Raises SchedulerError if it cannot be used.

        It waits for the disk, so call it outside of an event loop.
        """
        try:
            self._opened().check()
        except UnusableError as error:
            raise scheduler_error(error, 0.0) from error

    def _serve(self, key: Hashable) -> None:
        """Take the name of the file from the key of a client: its address, and its account if any.

        Raises ConfigurationError for a second key.
        """
        if self._given_path is not None:
            return
        given = key if isinstance(key, tuple) else (key,)
        parts = [part for part in given if isinstance(part, str)]
        if len(parts) < len(given):
            raise setting_error(
                "A FileBucket cannot tell other processes by a token function which account it "
                "paces; give it a path."
            )
        budget = " ".join(parts)
        if self._budget != budget and (self._budget is not None or self._script is not None):
            raise setting_error(
                "This FileBucket already paces another address or account; make one for each, or "
                "give it a path."
            )
        self._budget = budget

    def _look_into_file(self, start: SharedStart, most: float) -> float:  # noqa: ARG002 -- one clock
        return self._opened().last_sent(most)

    def _evaluate_in_file(self, arguments: Sequence[int | str]) -> Sequence[int]:
        return self._opened()(arguments)

    def _path(self) -> Path:
        if self._given_path is not None:
            return self._given_path
        return default_path(_name_of(self.rate) if self._budget is None else self._budget)

    def _opened(self) -> FileScript:
        if self._script is None:
            is_private = self._given_path is None
            self._script = FileScript(self._path(), self._clock, is_private=is_private)
        return self._script

    def _renew(self) -> None:
        super()._renew()
        self._script = None

    def _time_of(self, answer: Answer) -> float:
        """Return the time of an evaluation: the file's clock is that of this process too."""
        return answer.now / MILLION


def machine_scheduler(
    address: str, rate: Rate, path: str | os.PathLike[str] | None = None
) -> Scheduler:
    """Return a scheduler on the file that all processes of a user share for an address.

    It is at once certain that the file can be used: if not, SchedulerError says why. If that
    changes later, calls go on at the process's own rate, and a warning is logged.
    """
    bucket = FileBucket(path, timeout=FALLBACK_AFTER, fallback="local")
    scheduler = Scheduler(rate, bucket=bucket)
    bucket._serve(address)  # noqa: SLF001 -- as a client does
    bucket.check()
    return scheduler


def _absolute(path: str | os.PathLike[str]) -> Path:
    """Return a path that stays the same if the process changes its directory."""
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise setting_error(f"path must be the path of a file or None, not {came(path)}.")
    try:
        os.fsencode(text)
        return Path(text).absolute()
    except UnicodeEncodeError:
        raise setting_error("path has text that no file system can hold.") from None
    except OSError as error:
        raise setting_error(
            f"path must be absolute, not {came(path)}: the current directory is gone."
        ) from error


def _name_of(rate: Rate) -> str:
    """Return the name of a budget that no client has named."""
    return f"{float(rate.limit)!r} in {float(rate.per)!r} s"
