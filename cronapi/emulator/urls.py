"""The ways in which a service may respell a URL. Every function accepts any text.

The parts of a URL are found by the pattern of RFC 3986, appendix B, so that a function changes only
the part that it is about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Callable

_URL = re.compile(
    r"(?P<scheme>(?:[^:/?#]+:)?)(?P<authority>(?://[^/?#]*)?)"
    r"(?P<path>[^?#]*)(?P<query>(?:\?[^#]*)?)(?P<fragment>(?:#.*)?)",
    re.DOTALL,
)
_AUTHORITY = re.compile(
    r"(?P<user>(?://)(?:.*@)?)(?P<host>\[[^\]]*\]|[^:]*)(?P<port>.*)", re.DOTALL
)
_DEFAULT_PORTS = {"http:": ":80", "https:": ":443"}
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_MOST = 100


@frozen
class _Parts:
    """The parts of a URL, each with its delimiters, so that they make the URL when joined."""

    scheme: str
    user: str
    host: str
    port: str
    path: str
    query: str
    fragment: str

    def __str__(self) -> str:
        place = f"{self.user}{self.host}{self.port}"
        return f"{self.scheme}{place}{self.path}{self.query}{self.fragment}"


def _split(url: str) -> _Parts:
    match = _URL.fullmatch(url)
    found = match.groupdict() if match else dict.fromkeys(_URL.groupindex, "")
    place = _AUTHORITY.fullmatch(found.pop("authority"))
    return _Parts(
        **{**found, **(place.groupdict() if place else {"user": "", "host": "", "port": ""})}
    )


def host_of(url: str) -> str:
    """Return the host of a URL as it is written, empty if it has none."""
    return _split(url).host


def with_slash(url: str) -> str:
    """Write a slash for an empty path."""
    parts = _split(url)
    return url if parts.path else str(evolve(parts, path="/"))


def lower_host(url: str) -> str:
    """Write the scheme and the host in lower case."""
    parts = _split(url)
    return str(evolve(parts, scheme=parts.scheme.lower(), host=parts.host.lower()))


def without_default_port(url: str) -> str:
    """Drop port 80 of http and port 443 of https."""
    parts = _split(url)
    default = _DEFAULT_PORTS.get(parts.scheme.lower())
    return str(evolve(parts, port="")) if parts.port in {default, ":"} else url


def with_punycode(url: str) -> str:
    """Write an international host in ASCII."""
    return _with_host(url, lambda host: host.encode("idna").decode())


def with_unicode_host(url: str) -> str:
    """Write a host of punycode in Unicode."""
    return _with_host(url, lambda host: host.encode().decode("idna"))


def with_upper_escapes(url: str) -> str:
    """Write percent-encoded bytes with upper-case digits."""
    return _ESCAPE.sub(lambda escape: escape[0].upper(), url)


def with_encoded_spaces(url: str) -> str:
    """Write each space as `%20`."""
    return url.replace(" ", "%20")


def with_encoded_text(url: str) -> str:
    """Percent-encode what is not ASCII in path, query and fragment, as browsers do."""
    parts = _split(url)
    encoded = {
        name: "".join(
            character if character.isascii() else quote(character)
            for character in getattr(parts, name)
        )
        for name in ("path", "query", "fragment")
    }
    return str(evolve(parts, **encoded))


def without_fragment(url: str) -> str:
    """Drop the fragment."""
    return str(evolve(_split(url), fragment=""))


def with_https(url: str) -> str:
    """Write https for http."""
    parts = _split(url)
    return str(evolve(parts, scheme="https:")) if parts.scheme.lower() == "http:" else url


def without_tracking(url: str) -> str:
    """Drop the `utm_` parameters of the query."""

    def kept(pairs: list[str]) -> list[str]:
        return [pair for pair in pairs if not pair.lower().startswith("utm_")]

    return _with_query(url, kept)


def with_sorted_query(url: str) -> str:
    """Sort the parameters of the query."""
    return _with_query(url, sorted)


def with_html_ampersands(url: str) -> str:
    """Write `&amp;` for each ampersand."""
    return url.replace("&", "&amp;")


def cut(url: str) -> str:
    """Keep the first 100 characters."""
    return url[:_MOST]


def redirected(url: str, number: int) -> str:
    """Return the address of a redirector of the service that leads to the URL."""
    return f"https://go.emulator.example/{number}?to={quote(url, safe='/:')}"


def _with_host(url: str, respell: Callable[[str], str]) -> str:
    parts = _split(url)
    try:
        return str(evolve(parts, host=respell(parts.host)))
    except UnicodeError:
        # The host is no domain name, such as one with an empty label.
        return url


def _with_query(url: str, change: Callable[[list[str]], list[str]]) -> str:
    parts = _split(url)
    if not parts.query:
        return url
    pairs = change(parts.query[1:].split("&"))
    return str(evolve(parts, query="?" + "&".join(pairs) if pairs else ""))
