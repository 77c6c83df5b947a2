"""The fixtures that users' own tests get."""

from __future__ import annotations

import subprocess
import sys

import anyio
import httpx
import pytest

from cronapi import (
    FastCron,
    OutcomeUnknownError,
    RetryPolicy,
    ServiceUnavailableError,
    SetCronJob,
)
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


@pytest.mark.crowd
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


@pytest.mark.each_loop
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


async def test_a_test_says_what_fails_and_sees_what_was_sent(cron_emulator, fastcron):
    """A fault for the next request is one call, and the requests tell that it was survived."""
    cron_emulator.fail_next("lose", function="cron.add")
    async with fastcron:
        await fastcron.cron.add(url=URL)
    verdicts = [entry.verdict for entry in cron_emulator.requests(function="cron.add")]
    assert verdicts == ["fault"]
    assert len(cron_emulator.requests(provider="fastcron")) > 1
    assert cron_emulator.requests(provider="setcronjob") == []
    cron_emulator.assert_no_unmatched()
    with pytest.raises(ValueError, match="unknown fault"):
        cron_emulator.fail_next("lsoe")


async def test_a_test_lets_time_pass(cron_emulator, fastcron):
    """A day passes at once: jobs have run, and pauses have ended."""
    async with fastcron:
        job = await fastcron.cron.add(url=URL, expression="0 */6 * * *")
        paused = await fastcron.cron.add(url=URL, expression="manual")
        await fastcron.cron.pause(paused.id, for_="1 hour")
        runs = cron_emulator.advance("1 day")
        assert [run.key[2] for run in runs] == [job.id] * 4
        assert len(await fastcron.cron.logs(job.id)) == 4
        assert (await fastcron.cron.get(paused.id)).status == 0
    with pytest.raises(ValueError, match="2 hours"):
        cron_emulator.advance("soon")


async def test_a_name_that_the_service_does_not_know_is_found(cron_emulator):
    """A request with a wrong function or parameter fails the test, and is told the right one."""
    transport = httpx.ASGITransport(cron_emulator)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        await http.get("/api/v1/cron_add", params={"url": URL, "expresion": "manual"})
        await http.get("/api/cron.lsit")
        await http.get("/elsewhere")
    with pytest.raises(AssertionError) as failure:
        cron_emulator.assert_no_unmatched()
    for part in ("fastcron cron.add: unknown parameter 'expresion', perhaps 'expression'",
                 "setcronjob cron.lsit: unknown function 'cron.lsit', perhaps 'cron.list'",
                 "no service"):  # fmt: skip
        assert part in str(failure.value)


async def test_a_server_is_there_for_other_programs(cronapi_server):
    """The session's server answers at its URLs with its token, and can be emptied."""
    cronapi_server.app.reset()
    for client, url in [
        (FastCron, cronapi_server.fastcron_url),
        (SetCronJob, cronapi_server.setcronjob_url),
    ]:
        async with client(cronapi_server.token, base_url=url) as api:
            job = await api.cron.add(url=URL)
            assert job.id == 100_001
