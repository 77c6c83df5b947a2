"""The fixtures that users' own tests get: what goes wrong costs a test no time."""

from __future__ import annotations

import anyio
import pytest

from cronapi import OutcomeUnknownError, ServiceUnavailableError
from cronapi.emulator import KINDS, Fault

pytest_plugins = ["cronapi.pytest_plugin"]

URL = "https://example.com/ping"


async def test_an_outage_for_ever_ends_a_call_within_a_second_or_so(fastcron, cron_faults):
    """A user's test sees its program fail in an outage without sitting through two minutes of it."""
    cron_faults.add(Fault("outage", times=None))
    begun = anyio.current_time()
    with pytest.raises(ServiceUnavailableError):
        await fastcron.cron.add(url=URL)
    assert anyio.current_time() - begun < 2.0


@pytest.mark.parametrize(
    "kind", sorted(KINDS.keys() - {"stall", "stall_before", "half", "redirect"})
)
async def test_a_fault_that_passes_is_survived_at_once(
    setcronjob, cron_emulator, cron_faults, kind
):
    """An add that meets a fault twice makes one job all the same, and rests for no look-up."""
    cron_faults.add(Fault(kind, times=2, function="cron.add"))
    begun = anyio.current_time()
    job = await setcronjob.cron.add(url=URL, name="ping")
    assert [row["id"] for row in cron_emulator.emulator.jobs("setcronjob")] == [job.id]
    assert anyio.current_time() - begun < 0.5


async def test_a_fault_that_lasts_costs_no_time_either(fastcron, cron_faults):
    """An add whose answer is lost each time, and the look-ups too, ends without a rest."""
    cron_faults.add(Fault("lose", times=None))
    begun = anyio.current_time()
    with pytest.raises(OutcomeUnknownError):
        await fastcron.cron.add(url=URL)
    assert anyio.current_time() - begun < 0.5
