"""The journal of a bulk: a file with every item that was sent, and its outcome.

It is true after a kill at any moment: items are on disk as `sending` before they are sent. It
holds no values, only salted hashes. `journal_format` describes its lines.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import Any, BinaryIO, Literal, Self

import anyio
from anyio import to_thread
from attrs import frozen

from cronapi.bulk.append_only_file import AppendOnlyFile
from cronapi.bulk.fingerprint import fingerprint_of
from cronapi.bulk.journal_format import (
    LONGEST_HEADER,
    header_line,
    is_torn_header,
    line_of,
    other_inputs,
    read_header,
    record_of,
)
from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import setting_error

EntryStatus = Literal["sending", "done", "failed", "unknown"]
_DOUBTFUL = frozenset({"sending", "unknown"})
_STATUSES: dict[object, EntryStatus] = {
    "sending": "sending",
    "done": "done",
    "failed": "failed",
    "unknown": "unknown",
}


@frozen
class Entry:
    """The facts that a journal has about one item.

    `sending` without an outcome means that nobody knows if it was done. An item that is done may
    have an `id`: that of its job or group, or the time of its run in Unix seconds.
    """

    status: EntryStatus
    id: int | None

    @property
    def is_doubtful(self) -> bool:
        """Return True if nobody knows if the service did it."""
        return self.status in _DOUBTFUL


class Journal:
    """The journal of one bulk, held by one process at a time.

    `resumed` is True if the journal existed before. `last` is the highest index in it, -1 for
    none. `known` are the ids that existed before the first item was sent, None if these were not
    noted yet. A file that cannot be used is a ConfigurationError.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.resumed: bool = False
        self.last: int = -1
        self.known: frozenset[int] | None = None
        self._file = AppendOnlyFile(path)
        self._salt = ""
        self._entries: dict[int, tuple[bytes, EntryStatus, int | None]] = {}

    @classmethod
    async def open(
        cls, path: str | os.PathLike[str], plan: Mapping[str, object], token: str | None = None
    ) -> Self:
        """Create a journal, or read an existing one and cut off a line that a kill tore.

        `plan` describes the bulk in JSON, without secrets. A journal with another plan is refused,
        and so is one that another run holds. A journal that was begun with another `token` is
        refused too, but a journal without a token accepts any.
        """
        journal = cls(path)
        try:
            await to_thread.run_sync(journal._begin, dict(plan), token)
        except BaseException:  # a cancellation too must not keep the lock
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(journal._file.abandon)
            raise
        return journal

    @property
    def path(self) -> str:
        """The path of the file."""
        return self._file.path

    @property
    def done(self) -> int:
        """The number of items that are done."""
        return sum(status == "done" for _, status, _ in self._entries.values())

    @property
    def is_doubtful(self) -> bool:
        """Return True if some items are doubtful."""
        return any(status in _DOUBTFUL for _, status, _ in self._entries.values())

    def fingerprint(self, payload: object) -> str:
        """Return a hash of a payload with the salt of this journal, as `fingerprint_of`."""
        return fingerprint_of(payload, self._salt)

    def recall(self, index: int, fingerprint: str) -> Entry | None:
        """Return the entry of an item, or None.

        A ConfigurationError means that the journal has another item at this index.
        """
        if (found := self._entries.get(index)) is None:
            return None
        noted, status, id = found
        if noted != bytes.fromhex(fingerprint):
            raise self.other(f"item {index} was another one")
        return Entry(status, id)

    async def remember(self, ids: Collection[int]) -> None:
        """Note the ids that existed before the first send, and return when they are on disk.

        Ids that an earlier run noted stay.
        """
        if self.known is None:
            self._add({"known": sorted(ids)})
        await self.flush()

    async def sending(self, fingerprints: Iterable[tuple[int, str]]) -> None:
        """Note index and fingerprint of items to be sent, and return when they are on disk.

        A cancelled call may have noted them. That is safe: it only says that they may have been
        sent.
        """
        self._add({"sending": [[index, fingerprint] for index, fingerprint in fingerprints]})
        await self.flush()

    def note(
        self,
        index: int,
        fingerprint: str,
        status: EntryStatus,
        *,
        id: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Note the outcome of an item, which the next `flush` or `sending` puts on disk.

        `reason` is the class and code of an error, never its text.
        """
        facts = {"item": index, "hash": fingerprint, "status": status, "id": id, "reason": reason}
        self._add({name: value for name, value in facts.items() if value is not None})

    async def flush(self) -> None:
        """Write the notes, and return when they are on disk."""
        await to_thread.run_sync(self._file.commit)

    async def close(self) -> None:
        """Write the notes and release the file, even if the task is being cancelled.

        A second call does nothing.
        """
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._file.close)

    def other(self, difference: str) -> ConfigurationError:
        """Return the error for a bulk that differs from that of the journal."""
        return other_inputs(self.path, difference)

    def _add(self, record: dict[str, object]) -> None:
        self._file.append(line_of(record))
        self._learn(record)

    def _learn(self, record: Mapping[str, Any]) -> None:
        """Take in one line; ValueError or TypeError if it is not a line of a journal."""
        if "known" in record:
            self.known = frozenset(_whole(id) for id in record["known"])
        elif "sending" in record:
            for index, fingerprint in record["sending"]:
                self._set(index, fingerprint, "sending", None)
        elif record.get("status") in _STATUSES:
            index, fingerprint, id = (record.get(name) for name in ("item", "hash", "id"))
            self._set(index, fingerprint, _STATUSES[record["status"]], id)
        else:
            raise ValueError("no known kind of line")

    def _set(self, index: Any, fingerprint: Any, status: EntryStatus, id: Any) -> None:
        kept_id = None if id is None else _whole(id)
        self._entries[_whole(index)] = bytes.fromhex(fingerprint), status, kept_id
        self.last = max(self.last, index)

    def _begin(self, plan: dict[str, object], token: str | None) -> None:
        self._file.open(lambda file: self._read(file, plan, token))
        if not self.resumed:
            self._salt = secrets.token_hex(16)
            self._file.append(header_line(self._salt, plan, token))
            self._file.commit()
            self._file.sync_folder()

    def _read(self, file: BinaryIO, plan: Mapping[str, object], token: str | None) -> int:
        """Read the file, and return the end of its last good line; 0 for a new journal."""
        header = file.readline(LONGEST_HEADER)
        if is_torn_header(header):
            return 0
        self._salt = read_header(header, self.path, plan, token)
        self.resumed = True
        return self._read_facts(file, len(header))

    def _read_facts(self, file: BinaryIO, end: int) -> int:
        for number, line in enumerate(file, 2):
            record = record_of(line)
            if record is None and not file.read(1):
                return end  # torn by a kill
            try:
                self._learn(record or {})
            except (ValueError, TypeError) as error:
                raise setting_error(
                    f"Line {number} of the journal {self.path} is broken; it was left as it is."
                ) from error
            end += len(line)
        return end


def _whole(number: object) -> int:
    if type(number) is not int:
        raise TypeError("not a whole number")
    return number
