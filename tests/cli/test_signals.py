"""Ctrl-C at a command on an event loop: it cancels the command, and never breaks the loop."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

import anyio
import pytest
from anyio.lowlevel import checkpoint

from cronapi.cli.signals import ENDING, ending_signals, run_on_loop


@pytest.fixture(autouse=True)
def handlers():
    """Give the process its handlers back."""
    before = {number: signal.getsignal(number) for number in ENDING}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_ctrl_c_is_one_interrupt_however_often_it_comes(times):
    """A second one breaks no task group, and one after the end is for nobody."""

    async def work():
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            for _ in range(times):
                interrupt()
            await anyio.sleep_forever()

    for _ in range(20):
        with pytest.raises(KeyboardInterrupt):
            run_on_loop(work)
        interrupt()


def test_a_second_ctrl_c_ends_a_wait_on_the_way_out():
    """Closing may wait for an answer that does not come."""

    async def work():
        try:
            interrupt()
            await anyio.sleep_forever()
        finally:
            interrupt()
            await anyio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        run_on_loop(work)


def test_a_command_without_ctrl_c_leaves_the_handlers_as_they_were(handlers):
    """Its result is returned, also if it received the signals itself for a while."""

    async def work():
        with ending_signals() as signals:
            interrupt()
            return await anext(signals)

    assert run_on_loop(work) is signal.SIGINT
    assert {number: signal.getsignal(number) for number in ENDING} == handlers


def test_ctrl_c_cancels_again_what_has_received_signals():
    """The handler that asyncio leaves then would break the loop."""

    async def work():
        with ending_signals():
            pass
        async with anyio.create_task_group():
            interrupt()
            await anyio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        run_on_loop(work)


def test_a_command_leaves_ctrl_c_to_whoever_has_taken_it():
    """A job in the background of a shell ignores it, and goes on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ends = []

    async def work():
        interrupt()
        for _ in range(3):
            await checkpoint()
        ends.append("done")

    with suppress(KeyboardInterrupt):  # which would end the tests too
        run_on_loop(work)
    assert ends == ["done"]


def test_a_command_runs_in_any_thread():
    """Where no handler can be set, the command runs without one."""
    done = []
    thread = threading.Thread(target=lambda: done.append(run_on_loop(anyio.sleep, 0)))
    thread.start()
    thread.join()
    assert done == [None]


def test_a_command_that_ends_well_all_the_same_leaves_the_handlers_as_they_were(handlers):
    """What runs after it can be interrupted again."""

    async def work():
        interrupt()
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            return "done"

    assert run_on_loop(work) == "done"
    assert {number: signal.getsignal(number) for number in ENDING} == handlers
