"""Find the jobs that may be a wanted one, without a look at each job for each table.

An index gives a few jobs more than it should, and never one less. `compare` decides then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from cronapi._calls.matching import NOT_COMPARED
from cronapi._calls.spelling import normal
from cronapi.manifest.compare import SELDOM_SHOWN, Answer, Row, compare, id_of, name_of, shown_of
from cronapi.manifest.respelling import UrlIndex, name_keys, shown_name_keys
from cronapi.manifest.schedules import comparison_key

_NAMING = frozenset({"name", "url"})
_Rows = dict[int, Row]
_Seen = str | None
"""A value in normal form. None if no wanted value differs from it."""


class Similar:
    """Jobs in order of ids, by the URLs that they show."""

    def __init__(self, rows: Sequence[Row], wires: Mapping[str, Row], longest_url: int) -> None:
        fields = {name for wire in wires.values() for name in wire} - _NAMING - NOT_COMPARED
        by_url: dict[str | None, list[Row]] = {}
        for row in rows:
            shown = shown_of("url", row)
            by_url.setdefault(None if shown is None else str(shown), []).append(row)
        self._groups = {url: SameUrl(some, sorted(fields)) for url, some in by_url.items()}
        self._urls = UrlIndex([url for url in by_url if url is not None], longest_url)
        self._longest_url = longest_url
        self._found: dict[object, list[SameUrl]] = {}

    def of_url(self, wanted: object) -> list[SameUrl]:
        """Return the jobs that may have a wanted URL."""
        if wanted not in self._found:
            self._found[wanted] = [
                self._groups[url]
                for url in (None, *self._urls.may_show(str(wanted or "")))
                if url in self._groups and self._may_be(wanted, url)
            ]
        return self._found[wanted]

    def _may_be(self, wanted: object, url: str | None) -> bool:
        answer = compare("url", wanted, {"url": url}, longest_url=self._longest_url)
        return answer is not Answer.DIFFERS

    @property
    def groups(self) -> list[SameUrl]:
        """All jobs."""
        return list(self._groups.values())


class Names:
    """Jobs by their names, and by all that a service may have made them of."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._found: dict[tuple[str, str], dict[int, Row]] = {}
        for row in rows:
            for key in shown_name_keys(name_of(row), id_of(row)):
                self._found.setdefault(key, {})[id_of(row)] = row

    def of(self, name: str) -> dict[int, Row]:
        """Return the jobs that a service may show for this name, and others."""
        found: dict[int, Row] = {}
        for key in name_keys(name):
            found |= self._found.get(key, {})
        return found


class SameUrl:
    """Jobs of one URL in order of ids, by their names and by the values of some fields."""

    def __init__(self, rows: Sequence[Row], fields: Sequence[str]) -> None:
        self.rows: dict[int, Row] = {id_of(row): row for row in rows}
        self._in_order = rows
        self._fields = fields
        self._start = 0
        self._found: dict[tuple[tuple[str, str], ...], dict[int, Row]] = {}

    def first(self, taken: Collection[int]) -> Row | None:
        """Return the first job that is not taken. `taken` must only grow."""
        while self._start < len(self._in_order) and id_of(self._in_order[self._start]) in taken:
            self._start += 1
        return self._in_order[self._start] if self._start < len(self._in_order) else None

    def named(self, name: str) -> dict[int, Row]:
        """Return the jobs that a service may show for this name, and others."""
        return self._names.of(name)

    @cached_property
    def _names(self) -> Names:
        return Names(self._in_order)

    def agreeing(self, wire: Row, fields: Iterable[str]) -> dict[int, Row]:
        """Return the jobs that differ in none of these fields from a wanted one."""
        asked = [name for name in fields if name in self._indexes]
        key = tuple((name, normal(name, wire[name])) for name in asked)
        if key not in self._found:
            found: dict[int, Row] = {}
            for rows in self._nearest(wire, asked):
                if all(self._agrees(name, wire, rows) for name in asked):
                    found |= rows
            self._found[key] = found
        return self._found[key]

    @staticmethod
    def _agrees(name: str, wire: Row, equal: _Rows) -> bool:
        one = next(iter(equal.values()))
        return compare(name, wire[name], one) is not Answer.DIFFERS

    def _nearest(self, wire: Row, fields: Iterable[str]) -> list[_Rows]:
        """Return the jobs that agree in the field in which the fewest do."""
        nearest = list(self._equal.values())
        for name in fields:
            index, wanted = self._indexes[name], _key(name, normal(name, wire[name]))
            some = [*index.get(wanted, ()), *index.get(None, ())]
            if len(some) < len(nearest):
                nearest = some
        return nearest

    @cached_property
    def _equal(self) -> dict[tuple[_Seen, ...], _Rows]:
        """The jobs that are equal in all fields, by their values."""
        found: dict[tuple[_Seen, ...], _Rows] = {}
        for row in self._in_order:
            values = tuple(_seen(name, row) for name in self._fields)
            found.setdefault(values, {})[id_of(row)] = row
        return found

    @cached_property
    def _indexes(self) -> dict[str, dict[_Seen, list[_Rows]]]:
        """For each field that some job shows, the jobs by their values."""
        found: dict[str, dict[_Seen, list[_Rows]]] = {}
        for at, name in enumerate(self._fields):
            index: dict[_Seen, list[_Rows]] = {}
            for values, rows in self._equal.items():
                seen = values[at]
                index.setdefault(None if seen is None else _key(name, seen), []).append(rows)
            if index.keys() - {None}:
                found[name] = index
        return found


def _seen(name: str, row: Row) -> _Seen:
    shown = shown_of(name, row)
    form = None if shown is None else normal(name, shown)
    return None if not form and name in SELDOM_SHOWN else form


def _key(name: str, form: str) -> str:
    return comparison_key(form) if name == "expression" else form
