"""The journal of a cutover: the jobs of both sides, and how far each has come.

Two facts cannot be read from the accounts afterwards: the jobs that ran at the old service, and
those that the cutover disabled. They are noted before the request. The file has ids and names, and
no value of a job.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar

import anyio
import attrs
from anyio import to_thread

from cronapi.bulk.append_only_file import AppendOnlyFile
from cronapi.bulk.fingerprint import salted_hash
from cronapi.bulk.journal_format import line_of, record_of
from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import setting_error

T = TypeVar("T")

_KIND, _VERSION = "cutover", 1
_START = b'{"cronapi":"cutover"'


@attrs.frozen
class Entry:
    """A job at the old service: its id there, its name at both, and if it ran at the beginning."""

    id: int
    name: str
    ran: bool


@attrs.frozen(kw_only=True)
class Beginning:
    """Both accounts when the cutover began.

    `route` names both services, and the group at the new one. `there` are the ids of jobs in that
    group that have a name of a moved one, and `newest` is the greatest id of the new account.
    """

    route: tuple[str, str, str]
    there: frozenset[int]
    newest: int
    entries: tuple[Entry, ...]


@attrs.define
class Moves:
    """The journal, held by one process. `begun` is None until the cutover has begun."""

    _file: AppendOnlyFile
    _tokens: tuple[str | None, str | None] = attrs.field(repr=False)
    begun: Beginning | None = None
    sent: set[int] = attrs.field(factory=set, init=False)
    """Ids at the old service. Their jobs may have been made at the new one."""
    made: dict[int, int] = attrs.field(factory=dict, init=False)
    """The ids of both services, of jobs that were made."""
    disabled: set[int] = attrs.field(factory=set, init=False)
    """Ids at the old service that the cutover may have disabled."""
    files: set[str] = attrs.field(factory=set, init=False)
    """Absolute paths of the files that the cutover writes."""
    written: set[str] = attrs.field(factory=set, init=False)
    """Those of them that were written whole. They are their owner's from then on."""
    is_going_back: bool = attrs.field(default=False, init=False)
    _was_empty: bool = attrs.field(default=False, init=False)

    @classmethod
    async def open(
        cls, path: str | PathLike[str], tokens: tuple[str | None, str | None], *, new: bool
    ) -> Self:
        """Open a journal, or make one if it may be `new`.

        ConfigurationError if another process holds it, it is of another account, or it is none.
        """
        moves = cls(AppendOnlyFile(path), tokens)
        try:
            await to_thread.run_sync(moves._open, new)
        except BaseException:  # a cancellation too must not keep the lock
            moves.close()
            raise
        return moves

    def _open(self, new: bool) -> None:
        if not new and not Path(self.path).exists():
            raise setting_error(f"There is no journal {self.path}, so there is no way back.")
        self._was_empty = Path(self.path).is_file() and Path(self.path).stat().st_size == 0
        self._file.open(self._read)

    @property
    def path(self) -> str:
        """The path of the file."""
        return self._file.path

    async def begin(self, beginning: Beginning) -> None:
        """Note the beginning. Nothing was sent yet."""
        salt = secrets.token_hex(16)
        marks = [None if token is None else salted_hash(salt, token) for token in self._tokens]
        self._file.append(
            line_of(
                {
                    "cronapi": _KIND,
                    "version": _VERSION,
                    "salt": salt,
                    "tokens": marks,
                    **attrs.asdict(beginning, value_serializer=_plain),
                }
            )
        )
        await to_thread.run_sync(self._file.commit)
        self._file.sync_folder()
        self.begun = beginning

    async def note_files(self, paths: Iterable[Path]) -> None:
        """Note files that are about to be written."""
        await self._note({"files": [str(path.absolute()) for path in paths]})

    async def note_written(self, paths: Iterable[Path]) -> None:
        """Note that files were written."""
        await self._note({"written": [str(path.absolute()) for path in paths]})

    async def note_sending(self, ids: Iterable[int]) -> None:
        """Note jobs that are about to be made."""
        await self._note({"sending": list(ids)})

    async def note_made(self, made: Mapping[int, int]) -> None:
        """Note jobs that were made, by their ids at the old service."""
        await self._note({"made": [list(pair) for pair in made.items()]})

    async def note_disabling(self, ids: Iterable[int]) -> None:
        """Note jobs that are about to be disabled at the old service."""
        await self._note({"disabling": list(ids)})

    async def note_back(self) -> None:
        """Note that the way back has begun."""
        if not self.is_going_back:
            await self._note({"back": True})

    async def _note(self, record: dict[str, Any]) -> None:
        if not all(record.values()):
            return
        self._take(record)
        self._file.append(line_of(record))
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._file.commit)

    def close(self) -> None:
        """Release the file. An empty one is removed, unless somebody else has made it so."""
        is_empty = self.begun is None and not self._was_empty
        self._file.abandon()
        if is_empty and Path(self.path).is_file() and Path(self.path).stat().st_size == 0:
            Path(self.path).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the file: all is as it was before."""
        Path(self.path).unlink(missing_ok=True)
        self._file.abandon()

    def _read(self, file: BinaryIO) -> int:
        """Read the file, and return the end of its last good line; 0 for a new journal."""
        header = file.readline()
        if not header.endswith(b"\n") and (header.startswith(_START) or _START.startswith(header)):
            return 0
        self._read_header(record_of(header) or {})
        end = len(header)
        for line in file:
            record = record_of(line)
            if record is None and not line.endswith(b"\n"):
                break  # a kill tore it
            try:
                self._take(record or {})
            except (TypeError, ValueError):
                raise self._odd(f"a line of it cannot be read: {line[:40]!r}") from None
            end += len(line)
        return end

    def _read_header(self, header: dict[str, Any]) -> None:
        version = header.get("version")
        # True and 1.0 are equal to 1, and no release has written them.
        if header.get("cronapi") != _KIND or type(version) is not int or version != _VERSION:
            raise self._odd("it is not a journal of a cutover that this release reads")
        try:
            salt = header["salt"]
            others = any(
                mark is not None and token is not None and mark != salted_hash(salt, token)
                for mark, token in zip(header["tokens"], self._tokens, strict=True)
            )
            source, target, into = _listed(str, header["route"])
            self.begun = Beginning(
                route=(source, target, into),
                there=frozenset(_listed(int, header["there"])),
                newest=_of_type(int, header["newest"]),
                entries=tuple(map(_entry, _listed(dict, header["entries"]))),
            )
        except (KeyError, TypeError, ValueError):
            raise self._odd("its first line cannot be read") from None
        if others:
            raise self._odd("it was begun with other tokens")

    def _odd(self, reason: str) -> ConfigurationError:
        return setting_error(f"{self.path} cannot be used: {reason}. It was left as it is.")

    def _take(self, record: Mapping[str, Any]) -> None:
        ((kind, value),) = record.items()
        if kind == "sending":
            self.sent.update(_listed(int, value))
        elif kind == "made":
            self.made.update(_pair(one) for one in _listed(list, value))
        elif kind == "disabling":
            self.disabled.update(_listed(int, value))
        elif kind == "files":
            self.files.update(_listed(str, value))
        elif kind == "written":
            self.written.update(_listed(str, value))
        elif kind == "back" and value is True:
            self.is_going_back = True
        else:
            raise ValueError(kind)


def _plain(_: type, __: attrs.Attribute[Any] | None, value: Any) -> Any:
    if isinstance(value, Collection) and not isinstance(value, str | Mapping):
        return sorted(value) if isinstance(value, frozenset) else list(value)
    return value


def _of_type(kind: type[T], value: object) -> T:
    """Return a value of exactly this type. TypeError for another: an odd one would be misread."""
    if type(value) is not kind:
        raise TypeError(f"not {kind.__name__}")
    return value


def _listed(kind: type[T], value: object) -> list[T]:
    """Return a list of values of one type. TypeError for anything else."""
    return [_of_type(kind, one) for one in _of_type(list, value)]


def _pair(ids: list[Any]) -> tuple[int, int]:
    old, new = _listed(int, ids)
    return old, new


def _entry(facts: dict[str, Any]) -> Entry:
    entry = Entry(**facts)
    if (type(entry.id), type(entry.name), type(entry.ran)) != (int, str, bool):
        raise TypeError("not a job")
    return entry
