"""A state of which some rows cannot be read: they are named and kept, and the others work."""

from __future__ import annotations

import contextlib
import json
import sqlite3

import httpx
import pytest

from cronapi.emulator import MovableClock, create_app
from cronapi.emulator.call import ERAS
from cronapi.emulator.eras import RULES
from cronapi.emulator.parameters import signature
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.service import PROVIDERS
from cronapi.emulator.stored import fault_of
from tests.emulator.conftest import Desk
from tests.support.called import Network, ask, calling_app
from tests.support.emulated import FAST, START

NEXT = {"url": "http://127.0.0.1/{}", "expression": "5 minutes"}


def filled(path):
    """Leave a state with a group and three jobs, of which all have run."""
    app = create_app(storage=str(path), clock=MovableClock(START, scale=0), rates=FAST)
    group = ask(app, "group.add", name="kept")["id"]
    for name in "abc":
        given = {**NEXT, "url": f"http://127.0.0.1/{name}", "name": name}
        ask(app, "cron.add", **given, **({"group": group} if name == "b" else {}))
    app.timeline.pretend_to(START + 301)
    app.emulator.close()


def rows(path, kind):
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.text_factory = bytes
        return file.execute("SELECT id, body FROM documents WHERE kind = ?", (kind,)).fetchall()


def spoil(path, kind, number, change):
    """Write other bytes, or a document with other members, into a row, and return the bytes."""
    with contextlib.closing(sqlite3.connect(path)) as file:
        where = "WHERE kind = ? AND id = ?"
        if isinstance(change, dict):
            query = f"SELECT body FROM documents {where}"
            document = json.loads(file.execute(query, (kind, number)).fetchone()[0]) | change
            change = json.dumps({k: v for k, v in document.items() if v is not LACKS})
        update = f"UPDATE documents SET body = CAST(? AS TEXT) {where}"
        file.execute(update, (change, kind, number))
        file.commit()
    return dict(rows(path, kind))[number]


LACKS = object()
SPOILT = [
    ("job", 100_002, ""),
    ("job", 100_002, "{"),
    ("job", 100_002, "[" * 100_000),
    ("job", 100_002, b'{"id": "\xff"}'),
    ("job", 100_002, "[]"),
    ("job", 100_002, "null"),
    ("job", 100_002, {"id": 100_003}),
    ("job", 100_002, {"more": float("nan")}),
    ("job", 100_002, {"due": LACKS}),
    ("job", 100_002, {"due": "soon"}),
    ("job", 100_002, {"due": 10**30}),
    ("job", 100_002, {"due": 1.5}),
    ("job", 100_002, {"last": None}),
    ("job", 100_002, {"expression": "every blue moon"}),
    ("job", 100_002, {"expression": 5}),
    ("job", 100_002, {"timezone": "Mars/Olympus"}),
    ("job", 100_002, {"filter": "((("}),
    ("job", 100_002, {"delay": "long"}),
    ("job", 100_002, {"lists": {"minute": "7"}}),
    ("job", 100_002, {"lists": {"minute": ["x"]}}),
    ("job", 100_002, {"queued": [{"time": START}]}),
    ("job", 100_002, {"queued": {}}),
    ("job", 100_002, {"skips": None}),
    ("job", 100_002, {"url": None}),
    ("job", 100_002, {"over": "yes"}),
    ("group", 1_001, "{"),
    ("group", 1_001, {"name": 5}),
    ("group", 1_001, {"autoDelete": "never"}),
    ("account", 1, "nothing"),
    ("account", 1, {"timezone": "Mars/Olympus"}),
    ("account", 1, {"secret": LACKS}),
    ("log", 100_002, "}"),
    ("log", 100_002, {"rows": None}),
    ("log", 100_002, {"rows": [{"time": 1}]}),
]


async def test_the_others_run_where_one_row_cannot_be_read(tmp_path):
    """Whatever is in a row of a job, group, account or log, the other jobs run and the row stays.

    The emulator names it without its contents.
    """
    filled(tmp_path / "state")
    for number, (kind, spoilt, change) in enumerate(SPOILT):
        path = tmp_path / f"state {number}"
        path.write_bytes((tmp_path / "state").read_bytes())
        kept = spoil(path, kind, spoilt, change)
        app, network = calling(path)
        async with app.running():
            await app.timeline.advance_to(START + 601)
        called = sorted(call.url.path for call in network.calls)
        jobs = ["/a", "/c"] if kind == "job" else ["/a", "/b", "/c"]
        assert (number, called) == (number, jobs)
        (told,) = map(str, app.emulator.store.unreadable)
        assert told.startswith(f"{kind} {spoilt} of fastcron: it")
        assert len(ask(app, "cron.list")) == len(jobs)
        ask(app, "cron.add", **NEXT)
        assert ask(app, "account.get")["timezone"] == "UTC"
        app.emulator.close()
        assert dict(rows(path, kind))[spoilt] == kept


def calling(path):
    network = Network()
    return calling_app(
        network, storage=str(path), clock=MovableClock(START + 301, scale=0)
    ), network


def row_of(kind, number):
    return {"kind": kind, "provider": "fastcron", "id": number}


async def test_health_and_the_page_tell_the_rows(tmp_path):
    """Health says which rows, the page how many, and a reset removes them."""
    filled(tmp_path / "state")
    spoil(tmp_path / "state", "job", 100_001, {"timezone": "hush"})
    spoil(tmp_path / "state", "log", 100_003, "hush")
    app, _ = calling(tmp_path / "state")
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        health = (await http.get("/_emulator/health")).json()
        assert health["unreadable"] == [
            {**row_of("job", 100_001), "fault": "its schedule, filter or time zone cannot be read"},
            {**row_of("log", 100_003), "fault": "it is no JSON"},
        ]
        assert "2 rows of the state cannot be read" in (await http.get("/")).text
        await http.post("/_emulator/reset")
        assert (await http.get("/_emulator/health")).json()["unreadable"] == []
        assert "cannot be read" not in (await http.get("/")).text
    assert rows(tmp_path / "state", "job") == []
    app.emulator.close()


async def test_rows_with_odd_ids_are_told_as_text(tmp_path):
    """An id that is no number, of any kind that SQLite stores, breaks neither health nor page."""
    path = tmp_path / "state"
    filled(path)
    ids = ["abc", b"\xff", 1e999, -1e999, 1.5, b"", "\x00"]
    with contextlib.closing(sqlite3.connect(path)) as file:
        account = file.execute("SELECT account FROM documents WHERE kind = 'job'").fetchone()[0]
        row = "INSERT INTO documents (kind, provider, account, id, body) VALUES (?, ?, ?, ?, '{}')"
        file.executemany(row, [("job", "fastcron", account, number) for number in ids])
        file.commit()
    app, _ = calling(path)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        told = (await http.get("/_emulator/health")).json()["unreadable"]
        assert sorted(one["id"] for one in told) == sorted(map(str, ids))
        assert {one["fault"] for one in told} == {"its id is no number"}
        assert f"{len(ids)} rows of the state cannot be read" in (await http.get("/")).text
    app.emulator.close()


async def test_a_state_with_an_unreadable_row_is_not_put(tmp_path):
    """PUT refuses it with the row's name, and what was there stays, unreadable rows included."""
    filled(tmp_path / "state")
    kept = spoil(tmp_path / "state", "log", 100_001, "}")
    app, _ = calling(tmp_path / "state")
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        state = (await http.get("/_emulator/state")).json()
        for bad in ({"due": "soon"}, {"timezone": "Mars"}, {"last": 10**40}):
            documents = json.loads(json.dumps(state["documents"]))
            (job,) = [row[4] for row in documents if row[:1] + row[3:4] == ["job", 100_003]]
            job.update(bad)
            answer = await http.put("/_emulator/state", json={**state, "documents": documents})
            assert (answer.status_code, "job 100003" in answer.text) == (400, True)
        wrong = {**state, "settings": {"era": "1999"}}
        assert (await http.put("/_emulator/state", json=wrong)).status_code == 400
        assert (await http.get("/_emulator/state")).json() == state
    assert app.emulator.store.agenda.first() == START + 600
    assert dict(rows(tmp_path / "state", "log"))[100_001] == kept
    app.emulator.close()


@pytest.mark.parametrize("counter", [None, "many", -5, 1, 2**63 - 1])
def test_a_lost_counter_gives_no_id_twice(tmp_path, counter):
    """A new job takes the place of none, whatever has become of the count of jobs."""
    filled(tmp_path / "state")
    with contextlib.closing(sqlite3.connect(tmp_path / "state")) as file:
        file.execute("DELETE FROM counters")
        if counter is not None:
            file.execute("INSERT INTO counters VALUES ('job', 'fastcron', ?)", (counter,))
        file.commit()
    app, _ = calling(tmp_path / "state")
    assert ask(app, "cron.add", **NEXT)["id"] == 100_004
    app.emulator.close()


_VALUES = {"int": 7, "bool": True, "ids": [1], "strings": ["1", "2"], "group": None}
_OTHERS = {"expression": "5 minutes", "httpMethod": "POST", "timezone": "Asia/Tokyo"}
_OTHERS |= {"filter": "hour > 3", "url": "http://example.com/500", "notify": 1, "delay": 3}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_whatever_the_services_store_can_be_read(era, provider):
    """A job with a value for every parameter, its log, its group and its account can be used."""
    if provider not in RULES[era].providers:
        return
    desk = Desk(provider, era=era)
    kinds = signature(provider, "cron.add", era, frozenset()).kinds
    every = {name: _OTHERS.get(name, _VALUES.get(kind, "text")) for name, kind in kinds.items()}
    for name, value in every.items():
        with contextlib.suppress(Refusal):
            desk.add(**{name: value})
    desk("group.add", name="g")
    desk.now += 90_000
    desk("cron.list")
    documents = desk._call.store.dump()["documents"]
    assert {row[0] for row in documents} >= {"job", "log", "group", "account"}
    assert len(documents) > len(every)
    assert [fault for *place, body in documents if (fault := fault_of(place, body))] == []


def test_a_row_whose_place_is_no_text_is_told_and_leaves_the_file_free(tmp_path):
    """The start is refused as for any file that cannot be used, and the file can be opened again
    once it is mended.
    """
    path = tmp_path / "jobs.db"
    filled(path)
    for account, is_refused in ((b"\xff", True), (b"main", False)):
        with contextlib.closing(sqlite3.connect(path)) as file:
            file.execute("UPDATE documents SET account = CAST(? AS TEXT)", (account,))
            file.commit()
        with pytest.raises(OSError, match="cannot use") if is_refused else contextlib.nullcontext():
            create_app(storage=str(path)).emulator.close()
