"""The fixtures that users' own tests get."""

from __future__ import annotations

import subprocess
import sys

import anyio
import pytest

from cronapi import OutcomeUnknownError, RetryPolicy, ServiceUnavailableError
from cronapi._calls.http_client import in_process
from cronapi.emulator import KINDS, Fault
from tests.support.emulated import URL, client_of

pytest_plugins = ["cronapi.pytest_plugin"]

NOT_SURVIVED = {
    # They take seconds, and need to be told how many.
    *("stall", "stall_before", "slow_503", "late"),
    # It strikes only batches.
    "half",
    # The caller gets the service's own error: a repeat would not change it.
    *("redirect", "busy"),
    # Two jobs are made of one request.
    "twice",
}
INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""
USERS_TEST = """
pytest_plugins = ["cronapi.pytest_plugin"]


async def test_a_job(cron_emulator, fastcron):
    async with fastcron:
        job = await fastcron.cron.add(url="https://example.com/ping")
    assert [row["id"] for row in cron_emulator.emulator.jobs("fastcron")] == [job.id]
"""


async def test_a_users_test_has_both_services_in_process(cron_emulator, fastcron, setcronjob):
    """A user's test adds jobs at both services and looks at their state, with no network and no
    waiting.
    """
    async with fastcron, setcronjob:
        for _ in range(20):
            await fastcron.cron.add(url="https://example.com/ping")
        job = await setcronjob.cron.add(url="https://example.com/pong", notify=True)
    assert len(cron_emulator.emulator.jobs("fastcron")) == 20
    assert [row["id"] for row in cron_emulator.emulator.jobs("setcronjob")] == [job.id]


def test_a_users_test_runs_with_pytest_asyncio(tmp_path):
    """A user whose tests run with pytest-asyncio in its auto mode can use the fixtures in them."""
    (tmp_path / "test_users.py").write_text(USERS_TEST)
    (tmp_path / "pytest.ini").write_text(INI)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:anyio", "-p", "no:cacheprovider"]
    run = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert "1 passed" in run.stdout, run.stdout + run.stderr


@pytest.fixture
def paced_by_the_loop(fastcron, setcronjob, monkeypatch):
    """Pace both clients by the event loop's time, which the virtual clock moves."""
    for api in (fastcron, setcronjob):
        monkeypatch.setattr(api.scheduler.bucket, "_clock", anyio.current_time)


@pytest.mark.virtual_clock
@pytest.mark.usefixtures("paced_by_the_loop")
async def test_an_outage_for_ever_ends_a_call_within_a_second_or_so(fastcron, cron_faults):
    """A user's test sees its program fail in an outage without sitting through two minutes of
    it.
    """
    cron_faults.add(Fault("outage", times=None))
    begun = anyio.current_time()
    with pytest.raises(ServiceUnavailableError):
        await fastcron.cron.add(url=URL)
    assert anyio.current_time() - begun < 2.0


@pytest.mark.virtual_clock
@pytest.mark.usefixtures("paced_by_the_loop")
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - NOT_SURVIVED))
async def test_a_fault_that_passes_is_survived_at_once(
    setcronjob, cron_emulator, cron_faults, kind
):
    """An add that meets a fault twice makes one job all the same, and rests for no look-up."""
    cron_faults.add(Fault(kind, times=2, function="cron.add"))
    begun = anyio.current_time()
    job = await setcronjob.cron.add(url=URL, name="ping")
    assert [row["id"] for row in cron_emulator.emulator.jobs("setcronjob")] == [job.id]
    assert anyio.current_time() - begun < 0.5


@pytest.mark.virtual_clock
@pytest.mark.usefixtures("paced_by_the_loop")
async def test_a_fault_that_lasts_costs_no_time_either(fastcron, cron_faults):
    """An add whose answer is lost each time, and the look-ups too, ends without a rest."""
    cron_faults.add(Fault("lose", times=None))
    begun = anyio.current_time()
    with pytest.raises(OutcomeUnknownError):
        await fastcron.cron.add(url=URL)
    assert anyio.current_time() - begun < 0.5


@pytest.mark.virtual_clock
async def test_an_outage_on_a_busy_machine_is_an_outage(cron_emulator, cron_faults):
    """A user's test of an outage sees one, though a busy machine takes long for each answer."""
    cron_faults.add(Fault("outage", times=None))

    async def busy(scope, receive, send):
        await anyio.sleep(0.3)
        await cron_emulator(scope, receive, send)

    transport, retry = in_process(busy), RetryPolicy(budget=1.0)
    async with client_of(None, transport=transport, retry=retry) as api:
        with pytest.raises(ServiceUnavailableError):
            await api.cron.add(url=URL)
