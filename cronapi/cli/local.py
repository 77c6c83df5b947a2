"""Services on this machine: an emulator that a command started, or an address that was given."""

from __future__ import annotations

from urllib.parse import urlsplit

import click
from attrs import evolve

from cronapi.errors import ConfigurationError
from cronapi.providers import Provider, is_loopback


def at_emulator(provider: Provider, origin: str) -> Provider:
    """Return the service at an emulator, under the same path as the real one."""
    return evolve(provider, base_url=origin + urlsplit(provider.base_url).path)


def at_loopback(provider: Provider, url: str) -> Provider:
    """Return the service at `url`.

    Raises click.BadParameter if that is not an address, or not one of this machine.
    """
    try:
        moved = evolve(provider, base_url=url)
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="--url") from error
    if not is_loopback(urlsplit(moved.base_url).hostname or ""):
        raise click.BadParameter(
            "pace puts load on a service, so the address must be on this machine,"
            " like http://127.0.0.1:8765/api/.",
            param_hint="--url",
        )
    return moved
