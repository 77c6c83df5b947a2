"""Files that a command is to make: looked at before anything is sent, and whole or not there."""

from __future__ import annotations

import errno
import os
import resource
import stat
import tomllib
from contextlib import asynccontextmanager, contextmanager

import pytest

from cronapi import ConfigurationError
from cronapi.emulator import Fault, create_app
from cronapi.manifest import Manifest
from cronapi.manifest.writing import check_new, replace_file, values_first, write_private
from tests.support.emulated import FAST, client_of, fill
from tests.support.manifests import (
    HEAD,
    Meanwhile,
    applied,
    jobs_text,
    manifest,
    send,
    sent_since,
    shown_jobs,
)

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")


async def test_a_dry_run_of_an_adoption_tells_the_names_and_changes_nothing(tmp_path):
    """Neither the file nor the account, also where the group and another name are still to come."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    for head, name in ((HEAD, "n0"), (HEAD.replace('group = "g"', 'prefix = "shop/"'), "shop/n0")):
        first = jobs_text(1) if head == HEAD else jobs_text(1, word="shop/job")
        path.write_text(head + first)
        (number,) = fill(app, "fastcron", 1)
        before = app.emulator.jobs("fastcron")
        count = len(app.emulator.requests)
        async with client_of(app) as api:
            done = await Manifest.load(path, environ={}).adopt(api, number, dry_run=True)
        assert (done.names, done.environ, done.report) == ((name,), {}, None)
        assert path.read_text() == head + first
        assert app.emulator.jobs("fastcron") == before
        assert app.emulator.groups("fastcron") == []
        assert sent_since(app, count) == []


async def test_an_undo_file_that_is_there_stops_an_apply_before_anything_is_sent(tmp_path):
    """A link to nowhere, a directory, or a directory that is missing stop it too."""
    app = create_app(rates=FAST)
    await applied(app, manifest(jobs_text(2)))
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    count = len(app.emulator.requests)
    async with client_of(app) as api:
        plan = await manifest(jobs_text(1)).plan(api, prune=True)
        reads = len(app.emulator.requests)
        for name in ("file", "link", ".", "none/undo.toml", "file/undo.toml"):
            with pytest.raises(ConfigurationError, match=r"is there already|cannot be written"):
                await plan.apply(undo=tmp_path / name)
    assert len(app.emulator.requests) == reads
    assert sent_since(app, count) == []
    assert (tmp_path / "file").read_text() == "kept"


async def plan_with_undo(tmp_path, function):
    """Return a plan with an edit and a delete, and the folder of its undo file.

    The folder goes when the plan is applied and calls a function.
    """
    app, folder = create_app(rates=FAST), tmp_path / "state"
    await applied(app, manifest(jobs_text(4)))
    folder.mkdir()
    gone = Meanwhile(app, function, None)
    tables = jobs_text(3).replace('/run/0"', '/other/0"')

    @asynccontextmanager
    async def made():
        async with client_of(gone) as api:
            plan = await manifest(tables).plan(api, prune=True)
            gone.happens = folder.rmdir
            yield plan, app

    return made(), folder


async def test_an_undo_file_that_fails_in_the_middle_leaves_all_jobs_and_the_report(tmp_path):
    """What was done is in the result, nothing is deleted, and the reason is an error of it."""
    plan_of, folder = await plan_with_undo(tmp_path, "cron.edit")
    async with plan_of as (plan, _):
        result = await plan.apply(undo=folder / "undo.toml")
    assert [(one.change.action, one.status) for one in result.outcomes] == [
        ("edit", "done"),
        ("delete", "not_tried"),
    ]
    (error,) = result.errors
    assert "undo.toml cannot be written" in str(error)
    assert not result.is_complete
    assert "1 not tried" in result.summary()
    assert [change.action for change in result.left] == ["delete"]


@pytest.mark.parametrize("deletes_first", [False, True])
async def test_an_undo_file_that_fails_before_the_first_change_stops_the_apply(
    tmp_path, deletes_first
):
    """Its folder has gone while the account was read again, so nothing is sent."""
    plan_of, folder = await plan_with_undo(tmp_path, "cron.list")
    async with plan_of as (plan, app):
        count = len(app.emulator.requests)
        with pytest.raises(ConfigurationError, match=r"undo.toml cannot be written"):
            await plan.apply(undo=folder / "undo.toml", deletes_first=deletes_first)
    assert sent_since(app, count) == []
    assert len(shown_jobs(app)) == 4


def test_jobs_that_are_added_to_an_undo_file_that_is_gone_are_an_error_of_the_library(tmp_path):
    """The second half of an undo file fails as the first one does."""
    path = tmp_path / "gone" / "undo.toml"
    for write in (replace_file, write_private):
        with pytest.raises(ConfigurationError, match=r"undo\.toml cannot be written: No such file"):
            write(path, "text")


@contextmanager
def full_disk():
    """Let files of this process have ten bytes at most, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path):
    """A new file is not there, an old one is as it was, and no other file is left."""
    new, old = tmp_path / "new.toml", tmp_path / "old.toml"
    old.write_text("old")
    for write, path in ((write_private, new), (replace_file, old)):
        with full_disk():
            try:
                write(path, "x" * 1000)
                said = ""
            except ConfigurationError as error:
                said = str(error)
        assert "cannot be written: File too large" in said
    assert [path.name for path in tmp_path.iterdir()] == ["old.toml"]
    assert old.read_text() == "old"


def test_one_path_for_two_new_files_is_refused(tmp_path, monkeypatch):
    """Also if it is written in two ways. Files that were not named are no files."""
    monkeypatch.chdir(tmp_path)
    check_new(None, tmp_path / "a", "b", None)
    for one, other in [("a", "a"), ("a", tmp_path / "a"), ("./a", "a")]:
        with pytest.raises(ConfigurationError, match="cannot be two files"):
            check_new(one, None, other)


async def test_the_twins_that_an_apply_deletes_are_kept_in_its_undo_file(tmp_path):
    """Beside the jobs that the plan deletes. Without the file, the twins stay."""
    for breaks in (False, True):
        app, undo = create_app(rates=FAST), tmp_path / f"undo-{breaks}" / "undo.toml"
        undo.parent.mkdir()
        await applied(app, manifest(jobs_text(1, word="old").replace("/run/", "/old/")))
        (group,) = app.emulator.groups("fastcron")

        def another_apply(app=app, group=group, undo=undo, breaks=breaks):
            url = "https://example.com/run/1"
            send(app, "cron.add", name="job 1", url=url, group=group["id"])
            if breaks:
                undo.parent.rmdir()

        busy = Meanwhile(app, "cron.batch_add", another_apply)
        async with client_of(busy) as api:
            plan = await manifest(jobs_text(2)).plan(api, prune=not breaks)
            result = await plan.apply(undo=undo)
        names = [job["name"] for job in app.emulator.jobs("fastcron")]
        if breaks:
            assert sorted(names) == ["job 0", "job 1", "job 1", "old 0"]
            assert [one.name for one in result.blocked] == ["job 1"]
            continue
        assert result.is_complete
        assert sorted(names) == ["job 0", "job 1"]
        assert len(result.twins) == 1
        assert tomllib.loads(undo.read_text())["job"].keys() == {"old 0", "job 1"}


async def test_a_job_that_cannot_be_taken_back_is_told_to_be_there():
    """The error of a create that the service calls otherwise says what became of the job."""
    head = 'version = 1\n[scope]\nprefix = "Job/"\n'
    for fault, said in [
        (None, "The job was deleted again."),
        (Fault("busy", function="cron.delete", times=None, code=30), "may still be there"),
    ]:
        app = create_app(rates=FAST, normalise=["name_lower"])
        app.emulator.faults.add(*filter(None, [fault]))
        _, result = await applied(app, manifest(jobs_text(1, word="Job/"), head=head))
        assert said in str(result.errors[0])
        assert len(app.emulator.jobs("fastcron")) == (fault is not None)


async def test_a_secret_of_the_file_is_a_variable_wherever_a_deleted_or_adopted_job_has_it(
    tmp_path,
):
    """By its value, also where neither the name nor the place tells that it is one."""
    app, path, undo = create_app(rates=FAST), tmp_path / "jobs.toml", tmp_path / "undo.toml"
    environ = {"TOKEN": "canary-of-the-file", "A_B_X_KEY": "canary-of-another"}
    lines = 'http_headers.X-Trace = "${TOKEN}"\nhttp_headers.X-Key = "${A_B_X_KEY}"\n'
    path.write_text(HEAD + jobs_text(1, lines=lines))
    members = {
        "url": "https://example.com/?x=canary-of-the-file&y=1",
        "httpHeaders": "X-Trace: a canary-of-the-file b\r\nX-Key: its-own-canary",
    }
    async with client_of(app) as api:
        assert (await (await Manifest.load(path, environ=environ).plan(api)).apply()).is_complete
        number = send(app, "cron.add", name="a b", **members)["id"]
        done = await Manifest.load(path, environ=environ).adopt(api, number)
        text = path.read_text().removeprefix(HEAD + jobs_text(1, lines=lines))
        assert "canary" not in text
        assert done.environ["A_B_X_KEY_2"] == "its-own-canary"
        assert (await Manifest.load(path, environ=environ | done.environ).plan(api)).is_empty
        path.write_text(HEAD + jobs_text(1, lines=lines))
        plan = await Manifest.load(path, environ=environ).plan(api, prune=True)
        assert (await plan.apply(undo=undo)).count("delete") == 1
    assert "canary" not in undo.read_text()
    assert len(tomllib.loads(undo.read_text())["job"]["a b"]["http_headers"]) == 2


def test_values_are_there_before_their_manifest_and_not_without_it(tmp_path):
    """A manifest that cannot be written takes them along. A kill leaves them."""
    values, environ = tmp_path / "values.env", {"A": "x y", "B": "it's"}
    with values_first(values, environ):
        assert values.read_text() == "A='x y'\nB='it'\"'\"'s'\n"
    values.unlink()
    with pytest.raises(ConfigurationError, match="No such file"), values_first(values, environ):
        write_private(tmp_path / "none" / "moved.toml", "text")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), values_first(values, environ):
        raise KeyboardInterrupt
    assert values.exists()
    with values_first(None, environ):
        pass


def test_a_new_file_overwrites_none_also_without_hard_links(tmp_path, monkeypatch):
    """Some file systems have none. No other file is left beside it."""

    def no_links(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    for number in range(2):
        path = tmp_path / f"{number}.toml"
        write_private(path, "first")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(ConfigurationError, match="is there already"):
            write_private(path, "second")
        assert path.read_text() == "first"
        monkeypatch.setattr(os, "link", no_links)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.toml", "1.toml"]
