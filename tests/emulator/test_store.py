"""The store: numbering, transactions, and a file that survives a restart."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from cronapi.emulator.store import Store


def test_ids_count_up_and_are_never_used_twice():
    """Each kind and provider counts for itself and never reuses an id."""
    store = Store()
    first = store.add("job", "fastcron", "one", {"name": "a"})
    store.delete("job", "fastcron", "one", first["id"])
    second = store.add("job", "fastcron", "one", {"name": "b"})
    assert (first["id"], second["id"], store.made("job", "fastcron")) == (100_001, 100_002, 2)
    assert store.add("job", "setcronjob", "one", {})["id"] == 100_001
    assert store.add("group", "fastcron", "one", {})["id"] == 1_001


def test_documents_belong_to_an_account():
    """An account neither sees nor deletes another's documents."""
    store = Store()
    mine = store.add("job", "fastcron", "one", {"name": "mine"})
    store.delete("job", "fastcron", "two", mine["id"])
    assert store.get("job", "fastcron", "two", mine["id"]) is None
    assert store.all("job", "fastcron", "two") == []
    assert store.all("job", "fastcron") == [mine]


def test_a_failed_transaction_leaves_nothing():
    """An error inside a transaction undoes its changes."""
    store = Store()

    def fail():
        with store.transaction():
            store.add("job", "fastcron", "one", {})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (store.all("job", "fastcron"), store.made("job", "fastcron")) == ([], 0)


def test_a_file_survives_a_restart(tmp_path):
    """A store on an existing file has its documents and continues its numbering."""
    path = str(tmp_path / "state.sqlite")
    store = Store(path)
    job = store.add("job", "fastcron", "one", {"name": "kept"})
    store.close()
    store.close()
    again = Store(path)
    assert again.get("job", "fastcron", "one", job["id"]) == job
    assert again.add("job", "fastcron", "one", {})["id"] == job["id"] + 1
    again.close()


def test_a_file_of_another_format_is_refused_and_left_as_it_is(tmp_path):
    """A state of a release that keeps it in another way is named with both formats."""
    for number in (2, 77, -1):
        path = tmp_path / f"state {number}.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE documents (name TEXT)")
            other.execute(f"PRAGMA user_version = {number}")
        kept = path.read_bytes()
        with pytest.raises(OSError, match=f"format {number}, and this cronapi reads format 1"):
            Store(str(path))
        assert path.read_bytes() == kept


@pytest.mark.parametrize(
    "other",
    [
        "TABLE cookies (name TEXT)",
        "TABLE pace (boot TEXT, format INTEGER, used REAL, state TEXT)",
        "TABLE documents (id INTEGER, body TEXT)",
        "TABLE counters (kind TEXT, provider TEXT, made INTEGER, more TEXT NOT NULL)",
        "VIEW counters AS SELECT 1 AS made",
    ],
)
@pytest.mark.parametrize("number", [0, 1])
def test_a_file_of_another_program_is_refused_and_left_as_it_is(tmp_path, other, number):
    """A SQLite file with tables of another kind gets neither tables nor a number of ours."""
    path = tmp_path / "state.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE {other}")
        connection.execute(f"PRAGMA user_version = {number}")
    kept = path.read_bytes()
    for _ in range(2):
        with pytest.raises(OSError, match=r"cannot use .* something else than the state"):
            Store(str(path))
    assert path.read_bytes() == kept


def test_a_file_has_the_number_of_its_format(tmp_path):
    """A new state says its format, and one from before the formats had numbers gets it."""
    path = tmp_path / "state.sqlite"
    for _ in range(2):
        Store(str(path)).close()
        with contextlib.closing(sqlite3.connect(path)) as other:
            assert other.execute("PRAGMA user_version").fetchone() == (1,)
            other.execute("PRAGMA user_version = 0")


# --- the file -------------------------------------------------------------------------------------


def modes(folder):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_only_the_owner_can_read_a_file(tmp_path):
    """The file and all that lies beside it are private, whatever the process's mask allows."""
    before = os.umask(0)
    try:
        store = Store(str(tmp_path / "state.sqlite"))
        store.add("job", "fastcron", "one", {"password": "hush"})
        found = modes(tmp_path)
        store.close()
    finally:
        os.umask(before)
    assert {"state.sqlite", "state.sqlite-wal", "state.sqlite-shm"} <= set(found)
    assert set(found.values()) == {0o600}


def test_a_file_that_others_could_read_becomes_private(tmp_path):
    """An old file loses the rights of others, with what a killed process has left beside it."""
    path = tmp_path / "state.sqlite"
    leave = f"""
import os
from cronapi.emulator.store import Store
store = Store({str(path)!r})
store.add("job", "fastcron", "one", {{"name": "kept"}})
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", leave], check=False)
    for name in ("", "-wal", "-shm", ".lock"):
        (tmp_path / f"state.sqlite{name}").chmod(0o666)
    (tmp_path / "state.sqlite-journal").touch(0o644)
    store = Store(str(path))
    assert len(store.all("job", "fastcron")) == 1
    assert set(modes(tmp_path).values()) == {0o600}
    store.close()
    assert set(modes(tmp_path).values()) == {0o600}


def test_a_file_has_one_emulator_at_a_time(tmp_path):
    """A second store on a file is an error that names the process that has it. Closed, dropped or
    killed, the first lets go.
    """
    path = str(tmp_path / "state.sqlite")
    first = Store(path)
    with pytest.raises(
        OSError, match=f"cannot use .*another emulator has it, process {os.getpid()} on"
    ):
        Store(path)
    first.add("job", "fastcron", "one", {})
    first.close()
    Store(path).add("job", "fastcron", "one", {})
    again = Store(path)
    assert again.made("job", "fastcron") == 2
    again.close()


@pytest.mark.parametrize("what", ["folder", "text", "lock"])
def test_a_file_that_is_none_is_an_error(tmp_path, what):
    """A folder, a text or a lock that is none is an OSError, and the second try says the same."""
    path = tmp_path / "state.sqlite"
    if what == "folder":
        path.mkdir()
    else:
        (tmp_path / {"text": "state.sqlite", "lock": "state.sqlite.lock"}[what]).write_text(
            "no" * 99
        )
    for _ in range(2):
        with pytest.raises(OSError, match=r"cannot use .*(directory|not a database)"):
            Store(str(path))
