"""The one writer of results to stdout, in each format."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import compress
from shutil import get_terminal_size
from typing import Any

import click

from cronapi.cli.frame.common import Common
from cronapi.cli.frame.escape import escaped
from cronapi.cli.frame.json_line import json_document, json_line
from cronapi.cli.frame.words import counted
from cronapi.cli.show.cells import as_cell, as_table_cell, for_spreadsheet
from cronapi.cli.show.columns import RAW, Kind, chosen
from cronapi.cli.show.masking import masked
from cronapi.cli.show.members import members_of
from cronapi.cli.show.tables import fields, table

Members = Mapping[str, Any]
_READ_BACK = frozenset({"csv", "json", "ndjson"})
"""The formats of which `cron add --from` makes jobs again."""


class Printer:
    """Writes results as the common options say."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self.output: str = common.output or ("table" if sys.stdout.isatty() else "tsv")
        self._times: str = common.time_format or ("local" if self.output == "table" else "utc")
        self._color = _color(common.color, os.environ)
        self._masked = 0

    @property
    def is_json(self) -> bool:
        """Return True if results are JSON in any form."""
        return self.output in {"json", "ndjson"}

    def check(self, kind: Kind) -> Sequence[str]:
        """Return the columns of a kind. A format that it cannot have is a usage error."""
        if self.output == "ids" and not kind.identifies:
            raise click.BadParameter(f"{kind.plural} have no ids.", param_hint="--output")
        if self.output == "ids" and self._common.fields is not None:
            raise click.BadParameter("ids have no other fields.", param_hint="--fields")
        if self._common.spreadsheet and self.output not in {"csv", "tsv"}:
            raise click.BadParameter("give it with -o csv or tsv.", param_hint="--spreadsheet")
        return chosen(kind, self._common.fields)

    def members(self, value: object) -> dict[str, Any]:
        """Return the members of a result, without secrets unless they are to be shown."""
        members = members_of(value)
        return members if self._common.show_secrets else masked(members)

    def tell_masked(self) -> None:
        """Tell of values that are missed when what was written is read back. To be called once."""
        count = self._masked
        if count and self.output in _READ_BACK and not self._common.quiet:
            are = "is" if count == 1 else "are"
            told = f"{counted(count, 'value')} {are} masked; --show-secrets writes them."
            click.echo(told, err=True)

    def one(self, value: object, kind: Kind) -> None:
        """Write one thing: an object, or a line for each of its members."""
        if self.output in {"csv", "tsv", "ids"}:
            self.many([value], kind)
            return
        members = self.row(value, kind)
        if self.is_json:
            self._echo(json_document(members) if self.output == "json" else json_line(members))
        else:
            cells = ((n, as_table_cell(n, v, self._times)) for n, v in members.items())
            self._echo_all(fields([pair for pair in cells if pair[1]], self._width))

    def many(self, values: Iterable[object], kind: Kind) -> None:
        """Write a list."""
        columns, values = self.check(kind), list(values)
        rows = [self._row(value, columns) for value in values]
        if self.output == "json":
            self._echo(json_document(rows))
        elif self.output == "table":
            self._table(rows, list(columns) or _all_names(rows))
        elif self.output == "csv":
            self._csv(rows, columns)
        else:
            self._begin(columns or _all_names(rows))
            for row in rows:
                self._line(row, columns or _all_names(rows))

    async def stream(self, values: AsyncIterator[object], kind: Kind) -> int:
        """Write a list as it arrives, where the format has lines. Return its length."""
        columns = self.check(kind)
        if self.output not in {"ndjson", "tsv", "ids"}:
            everything = [value async for value in values]
            self.many(everything, kind)
            return len(everything)
        count = 0
        async for value in values:
            if count == 0:
                self._begin(columns)
            self._line(self._row(value, columns), columns)
            count += 1
        if count == 0:  # a heading alone; after an error there is not even that
            self._begin(columns)
        return count

    def text(self, text: str) -> None:
        """Write a text as it is, but to no terminal."""
        if sys.stdout.isatty():
            self._echo_all(escaped(line) for line in text.splitlines())
        else:
            click.echo(text, nl=False, color=True)

    def document(self, value: object) -> None:
        """Write a value that has no columns as JSON, on one line where the format has lines."""
        self._echo(json_line(value) if self.output == "ndjson" else json_document(value))

    def raw(self, value: object) -> None:
        """Write data of a shape that nobody knows: as JSON, unless another format is asked for."""
        if self._common.output not in {None, "json", "ndjson"}:
            rows = value if isinstance(value, list) else [value]
            self.many([one if isinstance(one, dict) else {"value": one} for one in rows], RAW)
            return
        self.document(list(map(self._raw, value)) if isinstance(value, list) else self._raw(value))

    def _raw(self, value: object) -> object:
        return self.row(value, RAW) if isinstance(value, dict) else value

    def row(self, value: object, kind: Kind) -> dict[str, Any]:
        """Return the members of a result that are to be shown."""
        return self._row(value, self.check(kind))

    def _row(self, value: object, columns: Sequence[str]) -> dict[str, Any]:
        members, shown = members_of(value), self.members(value)
        if self._common.fields is not None:
            shown = {name: shown.get(name) for name in columns}
        self._masked += sum(shown[name] != members.get(name) for name in shown)
        return shown

    def _begin(self, columns: Sequence[str]) -> None:
        if self.output == "tsv":
            self._echo("\t".join(columns))

    def _line(self, row: Members, columns: Sequence[str]) -> None:
        if self.output == "ndjson":
            self._echo(json_line(row))
        elif self.output == "ids":
            self._echo(str(row.get("id", "")))
        else:
            cells = (as_cell(name, row.get(name), self._times) for name in columns)
            self._echo("\t".join(escaped(self._safe(cell)) for cell in cells))

    def _csv(self, rows: Sequence[Members], columns: Sequence[str]) -> None:
        """Write values as they are, so that they can be read back: all members that a row has."""
        names = columns if self._common.fields is not None else _all_names(rows) or columns
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            cells = (as_cell(name, row.get(name), self._times) for name in names)
            writer.writerow([self._safe(cell) for cell in cells])
        click.echo(text.getvalue(), nl=False, color=True)  # as it is: click takes escapes out

    def _safe(self, cell: str) -> str:
        return for_spreadsheet(cell) if self._common.spreadsheet else cell

    def _table(self, rows: Sequence[Members], names: Sequence[str]) -> None:
        """Write a table. A usual column that is empty in all rows is left out."""
        cells = [self._table_cells(row, names) for row in rows]
        filled = [any(column) for column in zip(*cells, strict=True)]
        if self._common.fields is None and any(filled):
            names = list(compress(names, filled))
            cells = [list(compress(row, filled)) for row in cells]
        if rows:
            self._echo_all(table(names, cells, self._width))

    def _table_cells(self, row: Members, names: Sequence[str]) -> list[str]:
        return [as_table_cell(name, row.get(name), self._times) for name in names]

    @property
    def _width(self) -> int:
        return get_terminal_size().columns

    def _echo_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._echo(line)

    def _echo(self, line: str) -> None:
        click.echo(line, color=self._color)


def _all_names(rows: Iterable[Members]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _color(chosen: str | None, environ: Mapping[str, str]) -> bool | None:
    """Return True or False where colors are decided, and None where a terminal decides."""
    if chosen in {"always", "never"}:
        return chosen == "always"
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return True if environ.get("FORCE_COLOR") else None
