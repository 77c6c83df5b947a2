"""Only one program at a time changes a file of a manifest. The others wait, and not for ever."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio
import pytest

from cronapi import ConfigurationError
from cronapi.manifest.locking import PATIENCE, changing, locked

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]


@contextmanager
def held(folder):
    """Hold a folder as another program does, and yield what releases it."""
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield lambda: fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_change_waits_for_another_one_and_keeps_no_other_task_waiting(tmp_path):
    """It goes on as soon as the other program is done."""
    order = []

    async def change():
        async with changing(tmp_path / "cronjobs.toml"):
            order.append("changed")

    with held(tmp_path) as release:
        async with anyio.create_task_group() as group:
            group.start_soon(change)
            await anyio.sleep(PATIENCE / 2)
            order.append("released")
            release()
    assert order == ["released", "changed"]


async def test_a_change_that_waits_too_long_says_so_and_changes_nothing(tmp_path):
    """It has not begun, and a later one finds the folder free."""
    path, began = tmp_path / "cronjobs.toml", anyio.current_time()
    with held(tmp_path), pytest.raises(ConfigurationError, match="Nothing was written"):
        async with changing(path):
            pytest.fail("it began")
    assert PATIENCE <= anyio.current_time() - began <= PATIENCE + 1
    with anyio.fail_after(1):
        async with changing(path):
            pass


async def test_a_change_that_is_cancelled_while_it_waits_holds_nothing(tmp_path):
    """Neither the folder nor a file of it."""
    path, before = tmp_path / "cronjobs.toml", open_files()
    with held(tmp_path):
        with anyio.move_on_after(1) as scope:
            async with changing(path):
                pytest.fail("it began")
        assert scope.cancelled_caught
    assert open_files() == before
    with anyio.fail_after(1):
        async with changing(path):
            pass


async def test_a_folder_that_is_gone_is_told(tmp_path):
    """Nothing can be written there."""
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        async with changing(tmp_path / "none" / "cronjobs.toml"):
            pytest.fail("it began")


async def test_a_folder_that_may_be_written_alone_is_changed_without_a_wait(tmp_path):
    """Nobody can hold it who may not read it."""
    folder = tmp_path / "private"
    folder.mkdir()
    folder.chmod(0o300)
    was = os.geteuid()
    os.seteuid(was or 65534)  # everything is readable for root
    try:
        async with changing(folder / "cronjobs.toml"):
            pass
    finally:
        os.seteuid(was)


@contextmanager
def forked():
    """Let a process live on that was forked now, until the end."""
    waits, end = os.pipe()
    child = os.fork()
    if not child:
        os.close(end)
        os.read(waits, 1)
        os._exit(0)
    try:
        yield
    finally:
        os.close(end)
        os.close(waits)
        os.waitpid(child, 0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a fork beside threads
async def test_a_forked_process_holds_nothing_after_the_change(tmp_path):
    """Files and their folder are free once a change or an apply has ended, though a child that was
    forked meanwhile lives on.
    """
    path = tmp_path / "cronjobs.toml"
    path.touch()
    with ExitStack() as children:
        with locked([str(path)]):
            async with changing(path):
                children.enter_context(forked())
        with locked([str(path)]), anyio.fail_after(1):
            async with changing(path):
                pass
