"""The memory that reading a JSON body takes, which is bounded before it is parsed."""

from __future__ import annotations

import codecs
import re
from itertools import islice

from cronapi.webhooks.incoming import TOO_LARGE, refusal_of

TIMES = 2
"""An endpoint takes this many times its `max_body` in memory for one body, at most."""
_FOUR_BYTES = (re.compile(rb"[\xf0-\xff]"), re.compile(rb"\\u[dD][89abAB]"))
_TWO_BYTES = (re.compile(rb"[\xc4-\xef]"), re.compile(rb"\\u(?!00)"))
"""A text takes one, two or four bytes for each character, by the widest one. Escapes count too."""
_COPIES, _COPIES_WITH_ESCAPES = 2.0, 2.4
"""The text and the values in it. The parser joins those with escapes, with a quarter to spare."""
_PART_BYTES = 100
"""A member with a name of its own takes 170 in three parts, an object in a list 216 in four."""
_FREE_PARTS = 200
"""Three times those of a notification. They weigh nothing, however small the bound is."""
_PIECE = 2**14
AN_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?\s*+\{")
"""The beginning of a JSON object. A byte order mark may be before it."""
_PARTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{:,]', re.DOTALL)
"""Each string is one part, with all that looks like one inside it. It need not end."""


def light_text(body: bytes | bytearray | str, max_body: int, errors: str = "strict") -> str:
    """Return the text of a JSON object that takes at most `TIMES` its bound when it is parsed.

    Raises WebhookError with the status 413 for a text that takes more, and ValueError for a body
    that is no object, is not UTF-8 or has too many parts. `errors` is that of `bytes.decode`.
    """
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if not AN_OBJECT.match(raw):
        raise ValueError("no object")
    left = TIMES * max_body - _weight(raw)
    if left < 0:
        raise refusal_of(TOO_LARGE)
    most = _FREE_PARTS + int(left // _PART_BYTES)
    if sum(1 for _ in islice(_PARTS.finditer(raw), most + 1)) > most:
        raise ValueError("of too many parts")
    return body if isinstance(body, str) else _decoded(body, errors)


def _decoded(body: bytes | bytearray, errors: str) -> str:
    """Return a text. It is tried in pieces before, since an error keeps a copy of its bytes."""
    if not body.isascii():
        pieces = (bytes(body[start : start + _PIECE]) for start in range(0, len(body), _PIECE))
        for _ in codecs.iterdecode(pieces, "utf-8", errors):
            pass
    return body.decode("utf-8-sig", errors)


def _weight(body: bytes | bytearray) -> float:
    """Return the bytes that a text and its values take in memory, at most."""
    copies = _COPIES_WITH_ESCAPES if b"\\" in body else _COPIES
    return len(body) * _width(body) * copies


def _width(body: bytes | bytearray) -> int:
    if body.isascii() and b"\\u" not in body:
        return 1
    if any(pattern.search(body) for pattern in _FOUR_BYTES):
        return 4
    return 2 if any(pattern.search(body) for pattern in _TWO_BYTES) else 1
