"""The click commands `cronapi hook listen`, `trigger` and `secret`."""

from __future__ import annotations

import click

from cronapi.cli.frame.leaf import Local


@click.command(cls=Local)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=0,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--forward-to",
    metavar="URL",
    help="Endpoint to which each notification is posted on, for example of your app.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each.")
def hook_listen(host: str, port: int, forward_to: str | None, as_json: bool) -> None:
    """Print the notifications that are posted to this machine.

    The address has a new secret, or that of CRONAPI_HOOK_SECRET. A notification that is posted
    again is printed once. Ctrl-C or a termination ends it.
    """
    from cronapi.cli.hook.listening import run  # noqa: PLC0415 -- imports a server
    from cronapi.cli.hook.posting import check_address  # noqa: PLC0415 -- imports urllib

    if forward_to is not None:
        check_address(forward_to)
    run(host, port, forward_to, as_json=as_json)


@click.command(cls=Local)
@click.argument("kind", type=click.Choice(["failed", "recovered"]))
@click.option("--to", "url", required=True, metavar="URL", help="Endpoint, with its secret.")
@click.option(
    "--id",
    "number",
    default=16910124,
    show_default=True,
    type=click.IntRange(1),
    help="Id of the job.",
)
@click.option("--name", default="nightly report", show_default=True, help="Name of the job.")
def hook_trigger(kind: str, url: str, number: int, name: str) -> None:
    """Post a sample notification of now to an endpoint.

    It prints the HTTP status, and exits with 1 unless that is 2xx.
    """
    from cronapi.cli.hook.posting import sample, send  # noqa: PLC0415 -- imports urllib

    status = send(url, sample(kind, number, name))
    click.echo(f"HTTP {status}")
    click.get_current_context().exit(0 if status // 100 == 2 else 1)  # noqa: PLR2004 -- 2xx


@click.command(cls=Local)
def hook_secret() -> None:
    """Print a new secret for an address or a header."""
    import secrets  # noqa: PLC0415 -- only this command needs it

    click.echo(secrets.token_urlsafe(32))
