"""A request to steer the emulator as a handler sees it, and its refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from cronapi.emulator.checks import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cronapi.emulator.store import Document


_MOST_DIGITS = 15


class ControlError(Exception):
    """A request that cannot be carried out, with its HTTP status and what else the answer says."""

    def __init__(self, status: int, message: str, **more: object) -> None:
        """Refuse with a sentence."""
        super().__init__(message)
        self.status = status
        self.content: Document = {"error": message, **more}


@frozen
class Asked:
    """The parts of the path, the query and the JSON body, `None` without one."""

    parts: Mapping[str, str] = field(factory=dict)
    query: Mapping[str, str] = field(factory=dict)
    body: object = None

    def members(self, known: Iterable[str]) -> Document:
        """Return the body, an object whose names are all known, or raise `ControlError`."""
        if not isinstance(self.body, dict):
            raise ControlError(400, "The body must be a JSON object.")
        check_names(self.body, known)
        return self.body

    def number(self, name: str, default: int) -> int:
        """Return a whole number of the query, or raise `ControlError`."""
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
            raise ControlError(400, f"{name} must be a whole number, not {text[:40]!r}.")
        return int(text)


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise `ControlError` for a name that is not known, with the nearest that is."""
    choices = sorted(known)
    for name in names:
        if name not in choices:
            near = nearest(name, choices)
            hint = f" Did you mean {near!r}?" if near else ""
            text = f"Unknown name {name[:80]!r}.{hint} Known: {', '.join(choices)}."
            raise ControlError(400, text, nearest=near)
