"""What a manifest wants: its scope and its jobs, read from the tables of its files."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from math import ceil
from typing import Any
from unicodedata import normalize

import attrs

from cronapi.manifest.problems import Place

DEFAULT_MAX_DELETES = "30%"


def _hidden(_: object) -> str:
    return "***"


def matches(name: str, pattern: str) -> bool:
    """Return True if a name matches a pattern in one form of Unicode."""
    return fnmatchcase(normalize("NFC", name), normalize("NFC", pattern))


@attrs.frozen
class Scope:
    """The part of an account that a manifest owns: a group, or the names with a prefix.

    The prefix "" is the whole account.
    """

    place: Place = attrs.field(repr=False, eq=False)
    provider: str | None = None
    group: str | None = None
    prefix: str | None = None
    keep: tuple[str, ...] = ()
    max_deletes: int | str = DEFAULT_MAX_DELETES

    def keeps(self, name: str) -> bool:
        """Return True if a job of this name is never deleted. Unicode's two forms are one."""
        return any(matches(name, pattern) for pattern in self.keep)

    def has_prefix(self, name: str) -> bool:
        """Return True if a name begins with the prefix. Unicode's two forms are one."""
        return normalize("NFC", name).startswith(normalize("NFC", self.prefix or ""))

    def deletes_allowed(self, owned: int) -> int:
        """Return how many of the owned jobs one apply may delete."""
        if isinstance(self.max_deletes, int):
            return self.max_deletes
        return ceil(owned * int(self.max_deletes.rstrip("%")) / 100)

    @property
    def owner(self) -> dict[str, Any]:
        """What is owned, by the key that a file has for it."""
        if self.group is not None:
            return {"group": self.group}
        return {"prefix": self.prefix} if self.prefix else {"all": True}

    def __str__(self) -> str:
        ((key, value),) = self.owner.items()
        return "the whole account" if key == "all" else f'{key} "{value}"'


@attrs.frozen
class WantedJob:
    """One table `[job."NAME"]`.

    `values` are the parameters by their Python names, with all variables replaced. `variables` are
    the environment variables of a field by its path, such as `http_headers.Authorization`.
    """

    name: str
    place: Place = attrs.field(repr=False, eq=False)
    values: Mapping[str, Any] = attrs.field(repr=_hidden)
    variables: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    clear: frozenset[str] = frozenset()
    unmanaged: frozenset[str] = frozenset()
    enabled: bool | None = None
    id: int | None = None
    was: str | None = None
    allow: frozenset[str] = frozenset()


@attrs.frozen
class Wanted:
    """All that a manifest wants.

    `environ` has the environment variables that it uses, and "" for those that are not set.
    """

    file: str
    sha256: str
    env: str | None
    scope: Scope
    jobs: tuple[WantedJob, ...]
    environ: Mapping[str, str] = attrs.field(repr=_hidden)

    @property
    def secrets(self) -> frozenset[str]:
        """The values of the environment variables."""
        return frozenset(filter(None, self.environ.values()))
