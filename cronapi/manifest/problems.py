"""What is wrong with a manifest, and where: problems are collected and told together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path as FilePath

import attrs

from cronapi.errors import ManifestError
from cronapi.manifest.lines import Path, line_at, lines_of, shown_path

_MOST_SHOWN = 50


@attrs.define(eq=False, slots=False)
class Source:
    """One file of a manifest: its name as it is told, its text, and its path if it is a file."""

    name: str
    text: str = attrs.field(repr=False)
    path: FilePath | None = None

    @cached_property
    def lines(self) -> Mapping[Path, int]:
        """The lines of its tables and keys, found when they are first needed."""
        return lines_of(self.text)


@attrs.frozen
class Place:
    """A value in a file: the keys that lead to it."""

    source: Source
    path: Path

    def __str__(self) -> str:
        line = line_at(self.source.lines, self.path)
        return self.source.name if line is None else f"{self.source.name}:{line}"


@attrs.frozen
class Problem:
    """Something that is wrong: a text, at a place."""

    place: Place
    text: str

    def __str__(self) -> str:
        path = shown_path(self.place.path)
        return f"{self.place}: {path}: {self.text}" if path else f"{self.place}: {self.text}"


class Problems:
    """The problems that were found so far."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, place: Place, text: str) -> None:
        """Note a problem, once."""
        problem = Problem(place, text)
        if problem not in self._found:
            self._found.append(problem)

    def raise_if_any(self) -> None:
        """Raise a ManifestError of all problems, if there are any."""
        if self._found:
            raise error_of(map(str, self._found))


def error_of(problems: Iterable[str]) -> ManifestError:
    """Return the error that tells these problems."""
    lines = tuple(problems)
    more = len(lines) - _MOST_SHOWN
    shown = [*lines[:_MOST_SHOWN], *([f"... and {more} more"] if more > 0 else [])]
    error = ManifestError("\n".join(shown))
    error.problems = lines
    return error


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known name, or "" if none is near."""
    found = get_close_matches(name, list(known), 1)
    return f"; did you mean {found[0]!r}?" if found else "."
