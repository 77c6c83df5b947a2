"""Where a pace file is that has no path: one for each user, address and account."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cronapi import FASTCRON, ConfigurationError, FastCron, Rate, Scheduler, SchedulerError
from cronapi.scheduler import FileBucket
from cronapi.scheduler.file import machine_scheduler
from tests.support.emulated import TOKEN
from tests.support.fleet import settle

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
