"""An adoption that dies at any write: no value is lost, and the plan says which jobs are left."""

from __future__ import annotations

import errno
import os

import pytest

from cronapi import ConfigurationError
from cronapi.emulator import create_app
from cronapi.manifest import Manifest
from tests.support.dying import Dying, environ_of
from tests.support.emulated import FAST, client_of
from tests.support.manifests import HEAD, applied, jobs_text, send, sent_since

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")
PREFIX = 'version = 1\n[scope]\nprefix = "shop/"\n'


def account(app, folder, head):
    """Make two jobs by hand, and a file of another one. Return the ids and the file."""
    path = folder / "cronjobs.toml"
    path.write_text(head + jobs_text(1, word="shop/job"))
    ids = [
        send(
            app,
            "cron.add",
            name=f"mine {number}",
            url=f"https://example.com/{number}",
            httpHeaders=f"X-Key: canary-key-{number}",
        )["id"]
        for number in range(2)
    ]
    return ids, path


@pytest.mark.few(2)
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("head", [HEAD, PREFIX])
async def test_an_adoption_that_dies_at_a_write_goes_on(tmp_path, head, before):
    """Each variable of the file has its value in the other one, and each job has one table."""
    for number in range(20):
        app, folder = create_app(rates=FAST), tmp_path / str(number)
        folder.mkdir()
        ids, path = account(app, folder, head)
        await applied(app, Manifest.load(path, environ={}))
        was, env_file = path.read_bytes(), folder / "secrets.env"

        async def adopting(app, path=path, ids=ids, env_file=env_file):
            async with client_of(app) as api:
                await Manifest.load(path, environ={}).adopt(api, *ids, env_file=env_file)

        died = await Dying(folder, number, before=before).run(adopting, app)
        if died and path.read_bytes() == was:  # the same call goes on, with a new file of values
            env_file.unlink(missing_ok=True)
            await adopting(app)
        environ = environ_of(env_file)
        assert set(environ.values()) == {"canary-key-0", "canary-key-1"}, number
        async with client_of(app) as api:
            blocked = (await Manifest.load(path, environ=environ).plan(api)).blocked
            if left := [one for some in blocked for one in some.ids]:
                await Manifest.load(path, environ=environ).adopt(api, *left)
            plan = await Manifest.load(path, environ=environ).plan(api)
            assert plan.is_empty
            assert (plan.blocked, plan.unchanged) == ((), 3), number
            with pytest.raises(ConfigurationError, match="already"):
                await Manifest.load(path, environ=environ).adopt(api, *ids)
        if not died:
            assert number > 3
            return
    raise AssertionError


async def test_a_manifest_that_cannot_be_extended_leaves_no_values_and_changes_no_job(
    tmp_path, monkeypatch
):
    """Nothing is half done: neither a file that is in the way, nor a job that was moved."""
    app = create_app(rates=FAST)
    ids, path = account(app, tmp_path, HEAD)
    was, env_file, count = path.read_bytes(), tmp_path / "secrets.env", len(app.emulator.requests)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    async with client_of(app) as api:
        loaded = Manifest.load(path, environ={})
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", full)
            with pytest.raises(ConfigurationError, match="No space"):
                await loaded.adopt(api, *ids, env_file=env_file)
        assert [one.name for one in tmp_path.iterdir()] == [path.name]
        assert path.read_bytes() == was
        env_file.write_text("mine")
        reads = len(app.emulator.requests)
        with pytest.raises(ConfigurationError, match="is there already"):
            await loaded.adopt(api, *ids, env_file=env_file)
        assert len(app.emulator.requests) == reads
        assert sent_since(app, count) == []
        env_file.unlink()
        assert len((await loaded.adopt(api, *ids, env_file=env_file)).environ) == 2
    assert path.read_bytes().startswith(was)


@pytest.mark.parametrize("dies", ["adopting._move", "extending.replace_file"])
async def test_the_same_adoption_goes_on_with_its_file_of_values(tmp_path, monkeypatch, dies):
    """It needs no new one. If a user has deleted the file, there is no empty one afterwards."""
    app = create_app(rates=FAST)
    ids, path = account(app, tmp_path, HEAD)
    await applied(app, Manifest.load(path, environ={}))
    env_file = tmp_path / "secrets.env"

    def die(*_):
        raise KeyboardInterrupt

    async with client_of(app) as api:
        with monkeypatch.context() as patch:
            patch.setattr(f"cronapi.manifest.{dies}", die)
            with pytest.raises(KeyboardInterrupt):
                await Manifest.load(path, environ={}).adopt(api, *ids, env_file=env_file)
        text, environ = env_file.read_text(), environ_of(env_file)
        assert len(environ) == 2
        if is_described := dies == "adopting._move":
            env_file.unlink()
        loaded = Manifest.load(path, environ=environ)
        await loaded.adopt(api, *ids, env_file=env_file, dry_run=True)
        assert len((await loaded.adopt(api, *ids, env_file=env_file)).names) == 2
        assert env_file.exists() is not is_described
        assert is_described or env_file.read_text() == text
        assert (await Manifest.load(path, environ=environ).plan(api)).is_empty


async def test_a_file_of_values_of_something_else_stops_an_adoption_with_new_values_alone(tmp_path):
    """The error says that it may be needed. A place for no file stops any, before a request."""
    app = create_app(rates=FAST)
    ids, path = account(app, tmp_path, HEAD)
    env_file, url = tmp_path / "secrets.env", "https://example.com/plain"
    plain = send(app, "cron.add", name="plain", url=url)["id"]
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    env_file.write_text("THEIRS=1\n")
    async with client_of(app) as api:
        loaded, was, count = Manifest.load(path, environ={}), path.read_text(), len(sent_since(app))
        for dry_run in (True, False):
            with pytest.raises(ConfigurationError, match="broken off: keep it, and name another"):
                await loaded.adopt(api, *ids, env_file=env_file, dry_run=dry_run)
        seen = len(app.emulator.requests)
        for place in ("link", ".", "none/secrets.env"):
            with pytest.raises(ConfigurationError, match=r"is there already|cannot be written"):
                await loaded.adopt(api, plain, env_file=tmp_path / place)
        assert len(app.emulator.requests) == seen
        assert (path.read_text(), len(sent_since(app))) == (was, count)
        assert (await loaded.adopt(api, plain, env_file=env_file)).names == ("plain",)
        other = tmp_path / "other.env"
        second = send(app, "cron.add", name="plain 2", url=url + "2")["id"]
        loaded = Manifest.load(path, environ={})
        assert (await loaded.adopt(api, second, env_file=other)).names == ("plain 2",)
    assert env_file.read_text() == "THEIRS=1\n"
    assert not other.exists()


async def test_a_job_that_looks_like_a_table_is_adopted_without_another_one(tmp_path):
    """As a plan says. One that has the name alone is refused as before."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    path.write_text(HEAD + '[job.a]\nurl = "https://example.com/a"\n')
    number = send(app, "cron.add", name="a", url="https://example.com/a")["id"]
    other = send(app, "cron.add", name="a", url="https://example.com/other")["id"]
    text = path.read_text()
    async with client_of(app) as api:
        loaded = Manifest.load(path, environ={})
        assert f"adopt {number}" in (await loaded.plan(api)).blocked[0].text
        with pytest.raises(ConfigurationError, match="'a' already"):
            await loaded.adopt(api, other)
        done = await loaded.adopt(api, number)
        assert (done.names, done.environ, path.read_text()) == (("a",), {}, text)
        plan = await loaded.plan(api)
        assert (plan.is_empty, plan.blocked, plan.unchanged) == (True, (), 1)
