"""What the examples' tests share: the services on a socket, and where the examples find them."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import pytest

from cronapi import FastCron, Scheduler
from cronapi.emulator import create_app, run_in_thread
from tests.support.emulated import TOKEN

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def examples(monkeypatch):
    """Let the tests import the examples as a user's program is imported."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield
    for name in ("fastapi_app", "aiohttp_app", "bulk", "sync"):
        sys.modules.pop(name, None)


@pytest.fixture
def service(monkeypatch):
    """Serve FastCron without a limit; the environment points to it."""
    app = create_app(rates={"fastcron": None}, undocumented=["userAgent"])
    with closing(app.emulator), run_in_thread(app) as origin:
        monkeypatch.setenv("FASTCRON_TOKEN", TOKEN)
        monkeypatch.setenv("FASTCRON_BASE_URL", f"{origin}/api/v1/")
        app.base_url = f"{origin}/api/v1/"
        yield app


@pytest.fixture
def hurried(service):
    """Return a function that makes a client of the service that hardly waits between two calls."""

    def make(token=TOKEN, **options):
        options.setdefault("scheduler", Scheduler(1000.0))
        return FastCron(token, base_url=service.base_url, **options)

    return make
