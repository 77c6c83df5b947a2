"""Compare the rows that a service lists with the rows that were sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from cronapi._calls.memory import Memory, ids_of, target_of

Row = Mapping[str, Any]

_NAMING = frozenset({"url", "name"})
NOT_COMPARED = frozenset({"password", "payload", "run", "token"})
"""Members that services do not show, or show empty."""


def is_match(sent: Row, row: Row) -> bool:
    """Return True if a listed row has every field that was sent and that the service shows."""
    shared = (sent.keys() & row.keys()) - NOT_COMPARED
    return bool(shared & _NAMING) and all(
        _normal(name, sent[name]) == _normal(name, row[name]) for name in shared
    )


def is_similar(sent: Row, row: Row) -> bool:
    """Return True if a listed row has the same name and url: it may be the one that was sent."""
    return is_match({name: value for name, value in sent.items() if name in _NAMING}, row)


def _normal(name: str, value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    if value is None:
        return ""
    text = str(int(value)) if isinstance(value, bool) else str(value)
    text = text.replace("\r\n", "\n").strip()
    return f"http://{text}" if name == "url" and "://" not in text else text


@frozen
class Match:
    """The rows found for several specs.

    `rows` are in the order of the specs, with None where there is none. `doubtful` holds the
    indexes of specs without a row that may be there in another spelling. `spare` is True if a row
    is left over that might be one of them.
    """

    rows: list[dict[str, Any] | None]
    doubtful: frozenset[int]
    spare: bool

    @property
    def count(self) -> int:
        """The number of specs with a row."""
        return sum(row is not None for row in self.rows)


def match(sent: Iterable[Row], rows: Iterable[dict[str, Any]]) -> Match:
    """Match specs with new rows of the list, in order of ids, each row once."""
    specs, free = [{"name": ""} | dict(spec) for spec in sent], _by_url(rows)
    found: list[dict[str, Any] | None] = []
    for spec in specs:
        near = free.get(_url(spec), []) + free.get("", [])
        row = next((row for row in near if is_match(spec, row)), None)
        if row is not None:
            free[_url(row)].remove(row)
        found.append(row)
    similar = [
        index
        for index, spec in enumerate(specs)
        for row in free.get(_url(spec), []) + free.get("", [])
        if is_similar(spec, row)
    ]
    doubtful = frozenset(index for index in similar if found[index] is None)
    return Match(found, doubtful, spare=bool(similar))


def _url(row: Row) -> str:
    return _normal("url", row.get("url"))


def _by_url(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return rows by url, in order of ids. Rows that show no url stand under an empty one."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: int(row["id"])):
        found.setdefault(_url(row), []).append(row)
    return found


def new_rows(
    rows: Iterable[dict[str, Any]], target: str, memory: Memory, epoch: int
) -> list[dict[str, Any]]:
    """Return the rows that were not there before an epoch, and that no other create made."""
    return [
        row
        for row in rows
        if (numbers := ids_of(row)) and not memory.is_older(target, numbers[0], epoch)
    ]


def lookup_keys(function: str, sent: Row) -> frozenset[tuple[str, ...]]:
    """Return the keys under which a lookup would find a create.

    A lookup cannot tell two creates apart that share a key. A run without a time has none, since no
    lookup finds it.
    """
    specs = sent.get("data") if function == "cron.batch_add" else [sent]
    kind = "run" if function == "cron.run" else str(target_of(function))
    if kind == "run" and "time" not in sent:
        return frozenset()
    keys = ("id", "time") if kind == "run" else ("url", "name")
    rows = [spec for spec in specs if isinstance(spec, dict)] if isinstance(specs, list) else []
    return frozenset((kind, *(_normal(key, spec.get(key)) for key in keys)) for spec in rows)
