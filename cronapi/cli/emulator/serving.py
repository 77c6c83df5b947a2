"""Serving the emulator until the process is told to stop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

import click

from cronapi.cli.frame.words import TOO_MUCH
from cronapi.cli.signals import ending_signals, run_on_loop
from cronapi.emulator import DEFAULT_TOKEN, App, MovableClock, create_app, serve
from cronapi.emulator.request_log import Entry
from cronapi.emulator.seeding import seed_jobs
from cronapi.emulator.server import EVERY_ADDRESS
from cronapi.emulator.service import PROVIDERS
from cronapi.emulator.visitors import is_loopback

_WARNING = (
    "Warning: everybody on the network can use this emulator, its jobs included. --host 127.0.0.1"
    " keeps it to this machine. Programs elsewhere need --allow-host with the name they call it by."
)
_UNREADABLE = (
    "Warning: rows of the state cannot be read. They are left as they are, and the services do not"
    " have them:"
)
_RUNS = {
    "off": "Jobs do not run.",
    "fake": "Jobs run without a call. --execute loopback lets them call this machine.",
    "loopback": "Jobs call their URLs on this machine, and no other address.",
    "any": "Jobs call their URLs, whatever the address.",
}


def run(
    host: str,
    port: int,
    *,
    tokens: Sequence[str],
    allow_hosts: Sequence[str] = (),
    seed_data: str | None = None,
    clock: str = "real",
    scale: float | None = None,
    no_admin: bool = False,
    json_log: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> None:
    """Serve an emulator until SIGINT or SIGTERM.

    It accepts `tokens`, or its own token if they are empty, and requests for `allow_hosts` and for
    the address that it listens on. `settings` are those of `create_app`.
    Raises click.ClickException if the address or a file cannot be used, or a setting is out of
    range.
    """
    tokens = tokens or (DEFAULT_TOKEN,)
    try:
        named = () if host in EVERY_ADDRESS else (host,)
        app = create_app(
            tokens=tokens,
            allow_hosts=(*allow_hosts, *named),
            clock=_clock(clock, scale),
            control=not no_admin,
            **settings,
        )
        with closing(app.emulator):
            if seed_data is not None and not any(map(app.emulator.created, PROVIDERS)):
                seed_jobs(app.emulator, _jobs_in(seed_data))
            if json_log:
                app.log.tell = partial(_print_entry, tokens)
            run_on_loop(_serve, app, host, port, () if quiet else tokens)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:  # before signals are received: it ends as by one
        pass
    if not quiet:
        click.echo("Stopped.")


def _jobs_in(path: str) -> Any:
    """Return the jobs of a file. ValueError if it is no JSON, or not for Python."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise ValueError(f"{path}: {TOO_MUCH}.") from None


def _clock(start: str, scale: float | None) -> MovableClock:
    if start in {"real", "frozen"}:
        return MovableClock(scale=(1.0 if start == "real" else 0.0) if scale is None else scale)
    try:
        begin = datetime.fromisoformat(start)
    except ValueError as error:
        raise ValueError(f"the clock is real, frozen or an ISO time, not {start!r}") from error
    aware = begin if begin.tzinfo else begin.replace(tzinfo=UTC)
    return MovableClock(aware.timestamp(), scale=1.0 if scale is None else scale)


def _print_entry(tokens: Sequence[str], entry: Entry) -> None:
    click.echo(json.dumps(entry.as_json(tokens)))


async def _serve(app: App, host: str, port: int, tokens: Sequence[str]) -> None:
    with ending_signals() as signals:
        async with serve(app, host=host, port=port) as origin:
            if not is_loopback(host):
                click.echo(_WARNING, err=True)
            if app.emulator.store.unreadable:
                rows = (f"  {row}" for row in app.emulator.store.unreadable)
                click.echo("\n".join([_UNREADABLE, *rows]), err=True)
            if tokens:
                click.echo(_greeting(app, origin, tokens))
            await anext(signals)


def _greeting(app: App, origin: str, tokens: Sequence[str]) -> str:
    lines = [f"SetCronJob  {origin}/api/", f"FastCron    {origin}/api/v1/"]
    if app.control.enabled:
        lines.append(f"page        {origin}/")
    lines += [f"token       {token}" for token in tokens]
    lines.append(_RUNS[app.emulator.settings.execute])
    return "\n".join([*lines, "", *_to_paste(origin, tokens[0]), "", "Ctrl-C stops it."])


def _to_paste(origin: str, token: str) -> list[str]:
    """Return lines for another shell, which can be pasted as they are."""
    return [
        "# for another shell, until it is closed:",
        f"export FASTCRON_TOKEN={quote(token)}",
        f"export FASTCRON_BASE_URL={origin}/api/v1/",
        f"export SETCRONJOB_BASE_URL={origin}/api/",
        f"# SetCronJob has the same token: SETCRONJOB_TOKEN={quote(token)}",
        "cronapi cron add --name hello --url https://example.com/ --expression '1 day'",
        "cronapi cron list",
        f"curl {origin}/api/v1/cron_list \\",
        '  -d "token=$FASTCRON_TOKEN"',
    ]
