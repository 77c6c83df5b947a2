"""The journal of a bulk: a file of JSON lines that says what was sent and what came of it, true after a kill at any moment.

The first line names the bulk and, as a hash, the token that it was begun with. Each other one is a fact: `known` (the ids there were
before), `sending` (items that are about to be sent, on disk before they are) or one item's outcome. A later line about an item wins. No
values are in it, only salted hashes.
"""

from __future__ import annotations

import enum
import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, BinaryIO, Literal, Self

import anyio
from anyio import to_thread
from attrs import frozen

from cronapi._protocol.json_text import parse_json
from cronapi._protocol.redaction import NOT_IN_JOURNAL, without_password
from cronapi.bulk.append_only_file import LineFile
from cronapi.errors import ConfigurationError

Status = Literal["sending", "done", "failed", "unknown"]

_VERSION = 1
_HEAD = b'{"cronapi":"journal","version":1,"salt":"'
_LONGEST = 1 << 16
"""Bytes of the longest header: a file that is no journal may have one line of any length."""
_DIGITS = 32
"""Hex digits of a fingerprint: enough to tell inputs apart, and small."""
_STATUSES: dict[object, Status] = {
    "sending": "sending",
    "done": "done",
    "failed": "failed",
    "unknown": "unknown",
}
_OTHER_INPUTS = (
    "Use a new path for a new bulk: it does all items, also those that this journal has as done."
)
_ELSEWHERE = 'Use a journal for each account. Where it is a new token of the same account, remove "token" from the first line.'


@frozen
class Entry:
    """What a journal has of one item; `sending` without an outcome means that nobody knows; `id` is the job's, of an add."""

    status: Status
    id: int | None


class Journal:
    """One bulk's journal, held by one process at a time.

    `resumed` says whether there was one, `last` is the highest index it has (-1 for none), and `known` are the ids that were there
    before the first send, None where that was not noted yet. Whatever goes wrong with the file is a ConfigurationError.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.resumed: bool = False
        self.last: int = -1
        self.known: frozenset[int] | None = None
        self._file = LineFile(path)
        self._salt = ""
        self._entries: dict[int, tuple[bytes, Status, int | None]] = {}

    @classmethod
    async def open(
        cls, path: str | os.PathLike[str], plan: Mapping[str, object], token: str | None = None
    ) -> Self:
        """Make a journal, or read the one that is there and cut off a line that a kill tore.

        `plan` says in JSON what the bulk is (no secrets); a journal with another plan is refused, one that was begun with another
        `token` (a journal that names none goes with any), and one that another run holds.
        """
        journal = cls(path)
        try:
            await to_thread.run_sync(journal._begin, dict(plan), token)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(journal._file.abandon)
            raise
        return journal

    @property
    def path(self) -> str:
        """Where it is."""
        return self._file.path

    @property
    def done(self) -> int:
        """How many items are done."""
        return sum(status == "done" for _, status, _ in self._entries.values())

    @property
    def is_doubtful(self) -> bool:
        """Whether nobody knows what became of some items."""
        return any(status in ("sending", "unknown") for _, status, _ in self._entries.values())

    def fingerprint(self, payload: object) -> str:
        """Return a salted hash of a payload (mappings, sequences, numbers, text, times), passwords left out, also those in URLs."""
        return _hash(self._salt, json.dumps(_plain(payload), sort_keys=True, separators=(",", ":")))

    def recall(self, index: int, fingerprint: str) -> Entry | None:
        """Return what is known of an item, None for nothing; ConfigurationError where it was another item then."""
        if (found := self._entries.get(index)) is None:
            return None
        mark, status, number = found
        if mark != bytes.fromhex(fingerprint):
            raise self.other(f"item {index} was another one")
        return Entry(status, number)

    async def remember(self, ids: Collection[int]) -> None:
        """Note the ids that were there before the first send, on disk when it returns; what was noted once stays."""
        if self.known is None:
            self._add({"known": sorted(ids)})
        await self.flush()

    async def sending(self, marks: Iterable[tuple[int, str]]) -> None:
        """Note index and fingerprint of items that are about to be sent, on disk when it returns.

        Where it is cancelled they may be noted all the same, which is safe: it only says that they may have been sent.
        """
        self._add({"sending": [[index, mark] for index, mark in marks]})
        await self.flush()

    def note(
        self,
        index: int,
        fingerprint: str,
        status: Status,
        *,
        id: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Note an item's outcome, on disk after the next `flush` or `sending`; `reason` is an error's class and code, never its text."""
        facts = {"item": index, "hash": fingerprint, "status": status, "id": id, "reason": reason}
        self._add({name: value for name, value in facts.items() if value is not None})

    async def flush(self) -> None:
        """Write what was noted; it is on disk when it returns."""
        await to_thread.run_sync(self._file.commit)

    async def close(self) -> None:
        """Write what was noted and let go of the file, also where the task is being cancelled; closing twice is harmless."""
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._file.close)

    def _add(self, record: dict[str, object]) -> None:
        self._file.append(_line(record))
        self._learn(record)

    def _learn(self, record: Mapping[str, Any]) -> None:
        """Take in one line; ValueError or TypeError where it is none of a journal."""
        if "known" in record:
            self.known = frozenset(_whole(number) for number in record["known"])
        elif "sending" in record:
            for index, mark in record["sending"]:
                self._set(index, mark, "sending", None)
        elif record.get("status") in _STATUSES:
            self._set(
                record.get("item"),
                record.get("hash"),
                _STATUSES[record["status"]],
                record.get("id"),
            )
        else:
            raise ValueError("no known kind of line")

    def _set(self, index: Any, mark: Any, status: Status, number: Any) -> None:
        self._entries[_whole(index)] = (
            bytes.fromhex(mark),
            status,
            None if number is None else _whole(number),
        )
        self.last = max(self.last, index)

    def _begin(self, plan: dict[str, object], token: str | None) -> None:
        self._file.open(lambda file: self._read(file, plan, token))
        if not self.resumed:
            self._salt = secrets.token_hex(16)
            mark = {} if token is None else {"token": _hash(self._salt, token)}
            self._file.append(
                _line(
                    {"cronapi": "journal", "version": _VERSION, "salt": self._salt, **plan, **mark}
                )
            )
            self._file.commit()
            self._file.sync_folder()

    def _read(self, file: BinaryIO, plan: Mapping[str, object], token: str | None) -> int:
        """Take in what is there, and return where the last good line ends: 0 makes it new."""
        header = file.readline(_LONGEST)
        if _is_torn_header(header):
            return 0
        self._salt = self._read_header(header, plan, token)
        self.resumed = True
        return self._read_facts(file, len(header))

    def _read_header(self, line: bytes, plan: Mapping[str, object], token: str | None) -> str:
        """Return the salt of the journal of this plan; any other file is refused."""
        header = _record(line)
        if header is None or header.pop("cronapi", None) != "journal":
            raise ConfigurationError(
                f"{self.path} is not a journal of cronapi; it was left as it is."
            )
        version, salt = header.pop("version", None), header.pop("salt", None)
        if version != _VERSION or not isinstance(salt, str):
            raise ConfigurationError(
                f"The journal {self.path} has version {version!r}; this cronapi reads version {_VERSION}."
            )
        mark = header.pop("token", None)
        if mark is not None and token is not None and mark != _hash(salt, token):
            raise ConfigurationError(
                f"The journal {self.path} was begun with another token. {_ELSEWHERE}"
            )
        ours = json.loads(json.dumps(plan))
        differing = [name for name in {**header, **ours} if header.get(name) != ours.get(name)]
        if differing:
            raise self.other(
                "; ".join(
                    f"{name} was {header.get(name)!r} and is {ours.get(name)!r} now"
                    for name in differing
                )
            )
        return salt

    def _read_facts(self, file: BinaryIO, end: int) -> int:
        for number, line in enumerate(file, 2):
            record = _record(line)
            if record is None and not file.read(1):
                return end  # torn by a kill
            try:
                self._learn(record or {})
            except (ValueError, TypeError) as error:
                raise ConfigurationError(
                    f"Line {number} of the journal {self.path} is broken; it was left as it is."
                ) from error
            end += len(line)
        return end

    def other(self, difference: str) -> ConfigurationError:
        """Return the error of a bulk that is not the journal's."""
        return ConfigurationError(
            f"The journal {self.path} is of other inputs: {difference}. {_OTHER_INPUTS}"
        )


def _is_torn_header(line: bytes) -> bool:
    """Whether a kill left nothing but a part of the first line; any other text without a newline is somebody's."""
    return (
        not line.endswith(b"\n")
        and len(line) < _LONGEST
        and (line.startswith(_HEAD) or _HEAD.startswith(line))
    )


def _hash(salt: str, text: str) -> str:
    return hashlib.sha256((salt + text).encode()).hexdigest()[:_DIGITS]


def _line(record: Mapping[str, object]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _record(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line, None where it is torn."""
    try:
        record = parse_json(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _whole(number: object) -> int:
    if type(number) is not int:
        raise TypeError("not a whole number")
    return number


def _plain(value: object) -> object:
    """Return a value as JSON has it, the same for equal ones and without passwords."""
    if isinstance(value, Mapping):
        return {
            str(name): _plain(item) for name, item in value.items() if name not in NOT_IN_JOURNAL
        }
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if value is None or isinstance(value, str | int | float):
        return without_password(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(item) for item in value]
    raise ConfigurationError(f"A {type(value).__name__} cannot be noted in a journal.")
