"""Tables and the jobs that they are about."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from cronapi.manifest.changes import Blocked
from cronapi.manifest.compare import Row
from cronapi.manifest.wanted import WantedJob


@attrs.frozen
class Pair:
    """A table and the job that it is about. `is_altered` if the service shows another name."""

    job: WantedJob
    row: Row = attrs.field(repr=lambda row: str(row.get("id")))
    is_altered: bool = False


@attrs.frozen
class Duplicate:
    """A table and the several jobs of its name, the lowest id first."""

    job: WantedJob
    rows: tuple[Row, ...] = attrs.field(repr=lambda rows: str([row.get("id") for row in rows]))


@attrs.define
class Bindings:
    """The jobs of tables as far as they were found.

    `free` are those in the scope of no table. `lookalikes` are jobs outside of the scope, each with
    the url and the expression of a missing one. `renamed` are missing jobs, each with a free one
    that has its url.
    """

    pairs: list[Pair] = attrs.field(factory=list)
    duplicates: list[Duplicate] = attrs.field(factory=list)
    blocked: list[Blocked] = attrs.field(factory=list)
    missing: list[WantedJob] = attrs.field(factory=list)
    free: list[Row] = attrs.field(factory=list)
    lookalikes: list[Row] = attrs.field(factory=list)
    renamed: list[tuple[WantedJob, Row]] = attrs.field(factory=list)


@attrs.frozen
class Listed:
    """The jobs of an account: those in the scope, and the others, each in order of ids.

    `prefix` is that of the scope, or "". `longest_url` is the length of the longest URL.
    """

    owned: Sequence[Row]
    others: Sequence[Row]
    prefix: str
    longest_url: int
