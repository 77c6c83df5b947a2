"""Fixtures for users' own tests: both services in process, without a rate limit or the network.

Install the extras `testing` and `emulator`, put `pytest_plugins = ["cronapi.pytest_plugin"]` into a
conftest.py, and let pytest run async tests with `asyncio_mode = auto`.

`cron_emulator` is both services, and `cron_faults` the faults that they will have. `fastcron` and
`setcronjob` are clients of them. `cronapi_server` serves both on a socket, for other programs.
The clients do not sleep before they repeat a call or look one up,
and give up on an outage after one second instead of two minutes. For the usual patience use
`fastcron.with_options(retry=RetryPolicy())`.
"""

from __future__ import annotations

from collections.abc import Iterator

from anyio.lowlevel import checkpoint
from attrs import frozen

from cronapi._calls.http_client import in_process
from cronapi._calls.retry import RetryPolicy
from cronapi._protocol.extras import missing
from cronapi.client import FastCron, SetCronJob
from cronapi.emulator import DEFAULT_TOKEN, App, Faults, create_app, run_in_thread
from cronapi.scheduler import Scheduler

try:
    import pytest
except ModuleNotFoundError as _error:
    raise missing("cronapi.pytest_plugin", "pytest") from _error

RATE = 10_000.0
"""Requests a second, high enough that the rate limit never delays a test."""
_UNLIMITED = {"fastcron": None, "setcronjob": None}
RETRY = RetryPolicy(budget=1.0)
"""A test of an outage should not take as long as an outage."""


class NoSleepScheduler(Scheduler):
    """A scheduler that does not sleep: an emulator in process is never busy with an old request."""

    async def _sleep(self, seconds: float) -> None:  # noqa: ARG002 -- the base's
        """Let other tasks run, without a delay."""
        await checkpoint()


@frozen
class CronServer:
    """Both services on a socket: the `app`, its `origin`, and the token that it accepts.

    `app.reset()` empties it between tests.
    """

    app: App
    origin: str
    token: str = DEFAULT_TOKEN

    @property
    def fastcron_url(self) -> str:
        """The base URL of FastCron, as `FastCron(base_url=...)` and `FASTCRON_BASE_URL` take it."""
        return f"{self.origin}/api/v1/"

    @property
    def setcronjob_url(self) -> str:
        """The base URL of SetCronJob, as `SetCronJob(base_url=...)` takes it."""
        return f"{self.origin}/api/"


@pytest.fixture
def cron_emulator() -> App:
    """Both services in process, with their state in `cron_emulator.emulator`.

    `fail_next("lose")` makes a fault, `advance("1 day")` lets time pass, `requests()` are those
    that came in, and `assert_no_unmatched()` fails for a name that the service does not know.
    """
    return create_app(rates=_UNLIMITED)


@pytest.fixture(scope="session")
def cronapi_server() -> Iterator[CronServer]:
    """Both services on a free port of this machine, for the whole session."""
    app = create_app(rates=_UNLIMITED)
    with run_in_thread(app) as origin:
        yield CronServer(app, origin)
    app.emulator.close()


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
