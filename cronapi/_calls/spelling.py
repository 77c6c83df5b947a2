"""The one room for the spelling of texts: their normal form, and signs that one was altered.

A service may keep a text in a spelling of its own. Two texts with one normal form are the same.

| text | normal form |
|---|---|
| name | Unicode NFC, no blanks at the ends, line breaks as LF |
| URL | as a name, `http://` if it has no scheme, scheme and host in lower case |
| | host in ASCII (IDNA), no default port, `/` for an empty path |
| | percent-encoding in upper case, other characters than ASCII percent-encoded |
| headers | lines sorted by name, names in lower case, no blanks around names and values |
| expression | single blanks |
| other texts | no blanks at the ends, line breaks as LF |
| true, false | 1, 0 |
| lists | joined with commas |
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import quote, urlsplit, urlunsplit

LEAST_CUT = 8
"""Letters and digits. A shorter part of a name says nothing."""
_PORTS = {"http": 80, "https": 443}
_TAG = re.compile("<[^<>]*>")
_LINE_END = re.compile(r"[\r\n]+")
_BLANKS = " \t"
_PERCENT = re.compile("%[0-9A-Fa-f]{2}")


def normal(name: str, value: object) -> str:
    """Return a value in the one form in which values are compared."""
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    if value is None:
        return ""
    text = str(int(value)) if isinstance(value, bool) else str(value)
    text = text.replace("\r\n", "\n").strip()
    return _FORMS[name](text) if name in _FORMS else text


def _normal_name(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _normal_blanks(text: str) -> str:
    return " ".join(text.split())


def header_pairs(text: str) -> list[tuple[str, str]]:
    """Return the names and values of a service's headers, also where they are no headers."""
    lines = [line.partition(":") for line in _LINE_END.split(text) if line.strip(_BLANKS)]
    return [(name.strip(_BLANKS), value.strip(_BLANKS)) for name, _, value in lines]


def _normal_headers(text: str) -> str:
    """Return headers in one order. The order of equal names is kept: it may say something."""
    pairs = [(name.lower(), value) for name, value in header_pairs(text)]
    ordered = sorted(pairs, key=lambda pair: pair[0])
    return "\n".join(f"{name}: {value}" for name, value in ordered)


@lru_cache(maxsize=4096)  # a look-up compares the same few thousand addresses again and again
def _normal_url(url: str) -> str:
    url = unicodedata.normalize("NFC", url)
    if not url:
        return ""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError:
        return url
    user, at, _ = parts.netloc.rpartition("@")
    place = f"{user}{at}{_ascii_host(host)}"
    if port is not None and port != _PORTS.get(scheme):
        place = f"{place}:{port}"
    rest = (_encoded(part) for part in (parts.path or "/", parts.query, parts.fragment))
    return urlunsplit((scheme, place, *rest))


def _ascii_host(host: str) -> str:
    if ":" in host:
        return f"[{host}]"
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return host


def _encoded(text: str) -> str:
    text = _PERCENT.sub(lambda found: found.group().upper(), text)
    return "".join(
        char if char.isascii() else quote(char, safe="", errors="surrogatepass") for char in text
    )


_FORMS: Mapping[str, Callable[[str], str]] = {
    "name": _normal_name,
    "url": _normal_url,
    "expression": _normal_blanks,
    "httpHeaders": _normal_headers,
}
"""The normal forms of texts that have one of their own, by the wire's names."""


def kinds_of(text: str) -> set[str]:
    """Return the kinds of characters in a text. Each sign of ASCII is a kind of its own."""
    if not text:
        return {"empty"}
    return {
        "plain" if char.isascii() and char.isalnum() else char if char.isascii() else "other"
        for char in text
    }


def may_be_altered(name: str, shown: str) -> bool:
    """Return True if a shown name or URL looks like a sent one that was cut, cleaned or emptied."""
    mine, theirs = letters_of(name), letters_of(shown)
    is_part = len(theirs) >= LEAST_CUT and (theirs in mine or mine in theirs)
    return mine == theirs or is_part or not theirs


def has_same_letters(name: str, shown: str) -> bool:
    """Return True if two texts have the same letters and digits, and at least one."""
    mine = letters_of(name)
    return bool(mine) and mine == letters_of(shown)


def letters_of(text: str) -> str:
    """Return the letters and digits of a text: no case, no accents, no markup, no other signs."""
    plain = _TAG.sub("", html.unescape(text))
    decomposed = unicodedata.normalize("NFKD", plain).casefold()
    return "".join(char for char in decomposed if char.isascii() and char.isalnum())
