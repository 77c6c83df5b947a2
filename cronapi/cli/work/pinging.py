"""Calling a dead man's switch, which alarms when it is not called."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

import anyio.to_thread
import click

from cronapi.cli.hook.posting import check_address, post

PATIENCE = 10.0
"""Seconds that a switch may take."""
_HEADERS = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "cronapi"}


def check_ping(url: str | None) -> None:
    """Refuse anything but an http or https address with a host, with click.BadParameter."""
    if url is None:
        return
    check_address(url)
    try:
        has_host = bool(urlsplit(url).hostname)
    except ValueError:
        has_host = False
    if not has_host or not url.isascii() or not url.isprintable() or " " in url:
        raise click.BadParameter("it is no address.", param_hint="--ping")


def failing(url: str) -> str:
    """Return the address that tells of a failure.

    Source: healthchecks.io, documentation of its pinging API.
    """
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))


async def ping(url: str, text: str, *, failed: bool) -> None:
    """Post a line to a switch, or to its address for failures.

    A ping that fails is told on standard error, without the address, which is a secret.
    """
    address = failing(url) if failed else url
    work = partial(post, address, text.encode(), _HEADERS, PATIENCE)
    try:
        status = await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except OSError as error:
        click.echo(f"The ping got no answer ({error}).", err=True)
        return
    if status // 100 != HTTPStatus.OK // 100:
        click.echo(f"The ping was answered with HTTP {status}.", err=True)
