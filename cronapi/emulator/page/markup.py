"""HTML that is escaped wherever it is made: text becomes HTML only here."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from attrs import frozen

from cronapi.emulator.request_log import masked

if TYPE_CHECKING:
    from collections.abc import Iterable

_VOID = frozenset({"input", "br"})
# Control characters, and those that turn the direction of text around or cannot be seen. The
# joiners of scripts and emoji may stay.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_IN_LINES = re.compile(r"(\r?\n)")
_USER = re.compile(r"(?<=//)[^/?#\s]*@")
_MOST = 120


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *content: str | Html | None, **attributes: object) -> Html:
    """Return an element with its content, in which plain text is escaped and `None` left out.

    An underscore at the end of an attribute's name is dropped, and others become hyphens. `True`
    gives an attribute without a value, and `None` and `False` none.
    """
    given = "".join(
        f" {_attribute_name(key)}" + ("" if value is True else f'="{escaped(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{joined(content)}</{name}>")


def joined(parts: Iterable[str | Html | None]) -> Html:
    """Return parts one after the other, plain text escaped."""
    return Html(
        "".join(
            part if isinstance(part, Html) else escaped(part) for part in parts if part is not None
        )
    )


def escaped(value: object) -> Html:
    """Return text that a browser shows as it is, with characters that have no look as escapes."""
    return Html(_INVISIBLE.sub(_as_escape, escape(str(value))))


def lines(text: str) -> Html:
    """Return text of several lines for an element that keeps them."""
    return joined(
        Html("\n") if _IN_LINES.fullmatch(part) else part for part in _IN_LINES.split(text)
    )


def counted(number: int, word: str) -> str:
    """Return a number with a word in the singular or the plural."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


@frozen
class Shown:
    """Makes texts from outside fit to be shown: without these secrets, and not too long.

    A secret that contains another comes before it.
    """

    secrets: tuple[str, ...]

    def __call__(self, text: object, most: int = _MOST) -> str:
        """Return a text without secrets and logins, cut after so many characters."""
        plain = _USER.sub("***@", masked(str(text), self.secrets))
        return plain if len(plain) <= most else f"{plain[:most]}…"


def _attribute_name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _as_escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
