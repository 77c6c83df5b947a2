"""Find a secret in the fields of listed jobs, and put another one in its place.

It is found by its value: as it is, percent-encoded, as JSON has it, in any mixture of these, and
inside of Base64, such as that of basic authentication. The new one gets the spelling of the old.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Literal
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from attrs import frozen

from cronapi._names import wire_name
from cronapi.manifest.compare import Row

Place = Literal["headers", "url", "post_data"]
PLACES: tuple[Place, ...] = ("headers", "url", "post_data")
_PARAMETER = {"headers": "http_headers", "url": "url", "post_data": "post_data"}
_BASE64 = re.compile(r"(?i:[a-z0-9+/_-]|%2b|%2f){8,}(?:=|(?i:%3d)){0,2}")
_PADDING = re.compile(r"=|(?i:%3d)")
_FORM = re.compile(r"[^{}\[\]\s=&]+=[^&\s]*(?:&|$)")
_IN_URL = re.compile(r"://[^\s\"'<>\\]*$")
_LONGEST_URL = 2000
"""Characters of a text before a secret that are looked at for the beginning of a URL."""
_FOR_URLS = str.maketrans("+/", "-_")
_STANDARD = str.maketrans("-_", "+/")


def replaced_in(row: Row, old: str, new: str, places: tuple[Place, ...]) -> dict[str, str]:
    """Return the changed fields of a job, by their Python names."""
    return {
        name: after
        for place, name, text in _texts(row, places)
        if (after := _Replacing.of(text, place, old, new).of_text(text)) != text
    }


def fields_with(row: Row, old: str, places: tuple[Place, ...]) -> tuple[str, ...]:
    """Return the fields of a job that have a secret, also in spellings that are not replaced."""
    return tuple(name for _, name, text in _texts(row, places) if _is_in(text, old))


def _is_in(text: str, secret: str) -> bool:
    """Return True if a text has a secret, plain or in one of the usual escapes, or in hex.

    A longer search would keep the event loop for seconds where there are a thousand long bodies.
    """
    unescaped = unescape(text)
    layers = (text, unescaped, unquote(text), unquote_plus(text), unquote(unescaped))
    return (
        any(secret in layer for layer in layers)
        or secret.encode("utf-8", "surrogatepass").hex() in text.lower()
    )


def _texts(row: Row, places: tuple[Place, ...]) -> Iterator[tuple[Place, str, str]]:
    for place in places:
        name = _PARAMETER[place]
        text = row.get(wire_name(name))
        if isinstance(text, str):
            yield place, name, text


@frozen
class _Replacing:
    """The replacing of a secret in one text. In some texts a plain secret has to be encoded."""

    old: str
    new: str
    in_url: bool
    in_json: bool

    @classmethod
    def of(cls, text: str, place: Place, old: str, new: str) -> _Replacing:
        is_body = place == "post_data"
        return cls(
            old,
            new,
            in_url=place == "url" or (is_body and _FORM.match(text) is not None),
            in_json=is_body and text.lstrip()[:1] in ("{", "[", '"'),
        )

    def of_text(self, text: str) -> str:
        pattern = "".join(f"(?:{'|'.join(_spellings(char))})" for char in self.old)
        return _BASE64.sub(self._inside, re.sub(pattern, self._spelt_as, text))

    def _spelt_as(self, match: re.Match[str]) -> str:
        """Return the new secret in the spelling in which the old one was found."""
        found = match[0]
        if found == self.old:
            if self._is_in_url(match):
                return quote(self.new, safe="")
            return json.dumps(self.new)[1:-1] if self.in_json else self.new
        if unquote(found) == self.old:
            return quote(self.new, safe="")
        if unquote_plus(found) == self.old:
            return quote_plus(self.new)
        return json.dumps(self.new)[1:-1] if "\\" in found else quote(self.new, safe="")

    def _is_in_url(self, match: re.Match[str]) -> bool:
        """Return True in a URL, also in one that stands in another text."""
        before = match.string[max(0, match.start() - _LONGEST_URL) : match.start()]
        return self.in_url or _IN_URL.search(before) is not None

    def _inside(self, match: re.Match[str]) -> str:
        """Return Base64 with the secret replaced inside of it."""
        found = match[0]
        plain = unquote(found).rstrip("=")
        try:
            padded = plain.translate(_STANDARD) + "=" * (-len(plain) % 4)
            decoded = base64.b64decode(padded, validate=True).decode()
        except (binascii.Error, ValueError):
            return found
        if self.old not in decoded:
            return found
        after = base64.b64encode(decoded.replace(self.old, self.new).encode()).decode()
        if "-" in plain or "_" in plain:
            after = after.translate(_FOR_URLS)
        if len(plain) % 4 and not _PADDING.search(found):
            after = after.rstrip("=")
        return quote(after, safe="") if self._is_in_url(match) else after


def _spellings(char: str) -> Iterator[str]:
    """Yield patterns of a character: as it is, percent-encoded, and as JSON has it."""
    yield re.escape(char)
    raw = char.encode("utf-8", "surrogatepass")
    yield f"(?i:{''.join(f'%{byte:02x}' for byte in raw)})"
    if char == " ":
        yield r"\+"
    units = char.encode("utf-16-be", "surrogatepass").hex()
    yield "(?i:" + "".join(rf"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)) + ")"
    if char in '"\\/\b\f\n\r\t':
        yield re.escape(json.dumps(char)[1:-1] if char != "/" else "\\/")
