"""Keep jobs that are about to be deleted in a file, as a manifest that makes them again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from os import PathLike
from pathlib import Path

import attrs

from cronapi._calls.spelling import normal
from cronapi.errors.concerns import input_error
from cronapi.manifest.compare import Row, id_of, name_of
from cronapi.manifest.exporting import UNMANAGED, Export, export_rows
from cronapi.manifest.identity import LOOKALIKE
from cronapi.manifest.wanted import Scope
from cronapi.manifest.writing import (
    check_new,
    export_text,
    hidden_comment,
    replace_file,
    write_private,
)
from cronapi.providers import Provider

_USE = (
    "These jobs were deleted. `cronapi apply -f` with this file alone makes them again.",
    "They get new ids. No other job is touched, unless it has got one of these names since.",
    "A twin is not made again while the other job has its name, or a simpler form of it.",
    "Put the tables into your manifest too: else its next apply with --prune deletes them again.",
)


@attrs.define
class Undo:
    """The undo file of one apply. Secrets are variables in it, and their values are nowhere.

    `owned` are the jobs in the scope, before any was deleted.
    """

    path: Path
    scope: Scope
    provider: Provider
    owned: Sequence[Row] = attrs.field(default=(), repr=False)
    known: Mapping[str, str] = attrs.field(factory=dict, repr=lambda _: "***")
    _rows: list[Row] = attrs.field(factory=list, repr=False)

    def __call__(self, rows: Sequence[Row]) -> None:
        """Add jobs, or none of them.

        ConfigurationError if one cannot be kept as it is, if the file was there before, or if it
        cannot be written.
        """
        text = self.text([*self._rows, *rows])
        if self._rows:
            replace_file(self.path, text)
        else:
            write_private(self.path, text)
        self._rows += rows

    def text(self, rows: Sequence[Row]) -> str:
        """Return the manifest of jobs. It has a table of each, with all that the service shows.

        ConfigurationError if a job has no such table: it could not be made again.
        """
        export = export_rows(
            rows,
            self.provider,
            with_group=self.scope.group is None,
            names=self._names(rows),
            known=self.known,
        )
        if lost := _lost(export):
            raise input_error(
                f"{self.path} cannot keep all that is to be deleted: {'; '.join(lost)}. None of "
                "these jobs was deleted. Correct each at the service, delete it there, or name it "
                "in `keep` of the manifest. Then give the same command again."
            )
        # What is kept is neither deleted by this file nor listed in its plans.
        scope = self.scope.owner | {"keep": ["*"]}
        comments = [*_USE, *hidden_comment(export)]
        if export.variables:
            comments.append(f"Set these variables first: {', '.join(export.variables)}.")
        return export_text(_beside_others(export), scope, self.provider.name, comments=comments)

    def _names(self, rows: Sequence[Row]) -> dict[int, str]:
        """Return the name of each table. Of several jobs of one name, all but one get their ids.

        So does one whose table would be about a job that stays, under another form of its name.
        """
        own, names = {name_of(row) for row in rows}, dict[str, int]()
        deleted = set(map(id_of, rows))
        stay = {name_of(row) for row in self.owned if id_of(row) not in deleted}
        forms = {normal("name", name) for name in stay}
        for row in sorted(rows, key=id_of):
            name = name_of(row) or f"{self.scope.prefix or ''}without a name ({id_of(row)})"
            while (
                name in names
                or (name != name_of(row) and name in own)
                or (name not in stay and normal("name", name) in forms)
            ):
                name = f"{name} ({id_of(row)})"
            names[name] = id_of(row)
        return {number: name for name, number in names.items()}


def _lost(export: Export) -> list[str]:
    """Return what a manifest of an export would lose: jobs, and values that no file can have.

    A value itself is not shown, since it may be a secret.
    """
    values = [
        f"the {key} of job {export.ids[one.name]} can stand in no manifest"
        for one in export.tables
        for key in one.values.get(UNMANAGED, ())
    ]
    return [*(one.removesuffix(".") for one in export.skipped), *values]


def _beside_others(export: Export) -> Export:
    """Let tables make jobs beside those that look like them, such as a twin of another name."""
    tables = [
        attrs.evolve(one, values={"allow": [LOOKALIKE], **one.values}) for one in export.tables
    ]
    return attrs.evolve(export, tables=tuple(tables))


def next_undo(path: str | PathLike[str]) -> Path:
    """Return the path of an undo file, with the first number that makes it a new one if need be."""
    given = Path(path)
    numbered = (given.with_stem(f"{given.stem}-{number}") for number in count(2))
    return next(one for one in chain([given], numbered) if not one.exists())


def undo_of(
    path: str | PathLike[str] | None,
    scope: Scope,
    provider: Provider,
    owned: Sequence[Row],
    known: Mapping[str, str] | None = None,
) -> Callable[[Sequence[Row]], None] | None:
    """Return what keeps jobs in a file, or None without a path.

    Raises ConfigurationError if the file cannot be written.
    """
    if path is None:
        return None
    check_new(path)
    undo = Undo(Path(path), scope, provider, owned, known or {})
    undo.text(())
    return undo
