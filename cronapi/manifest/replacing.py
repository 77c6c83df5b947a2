"""Find a secret in the fields of listed jobs, and put another one in its place.

It is found by its value: as it is, percent-encoded, as JSON has it, and inside of Base64, such as
that of basic authentication.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Literal
from urllib.parse import quote, quote_plus

from cronapi._names import wire_name
from cronapi.manifest.compare import Row

Place = Literal["headers", "url", "post_data"]
PLACES: tuple[Place, ...] = ("headers", "url", "post_data")
_PARAMETER = {"headers": "http_headers", "url": "url", "post_data": "post_data"}
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_FORM = re.compile(r"[^{}\[\]\s=&]+=[^&\s]*(?:&|$)")


def replaced_in(row: Row, old: str, new: str, places: tuple[Place, ...]) -> dict[str, str]:
    """Return the changed fields of a job, by their Python names."""
    changed: dict[str, str] = {}
    for place in places:
        name = _PARAMETER[place]
        text = row.get(wire_name(name))
        if isinstance(text, str) and (after := _replaced(text, place, old, new)) != text:
            changed[name] = after
    return changed


def _replaced(text: str, place: Place, old: str, new: str) -> str:
    for was, now in _spellings(text, place, old, new):
        text = text.replace(was, now)
    return _BASE64.sub(lambda found: _inside(found[0], old, new), text)


def _spellings(text: str, place: Place, old: str, new: str) -> Iterator[tuple[str, str]]:
    """Yield the spellings of the old secret, each with the new one in the same spelling."""
    is_encoded = place == "url" or (place == "post_data" and _FORM.match(text) is not None)
    as_json = place == "post_data" and text.lstrip()[:1] in ("{", "[", '"')
    for encode in (partial(quote, safe=""), quote_plus, _in_json):
        if encode(old) != old:  # else it is the plain one
            yield encode(old), encode(new)
    plain = quote(new, safe="") if is_encoded else _in_json(new) if as_json else new
    yield old, plain


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _inside(text: str, old: str, new: str) -> str:
    """Return Base64 with the secret replaced in what it stands for."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return text
    if old not in decoded:
        return text
    encoded = base64.b64encode(decoded.replace(old, new).encode()).decode()
    return encoded if "=" in text or len(text) % 4 == 0 else encoded.rstrip("=")
