"""The pytest plugin of the library, and the app on top of its emulator."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from attrs import evolve
from fastapi import FastAPI

from cronapi import FastCron
from shop.app import Settings, make_app

pytest_plugins = ["cronapi.pytest_plugin"]
SETTINGS = Settings(
    public_url="http://127.0.0.1:8000",
    cron_key="the-key-of-the-test",
    hook_secret="the-secret-of-the-test",  # noqa: S106 -- opens nothing
)


@pytest.fixture
def shop(fastcron: FastCron, tmp_path: Path) -> FastAPI:
    """The app, whose client talks to the emulator of the plugin."""
    return make_app(evolve(SETTINGS, database=str(tmp_path / "shop.db")), fastcron)


@pytest.fixture
async def web(shop: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of the app."""
    transport = httpx.ASGITransport(shop)
    async with (
        shop.router.lifespan_context(shop),
        httpx.AsyncClient(transport=transport, base_url="http://app") as browser,
    ):
        yield browser
