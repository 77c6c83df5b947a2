"""The ways in which a service may search its list of jobs for a keyword."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cronapi.emulator.store import Document
    from cronapi.emulator.words import Search

_WORD = re.compile(r"\w+")
_LIKE_SIGN = re.compile(r"\\.|.", re.DOTALL)


def found(job: Document, keyword: str, search: Search) -> bool:
    """Return True if a search by the method `search` finds the keyword in name, id or URL.

    Case does not matter, and an empty keyword finds every job.
    """
    texts = (str(job[name]).lower() for name in ("name", "id", "url"))
    return not keyword or any(SEARCHES[search](keyword.lower(), text) for text in texts)


def _contains(keyword: str, text: str) -> bool:
    return keyword in text


def _has_words(keyword: str, text: str) -> bool:
    wanted, words = _WORD.findall(keyword), _WORD.findall(text)
    begins = range(len(words)) if wanted else ()
    return any(words[begin : begin + len(wanted)] == wanted for begin in begins)


def _is_like(keyword: str, text: str) -> bool:
    """Do as MySQL with `LIKE '%keyword%'` if no character of the keyword is escaped."""
    pieces = [""]
    for sign in _LIKE_SIGN.findall(keyword):
        if sign == "%":
            pieces.append("")
        else:
            pieces[-1] += "." if sign == "_" else re.escape(sign[-1])
    return _in_order(pieces, text)


def _is_like_escaped(keyword: str, text: str) -> bool:
    """Do as a database that takes the escaping backslash before `%` and `_` for a text."""
    pieces = re.sub(r"([%_\\])", r"\\\1", keyword).split("%")
    return _in_order([re.escape(piece).replace("_", ".") for piece in pieces], text)


def _in_order(patterns: list[str], text: str) -> bool:
    """Return True if the text has the patterns one after the other, without an overlap."""
    end = 0
    for pattern in patterns:
        match = re.compile(pattern, re.DOTALL).search(text, end)
        if match is None:
            return False
        end = match.end()
    return True


def _never(_keyword: str, _text: str) -> bool:
    return False


SEARCHES: Mapping[Search, Callable[[str, str], bool]] = {
    "contains": _contains,
    "words": _has_words,
    "like": _is_like,
    "like_badly_escaped": _is_like_escaped,
    "none": _never,
}
