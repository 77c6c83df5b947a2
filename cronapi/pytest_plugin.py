"""Fixtures for users' own tests: both services in process, without a rate limit or the network.

Install the extras `testing` and `emulator`, put `pytest_plugins = ["cronapi.pytest_plugin"]` into a
conftest.py, and let pytest run async tests with `asyncio_mode = auto`.

`cron_emulator` is both services, and `cron_faults` the faults that they will have. `fastcron` and
`setcronjob` are clients of them. The clients do not sleep before they repeat a call or look one up,
and give up on an outage after one second instead of two minutes. For the usual patience use
`fastcron.with_options(retry=RetryPolicy())`.
"""

from __future__ import annotations

from anyio.lowlevel import checkpoint

from cronapi._calls.http_client import in_process
from cronapi._calls.retry import RetryPolicy
from cronapi._protocol.extras import missing
from cronapi.client import FastCron, SetCronJob
from cronapi.emulator import DEFAULT_TOKEN, App, Faults, create_app
from cronapi.scheduler import Scheduler

try:
    import pytest
except ModuleNotFoundError as error:
    raise missing("cronapi.pytest_plugin", "pytest") from error

RATE = 10_000.0
"""Requests a second, high enough that the rate limit never delays a test."""
RETRY = RetryPolicy(budget=1.0)
"""A test of an outage should not take as long as an outage."""


class NoSleepScheduler(Scheduler):
    """A scheduler that does not sleep: an emulator in process is never busy with an old request."""

    async def _sleep(self, seconds: float) -> None:  # noqa: ARG002 -- the base's
        """Let other tasks run, without a delay."""
        await checkpoint()


@pytest.fixture
def cron_emulator() -> App:
    """Both services in process, with their state in `cron_emulator.emulator`."""
    return create_app(rates={"fastcron": None, "setcronjob": None})


@pytest.fixture
def cron_faults(cron_emulator: App) -> Faults:
    """The faults of both services: `cron_faults.add(Fault("lose", function="cron.add"))`."""
    return cron_emulator.emulator.faults


@pytest.fixture
def fastcron(cron_emulator: App) -> FastCron:
    """A FastCron client of the emulator."""
    scheduler, transport = NoSleepScheduler(RATE), in_process(cron_emulator)
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
    scheduler, transport = NoSleepScheduler(RATE), in_process(cron_emulator)
    return SetCronJob(
        DEFAULT_TOKEN,
        base_url="http://127.0.0.1/api/",
        scheduler=scheduler,
        transport=transport,
        retry=RETRY,
    )
