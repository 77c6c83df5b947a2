"""The click command `cronapi pace`: its options and its help."""

from __future__ import annotations

import click

from cronapi.cli.frame.leaf import Local

SECONDS = 15.0
RATES = click.FloatRange(0.01, 10_000)


@click.command(cls=Local)
@click.option(
    "--provider",
    default="setcronjob",
    show_default=True,
    type=click.Choice(["setcronjob", "fastcron"]),
    help="The service to call.",
)
@click.option(
    "--url",
    metavar="URL",
    help="The address of its API, on this machine only; without it an emulator is started.",
)
@click.option(
    "--token", metavar="TOKEN", help="With --url: the token, instead of the emulator's own."
)
@click.option(
    "--rate",
    type=RATES,
    metavar="RATE",
    help="Requests a second that the client keeps to; else the service's.",
)
@click.option(
    "--limit",
    type=RATES,
    metavar="RATE",
    help="Without --url: requests a second that are let through; else the service's.",
)
@click.option("--calls", type=click.IntRange(1), metavar="N", help="End after N calls.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help=f"End after S seconds; {SECONDS:g} without --calls.",
)
@click.option(
    "--callers",
    default=8,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Coroutines that call in bulk, without a pause.",
)
@click.option(
    "--interactive",
    default=1,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="Coroutines beside them that pause between calls.",
)
def pace(
    provider: str,
    url: str | None,
    token: str | None,
    rate: float | None,
    limit: float | None,
    calls: int | None,
    seconds: float | None,
    callers: int,
    interactive: int,
) -> None:
    """Draw live how the scheduler paces requests.

    Coroutines list jobs, and the picture shows when each request starts and how it ends. It is
    live on a terminal, and one line a second elsewhere. A table sums it up. Ctrl-C ends it early.
    A call that fails for good ends it with exit code 1. Try --rate 12 to see refusals, and
    --rate 40 for holds.
    """
    if url is None and token is not None:
        raise click.UsageError("--token needs --url.")
    if url is not None and limit is not None:
        raise click.UsageError("--limit is for the emulator that is started without --url.")
    if seconds is None and calls is None:
        seconds = SECONDS
    from cronapi.cli.pace.show import show_pace  # noqa: PLC0415 -- imports rich and a server

    answered = show_pace(
        provider,
        url,
        token,
        rate=rate,
        limit=limit,
        calls=calls,
        seconds=seconds,
        callers=callers,
        interactive=interactive,
    )
    click.get_current_context().exit(0 if answered else 1)
