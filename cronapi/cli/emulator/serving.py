"""Serving the emulator until the process is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import anyio
import click

from cronapi.emulator import DEFAULT_TOKEN, App, create_app, serve


def run(host: str, port: int, *, tokens: Sequence[str], **settings: Any) -> None:
    """Serve an emulator until SIGINT or SIGTERM.

    It accepts `tokens`, or its own token if they are empty. `settings` are those of `create_app`.
    Raises click.ClickException if the address or the storage file cannot be used, or a setting is
    out of range.
    """
    tokens = tokens or (DEFAULT_TOKEN,)
    try:
        app = create_app(tokens=tokens, **settings)
        with closing(app.emulator):
            asyncio.run(_serve(app, host, port, tokens))
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


async def _serve(app: App, host: str, port: int, tokens: Sequence[str]) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with serve(app, host=host, port=port) as origin:
            click.echo(_greeting(origin, tokens))
            async for _ in signals:
                break
    click.echo("Stopped.")


def _greeting(origin: str, tokens: Sequence[str]) -> str:
    lines = [f"SetCronJob  {origin}/api/", f"FastCron    {origin}/api/v1/"]
    return "\n".join([*lines, *(f"token       {token}" for token in tokens), "Ctrl-C stops it."])
