"""The click command `cronapi emulator`: its options and its help."""

from __future__ import annotations

from typing import Any

import click

from cronapi.cli.emulator.options import behaviour_options
from cronapi.cli.frame.leaf import Local, LocalGroup


@click.group(
    cls=LocalGroup,
    invoke_without_command=True,
    context_settings={"auto_envvar_prefix": "CRONAPI_EMULATOR"},
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    envvar="CRONAPI_EMULATOR_ALLOW_HOST",
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
    "--state",
    "storage",
    default=":memory:",
    metavar="FILE",
    help="SQLite file that keeps the jobs, for its owner's eyes; else they live in memory.",
)
@click.option(
    "--token",
    "tokens",
    multiple=True,
    envvar="CRONAPI_EMULATOR_TOKEN",
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
    type=click.Choice(["leaky", "nginx", "sliding", "fixed"]),
    help="How it counts requests; nginx does to the digit.",
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
    type=click.Choice(["2013", "2019", "2023", "seed", "latest"]),
    help="The documentation to follow: that of a year, of 2024 (seed) or today's (latest).",
)
@behaviour_options
@click.pass_context
def emulator(
    context: click.Context, /, rate_setcronjob: float, rate_fastcron: float, **settings: Any
) -> None:
    """Serve both services locally, with their rate limits.

    Only programs on this machine may use it: it answers to no other host, and to no web page of
    another site. Ctrl-C or a termination stops it. Each option is also read from the environment,
    as in CRONAPI_EMULATOR_PORT.
    """
    if context.invoked_subcommand is not None:
        context.obj = settings["host"], settings["port"]
        return
    from cronapi.cli.emulator.serving import run  # noqa: PLC0415 -- imports a server

    run(
        rates={"setcronjob": rate_setcronjob or None, "fastcron": rate_fastcron or None}, **settings
    )


@emulator.command(cls=Local)
@click.option("--wait", is_flag=True, help="Wait until it is ready.")
@click.option(
    "--timeout", default=30.0, show_default=True, type=click.FloatRange(0), help="Seconds to wait."
)
@click.pass_obj
def ready(place: tuple[str, int], *, wait: bool, timeout: float) -> None:
    """Exit with 0 if an emulator answers at the host and port, else with 1."""
    from cronapi.emulator.ready import is_ready  # noqa: PLC0415 -- imports an HTTP client

    host, port = place
    if not is_ready(host, port, timeout if wait else 0.0):
        raise click.ClickException(f"no emulator is ready at {host}:{port}")
    click.echo("Ready.")
