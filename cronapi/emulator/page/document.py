"""The page as a document: the file with its places filled, and the headers that keep it safe."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronapi.emulator.page.markup import Html

_PLACE = re.compile(r"<!--(\w+)-->")
_INLINE = re.compile(r"<(?P<kind>script|style)>(?P<text>.*?)</(?P=kind)>", re.DOTALL)


def filled(parts: Mapping[str, Html]) -> bytes:
    """Return the page with HTML in each of its places."""
    return _PLACE.sub(lambda found: parts[found[1]], _page()).encode()


@cache
def headers() -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers of every answer with the page.

    Only the page's own script and style count, known by their hashes. Forms go to this origin and
    nothing else is asked, and no page of another shows this one in a frame.
    """
    hashes = {found["kind"]: _hash(found["text"]) for found in _INLINE.finditer(_page())}
    policy = "; ".join(
        (
            *("default-src 'none'", f"script-src {hashes['script']}"),
            *(f"style-src {hashes['style']}", "connect-src 'self'", "img-src data:"),
            *("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
        )
    )
    return (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
        # Without a referrer a browser would not name the origin of a form either.
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"cache-control", b"no-store"),
    )


@cache
def _page() -> str:
    return files("cronapi.emulator.page").joinpath("page.html").read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
