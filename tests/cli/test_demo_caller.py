"""The demo's callers, under a virtual clock."""

from __future__ import annotations

import anyio
import pytest

from cronapi.cli.demo.callers import browse
from cronapi.cli.demo.ledger import Ledger
from cronapi.cli.demo.recording import RecordingClient
from cronapi.emulator import Fault
from tests.support.emulated import emulator, paced

pytestmark = pytest.mark.virtual_clock


@pytest.mark.each_loop
async def test_a_web_caller_that_is_behind_its_time_ends_with_the_work():
    """Calls are due every second and take ten; no call begins after the work is over."""
    app, over = emulator(), anyio.Event()
    app.emulator.faults.add(Fault("stall", seconds=10.0, times=None))
    async with paced(app, "setcronjob") as api:
        client = RecordingClient(api, Ledger())
        with anyio.fail_after(100):
            async with anyio.create_task_group() as callers:
                callers.start_soon(browse, client, 1.0, over)
                await anyio.sleep(25)
                over.set()
    assert client.ledger.calls == len(app.emulator.requests) == 3
