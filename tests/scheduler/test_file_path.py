"""Where a pace file is that has no path: one for each user, address and account."""

from __future__ import annotations

import os
import pwd
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from cronapi import FASTCRON, ConfigurationError, FastCron, Rate, Scheduler, SchedulerError
from cronapi.scheduler import FileBucket
from cronapi.scheduler.faults import UnusableError
from cronapi.scheduler.file import machine_scheduler
from cronapi.scheduler.file_script import FileScript
from cronapi.scheduler.fleet import Answer
from tests.support.emulated import TOKEN
from tests.support.fleet import settle
from tests.support.pace_file import state_of

SAY = """
from cronapi import FASTCRON, FastCron, Scheduler
from cronapi.scheduler import FileBucket
bucket = FileBucket()
FastCron("token", scheduler=Scheduler(FASTCRON.rate, bucket=bucket))
print(bucket.path)
"""
ROOT = Path(__file__).parents[2]
LOGIN = {
    "HOME": "/tmp",
    "XDG_STATE_HOME": "/tmp/state",
    "XDG_CACHE_HOME": "/tmp/cache",
    "XDG_RUNTIME_DIR": "/run/user/0",
    "TMPDIR": "/var/tmp",
    "USER": "somebody",
    "LOGNAME": "somebody",
    "LANG": "de_DE.UTF-8",
}
CRONTAB = {"HOME": "/", "LOGNAME": "root", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}


def named(bucket, client=FastCron, **options):
    """Return the path of a bucket once a client has it."""
    rate = options.pop("rate", FASTCRON.rate)
    client(TOKEN, scheduler=Scheduler(rate, bucket=bucket), **options)
    return bucket.path


def test_a_login_an_empty_environment_and_crontab_have_the_same_file():
    """Whatever the environment says, all processes of a user share one file."""
    python = [sys.executable, "-c", SAY]
    paths = [
        subprocess.run(
            [shutil.which("env"), "-i", f"PYTHONPATH={ROOT}", *variables, *python],
            capture_output=True,
            text=True,
            check=True,
            cwd=folder,
        ).stdout
        for folder, variables in (
            (ROOT, [f"{name}={value}" for name, value in LOGIN.items()]),
            ("/tmp", []),
            ("/", [f"{name}={value}" for name, value in CRONTAB.items()]),
        )
    ]
    assert len(set(paths)) == 1
    assert paths[0].startswith(pwd.getpwuid(os.geteuid()).pw_dir)


def test_the_environment_changes_no_path(home, monkeypatch):
    """A path comes from the list of users alone, even if HOME or XDG_STATE_HOME say otherwise."""
    before = named(FileBucket())
    for name, value in (LOGIN | CRONTAB).items():
        monkeypatch.setenv(name, value)
    assert named(FileBucket()) == before
    for name in LOGIN | CRONTAB:
        monkeypatch.delenv(name)
    assert named(FileBucket()) == before
    assert before.is_relative_to(home)


def test_each_address_and_account_has_a_file_of_its_own(home):
    """Clients of one budget have one file, and no file tells whose it is."""
    same = [
        named(FileBucket()),
        named(FileBucket(), base_url="https://APP.fastcron.com:443/api/v1"),
        machine_path(FASTCRON.base_url),
    ]
    others = [
        named(FileBucket(), base_url="https://www.fastcron.com/api/v1/"),
        named(FileBucket(), scope="token"),
        unused(FASTCRON.rate),
        unused(Rate(2)),
        unused(Rate(1, 2)),
    ]
    assert len(set(same)) == 1
    assert len({*same, *others}) == 6
    assert not any(TOKEN in str(path) or "fastcron" in str(path) for path in (*same, *others))
    assert unused(Rate(2)) == unused(Rate(2.0, 1.0))


def machine_path(address):
    return machine_scheduler(address, FASTCRON.rate).bucket.path


def unused(rate):
    """Return the path of a scheduler that no client uses."""
    bucket = FileBucket()
    Scheduler(rate, bucket=bucket)
    return bucket.path


def test_one_bucket_has_one_budget(home):
    """A second address or account is refused, and a client more of the first is not."""
    bucket = FileBucket()
    named(bucket)
    named(bucket)
    with pytest.raises(ConfigurationError, match="another address or account"):
        named(bucket, base_url="https://example.com/")
    scheduler = Scheduler(FASTCRON.rate, bucket=FileBucket())
    with pytest.raises(ConfigurationError, match="token function"):
        FastCron(lambda: TOKEN, scheduler=scheduler, scope="token")
    named(FileBucket("pace"), scope="token")


async def test_a_bucket_that_has_begun_keeps_its_file(home):
    """A client that comes after the first start does not move the bucket to another file."""
    bucket = FileBucket()
    scheduler = Scheduler(FASTCRON.rate, bucket=bucket)
    await settle(scheduler, "accepted")
    path = bucket.path
    with pytest.raises(ConfigurationError, match="another address or account"):
        FastCron(TOKEN, scheduler=scheduler)
    assert bucket.path == path


async def test_the_file_and_its_directory_are_private(home):
    """The directory is made with nobody else's permissions, and a change of them is taken back."""
    before = os.umask(0)
    try:
        scheduler = machine_scheduler("https://example.com/", Rate(1000))
        path = scheduler.bucket.path
        path.parent.chmod(0o777)
        await settle(scheduler, "accepted")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_directory_or_file_of_another_user_is_refused(home, monkeypatch):
    """Somebody who has made the directory first, or the file in it, gets nobody's pace."""
    scheduler = machine_scheduler("https://example.com/", Rate(1))
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(SchedulerError, match="in a directory of another user"):
        scheduler.bucket.check()


@pytest.mark.parametrize("trick", ["link", "folder", "dangling"])
def test_a_directory_that_cannot_be_made_is_said(home, trick):
    """A file, or a link to nowhere, that stands where the directory belongs is named."""
    (home / ".local" / "state").mkdir(parents=True)
    place = home / ".local" / "state" / "cronapi"
    if trick == "dangling":
        place.symlink_to("nowhere")
    elif trick == "link":
        place.symlink_to("cronapi")
    else:
        place.write_text("")
    with pytest.raises(SchedulerError, match="cannot be used: the file '"):
        machine_scheduler("https://example.com/", Rate(1))


def test_a_user_without_a_home_directory_names_a_path(monkeypatch):
    """In a container a user may have a number only: the error says what to do."""

    def unknown(number):
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(SchedulerError, match="no home directory") as failed:
        machine_scheduler("https://example.com/", Rate(1))
    assert failed.value.advice == "Name a path."
    with pytest.raises(SchedulerError, match="no home directory"):
        unused(Rate(1))


# --- damage --------------------------------------------------------------------------------------


def torn(data):
    return data[:4096] + bytes(len(data) - 4096)


DAMAGES = {
    "zeros": lambda data: bytes(len(data)),
    "cut in the header": lambda data: data[:50],
    "cut behind the first page": lambda data: data[:4096],
    "a page of zeros": torn,
    "a first page of zeros": lambda data: bytes(4096) + data[4096:],
    "a first sector of zeros": lambda data: bytes(512) + data[512:],
    "another file": lambda data: b"\xff" * len(data),
    "noise": lambda data: data[:100] + b"\xff" * 3900 + data[4000:],
}
"""Things that a power cut may leave of a file."""


def used_file(home):
    """Return a file with a pace, and a maker of schedulers on it, each as of another process."""

    def process():
        return machine_scheduler("https://example.com/", Rate(1000))

    path = process().bucket.path
    return path, process


@pytest.mark.parametrize("journal", [False, True])
async def test_a_private_file_that_a_power_cut_has_damaged_is_made_anew(home, caplog, journal):
    """No call of any process fails, one warning tells it, and all share one pace again."""
    path, process = used_file(home)
    for name, damage in DAMAGES.items():
        first, second = process(), process()
        await settle(first, *["accepted"] * 3)
        path.write_bytes(damage(path.read_bytes()))
        if journal:
            path.with_name(f"{path.name}-journal").write_bytes(b"\xd9\xd5\x05\xf9" * 2000)
        caplog.clear()
        for scheduler in (first, second, process()):
            await settle(scheduler, "accepted", "accepted")
        assert state_of(path)["number"] == 6, name
        assert list(path.parent.iterdir()) == [path], name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, name
        (told,) = [record for record in caplog.records if record.levelname == "WARNING"]
        assert told.cron_event == "pace_file_renewed", name
        assert "damaged" in told.getMessage(), name


async def test_a_check_makes_a_damaged_private_file_anew(home):
    """A program that checks at its start is no worse off than one that calls."""
    path, process = used_file(home)
    await settle(process(), "accepted")
    path.write_bytes(bytes(8192))
    process().bucket.check()
    await settle(process(), "accepted")
    assert state_of(path)["number"] == 1


def test_processes_that_meet_a_damaged_file_at_once_share_the_new_one(home):
    """Each finds the damage by itself. No call fails, and in the end there is one file."""
    path, _ = used_file(home)
    path.write_bytes(b"\xff" * 8192)
    scripts = [FileScript(path, time.monotonic, is_private=True) for _ in range(4)]

    def work(script):
        return [script([1000, 3_000_000, 1])[1] for _ in range(10)]

    with ThreadPoolExecutor(len(scripts)) as pool:
        numbers = list(pool.map(work, scripts))
    assert all(len(each) == 10 for each in numbers)
    last = state_of(path)["number"]
    assert Answer(*scripts[0]([1000, 3_000_000, 1])).number == last + 1
    assert Answer(*scripts[1]([1000, 3_000_000, 1])).number == last + 2
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("thing", ["another format", "somebody's tables"])
def test_a_private_file_that_is_not_damaged_is_left_as_it_is(home, thing):
    """The pace of another release, and what nobody here has written, is no damage."""
    path, process = used_file(home)
    process().bucket.check()
    script = FileScript(path, time.monotonic, is_private=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if thing == "another format":
            script([1000, 3_000_000, 1])
            connection.execute("UPDATE pace SET format = 2")
        else:
            connection.execute("ALTER TABLE pace RENAME TO mine")
        kept = path.read_bytes()
        with pytest.raises(UnusableError):
            script([1000, 3_000_000, 1])
    assert path.read_bytes() == kept


def test_a_damaged_file_that_cannot_be_replaced_is_told_as_damaged(home, monkeypatch):
    """The directory takes no file more: the error is that of the file."""
    path, _ = used_file(home)
    path.write_bytes(b"\xff" * 8192)
    script = FileScript(path, time.monotonic, is_private=True)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(UnusableError) as failed:
        script([1000, 3_000_000, 1])
    assert "is not a SQLite file" in failed.value.reason
