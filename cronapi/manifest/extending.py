"""The file of a manifest with the tables of an adoption, and nothing else changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import input_error, setting_error
from cronapi.manifest.exporting import UNMANAGED, Export
from cronapi.manifest.fields import HEADERS
from cronapi.manifest.format import may_clear
from cronapi.manifest.locking import changing
from cronapi.manifest.reading import parsed, source_of
from cronapi.manifest.tree import Leaf, Node, Table, data_of, texts
from cronapi.manifest.variables import names_in, plain_text, without_variables
from cronapi.manifest.wanted import Wanted
from cronapi.manifest.writing import replace_file, with_tables


@attrs.define
class Extended:
    """A file with the tables of an adoption. `wanted` is what it was before.

    `names` are those that the jobs had at the service, and `ask` reads them again.
    """

    path: Path
    export: Export
    wanted: Wanted
    names: Mapping[int, str]
    ask: Callable[[Collection[int]], Awaitable[Mapping[int, str]]] = attrs.field(repr=False)
    _text: str = attrs.field(default="", init=False, repr=False)
    _root: Table = attrs.field(init=False, repr=False)
    _bound: set[int] = attrs.field(factory=set, init=False)
    _written: str = attrs.field(default="", init=False, repr=False)

    async def write(self, bound: set[int]) -> None:
        """Add the tables to all that is in the file now, with the ids of jobs without their names.

        ConfigurationError if one of the variables stands for another value in it meanwhile, or if
        one of the jobs has got a table or is gone. An error of the service if it cannot be asked.
        Nobody waits for the service: the folder is free while it is asked.
        """
        asked: set[str] = set()
        while True:
            async with changing(self.path):
                self._root = parsed(source_of(self.path))
                self._text = self.path.read_bytes().decode()
                self._check_variables()
                alike = self._alike()
                if alike <= asked:
                    self._bound, self._written = bound, self._extended(bound)
                    replace_file(self.path, self._written)
                    return
            await self._check_names(alike)
            asked |= alike

    def _check_variables(self) -> None:
        used = {name for text in texts(self._root) for name in names_in(text)}
        used |= _members(self._root, "vars").keys()
        if names := sorted((self.export.environ.keys() - self.wanted.environ.keys()) & used):
            raise self._changed(f"the variable {names[0]}")

    def _alike(self) -> set[str]:
        """Return the names of new tables that may be of one of the jobs, since they have its URL.

        ConfigurationError if one has the id of such a job: another adoption has written it.
        """
        ids = set(map(str, self.export.ids.values()))
        urls = {without_variables(str(one.values.get("url"))) for one in self.export.tables}
        alike = set()
        for name, values in self._new_tables():
            if str(values.get("id")) in ids:
                raise self._changed(f"a table of job {values['id']}")
            if without_variables(str(values.get("url"))) in urls:
                alike.add(name)
        return alike

    async def _check_names(self, alike: Collection[str]) -> None:
        """Raise ConfigurationError if a table without an id is of one of the jobs.

        That job has got the name of its table by now.
        """
        ids = self.export.ids.values()
        now = await self.ask(ids)
        for number in ids:
            if number not in now:
                raise setting_error(
                    f"Job {number} is no longer at the service. Nothing was written or sent. Give "
                    "the command again without it."
                )
            if now[number] != self.names[number] or self.names[number] in alike:
                raise self._changed(f"a table of job {number}")

    def _new_tables(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        before = {job.name for job in self.wanted.jobs}
        for written, job in _members(self._root, "job").items():
            name, values = plain_text(written) or written, data_of(job)
            if name not in before and isinstance(values, Mapping):
                yield name, values

    def _changed(self, what: str) -> ConfigurationError:
        return setting_error(
            f"{self.path} has got {what} meanwhile. Nothing was written or sent. Give the same "
            "command again, which reads the file anew."
        )

    async def unbind(self, left: Collection[int]) -> None:
        """Take out the ids of all jobs but those that are left, if the file is as it was written.

        They do no harm, so a file that cannot be written now keeps them.
        """
        if self._bound <= set(left):
            return
        with suppress(ConfigurationError, OSError):
            async with changing(self.path):
                if self.path.read_bytes() == self._written.encode():
                    replace_file(self.path, self._extended(self._bound & set(left)))

    def _extended(self, bound: Collection[int]) -> str:
        """Return the file with the tables. Defaults of an export go into each: the file has others.

        ConfigurationError if one of the jobs cannot be a table.
        """
        export = self.export
        if export.skipped:
            raise input_error("; ".join(export.skipped))
        base = data_of(self._root.members.get("defaults"))
        tables = []
        for one in export.tables:
            number = export.ids[one.name]
            values = {"id": number, **one.values} if number in bound else one.values
            own = _against(base if isinstance(base, Mapping) else {}, {**export.defaults, **values})
            tables.append(attrs.evolve(one, values=own))
        return with_tables(self._text, tables) if tables else self._text


def _members(root: Table, key: str) -> Mapping[str, Node]:
    node = root.members.get(key)
    return {} if node is None or isinstance(node, Leaf) else node.members


def _against(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a table under defaults, so that the job has its own and no others."""
    table = {key: value for key, value in values.items() if defaults.get(key) != value}
    if defaults.get("enabled") is False and "enabled" not in values:
        table["enabled"] = True
    headers = table.get(HEADERS)
    if isinstance(headers, Mapping) and HEADERS in defaults:  # tables would be merged
        table[HEADERS] = "\r\n".join(f"{name}: {value}" for name, value in headers.items())
    unmanaged = values.get(UNMANAGED, ())
    absent = [key for key in defaults if key not in values and key not in unmanaged]
    if clear := [key for key in absent if may_clear(key)]:
        table["clear"] = clear
    return table
