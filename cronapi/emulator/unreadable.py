"""Rows of a state that cannot be read. They stay as they are, and no question finds them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    import sqlite3

# The kind, the provider, the account and the id of a document.
Place = tuple[str, str, str, int]
FaultOf = Callable[[Place, dict[str, Any]], str | None]

_HIDDEN = """
CREATE TEMP TABLE IF NOT EXISTS hidden (
    kind, provider, account, id, PRIMARY KEY (kind, provider, account, id)
)
"""
_ALL = "CREATE TEMP VIEW readable AS SELECT * FROM main.documents"
_SOME = """
CREATE TEMP VIEW readable AS SELECT * FROM main.documents AS d WHERE NOT EXISTS (
    SELECT 1 FROM temp.hidden AS h WHERE h.kind = d.kind AND h.provider = d.provider
    AND h.account = d.account AND h.id = d.id
)
"""


@frozen
class Unreadable:
    """A row that cannot be read: its place, and what is wrong with it without its values."""

    place: Place
    fault: str

    def __str__(self) -> str:
        """Return a line for a person, such as `job 100001 of fastcron: it is no JSON`."""
        return f"{self.place[0]} {self.place[3]} of {self.place[1]}: {self.fault}"

    def as_json(self) -> dict[str, object]:
        """Return the row by its kind, provider and id, and its fault. An odd id becomes a text."""
        kind, provider, _, number = self.place
        known = number if type(number) is int else str(number)
        return {"kind": str(kind), "provider": str(provider), "id": known, "fault": self.fault}


def unreadable_rows(
    connection: sqlite3.Connection, fault_of: FaultOf | None = None
) -> list[Unreadable]:
    """Return the rows that are no JSON objects, and those in which `fault_of` finds a fault."""
    rows = connection.execute(
        "SELECT kind, provider, account, id, typeof(id), typeof(body), CAST(body AS BLOB)"
        " FROM main.documents ORDER BY kind, provider, account, id"
    )
    found = []
    for *place, type_of_id, type_of_body, body in rows:
        named: Place = (place[0], place[1], place[2], place[3])
        if type_of_id != "integer":
            fault: str | None = "its id is no number"
        elif type_of_body != "text":
            fault = "it is no text"
        else:
            fault = _fault_of_text(named, body, fault_of)
        if fault is not None:
            found.append(Unreadable(named, fault))
    return found


def hide(connection: sqlite3.Connection, rows: list[Unreadable]) -> None:
    """Leave these rows, and no others, out of the view `readable`."""
    connection.execute(_HIDDEN)
    connection.execute("DELETE FROM temp.hidden")
    connection.executemany("INSERT INTO temp.hidden VALUES (?, ?, ?, ?)", [r.place for r in rows])
    connection.execute("DROP VIEW IF EXISTS temp.readable")
    # Most states have no such row, and then the view costs nothing.
    connection.execute(_SOME if rows else _ALL)


def _fault_of_text(place: Place, body: bytes, fault_of: FaultOf | None) -> str | None:
    try:
        document = json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return "it is no JSON"
    if not isinstance(document, dict):
        return "it is no JSON object"
    return fault_of(place, document) if fault_of else None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
