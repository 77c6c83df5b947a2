"""Fixtures for users' own tests: both services in process, without a limit and without the network.

Enable them with `pytest_plugins = ["cronapi.pytest_plugin"]` in a conftest.py (extras `testing` and `emulator`), and let pytest run
async tests: `asyncio_mode = auto`. `cron_emulator` is both services, `cron_faults` what is to go wrong with them, `fastcron` and
`setcronjob` are clients of them. The clients do not rest before they repeat a call or look one up, and give an outage up after one
second instead of two minutes; for other patience take `fastcron.with_options(retry=RetryPolicy())`.
"""

from __future__ import annotations

import pytest
from anyio.lowlevel import checkpoint

from cronapi._calls.http_client import in_process
from cronapi._calls.retry import RetryPolicy
from cronapi.client import FastCron, SetCronJob
from cronapi.emulator import DEFAULT_TOKEN, App, Faults, create_app
from cronapi.scheduler import Scheduler

RATE = 10_000.0
"""Requests a second: tests are not about the rate limit."""
RETRY = RetryPolicy(budget=1.0)
"""A test of an outage should not take as long as an outage."""


class Restless(Scheduler):
    """A scheduler that does not rest: an emulator in process is never busy with what was sent before."""

    async def rest(self, seconds: float) -> None:  # noqa: ARG002 -- the base's
        """Let others run."""
        await checkpoint()


@pytest.fixture
def cron_emulator() -> App:
    """Both services in process; `cron_emulator.emulator` has their state."""
    return create_app(rates={"fastcron": None, "setcronjob": None})


@pytest.fixture
def cron_faults(cron_emulator: App) -> Faults:
    """What is to go wrong: `cron_faults.add(Fault("lose", function="cron.add"))`."""
    return cron_emulator.emulator.faults


@pytest.fixture
def fastcron(cron_emulator: App) -> FastCron:
    """A FastCron client of the emulator."""
    scheduler, transport = Restless(RATE), in_process(cron_emulator)
    return FastCron(
        DEFAULT_TOKEN,
        base_url="http://127.0.0.1/api/v1/",
        scheduler=scheduler,
        transport=transport,
        retry=RETRY,
    )


@pytest.fixture
def setcronjob(cron_emulator: App) -> SetCronJob:
    """A SetCronJob client of the emulator."""
    scheduler, transport = Restless(RATE), in_process(cron_emulator)
    return SetCronJob(
        DEFAULT_TOKEN,
        base_url="http://127.0.0.1/api/",
        scheduler=scheduler,
        transport=transport,
        retry=RETRY,
    )
