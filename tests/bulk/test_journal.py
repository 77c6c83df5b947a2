"""The journal of a bulk: what it keeps, what it refuses, and what is never in it."""

from __future__ import annotations

import enum
import json
import os
import resource
import tracemalloc
from datetime import UTC, date, datetime, timedelta, timezone

import anyio
import pytest

from cronapi import ConfigurationError, JobSpec
from cronapi.bulk.journal import Entry, Journal
from tests.support.journals import PLAN, WHOLE, refused, reopened


async def written(path):
    """Write a journal with every kind of line, and return the fingerprint of its items."""
    journal = await Journal.open(path, PLAN)
    mark = journal.fingerprint({"url": "a.example"})
    await journal.remember([7, 5])
    await journal.sending([(0, mark), (1, mark), (2, mark)])
    journal.note(0, mark, "done", id=100)
    journal.note(1, mark, "failed", reason="APIError 1")
    await journal.sending([(1, mark), (3, mark)])
    journal.note(3, mark, "unknown", reason="OutcomeUnknownError")
    await journal.close()
    return mark


async def test_a_new_journal_is_empty(path):
    """A new journal knows nothing, and only its owner may read it."""
    journal = await reopened(path)
    assert (journal.resumed, journal.last, journal.known, journal.recall(0, "")) == (
        False,
        -1,
        None,
        None,
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert (
        json.loads(path.read_text()).items() >= {"cronapi": "journal", "version": 1, **PLAN}.items()
    )


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_journal_is_resumed(path, backend):
    """A second run finds the notes of the first, on asyncio and on trio.

    The last line about an item counts.
    """

    async def main():
        mark = await written(path)
        journal = await reopened(str(path))
        assert (journal.resumed, journal.last, journal.known) == (True, 3, frozenset({5, 7}))
        assert [journal.recall(index, mark) for index in range(5)] == [
            Entry("done", 100),
            Entry("sending", None),
            Entry("sending", None),
            Entry("unknown", None),
            None,
        ]

    anyio.run(main, backend=backend)


async def test_an_open_journal_knows_its_notes(path):
    """The notes of a run can be recalled in it."""
    journal = await Journal.open(path, PLAN)
    mark = journal.fingerprint(5)
    journal.note(4, mark, "done", id=9)
    assert (journal.recall(4, mark), journal.last, journal.path) == (Entry("done", 9), 4, str(path))
    await journal.close()


async def test_known_ids_are_noted_once(path):
    """The ids from before the first send stay those of the first run."""
    await written(path)
    journal = await Journal.open(path, PLAN)
    await journal.remember([1])
    await journal.close()
    assert (await reopened(path)).known == frozenset({5, 7})


async def test_no_known_ids_are_known_too(path):
    """An account without jobs is noted as such, unlike one that was not listed."""
    journal = await Journal.open(path, PLAN)
    await journal.remember([])
    await journal.close()
    assert (await reopened(path)).known == frozenset()


# --- other inputs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            {"function": "cron.batch_delete"},
            "function was 'cron.batch_add' and is 'cron.batch_delete' now",
        ),
        ({"options": "0000"}, "options was '5f2c' and is '0000' now"),
        ({"more": 1}, "more was None and is 1 now"),
    ],
)
async def test_a_journal_of_another_bulk_is_refused(path, change, match):
    """A bulk with another function, provider or option is refused.

    The error names the difference, and the journal stays as it is.
    """
    await written(path)
    before = path.read_bytes()
    await refused(path, f"of other inputs: {match}", {**PLAN, **change})
    assert path.read_bytes() == before
    assert (await reopened(path)).resumed


async def test_a_journal_belongs_to_a_token(path):
    """A journal that was begun with another token is refused with an advice.

    The token itself is not in the file.
    """
    await (await Journal.open(path, PLAN, "alice-token-1")).close()
    await (await Journal.open(path, PLAN, "alice-token-1")).close()
    before = path.read_bytes()
    with pytest.raises(
        ConfigurationError,
        match=r'another token.*a journal for each account.*remove "token" from the first line',
    ):
        await Journal.open(path, PLAN, "bob-token-22")
    assert path.read_bytes() == before
    assert b"alice" not in before


async def test_the_mark_of_a_token_is_salted(path, tmp_path):
    """Two journals of one token do not show that they are of one account."""
    marks = set()
    for name in (path, tmp_path / "other"):
        await (await Journal.open(name, PLAN, "alice-token-1")).close()
        marks.add(json.loads(name.read_text())["token"])
    assert len(marks) == 2


async def test_a_journal_without_a_token_goes_with_any(path):
    """A journal whose first line has no token, because it is old or was edited, accepts any."""
    await written(path)
    journal = await Journal.open(path, PLAN, "alice-token-1")
    await journal.close()
    assert (journal.resumed, journal.last) == (True, 3)


VERSION_1 = b"""\
{"cronapi":"journal","version":1,"salt":"5a175a175a175a175a175a175a175a17","bulk":"cron.add_many",\
"provider":"https://app.fastcron.com/api","token":"e97da1a0f0ba6be394097d6f88de881d"}
{"known":[5,7]}
{"sending":[[0,"a3a6d1ed5828c0259e7dfc50148e96c7"],[1,"a3a6d1ed5828c0259e7dfc50148e96c7"],\
[2,"a3a6d1ed5828c0259e7dfc50148e96c7"]]}
{"item":0,"hash":"a3a6d1ed5828c0259e7dfc50148e96c7","status":"done","id":100}
{"item":1,"hash":"a3a6d1ed5828c0259e7dfc50148e96c7","status":"failed","reason":"APIError 1"}
"""


async def test_a_journal_of_version_1_is_read(path, monkeypatch):
    """A journal that an earlier cronapi wrote is resumed, and a new one is the same to the byte."""
    plan = {"bulk": "cron.add_many", "provider": "https://app.fastcron.com/api"}
    payload = {"url": "https://u:pw@a.example", "password": "x", "minute": ("1", 2)}

    path.write_bytes(VERSION_1)
    journal = await Journal.open(path, plan, "alice-token-1")
    await journal.close()
    mark = journal.fingerprint(payload)
    assert (journal.resumed, journal.last, journal.known) == (True, 2, frozenset({5, 7}))
    assert [journal.recall(index, mark) for index in range(3)] == [
        Entry("done", 100),
        Entry("failed", None),
        Entry("sending", None),
    ]

    monkeypatch.setattr("secrets.token_hex", lambda _: "5a17" * 8)
    journal = await Journal.open(path.with_name("new"), plan, "alice-token-1")
    mark = journal.fingerprint(payload)
    await journal.remember([7, 5])
    await journal.sending([(0, mark), (1, mark), (2, mark)])
    journal.note(0, mark, "done", id=100)
    journal.note(1, mark, "failed", reason="APIError 1")
    await journal.close()
    assert path.with_name("new").read_bytes() == path.read_bytes() == VERSION_1


async def test_a_journal_counts_what_it_has(path):
    """A journal counts the items that are done, and knows if some are doubtful."""
    await written(path)
    journal = await reopened(path)
    assert (journal.done, journal.is_doubtful) == (1, True)
    empty = await reopened(path.with_name("new"))
    assert (empty.done, empty.is_doubtful) == (0, False)


async def test_another_item_in_the_same_place_is_refused(path):
    """An item that differs from the one that was sent at its index is refused."""
    await written(path)
    journal = await reopened(path)
    with pytest.raises(ConfigurationError, match="of other inputs: item 1 was another one"):
        journal.recall(1, journal.fingerprint({"url": "b.example"}))


async def test_equal_payloads_have_one_fingerprint(path):
    """The order of members, the type of sequences and the zone of times do not matter."""
    journal = await reopened(path)
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    shifted = noon.astimezone(timezone(timedelta(hours=2)))
    one = {
        "url": "a",
        "run": noon,
        "minute": ("1", "2"),
        "wait": timedelta(hours=1),
        "day": date(2030, 1, 1),
        "x": None,
    }
    two = {
        "x": None,
        "day": date(2030, 1, 1),
        "wait": timedelta(minutes=60),
        "minute": ["1", "2"],
        "run": shifted,
        "url": "a",
    }
    assert journal.fingerprint(one) == journal.fingerprint(two)
    others = [
        {**one, "url": "b"},
        {**one, "run": noon.replace(tzinfo=None)},
        {**one, "x": 1.5},
        5,
        "5",
        [5],
        enum.Enum("Colour", "RED").RED,
    ]
    assert len({journal.fingerprint(value) for value in [one, *others]}) == 8


async def test_fingerprints_are_salted(path, tmp_path):
    """Two journals differ in their fingerprints of a payload, two runs of one journal do not."""
    first, again, other = (
        await reopened(path),
        await reopened(path),
        await reopened(tmp_path / "other"),
    )
    assert first.fingerprint(5) == again.fingerprint(5) != other.fingerprint(5)


async def test_a_payload_that_is_no_json_is_refused(path):
    """A payload that cannot be written down has no fingerprint."""
    journal = await reopened(path)
    for value in (b"x", {1, 2}, object()):
        with pytest.raises(ConfigurationError, match="cannot be noted in a journal"):
            journal.fingerprint({"post_data": value})


async def test_no_secret_is_in_the_file(path):
    """Headers, bodies and URLs leave only a hash in the file, and passwords nothing."""
    secrets = {
        "password": "pa55word",
        "http_headers": {"Authorization": "Bearer t0ken"},
        "post_data": "b0dy",
        "url": "https://user:hidden@private.example",
    }
    journal = await Journal.open(path, PLAN)
    mark = journal.fingerprint(JobSpec(**secrets).params)
    await journal.sending([(0, mark)])
    journal.note(0, mark, "failed", reason="APIError 1")
    await journal.close()
    found = path.read_text()
    assert not [
        text
        for text in ("pa55word", "t0ken", "Bearer", "b0dy", "hidden", "private.example")
        if text in found
    ]
    assert mark == journal.fingerprint(
        {**secrets, "password": "another", "url": "https://user:other@private.example"}
    )


# --- files that cannot be used --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "match"),
    [
        (".", "Is a directory"),
        ("missing/journal", "No such file or directory"),
        ("file/journal", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("pipe", "could not be opened"),
    ],
    ids=["folder", "missing", "below a file", "long", "pipe"],
)
async def test_a_path_that_cannot_be_used_is_refused(tmp_path, name, match):
    """The error for a folder, a missing one or an irregular file has the path and the reason."""
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    error = await refused(tmp_path / name, match)
    assert str(tmp_path) in str(error)
    assert isinstance(error.__cause__, OSError)


async def test_a_device_is_no_journal():
    """A device is refused, because its lines would be lost."""
    await refused("/dev/null", "Not a regular file")


@pytest.mark.parametrize("wrong", ["", b"", "a\0b", None, 5])
async def test_nonsense_is_no_path(wrong):
    """An empty path, or something else than a path, is refused."""
    await refused(wrong, "^A journal needs a path, not ")


@pytest.mark.parametrize(
    "content",
    [
        b"dear diary",
        b'{"some": "json"}',
        b'{"some": "json"}\n',
        b"text\n",
        b"\n",
        b"[1]\n",
        b'{"cronapi":"other"}\n',
        WHOLE["header"][:50] + b"x" * 70_000,
    ],
)
async def test_a_file_that_is_no_journal_stays_as_it_is(path, content):
    """A wrong path never costs a file."""
    path.write_bytes(content)
    await refused(path, "is not a journal of cronapi")
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "header",
    [
        b'{"cronapi":"journal","version":2,"salt":""}\n',
        b'{"cronapi":"journal","version":1}\n',
        *(
            WHOLE["header"].replace(b'"version":1', b'"version":' + version)
            for version in (b"0", b"true", b"1.0", b'"1"', b"null", b"[1]", b"9" * 40)
        ),
        WHOLE["header"].replace(b'"version":1,', b""),
    ],
)
async def test_a_journal_of_another_version_is_refused(path, header):
    """A journal of a version that this cronapi does not read is refused, and stays as it is."""
    path.write_bytes(header)
    await refused(path, "has version .* this cronapi reads version 1.*the release that began it")
    assert path.read_bytes() == header


async def test_an_empty_file_is_a_new_journal(path):
    """A kill right after the file was made leaves a new journal."""
    path.touch()
    assert not (await reopened(path)).resumed
    assert (await reopened(path)).resumed


async def test_a_full_disk_is_told(path):
    """On a full disk every later send is refused, and the confirmed items can be resumed."""
    journal = await Journal.open(path, PLAN)
    await journal.sending([(0, "aa")])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, hard))
    try:
        with pytest.raises(
            ConfigurationError, match="could not be written: File too large"
        ) as caught:
            await journal.sending([(1, "aa")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(ConfigurationError, match="could not be written"):
        await journal.flush()
    await journal.close()
    assert (await reopened(path)).last == 0


# --- size -----------------------------------------------------------------------------------------


@pytest.mark.proof
async def test_a_hundred_thousand_entries_are_small(path):
    """A resumed bulk of 100,000 items keeps less than 300 bytes of each."""
    journal = await Journal.open(path, PLAN)
    for index in range(100_000):
        journal.note(index, "0123456789abcdef0123456789abcdef", "done", id=index + 1_000_000)
    await journal.close()
    tracemalloc.start()
    try:
        again = await reopened(path)
        assert tracemalloc.get_traced_memory()[0] < 30_000_000
    finally:
        tracemalloc.stop()
    assert again.last == 99_999
