"""Serving the emulator until the process is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import closing
from shlex import quote
from typing import Any

import anyio
import click

from cronapi.emulator import DEFAULT_TOKEN, App, create_app, serve
from cronapi.providers import is_loopback

_WARNING = (
    "Warning: everybody on the network can use this emulator, its jobs included. --host 127.0.0.1"
    " keeps it to this machine. Programs elsewhere need --allow-host with the name they call it by."
)
_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 -- to be warned about


def run(
    host: str, port: int, *, tokens: Sequence[str], allow_hosts: Sequence[str] = (), **settings: Any
) -> None:
    """Serve an emulator until SIGINT or SIGTERM.

    It accepts `tokens`, or its own token if they are empty, and requests for `allow_hosts` and for
    the address that it listens on. `settings` are those of `create_app`.
    Raises click.ClickException if the address or the storage file cannot be used, or a setting is
    out of range.
    """
    tokens = tokens or (DEFAULT_TOKEN,)
    try:
        named = () if host in _EVERY_ADDRESS else (host,)
        app = create_app(tokens=tokens, allow_hosts=(*allow_hosts, *named), **settings)
        with closing(app.emulator):
            asyncio.run(_serve(app, host, port, tokens))
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


async def _serve(app: App, host: str, port: int, tokens: Sequence[str]) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with serve(app, host=host, port=port) as origin:
            if not is_loopback(host):
                click.echo(_WARNING, err=True)
            click.echo(_greeting(origin, tokens))
            async for _ in signals:
                break
    click.echo("Stopped.")


def _greeting(origin: str, tokens: Sequence[str]) -> str:
    lines = [f"SetCronJob  {origin}/api/", f"FastCron    {origin}/api/v1/"]
    lines += [f"token       {token}" for token in tokens]
    return "\n".join([*lines, "", *_to_paste(origin, tokens[0]), "", "Ctrl-C stops it."])


def _to_paste(origin: str, token: str) -> list[str]:
    """Return lines for another shell, which can be pasted as they are."""
    return [
        "# for another shell, until it is closed:",
        f"export FASTCRON_TOKEN={quote(token)}",
        f"export FASTCRON_BASE_URL={origin}/api/v1/",
        f"export SETCRONJOB_BASE_URL={origin}/api/",
        "cronapi cron add --name hello --url https://example.com/ --expression '15 minutes'",
        "cronapi cron list",
    ]
