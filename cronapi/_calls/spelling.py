"""The one room for the spelling of texts: their normal form, and signs that one was altered.

A service may keep a text in a spelling of its own. Two texts with one normal form are the same.

| text | normal form |
|---|---|
| name | Unicode NFC, no blanks at the ends, line breaks as LF |
| URL | as a name, `http://` if it has no scheme, scheme and host in lower case |
| | host in ASCII (IDNA), no default port, `/` for an empty path |
| | percent-encoding in upper case, other characters than ASCII percent-encoded |
| other texts | no blanks at the ends, line breaks as LF |
| true, false | 1, 0 |
| lists | joined with commas |
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from urllib.parse import quote, urlsplit, urlunsplit

LEAST_CUT = 8
"""Letters and digits. A shorter part of a name says nothing."""
_PORTS = {"http": 80, "https": 443}
_TAG = re.compile("<[^<>]*>")
_PERCENT = re.compile("%[0-9A-Fa-f]{2}")


def normal(name: str, value: object) -> str:
    """Return a value in the one form in which values are compared."""
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    if value is None:
        return ""
    text = str(int(value)) if isinstance(value, bool) else str(value)
    text = text.replace("\r\n", "\n").strip()
    if name == "name":
        return unicodedata.normalize("NFC", text).strip()
    return _normal_url(unicodedata.normalize("NFC", text)) if name == "url" else text


@lru_cache(maxsize=4096)  # a look-up compares the same few thousand addresses again and again
def _normal_url(url: str) -> str:
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
    mine, theirs = _skeleton(name), _skeleton(shown)
    is_part = len(theirs) >= LEAST_CUT and (theirs in mine or mine in theirs)
    return mine == theirs or is_part or not theirs


def _skeleton(text: str) -> str:
    """Return the letters and digits of a text: no case, no accents, no markup, no other signs."""
    plain = _TAG.sub("", html.unescape(text))
    decomposed = unicodedata.normalize("NFKD", plain).casefold()
    return "".join(char for char in decomposed if char.isascii() and char.isalnum())
