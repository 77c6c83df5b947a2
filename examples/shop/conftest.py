"""The pytest plugin of the library, and the app on top of its emulator."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from attrs import evolve

from cronapi import FastCron
from shop.app import Settings, make_app

pytest_plugins = ["cronapi.pytest_plugin"]
SETTINGS = Settings(
    public_url="http://127.0.0.1:8000",
    cron_key="the-key-of-the-test",
    hook_secret="the-secret-of-the-test",  # noqa: S106 -- opens nothing
)


@pytest.fixture
async def web(fastcron: FastCron, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of the app, whose client talks to the emulator of the plugin."""
    app = make_app(evolve(SETTINGS, database=str(tmp_path / "shop.db")), fastcron)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as browser,
    ):
        yield browser
