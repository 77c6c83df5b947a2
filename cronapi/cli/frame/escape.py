"""Foreign text on a terminal: signs that steer it or hide text are shown as escapes."""

from __future__ import annotations

import unicodedata

_STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Categories of characters that no terminal should be sent as they are."""
_JOINERS = "\u200c\u200d"
"""Signs of these categories that belong to words and emoji."""
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def is_steering(char: str) -> bool:
    """Return True for a character that steers a terminal or the direction of text."""
    return unicodedata.category(char) in _STEERING and char not in _JOINERS


def escaped(text: str) -> str:
    r"""Return a text on one line with `\x1b` for an escape and so on."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if is_steering(char) else char for char in text)


def one_line(text: str) -> str:
    """Return a message on one line: its own line breaks are blanks."""
    return escaped(" ".join(text.split("\n")))


def _escape(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    if code <= 0xFF:  # noqa: PLR2004 -- the last that \x can write
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 -- as above
