"""The click command `cronapi emulator`: its options and its help."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    help="Host to answer to beside 127.0.0.1, localhost and [::1]; may be repeated.",
)
@click.option(
    "--port",
    default=8765,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--storage",
    default=":memory:",
    metavar="FILE",
    help="SQLite file that keeps the jobs, for its owner's eyes; else they live in memory.",
)
@click.option(
    "--token",
    "tokens",
    multiple=True,
    help="Token to accept; may be repeated. Without it: its own, printed at the start.",
)
@click.option(
    "--rate-setcronjob",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Requests a second; 0 for no limit.",
)
@click.option(
    "--rate-fastcron",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Requests a second; 0 for no limit.",
)
@click.option(
    "--limiter",
    default="leaky",
    show_default=True,
    type=click.Choice(["leaky", "sliding", "fixed"]),
    help="How it counts requests.",
)
@click.option(
    "--burst",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Requests that may come early.",
)
@click.option(
    "--era",
    default="seed",
    show_default=True,
    type=click.Choice(["seed", "latest"]),
    help="The services' functions: those of 2024 (seed) or today's (latest).",
)
def emulator(rate_setcronjob: float, rate_fastcron: float, **settings: Any) -> None:
    """Serve both services locally, with their rate limits.

    Only programs on this machine may use it: it answers to no other host, and to no web page of
    another site. Ctrl-C or a termination stops it.
    """
    from cronapi.cli.emulator.serving import run  # noqa: PLC0415 -- imports a server

    run(
        rates={"setcronjob": rate_setcronjob or None, "fastcron": rate_fastcron or None}, **settings
    )
