"""Describe listed jobs as tables of a manifest, with variables in the place of secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import attrs

from cronapi._names import wire_name
from cronapi.manifest.compare import Row, id_of, name_of, shown_of
from cronapi.manifest.fields import HEADERS
from cronapi.manifest.format import PARAMETERS
from cronapi.manifest.masking import LEAST_SECRET, is_secret_name, secret_parts
from cronapi.manifest.shown_values import fault_of, no_table, plain_value
from cronapi.manifest.switching import runs
from cronapi.manifest.variables import escaped
from cronapi.models import JobStatus
from cronapi.providers import Provider

Secrets = Literal["placeholder", "plain"]
LISTS = ("second", "minute", "hour", "day", "month", "weekday")
ENABLED = "enabled"
UNMANAGED = "unmanaged"
_OWN = frozenset({ENABLED, UNMANAGED, "url", "expression", "post_data", HEADERS, *LISTS})
"""Keys that are no defaults, even if all jobs have the same value."""
_WORD = re.compile(r"[^A-Za-z0-9]+")


@attrs.frozen
class Table:
    """A job as a table: its name, its values by their keys, and comments."""

    name: str
    values: Mapping[str, Any] = attrs.field(repr=lambda _: "***")
    comments: tuple[str, ...] = ()


@attrs.frozen
class Export:
    """Jobs as tables, what they have in common, and the values of their variables.

    `skipped` says of each job that is no table why that is so, and `skipped_ids` are their ids.
    `ids` are those of the others. `variables` are all that the tables use, known ones too.
    `hidden` are the parameters that the service does not show of all of them.
    """

    tables: tuple[Table, ...]
    defaults: Mapping[str, Any]
    environ: Mapping[str, str] = attrs.field(repr=lambda _: "***")
    skipped: tuple[str, ...]
    ids: Mapping[str, int]
    hidden: tuple[str, ...] = ()
    skipped_ids: tuple[int, ...] = ()
    variables: tuple[str, ...] = ()


def export_rows(
    rows: Sequence[Row],
    provider: Provider,
    *,
    with_group: bool,
    secrets: Secrets = "placeholder",
    names: Mapping[int, str] | None = None,
    known: Mapping[str, str] | None = None,
) -> Export:
    """Return jobs as tables, in order of their ids. The same jobs make the same tables.

    `names` are other names for some, by their ids. `with_group` writes the ids of groups. A name
    stands for the job of the lowest id that has it. `known` are the variables of a file.
    Their values are secret wherever they stand, and a table takes them for those values.
    """
    exporter = _Exporter(provider, with_group, secrets, known or {})
    taken: dict[str, int] = {}
    for row in sorted(rows, key=id_of):
        name = (names or {}).get(id_of(row)) or name_of(row)
        if reason := no_table(name, row, provider):
            exporter.skipped.append(f"job {id_of(row)} {reason}")
        elif name in taken:
            first = taken[name]
            exporter.skipped.append(f"job {id_of(row)} had the name of job {first}: {name!r}.")
        else:
            taken[name] = id_of(row)
            exporter.add(name, row)
    tables, defaults = _with_defaults(exporter.tables)
    hidden, skipped = _hidden(rows, provider), tuple(exporter.skipped)
    left = tuple(sorted({id_of(row) for row in rows} - set(taken.values())))
    environ, used = exporter.environ, tuple(exporter.used)
    return Export(tuple(tables), defaults, environ, skipped, taken, hidden, left, used)


def _hidden(rows: Sequence[Row], provider: Provider) -> tuple[str, ...]:
    """Return the parameters that a service hides, if nothing is known of some job."""
    return tuple(
        name
        for name in sorted(provider.hides)
        if any(shown_of(wire_name(name), row) in (None, "") for row in rows)
    )


class _Exporter:
    def __init__(
        self,
        provider: Provider,
        with_group: bool,
        secrets: Secrets,
        known: Mapping[str, str],
    ) -> None:
        self.tables: list[Table] = []
        self.skipped: list[str] = []
        self.environ: dict[str, str] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._names = {
            value: name for name, value in sorted(known.items()) if len(value) >= LEAST_SECRET
        }
        longest_first = sorted(self._names, key=len, reverse=True)
        # The lookahead finds values that overlap, too.
        self._secret = re.compile(f"(?=({'|'.join(map(re.escape, longest_first)) or '(?!)'}))")
        self._known = known.keys()
        self.used: dict[str, None] = {}
        self._provider = provider
        self._with_group = with_group
        self._secrets = secrets

    def add(self, name: str, row: Row) -> None:
        values: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for key in PARAMETERS:
            shown = row.get(wire_name(key))
            if shown in (None, "") or (key == "group" and not self._with_group):
                continue
            if fault := fault_of(key, shown, self._provider):
                faults[key] = fault
            else:
                values[key] = self._value(name, key, plain_value(key, shown, self._provider))
        if any(key in values for key in LISTS):
            values.pop("expression", None)  # it would replace the lists
        values |= _switch(row) | ({UNMANAGED: list(faults)} if faults else {})
        self.tables.append(Table(name, values, (*_comments(row), *faults.values())))

    def _value(self, name: str, key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {one: self._hidden(name, f"{key}.{one}", text) for one, text in value.items()}
        if key == HEADERS:
            return self._variable(name, key, value) if self._is_hiding else escaped(value)
        return self._hidden(name, key, value) if isinstance(value, str) else value

    @property
    def _is_hiding(self) -> bool:
        return self._secrets == "placeholder"

    def _hidden(self, name: str, field: str, value: str) -> str:
        """Return a text as it stands in the file: with variables for what is secret in it."""
        if not self._is_hiding or not value:
            return escaped(value)
        if is_secret_name(field):
            return self._variable(name, field, value)
        parts, at = list[str](), 0
        spans = [found.span(1) for found in self._secret.finditer(value)]
        for start, stop in _merged([*secret_parts(field, value), *spans]):
            parts += [escaped(value[at:start]), self._variable(name, field, value[start:stop])]
            at = stop
        return "".join([*parts, escaped(value[at:])])

    def _variable(self, name: str, field: str, value: str) -> str:
        """Return a variable for a secret: that of the file, or one wherever a field has it."""
        key = self._names.get(value)
        if key is None:
            place = (field.lower(), value)
            key = self._keys.get(place) or self._new_key(name, field, value)
            self._keys[place] = key
        self.used[key] = None
        return f"${{{key}}}"

    def _new_key(self, name: str, field: str, value: str) -> str:
        words = _WORD.sub("_", f"{name}_{field.removeprefix(HEADERS + '.')}").strip("_").upper()
        key = base = words if words[:1].isalpha() else f"JOB_{words}"
        number = 2
        while key in self._known or self.environ.get(key, value) != value:
            key, number = f"{base}_{number}", number + 1
        self.environ[key] = value
        return key


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, with those that overlap as one: else the end of a secret is left."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return merged


def _switch(row: Row) -> dict[str, Any]:
    """Return the switch of a job. Nothing is said of one that the service stopped or calls failed.

    It may run on, and a plan would disable it.
    """
    status = row.get("status")
    if status is None or int(status) not in (JobStatus.ACTIVE, JobStatus.DISABLED):
        return {}
    return {ENABLED: int(status) == JobStatus.ACTIVE}


def _comments(row: Row) -> tuple[str, ...]:
    status = row.get("status")
    if status in (None, 0, 1, "0", "1"):
        return ()
    if str(status) == str(JobStatus.FAILED.value):
        ends = "runs on" if runs(row) else "runs no more"
        return (f"it has failed too many times in a row (status {status}), and {ends}",)
    return (f"the service has stopped it (status {status})",)


def _with_defaults(tables: Sequence[Table]) -> tuple[list[Table], dict[str, Any]]:
    """Return the tables without the values that all of them share, and those values."""
    if len(tables) < 2:  # noqa: PLR2004 -- nothing is shared by one
        return list(tables), {}
    first = tables[0].values
    shared = {
        key: value
        for key, value in first.items()
        if key not in _OWN and _is_shared(key, value, tables)
    } | _runs(tables)
    return [
        attrs.evolve(
            table,
            values={key: one for key, one in table.values.items() if shared.get(key, _NO) != one},
        )
        for table in tables
    ], shared


def _runs(tables: Sequence[Table]) -> dict[str, Any]:
    """Return the default that jobs run, if all say if they do, and some do.

    That they do not is never a default: a table that is added by hand would get it in silence.
    """
    says = {table.values.get(ENABLED) for table in tables}
    return {ENABLED: True} if True in says and None not in says else {}


_NO = object()


def _is_shared(key: str, value: object, tables: Iterable[Table]) -> bool:
    return all(key in one.values and one.values[key] == value for one in tables)
