"""A pace file that cannot be used: each fault is told as what it is, with the name of the file."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import resource
import shutil
import sqlite3
import stat
import time

import anyio
import pytest

from cronapi import ConfigurationError, Rate, Scheduler, SchedulerError
from cronapi.errors import Applied
from cronapi.scheduler import FileBucket
from cronapi.scheduler.faults import UnusableError
from cronapi.scheduler.file import machine_scheduler
from cronapi.scheduler.file_faults import error_of
from cronapi.scheduler.file_script import PATIENCE, FileScript
from cronapi.scheduler.fleet import Answer
from tests.support.fleet import settle
from tests.support.pace_file import opened, state_of

NOBODY = 65534


def scheduler_on(path, **options):
    return Scheduler(1000, bucket=FileBucket(path, **options))


async def fault_of(path, **options):
    """Return the error of a call, which names the file, says what to do, and pickles."""
    scheduler = scheduler_on(path, **options)
    begun = time.monotonic()
    with pytest.raises(SchedulerError) as failed:
        await settle(scheduler, "accepted")
    assert time.monotonic() - begun < 5
    error = failed.value
    assert scheduler.stats.in_flight == 0
    assert repr(str(path)) in str(error)
    assert "nothing was sent" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert isinstance(error.__cause__, OSError)
    assert "Redis" not in f"{error}{error.advice}"
    assert error.advice.endswith(".")
    with pytest.raises(SchedulerError, match="cannot be used"):
        scheduler.bucket.check()
    return str(error)


@contextlib.contextmanager
def as_somebody(*folders):
    """Let a test that root runs be somebody whom permissions stop."""
    if os.geteuid() != 0:
        yield
        return
    for folder in folders:
        os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def folder(tmp_path_factory):
    """A directory that anybody can reach."""
    place = tmp_path_factory.mktemp("pace")
    for above in (place, *place.parents[:4]):
        if above.stat().st_uid == os.geteuid() and above.name.startswith(
            ("pace", "popen", "pytest")
        ):
            above.chmod(0o755)
    return place


# --- something else is there ---------------------------------------------------------------------


def a_link(path):
    path.symlink_to(path.with_name("elsewhere"))


def a_link_to_a_file(path):
    path.with_name("private.txt").write_text("mine")
    path.symlink_to(path.with_name("private.txt"))


def another_database(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (id)")


def another_pace(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE pace (speed)")


def another_format(path):
    FileBucket(path).check()
    Fresh(path).make()
    with opened(path) as connection:
        connection.execute("UPDATE pace SET format = 2, state = 'new'")


def a_damaged_file(path):
    Fresh(path).make()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3900)


class Fresh:
    """A file with a record."""

    def __init__(self, path):
        self.path = path

    def make(self):
        anyio.run(settle, scheduler_on(self.path), "accepted")


THINGS = {
    "is a directory": lambda path: path.mkdir(),
    "is a symbolic link": a_link,
    "is a symbolic  link": a_link_to_a_file,
    "is not a regular file": os.mkfifo,
    "is not a SQLite file": lambda path: path.write_text("a letter to somebody\n" * 50),
    "holds something else than a pace": another_database,
    "holds something else  than a pace": another_pace,
    "another format; this cronapi reads format 1": another_format,
    "is damaged": a_damaged_file,
}
"""A thing that stands in the bucket's place, and a part of the error; two spaces make it unique."""


@pytest.mark.parametrize("said", THINGS)
def test_what_is_no_pace_is_named_and_left_as_it_is(tmp_path, said):
    """A call fails at once, and whatever is there stays as it was, also behind a link."""
    path = tmp_path / "pace.sqlite3"
    THINGS[said](path)
    kept = {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    assert said.replace("  ", " ") in anyio.run(fault_of, path)
    assert {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == kept


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("missing/pace", "lies in no directory"),
        ("file/pace", "lies in no directory"),
        ("loop/pace", "loop of links"),
        ("n" * 300, "too long a name"),
        ("/dev/null", "is not a regular file"),
        ("/proc/pace", "lies in no directory"),
    ],
)
async def test_a_place_where_no_file_can_be_is_named(tmp_path, place, said):
    """The path of a file that cannot be made is in the error."""
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    assert said in await fault_of(tmp_path / place)


@pytest.mark.parametrize("path", ["", "a\0b", 5, b"pace", object()])
def test_what_is_no_path_is_refused_at_once(path):
    """A path is a text or a Path."""
    with pytest.raises(ConfigurationError, match="path"):
        FileBucket(path)


async def test_a_path_from_a_directory_that_is_gone_is_refused(tmp_path, monkeypatch):
    """A relative path leads nowhere then, and an absolute one is as good as ever."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match="path must be absolute, not 'pace'"):
        FileBucket("pace")
    await settle(scheduler_on(tmp_path / "pace"), "accepted")


async def test_an_odd_name_is_a_name(tmp_path, monkeypatch):
    """Names that mean something in addresses, or that are no UTF-8, are those of files."""
    monkeypatch.chdir(tmp_path)
    for name in ("a?mode=memory", "b#c", "d%20e", "f g", ":memory:", "h\udcffi", "file:x", "\n"):
        await settle(scheduler_on(name), "accepted")
        assert (tmp_path / name).stat().st_size > 0


# --- permissions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "said"),
    [
        (0o400, 0o700, "may not be used by this user"),
        (0o000, 0o700, "may not be used by this user"),
        (0o600, 0o500, "a directory in which this user may not write"),
        (None, 0o500, "may not be used by this user"),
        (0o600, 0o000, "may not be used by this user"),
    ],
)
def test_a_file_that_may_not_be_written_is_named(folder, file_mode, folder_mode, said):
    """A read-only file, and a file in a directory that is read-only or closed."""
    path = folder / "pace.sqlite3"
    if file_mode is not None:
        Fresh(path).make()
        path.chmod(file_mode)
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    folder.chmod(folder_mode)
    try:
        with as_somebody(folder):
            assert said in anyio.run(fault_of, path)
    finally:
        folder.chmod(0o700)


def test_a_file_that_another_user_put_where_everybody_may_is_refused(folder, monkeypatch):
    """Somebody else's file is a trap in a directory like /tmp, and none in one of a team."""
    path = folder / "pace.sqlite3"
    Fresh(path).make()
    me = path.stat().st_uid
    if me == 0:
        os.chown(path, NOBODY, NOBODY)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    Fresh(path).make()
    folder.chmod(0o1777)
    assert "belongs to another user" in anyio.run(fault_of, path)


@pytest.mark.parametrize(
    ("mode", "expected"), [(0o700, 0o600), (0o755, 0o600), (0o2770, 0o660), (0o1777, 0o600)]
)
async def test_a_new_file_is_for_those_who_may_write_to_its_directory(tmp_path, mode, expected):
    """A file is private, and in a directory of a group it is the group's; the umask is the same."""
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(mode)
    before = os.umask(0)
    try:
        await settle(scheduler_on(folder / "pace"), "accepted")
    finally:
        os.umask(before)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == expected


def test_users_of_a_group_share_a_file_in_their_directory(folder):
    """One user makes the file, and another of the group uses it; neither can shut the other out."""
    path = folder / "pace.sqlite3"
    if os.geteuid() == 0:
        os.chown(folder, 0, NOBODY)
    folder.chmod(0o2770)
    before = os.getegid()
    Fresh(path).make()
    if before == 0:
        os.setegid(NOBODY)
    try:
        with as_somebody():
            Fresh(path).make()
    finally:
        os.setegid(before)
    Fresh(path).make()
    assert state_of(path)["number"] == 3
    assert path.stat().st_gid == folder.stat().st_gid


# --- in use --------------------------------------------------------------------------------------


def removed(path):
    path.unlink()


def emptied(path):
    os.truncate(path, 0)


def moved_away(path):
    path.rename(path.with_name("old"))


def replaced(path):
    other = path.with_name("other")
    Fresh(other).make()
    other.replace(path)


def recreated_empty(path):
    path.unlink()
    path.touch()


@pytest.mark.parametrize(
    "change_file",
    [removed, emptied, moved_away, replaced, recreated_empty],
    ids=lambda c: c.__name__,
)
async def test_a_file_that_goes_away_while_it_is_in_use_is_made_anew(tmp_path, change_file):
    """Two processes whose file is removed, emptied or replaced share one again: no call fails."""
    path = tmp_path / "pace.sqlite3"
    first, second = scheduler_on(path), scheduler_on(path)
    await settle(first, "accepted", "accepted")
    await settle(second, "accepted")
    await anyio.to_thread.run_sync(change_file, path)
    before = state_of(path)["number"] if change_file is replaced else 0
    await settle(first, "accepted", "accepted")
    await settle(second, "accepted")
    assert state_of(path)["number"] - before >= 2


NEXT = 3


def clock_that_once(change_file, at=NEXT):
    """Return a clock in one of whose readings, inside of a transaction, something happens."""
    readings = itertools.count()

    def clock():
        if next(readings) == at:
            change_file()
        return time.monotonic()

    return clock


def evaluations(path, clock):
    """Evaluate the pace of a file, as slots do, for as long as a caller wants."""
    script = FileScript(path, clock, is_private=False)
    while True:
        yield Answer(*script([1000, 3_000_000, 1]))


@pytest.mark.parametrize(
    "change_file",
    [removed, moved_away, replaced, recreated_empty],
    ids=lambda c: c.__name__,
)
def test_a_file_that_goes_away_inside_of_a_transaction_is_made_anew(tmp_path, change_file):
    """The start that was about to be written is reserved in the new file, and no call fails."""
    path = tmp_path / "pace.sqlite3"
    answers = evaluations(path, clock_that_once(lambda: change_file(path)))
    numbers = [next(answers).number for _ in range(NEXT + 3)]
    assert numbers[:NEXT] == list(range(1, NEXT + 1))
    kept = 1 if change_file is replaced else 0
    assert numbers[NEXT:] == [kept + 1, kept + 2, kept + 3]
    assert state_of(path)["number"] == kept + 3


def test_a_file_that_goes_away_before_it_has_a_pace_is_made_anew(tmp_path):
    """No start is reserved in a file that only this process sees."""
    path = tmp_path / "pace.sqlite3"
    answers = evaluations(path, clock_that_once(path.unlink, at=0))
    assert [next(answers).number for _ in range(3)] == [1, 2, 3]
    assert state_of(path)["number"] == 3


def test_a_file_that_goes_away_in_each_transaction_may_come_to_rest(tmp_path):
    """The error says that it is replaced again and again, and waiting may mend that."""
    path = tmp_path / "pace.sqlite3"
    answers = evaluations(path, lambda: path.unlink() or time.monotonic())
    with pytest.raises(UnusableError) as failed:
        next(answers)
    assert "is replaced again and again" in failed.value.reason
    assert not failed.value.lasting
    next(evaluations(path, time.monotonic))


def test_a_directory_that_goes_away_inside_of_a_transaction_is_said(tmp_path):
    """Not that this user may not write there."""
    path = tmp_path / "folder" / "pace.sqlite3"
    path.parent.mkdir()
    answers = evaluations(path, clock_that_once(lambda: shutil.rmtree(path.parent)))
    for _ in range(NEXT):
        next(answers)
    with pytest.raises(UnusableError) as failed:
        next(answers)
    assert "lies in no directory" in failed.value.reason


async def test_a_directory_that_is_removed_while_it_is_in_use_is_said(tmp_path):
    """The calls after it fail, and go on once the directory is back."""
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "pace"
    scheduler = scheduler_on(path)
    await settle(scheduler, "accepted")
    path.unlink()
    folder.rmdir()
    with pytest.raises(SchedulerError, match="lies in no directory"):
        await settle(scheduler, "accepted", "accepted")
    folder.mkdir()
    await anyio.sleep(0.6)
    await settle(scheduler, "accepted")
    assert path.exists()


async def test_a_disk_that_takes_no_more_is_said_and_the_file_stays_whole(tmp_path):
    """Where not a byte can be written the call fails; then the pace goes on where it was."""
    path = tmp_path / "pace.sqlite3"
    await settle(scheduler_on(path), *["accepted"] * 5)
    kept = state_of(path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        said = await fault_of(path, timeout=0.1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "cannot be read and written" in said
    assert state_of(path) == kept
    await settle(scheduler_on(path), "accepted")
    assert state_of(path)["number"] == kept["number"] + 1


def test_a_full_disk_is_told_as_full(tmp_path):
    """SQLite's own error and that of the system lead to the same words."""
    with contextlib.closing(sqlite3.connect(tmp_path / "full")) as connection:
        connection.execute("CREATE TABLE large (value)")
        connection.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.OperationalError) as full:
            connection.execute("INSERT INTO large VALUES (zeroblob(100000))")
    for error in (full.value, OSError(28, "No space left on device"), OSError(122, "Quota")):
        assert "the disk is full" in error_of(tmp_path, error).reason


async def test_a_file_that_stays_locked_is_said_once_the_patience_is_over(tmp_path):
    """A process that was stopped in the middle holds the others up, and is named as the reason."""
    path = tmp_path / "pace.sqlite3"
    await settle(scheduler_on(path), "accepted")
    with opened(path):
        assert "is locked by another process" in await fault_of(path, timeout=0.0)
    await settle(scheduler_on(path), "accepted")


async def test_late_requests_do_not_wait_long_for_a_locked_file(tmp_path):
    """They have their starts, so they go out, and what they could not tell is told later."""
    path, skew = tmp_path / "pace.sqlite3", 0.0
    bucket = FileBucket(path, clock=lambda: time.monotonic() + skew)
    scheduler = Scheduler(2, bucket=bucket)
    slot = await scheduler.acquire()
    skew = 0.3
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        await slot.ready()
        assert time.monotonic() - begun < PATIENCE
    slot.accepted()
    slot.close()


# --- what a call and a shell see -----------------------------------------------------------------


async def test_a_call_says_that_it_was_not_sent(tmp_path, emulate):
    """A client's call on a file that cannot be used fails with the function's name, unsent."""
    _, api = await emulate(scheduler=scheduler_on(tmp_path))
    with pytest.raises(SchedulerError, match="is a directory") as failed:
        await api.cron.list()
    assert (failed.value.function, failed.value.applied) == ("cron.list", Applied.NO)


async def test_a_process_goes_on_alone_where_it_was_asked_to(tmp_path, caplog):
    """With fallback="local" one warning names the file, and the shared rate is back with it."""
    path = tmp_path / "pace.sqlite3"
    path.mkdir()
    scheduler = scheduler_on(path, fallback="local")
    await settle(scheduler, *["accepted"] * 3)
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert f"the file {str(path)!r} is a directory" in record.getMessage()
    path.rmdir()
    await anyio.sleep(1.1)
    await settle(scheduler, "accepted")
    with anyio.fail_after(5):
        while not path.exists():
            await settle(scheduler, "accepted")


def test_a_scheduler_of_the_machine_is_there_or_says_why_not(tmp_path):
    """A command learns before its first call if the processes of its user share a rate."""
    scheduler = machine_scheduler("https://example.com/", Rate(5), tmp_path / "pace")
    assert scheduler.rate == Rate(5)
    assert (tmp_path / "pace").exists()
    with pytest.raises(SchedulerError, match="is a directory"):
        machine_scheduler("https://example.com/", Rate(5), tmp_path)


def test_a_path_that_no_file_system_can_hold_is_refused():
    """Half of a surrogate pair cannot be written as a file's name."""
    with pytest.raises(ConfigurationError, match="no file system"):
        FileBucket("\ud800x")
