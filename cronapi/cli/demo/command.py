"""The click command `cronapi demo`: its options and its help."""

from __future__ import annotations

import click

from cronapi.cli.frame.leaf import Local


@click.command(cls=Local)
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.1, 50),
    help="Multiply both rate limits by this.",
)
@click.option(
    "--provider",
    type=click.Choice(["fastcron", "setcronjob"]),
    help="Tour the real account instead; nothing is changed.",
)
@click.option("--base-url", metavar="URL", help="With --provider: the address of its API.")
def demo(speed: float, provider: str | None, base_url: str | None) -> None:
    """Work at both services at once, at a local emulator.

    100 coroutines at SetCronJob (10 requests/s) and 20 at FastCron (1 request/s) add, read, edit,
    group, run and delete jobs. A web caller at each service wants quick answers meanwhile. The
    table at the end shows what the services counted. Exit code 1 if anything is lost or duplicated.

    With --provider it reads the account whose token is in FASTCRON_TOKEN or SETCRONJOB_TOKEN, and
    changes nothing.
    """
    if provider is not None:
        _tour(provider, base_url)
    elif base_url is not None:
        raise click.UsageError("--base-url needs --provider.")
    else:
        _show(speed)


def _tour(provider: str, base_url: str | None) -> None:
    from cronapi.cli.demo.tour import tour  # noqa: PLC0415 -- imports the client

    tour(provider, base_url)


def _show(speed: float) -> None:
    from cronapi.cli.demo.show import show_demo  # noqa: PLC0415 -- imports rich and a server

    click.get_current_context().exit(0 if show_demo(speed) else 1)
