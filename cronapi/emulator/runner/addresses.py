"""The addresses that jobs may call. The address that was checked is the one that is called."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

import anyio

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Finds the numeric addresses of a host name and port, or raises `OSError`."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Blocked(Exception):  # noqa: N818 -- the result of a run, not a mistake in the emulator
    """A job may not call this address."""


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name as the system finds them, each once."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


async def addresses_of(host: str, port: int, find: Resolve, *, anywhere: bool) -> list[str]:
    """Return the numeric addresses to call for a host, in the order to try them.

    Unless `anywhere`, they are all of 127.0.0.0/8 and ::1. Raises `Blocked` if one is not, and
    `OSError` for a name that has no address.
    """
    found = [read_address(text) for text in await find(host, port)]
    if not found:
        raise OSError(f"no address for {host}")
    outside = [address for address in found if not is_of_this_machine(address)]
    if outside and not anywhere:
        raise Blocked(
            f"blocked: {host} is {outside[0]}, outside of this machine; --execute any allows it"
        )
    return [str(address) for address in found]


def read_address(text: str) -> Address:
    """Return an address, that of IPv4 for one that IPv6 maps.

    Raises `ValueError` for anything else.
    """
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_of_this_machine(address: Address) -> bool:
    """Return True for the addresses of 127.0.0.0/8 and for ::1 without a scope."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_loopback
    return address == ipaddress.IPv6Address("::1") and address.scope_id is None
