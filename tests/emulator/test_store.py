"""The store: numbering, transactions, and a file that survives a restart."""

from __future__ import annotations

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
