"""Fixtures for users' own tests: both services in process, without a limit and without the network.

Enable them with `pytest_plugins = ["cronapi.pytest_plugin"]` in a conftest.py (extras `testing` and `emulator`).
"""

from __future__ import annotations

import pytest

from cronapi._transport import in_process
from cronapi.client import FastCron, SetCronJob
from cronapi.emulator import DEFAULT_TOKEN, App, create_app
from cronapi.scheduler import Scheduler

RATE = 10_000.0
"""Requests a second: tests are not about the rate limit."""


@pytest.fixture
def cron_emulator() -> App:
    """Both services in process; `cron_emulator.emulator` has their state and takes faults."""
    return create_app(rates={"fastcron": None, "setcronjob": None})


@pytest.fixture
def fastcron(cron_emulator: App) -> FastCron:
    """A FastCron client of the emulator."""
    return FastCron(DEFAULT_TOKEN, base_url="http://127.0.0.1/api/v1/", scheduler=Scheduler(RATE), transport=in_process(cron_emulator))


@pytest.fixture
def setcronjob(cron_emulator: App) -> SetCronJob:
    """A SetCronJob client of the emulator."""
    return SetCronJob(DEFAULT_TOKEN, base_url="http://127.0.0.1/api/", scheduler=Scheduler(RATE), transport=in_process(cron_emulator))
