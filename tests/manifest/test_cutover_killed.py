"""A cutover that dies at any write, to a service or to a file: the same call goes on."""

from __future__ import annotations

import stat

import anyio
import httpx
import pytest

from cronapi import ConfigurationError, UnsafePlanError
from cronapi.manifest import Manifest, move_files
from tests.manifest.test_cutover import OVERLAPS, Anything, back, cut, old_account, running, state
from tests.support.dying import Dying, environ_of
from tests.support.emulated import emulator, paced
from tests.support.manifests import Meanwhile, send, sent_since

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")
pytestmark = pytest.mark.virtual_clock
COUNT = 3
"""Jobs, in chunks of two."""


async def check_all_moved(app, folder):
    """Each job runs at one service, no twin is left, and the files say what is there."""
    names = ["job 0", "job 2"]
    assert running(app, "setcronjob") == []
    assert running(app, "fastcron") == sorted([*names, "job 2", "theirs"])
    assert len(app.emulator.jobs("fastcron")) == COUNT + 2
    wanted = Manifest.load(folder / "moved.toml", environ=environ_of(folder / "moved.env"))
    assert len(wanted.wanted.jobs) == COUNT
    async with paced(app) as api:
        assert (await wanted.plan(api)).is_empty


def with_a_twin(app):
    """Let a request that was still at work make a job of the first batch once more."""

    def late():
        group = app.emulator.groups("fastcron")[-1]["id"]
        first = next(one for one in app.emulator.jobs("fastcron") if one["name"] == "job 0")
        members = ("name", "url", "httpHeaders", "expression", "timezone", "timeout", "notify")
        send(app, "cron.add", **{name: first[name] for name in members}, group=group)

    return Meanwhile(app, "cron.batch_add", late)


async def check_deaths(path, overlap, numbers, *, before):
    """Let a cutover die at some of its writes, and go on with it. Return how many it has."""
    for number in numbers:
        folder = path / str(number)
        folder.mkdir()
        app = with_a_twin(emulator())
        old_account(app, COUNT)
        options = {"out": folder / "moved.toml", "env_file": folder / "moved.env"}

        async def there(app, folder=folder, options=options, **more):
            chosen = {"overlap": overlap, "chunk": 2, **options, **more}
            return await cut(app, folder / "moves.jsonl", **chosen)

        died = await Dying(folder, number, before=before).run(there, app)
        tried = await there(app, dry_run=True)
        if tried.left:
            done = await there(app)
            assert (done.left, done.errors) == ((), ()), number
        await check_all_moved(app, folder)
        assert (await there(app, dry_run=True)).left == (), number
        if not died:
            return number
    raise AssertionError


@pytest.mark.few(1)
@pytest.mark.parametrize(("overlap", "before", "first"), [("short", True, 1), ("none", False, 2)])
async def test_a_cutover_that_dies_at_a_write_goes_on(tmp_path, overlap, before, first):
    """No job is lost, none is twice, and the manifest is there with all of its variables."""
    numbers = range(first, 60, 4)
    assert await check_deaths(tmp_path, overlap, numbers, before=before) > 2 * COUNT


@pytest.mark.proof
@OVERLAPS
@pytest.mark.parametrize("before", [True, False])
async def test_the_same_holds_for_every_write(tmp_path, overlap, before):
    """The disk has half of it or all of it, the service has carried it out or has not."""
    assert await check_deaths(tmp_path, overlap, range(60), before=before) > 2 * COUNT


@pytest.mark.crowd
@pytest.mark.each_loop
async def test_a_twin_is_left_until_it_is_deleted(tmp_path):
    """Killed before that, a cutover is not done, and its journal has the job that stays."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    was = state(app, "setcronjob"), state(app, "fastcron")
    busy = with_a_twin(app)

    async def until_the_deletion(scope, receive, send):
        if "delete" in scope["path"]:
            died.cancel()
            raise httpx.ConnectError("away")
        await busy(scope, receive, send)

    with anyio.CancelScope() as died:
        await cut(until_the_deletion, journal)
    assert died.cancelled_caught
    assert running(app, "setcronjob") == []
    tried = await cut(app, journal, dry_run=True)
    assert [(one.name, one.reason) for one in tried.left] == [
        ("job 0", "it is twice at the new service")
    ]
    assert not tried.is_complete
    first, second = sorted(
        one["id"] for one in app.emulator.jobs("fastcron") if one["name"] == "job 0"
    )
    # The answer that named the first one was lost, say: the journal has the other.
    noted = journal.read_text()
    other = noted.replace(f",{first}],[", f",{second}],[")
    assert other != noted
    journal.write_text(other)
    count = len(app.emulator.requests)
    done = await cut(app, journal)
    assert (done.left, done.errors) == ((), ())
    assert sent_since(app, count) == ["cron.delete"]
    send(app, "cron.edit", id=first, name="renamed by somebody")
    assert (await back(app, journal)).is_complete
    assert (state(app, "setcronjob"), state(app, "fastcron")) == was


async def test_an_empty_or_torn_journal_is_none(tmp_path):
    """What gets lost stops the cutover as it does without one, and the files are new ones."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    send(app, "cron.add", "setcronjob", name="lossy", url="https://example.com/?s=__secret__")
    assert (await cut(app, tmp_path / "other", accept_losses=True, dry_run=True)).has_begun is False
    count = len(app.emulator.requests)
    for data in (b"", b"{", b'{"cronapi":"cutover"', b'{"cronapi":"cutover","version":1,"salt"'):
        journal.write_bytes(data)
        tried = await cut(app, journal, accept_losses=True, dry_run=True)
        assert (tried.has_begun, journal.exists()) == (False, not data), data
        with pytest.raises(UnsafePlanError, match="1 things get lost"):
            await cut(app, journal)
        (tmp_path / "moved.toml").write_text("mine")
        with pytest.raises(ConfigurationError, match="is there already"):
            await cut(app, journal, accept_losses=True, out=tmp_path / "moved.toml")
        (tmp_path / "moved.toml").unlink()
    assert sent_since(app, count) == []
    await cut(app, journal, accept_losses=True, out=tmp_path / "moved.toml")
    tried = await cut(app, journal, dry_run=True)
    assert (tried.has_begun, tried.left) == (True, ())
    assert len(Manifest.load(tmp_path / "moved.toml", environ=tried.migrated.environ).wanted.jobs)


async def test_a_repeated_cutover_knows_its_own_files_and_no_others(tmp_path):
    """Its own are left as they are, a file of somebody else stops it, and a missing one is made."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    first, env_file = tmp_path / "moved.toml", tmp_path / "moved.env"
    await cut(app, journal, out=first, env_file=env_file)
    first.write_text(f"{first.read_text()}# edited since\n")
    was = first.read_bytes(), env_file.read_bytes()
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    await cut(app, journal, out=first, env_file=env_file)
    assert (first.read_bytes(), env_file.read_bytes()) == was
    (tmp_path / "mine").write_text("mine")
    count = len(app.emulator.requests)
    for files in ({"out": tmp_path / "mine"}, {"env_file": tmp_path / "mine", "out": first}):
        with pytest.raises(ConfigurationError, match="mine is there already"):
            await cut(app, journal, **files)
    assert len(app.emulator.requests) == count
    assert (tmp_path / "mine").read_text() == "mine"
    await cut(app, journal, out=tmp_path / "again.toml", env_file=env_file)
    assert Manifest.load(tmp_path / "again.toml", environ=environ_of(env_file)).wanted.jobs


@pytest.mark.crowd
@pytest.mark.each_loop
async def test_a_repeated_cutover_leaves_values_that_a_user_has_edited(tmp_path):
    """Also if the manifest was moved away meanwhile. A file that is gone is made anew."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    files = {"out": tmp_path / "moved.toml", "env_file": tmp_path / "moved.env"}
    await cut(app, journal, **files)
    text, values = (files[name].read_text() for name in ("out", "env_file"))
    edited = values.replace("canary-key-1", "rotated-since") + "MY_OWN=1\n"
    for moved_away in ("out", "out", "env_file"):
        files["env_file"].write_text(edited)
        files["env_file"].chmod(0o640)
        files[moved_away].rename(tmp_path / "mine")
        assert (await cut(app, journal, **files)).is_complete
        assert files["out"].read_text() == text
        assert files["env_file"].read_text() == (values if moved_away == "env_file" else edited)
    first, *rest = edited.splitlines(keepends=True)
    files["env_file"].write_text("".join(rest).rstrip("\n"))
    files["out"].rename(tmp_path / "mine")
    await cut(app, journal, **files)
    assert sorted(files["env_file"].read_text().splitlines(keepends=True)) == sorted(
        [*rest, values.splitlines(keepends=True)[edited.splitlines().index(first.strip())]]
    )
    files["env_file"].write_text(edited)
    again = {**files, "out": tmp_path / "again.toml"}
    await cut(app, journal, **again)
    assert (again["out"].read_text(), files["env_file"].read_text()) == (text, edited)


@pytest.mark.each_loop
async def test_a_cutover_that_died_between_its_files_writes_the_values_of_the_manifest(
    tmp_path, monkeypatch
):
    """The values may be of other jobs by then, as nothing was made yet."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    files = {"out": tmp_path / "moved.toml", "env_file": tmp_path / "moved.env"}

    def die(path, text, *, real=move_files.write_private):
        if path == files["out"]:
            raise KeyboardInterrupt
        real(path, text)

    with monkeypatch.context() as patch:
        patch.setattr(move_files, "write_private", die)
        with pytest.raises(KeyboardInterrupt):
            await cut(app, journal, **files)
    assert files["env_file"].exists()
    (job,) = [one for one in app.emulator.jobs("setcronjob") if one["name"] == "job 0"]
    send(app, "cron.edit", "setcronjob", id=job["id"], httpHeaders="X-Key: canary-rotated")
    assert (await cut(app, journal, **files)).is_complete
    environ = environ_of(files["env_file"])
    assert "canary-rotated" in environ.values()
    assert Manifest.load(files["out"], environ=environ).wanted.jobs


@pytest.mark.crowd
@pytest.mark.each_loop
async def test_a_way_back_that_dies_keeps_the_rest_of_the_deleted_jobs_beside_the_first(tmp_path):
    """The same call goes on, also with a file for what is deleted: the next one has a number."""
    app, journal, undo = emulator(), tmp_path / "f" / "moves.jsonl", tmp_path / "f" / "undo.toml"
    journal.parent.mkdir()
    old_account(app)
    was = state(app, "setcronjob"), state(app, "fastcron")
    for number in (4, 8, 11):
        await cut(app, journal)

        async def home(app):
            return await back(app, journal, undo=undo)

        assert await Dying(journal.parent, number, before=True).run(home, app)
        assert (await home(app)).is_complete
        assert (state(app, "setcronjob"), state(app, "fastcron")) == was
        names = set()
        for path in journal.parent.glob("undo*.toml"):
            text = path.read_text()
            names |= {job.name for job in Manifest.loads(text, environ=Anything()).wanted.jobs}
            path.unlink()
        assert names == {f"job {one}" for one in range(7)}, number


OWN = "canary-of-theirs"
"""What a user's file has in the place of the value that a cutover has written."""
VALUES = {
    "a line of a value": ("OTHER='x\n{name}=2'\n", False),
    "a line of a value in two quotes": ('OTHER="x\n{name}=2\n"\n', False),
    "a comment": ("# {name}=2\n", False),
    "a comment at the end of a line": ("OTHER=1 # it's {name}=2\n", False),
    "a longer name": ("{name}_2=2\nMY_{name}=2\n", False),
    "no sign of equality": ("export {name}\n", False),
    "another one of the line": (f"OTHER=1 {{name}}={OWN}\n", True),
    "an export of two": (f"export OTHER=1 {{name}}={OWN}", True),
    "a line with CR": (f"OTHER='1'\r\n\t{{name}}='{OWN}'\r\n", True),
    "a line after an apostrophe in a comment": (f"# it's\n{{name}}={OWN}\n", True),
}
"""Files of values that a user has edited, and True for those that set a variable."""


@pytest.mark.crowd
@pytest.mark.each_loop
async def test_a_repeated_cutover_adds_just_the_values_that_a_shell_finds_in_no_line(tmp_path):
    """What a shell reads as a variable is the user's. What it reads as none is added."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    files = {"out": tmp_path / "moved.toml", "env_file": tmp_path / "moved.env"}
    await cut(app, journal, **files)
    (name, value), *_ = environ_of(files["env_file"]).items()
    for place, (line, is_set) in VALUES.items():
        files["env_file"].write_bytes(line.format(name=name).encode())
        files["out"].rename(tmp_path / "mine")
        await cut(app, journal, **files)
        text = files["env_file"].read_bytes().decode()
        assert text.startswith(line.format(name=name)), place
        assert (f"\n{name}={value}\n" in text, OWN in text) == (not is_set, is_set), place


UNREADABLE = {
    "not in UTF-8": b"A='caf\xe9 canary'\n",
    "in UTF-8": "A=canary\n".encode("utf-16"),
    "quotation in it has no end": b"A='canary\n",
    "has no end": b'A="canary\n',
    "no end": b"A=canary\\",
    "Is a directory": None,
}


@pytest.mark.each_loop
async def test_a_file_of_values_that_cannot_be_read_stops_a_repeated_cutover(tmp_path):
    """It stays as it is, the error tells what to do, and no value is in it."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    out, env_file = tmp_path / "moved.toml", tmp_path / "moved.env"
    await cut(app, journal, out=out, env_file=env_file)
    out.unlink()
    for said, content in UNREADABLE.items():
        env_file.unlink()
        if content is None:
            env_file.mkdir()
        else:
            env_file.write_bytes(content)
        with pytest.raises(ConfigurationError, match="move it away") as caught:
            await cut(app, journal, out=out, env_file=env_file)
        assert said in str(caught.value)
        assert caught.value.concerns == "program"
        assert "canary" not in f"{caught.value}{caught.value.__context__!r}"
        assert content is None or env_file.read_bytes() == content
        assert not out.exists()
    env_file.rename(tmp_path / "away")
    assert (await cut(app, journal, out=out, env_file=env_file)).is_complete
    assert Manifest.load(out, environ=environ_of(env_file)).wanted.jobs
