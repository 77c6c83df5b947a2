"""`cronapi pace`: what the scheduler does, drawn live, at the emulator or at another service on this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import click
from attrs import evolve

from cronapi.errors import ConfigurationError
from cronapi.providers import FASTCRON, SETCRONJOB, Provider

PROVIDERS = {provider.name: provider for provider in (SETCRONJOB, FASTCRON)}
SECONDS = 15.0
RATES = click.FloatRange(0.01, 10_000)


@click.command()
@click.option(
    "--provider",
    default="setcronjob",
    show_default=True,
    type=click.Choice(list(PROVIDERS)),
    help="Which service.",
)
@click.option(
    "--url",
    metavar="URL",
    help="Where its API is, on this machine only; without it an emulator is started.",
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
@click.option("--calls", type=click.IntRange(1), metavar="N", help="End after so many calls.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help=f"End after so long; {SECONDS:g} without --calls.",
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
    help="Coroutines beside them that pause.",
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
    """Draw when requests start and how they fare, while coroutines list jobs.

    On a terminal the picture is live; elsewhere there is a line a second. A table sums it up. Ctrl-C ends it early. Exit code 1 if a
    call fails for good, which also ends it. Try --rate 12 to see refusals, and --rate 40 for holds.
    """
    if url is None and token is not None:
        raise click.UsageError("--token needs --url.")
    if url is not None and limit is not None:
        raise click.UsageError("--limit is for the emulator that is started without --url.")
    service = PROVIDERS[provider] if url is None else at_loopback(PROVIDERS[provider], url)
    if seconds is None and calls is None:
        seconds = SECONDS
    from cronapi.cli.pace.show import perform  # noqa: PLC0415 -- `cronapi --help` must not import rich and a server

    answered = perform(
        service,
        emulated=url is None,
        token=token,
        rate=rate,
        limit=limit,
        calls=calls,
        seconds=seconds,
        callers=callers,
        interactive=interactive,
    )
    click.get_current_context().exit(0 if answered else 1)


def at_loopback(provider: Provider, url: str) -> Provider:
    """Return the service at `url`; raise click.BadParameter where that is no address or not on this machine."""
    try:
        moved = evolve(provider, base_url=url)
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="--url") from error
    if not is_loopback(urlsplit(moved.base_url).hostname or ""):
        hint = "pace puts load on a service, so the address must be on this machine, like http://127.0.0.1:8765/api/."
        raise click.BadParameter(hint, param_hint="--url")
    return moved


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, told by its name and without a look-up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
