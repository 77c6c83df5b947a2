"""The memory that reading a JSON body takes, which is bounded before it is parsed."""

from __future__ import annotations

import codecs
import re
from itertools import islice
from typing import Literal

from cronapi.webhooks.incoming import TOO_LARGE, refusal_of

TIMES = 2
"""An endpoint takes this many times its `max_body` in memory for one body, at most."""
_FOUR_BYTES = (bytes(range(0xF0)), re.compile(rb"\\u[dD][89abAB]"))
_TWO_BYTES = (bytes(range(0xC4)), re.compile(rb"\\u(?!00)"))
"""Bytes of other texts, and an escape, of a text that takes so many bytes for each character."""
_REPLACED = 2
"""Bytes of the character in place of those that are no UTF-8."""
_COPIES, _COPIES_WITH_ESCAPES = 2.0, 2.4
"""The text and the values in it. The parser joins those with escapes, with a quarter to spare."""
_PART_BYTES = 100
"""A member with a name of its own takes 170 in three parts, an object in a list 216 in four."""
_FREE_PARTS = 200
"""Three times those of a notification. They weigh nothing, however small the bound is."""
_PIECE = 2**14
AN_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?\s*+\{")
"""The beginning of a JSON object. A byte order mark may be before it."""
_MARKS = b'"[{,:'
_PARTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{:,]', re.DOTALL)
"""Each string is one part, with all that looks like one inside it. It need not end."""


def light_text(
    body: bytes | bytearray | str, max_body: int, errors: Literal["strict", "replace"] = "strict"
) -> str:
    """Return the text of a JSON object that takes at most `TIMES` its bound when it is parsed.

    Raises WebhookError with the status 413 for a text that takes more, and ValueError for a body
    that is no object, is not UTF-8 or has too many parts. `errors` is that of `bytes.decode`. A
    byte that is left out could make another text of a text, so "ignore" is not taken.
    """
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if not AN_OBJECT.match(raw):
        raise ValueError("no object")
    is_replaced = errors == "replace" and not _is_utf_8(raw)
    left = TIMES * max_body - _weight(raw, _REPLACED if is_replaced else 1)
    if left < 0:
        raise refusal_of(TOO_LARGE)
    if _has_more_parts(raw, _FREE_PARTS + int(left // _PART_BYTES)):
        raise ValueError("of too many parts")
    if isinstance(body, str):
        return body
    if errors == "strict" and not _is_utf_8(body):
        raise ValueError("not UTF-8")
    return body.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors)


def _has_more_parts(body: bytes | bytearray, most: int) -> bool:
    if len(body) - len(body.translate(None, _MARKS)) <= most:  # quick, and no fewer than there are
        return False
    return sum(1 for _ in islice(_PARTS.finditer(body), most + 1)) > most


def _is_utf_8(body: bytes | bytearray) -> bool:
    """Return True for UTF-8. It is tried in pieces, since an error keeps a copy of its bytes."""
    pieces = (bytes(body[start : start + _PIECE]) for start in range(0, len(body), _PIECE))
    try:
        if not body.isascii():
            for _ in codecs.iterdecode(pieces, "utf-8"):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _weight(body: bytes | bytearray, least: int) -> float:
    """Return the bytes that a text and its values take in memory, at most.

    Each character takes `least` bytes or more.
    """
    if b"\\" not in body:
        return len(body) * max(least, _width(body, has_escapes=False)) * _COPIES
    width = max(least, _width(body, has_escapes=b"\\u" in body))
    return len(body) * width * _COPIES_WITH_ESCAPES


def _width(body: bytes | bytearray, *, has_escapes: bool) -> int:
    """Return the bytes of each character of a text, by the widest one."""
    is_ascii = body.isascii()
    for width, (others, escape) in ((4, _FOUR_BYTES), (2, _TWO_BYTES)):
        if not is_ascii and body.translate(None, others):
            return width
        if has_escapes and escape.search(body):
            return width
    return 1
