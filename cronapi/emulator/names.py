"""The ways in which a service may respell a name. Every function accepts any text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from html import escape
from unicodedata import category, normalize

_MOST = 50
_TAG = re.compile(r"<[^>]*>?")
_STRAIGHT = str.maketrans(
    {**dict.fromkeys("\u201c\u201d\u201e", '"'), **dict.fromkeys("\u2018\u2019`", "'")}
)
_SLASHED = re.compile(r"(['\"\\])")
_LAST_OF_THREE_BYTES = "\uffff"

composed: Callable[[str], str] = partial(normalize, "NFC")
decomposed: Callable[[str], str] = partial(normalize, "NFD")
stripped: Callable[[str], str] = str.strip
lowered: Callable[[str], str] = str.lower


def escaped(name: str) -> str:
    """Escape the five characters of PHP's `htmlspecialchars`, as it writes them."""
    return escape(name).replace("&#x27;", "&#039;")


def collapsed(name: str) -> str:
    """Write one space for each run of blanks inside the name."""
    inner = name.strip()
    return name.replace(inner, " ".join(inner.split()))


def cut(name: str) -> str:
    """Keep the first 50 characters."""
    return name[:_MOST]


def without_tags(name: str) -> str:
    """Drop HTML tags, and an unfinished one to the end, as PHP's `strip_tags` does."""
    return _TAG.sub("", name)


def without_controls(name: str) -> str:
    """Drop control characters, tabs and line ends among them."""
    return "".join(character for character in name if category(character) != "Cc")


def with_straight_quotes(name: str) -> str:
    """Write typographic quotes and backquotes as straight quotes."""
    return name.translate(_STRAIGHT)


def with_slashes(name: str) -> str:
    """Write a backslash before quotes and backslashes, as PHP's `addslashes` does."""
    return _SLASHED.sub(r"\\\1", name)


def in_ascii(name: str) -> str:
    """Write a question mark for each character outside ASCII."""
    return name.encode("ascii", "replace").decode()


def up_to_four_bytes(text: str) -> str:
    """Cut the text before its first character of four bytes, as MySQL's old `utf8` does."""
    beyond = (index for index, character in enumerate(text) if character > _LAST_OF_THREE_BYTES)
    return text[: next(beyond, None)]


def backwards(name: str) -> str:
    """Reverse the name."""
    return name[::-1]


def numbered(name: str, number: int) -> str:
    """Append the number of the job or group."""
    return f"{name} ({number})"


def censored(name: str) -> str:
    """Write an asterisk for each second vowel, as a filter of bad words might."""
    parts = re.split(r"([aeiouAEIOU])", name)  # vowels stand at the odd places
    parts[3::4] = ["*"] * len(parts[3::4])
    return "".join(parts)
