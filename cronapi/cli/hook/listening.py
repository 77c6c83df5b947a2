"""Receiving notifications until the process is told to stop."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from functools import partial

import anyio.to_thread
import click

from cronapi.cli.frame.escape import escaped
from cronapi.cli.hook.posting import send
from cronapi.cli.signals import ending_signals, run_on_loop
from cronapi.emulator import serve
from cronapi.errors import ConfigurationError
from cronapi.models import Notification
from cronapi.webhooks import Receiver

VARIABLE = "CRONAPI_HOOK_SECRET"


Show = Callable[[Notification], str]
"""Returns a notification as a line."""


def run(host: str, port: int, forward_to: str | None, *, as_json: bool) -> None:
    """Print notifications until SIGINT or SIGTERM, and post them on.

    Raises click.ClickException if the address cannot be listened on, or the secret is none.
    """
    secret = os.environ.get(VARIABLE) or secrets.token_urlsafe(32)
    show: Show = as_json_line if as_json else as_line
    try:
        receiver = Receiver(secrets=[secret], handler=partial(_take, show, forward_to))
    except ConfigurationError as error:
        raise click.ClickException(f"{VARIABLE}: {error}") from error
    try:
        run_on_loop(_serve, receiver, host, port, secret)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:  # before signals are received: it ends as by one
        pass
    click.echo("Stopped.", err=True)


async def _serve(receiver: Receiver, host: str, port: int, secret: str) -> None:
    with ending_signals() as signals:
        async with serve(receiver.asgi(), host=host, port=port) as origin:
            click.echo(f"Post to {origin}/hooks/{secret}\nCtrl-C stops it.", err=True)
            try:
                await anext(signals)
            finally:
                await receiver.aclose()


async def _take(show: Show, forward_to: str | None, notification: Notification) -> None:
    click.echo(show(notification))
    if forward_to is not None:
        try:
            status = await anyio.to_thread.run_sync(send, forward_to, notification.to_wire())
        except click.ClickException as error:
            click.echo(f"not posted on: {error.message}", err=True)
        else:
            click.echo(f"posted on: HTTP {status}", err=True)


def as_json_line(notification: Notification) -> str:
    """Return a notification as a JSON object, with Python's names."""
    return json.dumps(notification.to_dict())


def as_line(notification: Notification) -> str:
    """Return a notification as a line of words."""
    time = f"{notification.time:%Y-%m-%d %H:%M:%SZ}" if notification.time else "at no time"
    known = "recovered" if notification.is_recovery else "no status"
    ended = "failed" if notification.is_failure else known
    http = f"HTTP {notification.http_status}" if notification.http_status is not None else ""
    parts = [time, ended, str(notification.id), notification.name, http, notification.error]
    return escaped("  ".join(part for part in parts if part))
