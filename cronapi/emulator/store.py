"""The data of the services, as JSON documents in SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import weakref
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cronapi.emulator.agenda import Agenda, Key
from cronapi.emulator.not_copied import NotCopied
from cronapi.emulator.state_file import connect
from cronapi.emulator.unreadable import FaultOf, Unreadable, hide, unreadable_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Document = dict[str, Any]

# Lists read the same documents again and again. A changed document is another text, so nothing has
# to be forgotten.
_read = lru_cache(maxsize=8192)(json.loads)
_SHARED: Mapping[str, Callable[[str], Any]] = dict.fromkeys(("job", "group", "account"), _read)

# Ids of other kinds begin at 1.
_FIRST_IDS = {"job": 100_001, "group": 1_001}
_MOST_MADE = 2**53
"""No counter comes this far, so a greater one is void, like one that is no number."""


def _close_all(connections: list[sqlite3.Connection]) -> None:
    for connection in connections:
        connection.close()


class Store(NotCopied):
    """Documents by kind (`job`, `group`, `log`, `account`), provider, account and id.

    `path` is `":memory:"` or a file that survives a restart. Ids count up for each kind and
    provider and are never used twice. Any thread may read the store while another one serves. Only
    the owner may read a file, and one store at a time has it. `agenda` knows when jobs are due, and
    `ended` since when one-time jobs may be over. Documents that are `unreadable` stay in the file
    as they are, and are left out of everything.
    """

    def __init__(
        self, path: str | os.PathLike[str] = ":memory:", fault_of: FaultOf | None = None
    ) -> None:
        """Open or create the store, or raise `OSError` if the file cannot be used.

        `fault_of` says why a document of a place cannot be used, and `None` for one that can.
        """
        connections = connect(path)
        # A store that is dropped without a close should not warn about an open file.
        self._close = weakref.finalize(self, _close_all, connections)
        self._connection = connections[0]
        self._fault_of = fault_of
        self.unreadable: list[Unreadable] = []
        self._lock = threading.RLock()
        self._changed: list[tuple[Key, Document]] | None = None
        self.agenda: Agenda = Agenda()
        self.ended: Agenda = Agenda()
        self._numbered: dict[tuple[str, str], int] = {}
        try:
            self._look_through()
        except sqlite3.Error as error:  # a row whose place is no text in UTF-8, for example
            self.close()
            raise OSError(f"cannot use {os.fspath(path)}: {error}") from error

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        self._close()

    @property
    def closed(self) -> bool:
        """Return True after `close`."""
        return not self._close.alive

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep every change made inside the block, or undo them all if it raises.

        One inside another is a part of that.
        """
        with self._lock:
            if self._changed is not None:
                yield
                return
            self._connection.execute("BEGIN")
            changed: list[tuple[Key, Document]] = []
            self._changed = changed
            try:
                yield
            except BaseException:  # whatever ends it, nothing stays half done
                self._connection.execute("ROLLBACK")
                raise
            else:
                self._connection.execute("COMMIT")
            finally:
                self._changed = None
            for key, job in changed:
                self._note_job(key, job)

    def add(self, kind: str, provider: str, account: str, document: Document) -> Document:
        """Store a new document and return it with its `id` as the first member."""
        numbered = {"id": self.next_id(kind, provider), **document}
        self.put(kind, provider, account, numbered)
        return numbered

    def next_id(self, kind: str, provider: str) -> int:
        """Return the id of a new document, which counts as made."""
        made = self.made(kind, provider) + 1
        self._run("INSERT OR REPLACE INTO counters VALUES (?, ?, ?)", kind, provider, made)
        return _FIRST_IDS.get(kind, 1) + made - 1

    def put(self, kind: str, provider: str, account: str, document: Document) -> None:
        """Store a document under its `id`, in place of an earlier one.

        One that cannot be read is left as it is.
        """
        if self.unreadable and (kind, provider, account, document["id"]) in self._hidden:
            return
        body = json.dumps(document)
        self._run(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)",
            kind,
            provider,
            account,
            document["id"],
            body,
        )
        if kind == "job":
            self._note((provider, account, document["id"]), document)

    def get(self, kind: str, provider: str, account: str, number: int) -> Document | None:
        """Return a document, `None` for an unknown id. It is shared, and must not be changed."""
        rows = self._run(
            "SELECT body FROM readable WHERE kind = ? AND provider = ? AND account = ? AND id = ?",
            *(kind, provider, account, number),
        )
        read = _SHARED.get(kind, json.loads)
        return read(rows[0][0]) if rows else None

    def delete(self, kind: str, provider: str, account: str, number: int) -> None:
        """Delete a document, if it exists."""
        self._run(
            "DELETE FROM documents WHERE kind = ? AND provider = ? AND account = ? AND id = ?",
            *(kind, provider, account, number),
        )
        if kind == "job":
            self._note((provider, account, number), {})

    def all(self, kind: str, provider: str, account: str | None = None) -> list[Document]:
        """Return the documents of one account, or of all accounts, by ascending id."""
        rows = self._run(
            "SELECT body FROM readable "
            "WHERE kind = ? AND provider = ? AND (? IS NULL OR account = ?) ORDER BY id",
            *(kind, provider, account, account),
        )
        return [json.loads(body) for (body,) in rows]

    def listed(
        self, kind: str, provider: str, account: str, begin: int = 0, size: int = -1
    ) -> list[Document]:
        """Return documents of one account by ascending id, from the place `begin`, at most `size`.

        They are shared, and must not be changed.
        """
        rows = self._run(
            "SELECT body FROM readable WHERE kind = ? AND provider = ? AND account = ? "
            "ORDER BY id LIMIT ? OFFSET ?",
            *(kind, provider, account, size, begin),
        )
        read = _SHARED.get(kind, json.loads)
        return [read(body) for (body,) in rows]

    def key_of(self, provider: str, number: str) -> Key | None:
        """Return the whole key of a job by its id, whose account is not known."""
        rows = self._run(
            "SELECT account, id FROM readable WHERE kind = 'job' AND provider = ? AND id = ?",
            *(provider, number),
        )
        return (provider, rows[0][0], rows[0][1]) if rows else None

    def keyed(self, kind: str, provider: str) -> list[tuple[Key, Document]]:
        """Return the documents of all accounts with their keys, by ascending id.

        They are shared, and must not be changed.
        """
        rows = self._run(
            "SELECT account, id, body FROM readable WHERE kind = ? AND provider = ? ORDER BY id",
            *(kind, provider),
        )
        read = _SHARED.get(kind, json.loads)
        return [((provider, account, number), read(body)) for account, number, body in rows]

    def count(self, kind: str, provider: str) -> int:
        """Return the number of documents of a kind that there are."""
        rows = self._run(
            "SELECT count(*) FROM readable WHERE kind = ? AND provider = ?", kind, provider
        )
        return int(rows[0][0])

    def made(self, kind: str, provider: str) -> int:
        """Return the number of documents of a kind ever added, including deleted ones."""
        rows = self._run(
            "SELECT made FROM counters"
            " WHERE kind = ? AND provider = ? AND typeof(made) = 'integer' AND made < ?",
            *(kind, provider, _MOST_MADE),
        )
        # No id is used twice, whatever the counter says.
        return max(self._numbered.get((kind, provider), 0), *(int(row[0]) for row in rows), 0)

    def dump(self) -> Document:
        """Return everything that is stored, as a value that `load` takes."""
        with self._lock:
            documents = self._run(
                "SELECT kind, provider, account, id, body FROM readable "
                "ORDER BY kind, provider, account, id"
            )
            counters = self._run(
                "SELECT * FROM counters WHERE typeof(made) = 'integer' ORDER BY kind, provider"
            )
        rows = [[*place, json.loads(body)] for *place, body in documents]
        return {"documents": rows, "counters": [list(row) for row in counters]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Store exactly what `dump` returned, in place of everything that is stored.

        Raises `ValueError` for a document that cannot be used. Then nothing changes.
        """
        with self.replaced(state):
            pass

    @contextmanager
    def replaced(self, state: Mapping[str, Any]) -> Iterator[None]:
        """Do the same before the block, and undo it if the block raises."""
        try:
            with self.transaction():
                self._run("DELETE FROM documents")
                self._run("DELETE FROM counters")
                for *place, document in state["documents"]:
                    body = json.dumps(document)
                    self._run("INSERT INTO documents VALUES (?, ?, ?, ?, ?)", *place, body)
                for row in state["counters"]:
                    self._run("INSERT INTO counters VALUES (?, ?, ?)", *row)
                self._look_through()
                if self.unreadable:
                    raise ValueError(self.unreadable[0])
                yield
        except BaseException:  # whatever ends it, the state is the one before
            self._look_through()
            raise

    def fill_agendas(self) -> None:
        """Look at every job anew: when is it due, and since when may it be over?"""
        for agenda, name in ((self.agenda, "due"), (self.ended, "over")):
            rows = self._run(
                # SQLite may look into a body before it leaves the row out.
                "SELECT provider, account, id,"
                " CASE WHEN json_valid(body) THEN json_extract(body, '$.' || ?) END AS time"
                " FROM readable WHERE kind = 'job' AND time IS NOT NULL",
                name,
            )
            agenda.fill(((row[0], row[1], row[2]), row[3]) for row in rows)

    def _look_through(self) -> None:
        """Look at every row anew: can it be read, and which ids are there?"""
        with self._lock:
            self.unreadable = unreadable_rows(self._connection, self._fault_of)
            self._hidden = {row.place for row in self.unreadable}
            hide(self._connection, self.unreadable)
            ids = self._run(
                "SELECT kind, provider, max(id) FROM documents"
                " WHERE typeof(id) = 'integer' GROUP BY kind, provider"
            )
        self._numbered = {
            (kind, provider): number - _FIRST_IDS.get(kind, 1) + 1 for kind, provider, number in ids
        }
        self.fill_agendas()

    def _note(self, key: Key, job: Document) -> None:
        if self._changed is not None:
            self._changed.append((key, job))
        else:
            self._note_job(key, job)

    def _note_job(self, key: Key, job: Document) -> None:
        self.agenda.note(key, job.get("due"))
        self.ended.note(key, job.get("over"))

    def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()
