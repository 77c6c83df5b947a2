"""The fields of a change: a header each, and every other parameter as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cronapi._calls.spelling import header_pairs
from cronapi._names import wire_name
from cronapi._protocol.kinds import header_lines
from cronapi.manifest.changes import FieldChange, Kind
from cronapi.manifest.compare import Row
from cronapi.manifest.masking import Mask
from cronapi.manifest.wanted import WantedJob

HEADERS = "http_headers"


def field_changes(mask: Mask, job: WantedJob, name: str, row: Row) -> Iterator[FieldChange]:
    """Yield what changes of a parameter that differs."""
    if name == HEADERS:
        yield from _headers(mask, job, row)
        return
    before = row.get(wire_name(name))
    after = job.name if name == "name" else job.values.get(name)
    if isinstance(after, bool) and before in (0, 1, "0", "1"):
        before = str(before) == "1"
    yield mask.change(job, name, "removed" if after is None else "changed", before, after)


def new_fields(
    mask: Mask, job: WantedJob, name: str, *, resent: bool = False
) -> Iterator[FieldChange]:
    """Yield the fields of a parameter of a new job, or of one that is sent again."""
    value = job.name if name == "name" else job.values.get(name)
    kind: Kind = "resent" if resent else "added"
    if name != HEADERS:
        yield mask.change(job, name, kind, None, value)
        return
    for _, (header, text) in sorted(_pairs(value).items()):
        yield mask.change(job, f"{HEADERS}.{header}", kind, None, text)


def _headers(mask: Mask, job: WantedJob, row: Row) -> Iterator[FieldChange]:
    before, after = _pairs(row.get(wire_name(HEADERS))), _pairs(job.values.get(HEADERS))
    nothing = "", None
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key, nothing), after.get(key, nothing)
        if old[1] != new[1]:
            kind: Kind = "added" if old[1] is None else "removed" if new[1] is None else "changed"
            yield mask.change(job, f"{HEADERS}.{new[0] or old[0]}", kind, old[1], new[1])


def _pairs(headers: Any) -> dict[str, tuple[str, str]]:
    """Return headers by their names in lower case: the name as it is written, and all values."""
    found: dict[str, tuple[str, str]] = {}
    text = headers if isinstance(headers, str) else header_lines(HEADERS, headers or {})
    for name, value in header_pairs(text):
        known = found.get(name.lower())
        found[name.lower()] = (name, value if known is None else f"{known[1]}, {value}")
    return found
