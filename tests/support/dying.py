"""A process that dies at one of its writes, to a service or to a file."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import stat

import anyio
import anyio.lowlevel
import pytest

from cronapi import ConfigurationError

READS = {"cron.list", "cron_list", "group.lookup", "group_lookup"}


class Dying:
    """A process that dies at one of its writes, and its disk as that leaves it.

    A write to a file dies with half of it on the disk, or with all of it, and a request before or
    after the service has carried it out.
    """

    def __init__(self, folder, number, *, before):
        self.folder, self.left, self.before = folder, number, before
        self.kept = folder.with_name("kept")
        self.scope = anyio.CancelScope()

    def is_hit(self):
        self.left -= 1
        return self.left == -1

    def keep(self):
        shutil.rmtree(self.kept, ignore_errors=True)
        shutil.copytree(self.folder, self.kept)

    def fsync(self, handle, *, real=os.fsync):
        """Let a file be written, whole or cut."""
        is_file = stat.S_ISREG(os.fstat(handle).st_mode)
        hit = is_file and self.is_hit()
        if hit and self.before:
            os.ftruncate(handle, max(0, os.fstat(handle).st_size - 9))
        real(handle)
        if hit:
            self.keep()
            raise OSError(errno.ENOSPC, "No space left on device")

    def watching(self, app):
        """Return an app at which requests that change something are writes too."""

        async def watched(scope, receive, send):
            hit = scope["path"].rpartition("/")[2] not in READS and self.is_hit()
            if not (hit and self.before):
                await app(scope, receive, send)
            if hit:
                self.keep()
                self.scope.cancel()
                await anyio.lowlevel.checkpoint()

        watched.emulator = app.emulator
        return watched

    async def run(self, call, app):
        """Run a call until it dies. Return False if it had less writes than that."""
        with pytest.MonkeyPatch.context() as patch, self.scope:
            patch.setattr(os, "fsync", self.fsync)
            try:
                await call(self.watching(app))
            except ConfigurationError as error:
                assert "No space left" in str(error)  # noqa: PT017 -- one end of two
        if self.left >= 0:
            return False
        shutil.rmtree(self.folder)
        self.kept.rename(self.folder)
        return True


def environ_of(path):
    pairs = (shlex.split(line)[0].partition("=") for line in path.read_text().splitlines())
    return {name: value for name, _, value in pairs}
