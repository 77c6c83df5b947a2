"""Who may use the emulator over HTTP: programs on this machine, and no web page of another site.

A page in a browser can post to a local port, and can give its own name this machine's address (DNS
rebinding). It cannot choose the headers by which the browser says so.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cronapi.emulator.checks import shown, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_PLACE = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::[0-9]{0,5})?")
_ORIGIN = re.compile(rf"https?://(?P<place>{_PLACE.pattern})", re.IGNORECASE)
_SHOWN = 100


@frozen
class Visitors:
    """The hosts that requests may name beside this machine, in lower case."""

    allowed: frozenset[str] = frozenset()

    def refusal(self, scope: Mapping[str, Any]) -> str | None:
        """Return why a request is refused and what to do, or `None` if it may come in."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        here = self.allowed | _in_process(scope)
        # Browsers always send a Host, so a request without one is not a page's.
        if host and not _is_in(_name_of(host), here):
            return _says(f"is for the Host {_shown(host)}", _name_of(host))
        origin = headers.get(b"origin", "")
        if origin and not _is_in(_origin_name(origin), here):
            return _says(f"comes from a page of {_shown(origin)}", _origin_name(origin))
        if headers.get(b"sec-fetch-site", "").lower() == "cross-site":
            return _says("comes from a page of another site", None)
        return None


def read_visitors(names: object) -> Visitors:
    """Return the visitors that name one of `names`, host names without a port.

    Raises `ValueError` for anything else.
    """
    return Visitors(frozenset(map(_checked, texts("allow_hosts", names))))


def is_same_origin(scope: Mapping[str, Any]) -> bool:
    """Return True if a form or a script of a page that this very server gave makes the request.

    Browsers name the origin of each POST. It is the Host again, the port included.
    """
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    origin = _ORIGIN.fullmatch(headers.get(b"origin", ""))
    return origin is not None and origin["place"].lower() == headers.get(b"host", "").lower()


def is_from_page_of(origin: str, host: str) -> bool:
    """Return True if an Origin names a host with its port, or any server of this machine."""
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        return False
    return found["place"].lower() == host.lower() or is_loopback(_name_of(found["place"]) or "")


def is_loopback(name: str) -> bool:
    """Return True if a host name or address without a port is this machine."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _checked(name: str) -> str:
    bare = name.strip().lower().removeprefix("[").removesuffix("]")
    if not (_NAME.fullmatch(bare) or _is_address(bare)):
        raise ValueError(
            f"an allowed host is a name or an address without a port, not {shown(name)}"
        )
    return bare


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _in_process(scope: Mapping[str, Any]) -> frozenset[str]:
    """Return the name that a caller in this process gave the server.

    A socket's server is an address or a path, and only a transport in process has a name there.
    """
    server = str((scope.get("server") or ("",))[0]).lower()
    return (
        frozenset({server}) if _NAME.fullmatch(server) and not _is_address(server) else frozenset()
    )


def _name_of(host: str) -> str | None:
    match = _PLACE.fullmatch(host)
    return match["name"].lower().strip("[]") if match else None


def _origin_name(origin: str) -> str | None:
    match = _ORIGIN.fullmatch(origin)
    return _name_of(match["place"]) if match else None


def _is_in(name: str | None, here: frozenset[str]) -> bool:
    return name is not None and (name in here or is_loopback(name))


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _says(what: str, name: str | None) -> str:
    advice = "Call it as 127.0.0.1, localhost or [::1]"
    if name and len(name) <= _SHOWN and (_NAME.fullmatch(name) or _is_address(name)):
        advice += f", or start it with --allow-host {name} (create_app(allow_hosts=[{name!r}]))"
    return (
        f"The emulator refused this request, and did nothing: it {what}. "
        f"Only programs on this machine may use it. {advice}.\n"
    )
