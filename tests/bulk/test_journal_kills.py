"""The journal of a bulk through kills and cancellations, and tasks that share it."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import ConfigurationError
from cronapi.bulk.append_only_file import AppendOnlyFile
from cronapi.bulk.journal import Entry, Journal
from tests.support.journals import PLAN, WHOLE, refused, reopened

# --- kills ----------------------------------------------------------------------------------------

LINES = list(WHOLE.values())


def facts(lines):
    """Return the known ids and the statuses after some lines, as a simpler reader finds them."""
    known, statuses = None, {}
    for fact in map(json.loads, lines[1:]):
        known = frozenset(fact["known"]) if "known" in fact else known
        statuses.update((index, "sending") for index, _ in fact.get("sending", ()))
        if "item" in fact:
            statuses[fact["item"]] = fact["status"]
    return known, statuses


@given(st.lists(st.sampled_from(LINES[1:])), st.integers(0, 1000))
def test_a_cut_at_any_byte_can_be_mended(more, back):
    """A journal that was cut anywhere has the facts of its complete lines, and takes new ones."""
    text = b"".join([LINES[0], *more])
    mended(text[: max(0, len(text) - back)])


@pytest.mark.proof
def test_a_cut_at_each_byte_can_be_mended():
    """A journal that was cut at any of its bytes can be read, and written on."""
    text = b"".join(LINES)
    for cut in range(len(text) + 1):
        mended(text[:cut])


def mended(text):
    """Open the rest of a journal, compare it with its complete lines, and add to it."""

    async def main(path):
        complete = text.count(b"\n")
        known, statuses = facts(text.splitlines()[:complete])
        journal = await Journal.open(path, PLAN)
        assert (journal.resumed, journal.known, journal.last) == (
            complete > 0,
            known,
            max(statuses, default=-1),
        )
        found = {index: journal.recall(index, "aa") for index in range(3)}
        assert {index: entry.status for index, entry in found.items() if entry} == statuses
        journal.note(9, "bb", "done", id=1)
        await journal.close()
        again = await reopened(path)
        assert again.recall(9, "bb") == Entry("done", 1)
        assert (again.resumed, again.known) == (True, known)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        path.write_bytes(text)
        anyio.run(main, path)


@given(
    st.lists(
        st.sampled_from(
            [*LINES, b"{}\n", b"[]\n", b"\n", b"\0\0", b'{"sending":7}\n', b'{"known":[{}]}\n']
        )
        | st.binary(max_size=9)
    )
)
def test_any_file_is_read_or_refused(pieces):
    """A file is a journal, or it is refused with one kind of error and stays as it was."""

    async def main(path):
        before = path.read_bytes()
        try:
            await reopened(path)
        except ConfigurationError:
            assert path.read_bytes() == before
        else:
            assert (await reopened(path)).resumed

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        path.write_bytes(b"".join(pieces))
        anyio.run(main, path)


@pytest.mark.parametrize(
    "broken",
    [b'{"item":1,\n', b"\0\0\0\n", b"{}\n", b'{"item":"1","hash":"aa","status":"done"}\n', b"7\n"],
)
async def test_a_broken_line_in_the_middle_is_refused(path, broken):
    """A broken line before others comes from no kill: the error names it, and the file stays."""
    damaged = b"".join([*LINES[:3], broken, *LINES[3:]])
    path.write_bytes(damaged)
    await refused(path, "^Line 4 of the journal .* is broken")
    assert path.read_bytes() == damaged


async def test_an_incomplete_last_line_is_cut_off(path):
    """A last line that is no JSON is cut off, even if it has its newline."""
    path.write_bytes(b"".join(LINES[:3]) + b'{"item":0,"ha\0\0\n')
    assert (await reopened(path)).recall(0, "aa") == Entry("sending", None)
    assert path.read_bytes() == b"".join(LINES[:3])


CHILD = textwrap.dedent("""
    import sys
    import anyio
    from cronapi.bulk.journal import Journal

    async def main(path, plan):
        journal = await Journal.open(path, plan)
        first = journal.last + 1
        for start in range(first, first + 100_000, 20):
            marks = [(index, journal.fingerprint(index)) for index in range(start, start + 20)]
            await journal.sending(marks)
            print("sending", start, flush=True)
            for index, mark in marks:
                journal.note(index, mark, "done", id=index + 1000)
            await journal.flush()
            print("done", start, flush=True)

    anyio.run(main, sys.argv[1], eval(sys.argv[2]))
""")


def killed_after(path, confirmations):
    """Run a child that writes the journal, kill it after some confirmations, and return all."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, path, repr(PLAN)], stdout=subprocess.PIPE, text=True
    ) as child:
        lines = [child.stdout.readline() for _ in range(confirmations)]
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.read().splitlines()
    assert child.returncode == -signal.SIGKILL
    return [line.split() for line in lines if line.strip()]


@pytest.mark.proof
async def test_a_kill_loses_nothing_that_was_confirmed(path):
    """After a kill at any moment, the next process finds all that was confirmed to be on disk."""
    confirmed = {}
    for _ in range(8):
        for status, start in killed_after(path, random.randrange(1, 60)):
            confirmed.update(dict.fromkeys(range(int(start), int(start) + 20), status))
        journal = await reopened(path)
        assert journal.resumed
        for index, status in confirmed.items():
            entry = journal.recall(index, journal.fingerprint(index))
            assert entry in (
                Entry(status, index + 1000 if status == "done" else None),
                Entry("done", index + 1000),
            )
    assert len(confirmed) >= 100


# --- one at a time --------------------------------------------------------------------------------


async def test_a_journal_in_use_is_refused(path):
    """Two runs cannot write one journal: the second is refused until the first has ended."""
    first = await Journal.open(path, PLAN)
    await refused(path, "is in use by another run")
    first.note(0, "aa", "done")
    await first.close()
    assert (await reopened(path)).last == 0


async def test_many_tasks_may_write_at_once(path):
    """Groups that are noted by several tasks at the same time are all on disk."""
    journal = await Journal.open(path, PLAN)
    async with anyio.create_task_group() as group:
        for index in range(100):
            group.start_soon(journal.sending, [(index, "aa")])
    lines = path.read_bytes().splitlines()
    await journal.close()
    assert len(lines) == 101
    assert (await reopened(path)).last == 99


async def test_a_closed_journal_takes_nothing(path):
    """After the end nothing can be noted, and a second close does nothing."""
    journal = await reopened(path)
    await journal.close()
    with pytest.raises(ConfigurationError, match="is closed"):
        journal.note(0, "aa", "done")
    with pytest.raises(ConfigurationError, match="is closed"):
        await journal.sending([(0, "aa")])
    with pytest.raises(ConfigurationError, match="is closed"):
        await journal.flush()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_task_can_close(path, backend):
    """Closing writes the notes, even in a task that is being cancelled."""

    async def main():
        journal = await Journal.open(path, PLAN)
        journal.note(0, "aa", "done", id=5)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await journal.close()
        assert (await reopened(path)).recall(0, "aa") == Entry("done", 5)

    anyio.run(main, backend=backend)


async def test_a_task_may_be_cancelled_while_it_writes(path):
    """A task that is cancelled while it opens, sends or flushes leaves a whole and free journal.

    This holds at each step of asyncio, once the journal is closed.
    """
    for steps in range(12):
        opening = asyncio.create_task(Journal.open(path, PLAN))
        await cancelled_after(opening, steps)
        journal = await Journal.open(path, PLAN) if opening.cancelled() else opening.result()
        await cancelled_after(asyncio.create_task(journal.sending([(steps, "aa")])), steps)
        journal.note(steps, "aa", "done")
        await cancelled_after(asyncio.create_task(journal.flush()), steps)
        await journal.close()
        again = await reopened(path)
        assert [again.recall(index, "aa") for index in range(steps + 1)] == [
            Entry("done", None)
        ] * (steps + 1)


async def cancelled_after(task, steps):
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


def test_a_file_that_was_given_up_is_not_opened(path):
    """A thread that opens the file only after its cancelled task has released it creates none."""
    file = AppendOnlyFile(path)
    file.abandon()
    with pytest.raises(ConfigurationError, match="is closed"):
        file.open(lambda _: 0)
    assert not path.exists()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_opening_holds_nothing(path, backend):
    """A task that is cancelled while it opens a journal leaves it to others."""

    async def main():
        with anyio.CancelScope() as scope:
            scope.cancel()
            await Journal.open(path, PLAN)
        await reopened(path)

    anyio.run(main, backend=backend)


# --- forks ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("ends", ["closed", "killed"])
def test_a_forked_process_keeps_no_journal(path, ends):
    """A journal is free once its run has ended or was killed, though a child of it lives on."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS, str(path), ends],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("is closed\nfree\n", "")
    assert b"of the child" not in path.read_bytes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no file locks")
def test_a_closed_journal_is_free_though_something_else_still_has_the_file(path):
    """A process that was forked while the file was opened may: its lock ends with the run."""
    first, second = AppendOnlyFile(path), AppendOnlyFile(path)
    first.open(lambda content: len(content.read()))
    held = os.dup(first._file.fileno())
    first.close()
    second.open(lambda content: len(content.read()))
    second.close()
    os.close(held)


FORKS = textwrap.dedent(
    """
    import os, signal, sys
    from cronapi import ConfigurationError
    from cronapi.bulk.append_only_file import AppendOnlyFile

    def begun():
        file = AppendOnlyFile(sys.argv[1])
        file.open(lambda content: len(content.read()))
        return file

    def live_on(file, told, over):
        signal.alarm(30)
        try:
            file.append(b"of the child")
        except ConfigurationError as error:
            print(str(error)[-10:-1], flush=True)
        file.close()
        os.write(told, b".")
        os.read(over, 1)
        os._exit(0)

    def run_and_fork(told, over):
        file = begun()
        file.append(b"{}\\n")
        if not os.fork():
            live_on(file, told, over)
        os.read(heard, 1)
        if sys.argv[2] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        file.close()
        os._exit(0)

    heard, told = os.pipe()
    over, end = os.pipe()
    run = os.fork()
    if not run:
        run_and_fork(told, over)
    os.waitpid(run, 0)
    begun().close()
    print("free", flush=True)
    os.write(end, b".")
    """
)
