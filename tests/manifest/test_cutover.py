"""A cutover to another service and the way back: each job runs, and at one service in the end."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import anyio
import attrs
import httpx
import pytest

from cronapi import ConfigurationError, UnsafePlanError
from cronapi.emulator import Fault
from cronapi.manifest import Manifest, cut_over, move_back
from tests.support.emulated import emulator, paced
from tests.support.manifests import Meanwhile, send, sent_since

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")
pytestmark = pytest.mark.virtual_clock
OVERLAPS = pytest.mark.parametrize("overlap", ["short", "none"])
COUNT = 7
"""Jobs, in chunks of three."""
SMALL = 4
"""Jobs, in chunks of two, where a call is broken off at each of its requests."""


def old_account(app, count=COUNT, provider="setcronjob"):
    """Fill the old service, with one job that somebody has disabled, and the new one with two."""
    for number in range(count):
        job = send(
            app,
            "cron.add",
            provider,
            name=f"job {number}",
            url=f"https://example.com/{number}",
            httpHeaders=f"X-Key: canary-key-{number}",
        )
        if number == 1:
            send(app, "cron.disable", provider, id=job["id"])
    other = "fastcron" if provider == "setcronjob" else "setcronjob"
    send(app, "cron.add", other, name="job 2", url="https://example.com/theirs")
    send(app, "cron.add", other, name="theirs", url="https://example.com/theirs")


def state(app, provider):
    """Return the settings of an account's jobs, and if they run."""
    own = {"group", "last", "due", "next", "fail", "points"}
    jobs = app.emulator.jobs(provider)
    return [{name: value for name, value in job.items() if name not in own} for job in jobs]


def running(app, provider):
    return sorted(one["name"] for one in app.emulator.jobs(provider) if one["status"] == 0)


def moved(count=COUNT):
    return [f"job {number}" for number in range(count) if number != 1]


async def cut(app, journal, *, source="setcronjob", target="fastcron", **options):
    async with paced(app, source) as old, paced(app, target) as new:
        options = {"into": "moved", "chunk": 3, **options}
        return await cut_over(old, new, journal=journal, **options)


async def back(app, journal, *, source="setcronjob", target="fastcron", **options):
    async with paced(app, source) as old, paced(app, target) as new:
        return await move_back(old, new, journal=journal, **{"chunk": 3, **options})


def check_moved(app, count=COUNT):
    assert running(app, "setcronjob") == []
    assert running(app, "fastcron") == sorted([*moved(count), "job 2", "theirs"])
    assert len(app.emulator.jobs("fastcron")) == count + 2


@pytest.mark.few(1)
@OVERLAPS
async def test_a_cutover_moves_all_jobs_and_the_way_back_leaves_all_as_it_was(tmp_path, overlap):
    """Also the job that was disabled before, and those that were at the new service before."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    before = state(app, "setcronjob"), state(app, "fastcron")
    tried = await cut(app, journal, overlap=overlap, dry_run=True)
    assert len(tried.left) == COUNT
    assert (state(app, "setcronjob"), state(app, "fastcron")) == before
    assert not journal.exists()
    done = await cut(app, journal, overlap=overlap)
    assert (done.made, done.disabled, done.left, done.errors) == (COUNT, COUNT - 1, (), ())
    check_moved(app)
    assert "canary" not in journal.read_text()
    wanted = Manifest.loads(done.migrated.text, environ=done.migrated.environ)
    async with paced(app) as api:
        assert (await wanted.plan(api)).is_empty
    again = await cut(app, journal, overlap=overlap)
    assert (again.made, again.disabled, again.left) == (0, 0, ())
    undone = await back(app, journal, overlap=overlap, undo=tmp_path / "undo.toml")
    assert (undone.enabled, undone.deleted, undone.left) == (COUNT - 1, COUNT, ())
    assert (state(app, "setcronjob"), state(app, "fastcron")) == before
    assert not journal.exists()
    assert len(Manifest.load(tmp_path / "undo.toml", environ=Anything()).wanted.jobs) == COUNT
    with pytest.raises(ConfigurationError, match="There is no journal"):
        await back(app, journal)


class Anything(dict):
    """An environment in which every variable is set."""

    def get(self, name, default=None):
        return f"value of {name}"

    def __contains__(self, name):
        return True


@pytest.mark.crowd
async def test_a_move_the_other_way_is_the_same(tmp_path):
    """SetCronJob has no batches, so each job is a request of its own."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app, provider="fastcron")
    way = {"source": "fastcron", "target": "setcronjob"}
    before = state(app, "fastcron"), state(app, "setcronjob")
    assert (await cut(app, journal, **way)).is_complete
    assert running(app, "fastcron") == []
    assert running(app, "setcronjob") == sorted([*moved(), "job 2", "theirs"])
    assert (await back(app, journal, **way)).is_complete
    assert (state(app, "fastcron"), state(app, "setcronjob")) == before


@pytest.mark.few(1)
@OVERLAPS
async def test_a_twin_that_the_cutover_made_goes_on_the_way_back(tmp_path, overlap):
    """A lost answer may have left a second job, of which the journal has one id at most."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    before = state(app, "fastcron"), state(app, "setcronjob")
    assert (await cut(app, journal, overlap=overlap)).is_complete
    row = next(row for row in app.emulator.jobs("fastcron") if row["name"] == moved()[0])
    twin = {name: row[name] for name in ("name", "url", "expression", "timezone", "group")}
    send(app, "cron.add", **twin)
    assert (await back(app, journal, overlap=overlap)).is_complete
    assert (state(app, "fastcron"), state(app, "setcronjob")) == before


@OVERLAPS
async def test_at_most_one_chunk_runs_at_both_services_or_at_neither(tmp_path, overlap):
    """After each request of the whole move."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    seen = []

    class Watching(Meanwhile):
        async def __call__(self, scope, receive, send):
            await self.app(scope, receive, send)
            old, new = running(app, "setcronjob"), running(app, "fastcron")
            seen.append(
                {name: (name in old) + (new.count(name) > (name == "job 2")) for name in moved()}
            )

    await cut(Watching(app, "", None), journal, overlap=overlap)
    both = max(list(one.values()).count(2) for one in seen)
    neither = max(list(one.values()).count(0) for one in seen)
    assert (both, neither) == ((3, 0) if overlap == "short" else (0, 3))


class BreakingOff:
    """An app that cancels its caller at one of the requests that change something.

    That request is carried out or, if the call is broken off `before` it, gets lost.
    """

    def __init__(self, app, scope, number, *, before):
        self.app, self.scope, self.left, self.before = app, scope, number, before

    @property
    def emulator(self):
        return self.app.emulator

    async def __call__(self, scope, receive, send):
        function = scope["path"].rpartition("/")[2]
        is_change = function not in {"cron.list", "cron_list", "group.lookup", "group_lookup"}
        is_hit = is_change and self.left == 0
        self.left -= is_change
        if is_hit:
            self.scope.cancel()
            if self.before:
                raise httpx.ConnectError("away")
        await self.app(scope, receive, send)


async def broken_off(call, app, number, *, before):
    """Break a call off at its request of this number. Return True if it had that many."""
    with anyio.CancelScope() as scope:
        await call(BreakingOff(app, scope, number, before=before))
    return scope.cancelled_caught


async def check_points(path, overlap, numbers, *, before):
    """Break a cutover and a way back off at some requests, and go on in either direction."""
    for number in numbers:
        app, journal = emulator(), path / f"{number}.jsonl"
        old_account(app, SMALL)
        was = state(app, "setcronjob"), state(app, "fastcron")

        async def there(app, journal=journal):
            return await cut(app, journal, overlap=overlap, chunk=2)

        async def home(app, journal=journal):
            return await back(app, journal, overlap=overlap, chunk=2)

        hit = await broken_off(there, app, number, before=before)
        if journal.exists():
            assert (await home(app)).is_complete, number
        assert (state(app, "setcronjob"), state(app, "fastcron")) == was, number
        await broken_off(there, app, number, before=before)
        assert (await there(app)).is_complete, number
        check_moved(app, SMALL)
        home_hit = await broken_off(home, app, number, before=before)
        if journal.exists():
            assert (await home(app)).is_complete, number
        assert (state(app, "setcronjob"), state(app, "fastcron")) == was, number
        assert not journal.exists()
        if not hit and not home_hit:
            return number
    raise AssertionError


@pytest.mark.few(1)
@pytest.mark.parametrize(("overlap", "before"), [("short", False), ("none", True)])
async def test_a_cutover_that_is_broken_off_anywhere_goes_on_or_back(tmp_path, overlap, before):
    """No job is lost and none is twice, with some of the requests as the last one."""
    assert await check_points(tmp_path, overlap, range(1, 100, 6), before=before) > SMALL


@pytest.mark.proof
@OVERLAPS
@pytest.mark.parametrize("before", [True, False])
async def test_the_same_holds_for_every_request(tmp_path, overlap, before):
    """It is carried out, or gets lost."""
    assert await check_points(tmp_path, overlap, range(100), before=before) > SMALL


@pytest.mark.crowd
async def test_equal_jobs_that_were_there_before_stay_there(tmp_path):
    """They are not made again, and the way back leaves them."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    tried = await cut(app, journal, dry_run=True)
    wanted = Manifest.loads(tried.migrated.text, environ=tried.migrated.environ)
    async with paced(app) as api:
        assert (await (await wanted.plan(api)).apply()).is_complete
    was = state(app, "setcronjob"), state(app, "fastcron")
    done = await cut(app, journal)
    assert (done.made, done.disabled, done.left) == (0, COUNT - 1, ())
    check_moved(app)
    undone = await back(app, journal)
    assert (undone.enabled, undone.deleted, undone.left) == (COUNT - 1, 0, ())
    assert (state(app, "setcronjob"), state(app, "fastcron")) == was


@pytest.mark.crowd
async def test_other_jobs_of_the_same_names_and_losses_stop_a_cutover(tmp_path):
    """Nothing is sent, and there is no journal."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    group = send(app, "group.add", name="moved")["id"]
    other = send(app, "cron.add", name="job 3", url="https://example.com/x", group=group)["id"]
    was = state(app, "setcronjob"), state(app, "fastcron")
    with pytest.raises(UnsafePlanError, match="other jobs of the same names, such as 'job 3'"):
        await cut(app, journal)
    send(app, "cron.delete", id=other)
    send(app, "cron.add", "setcronjob", name="lossy", url="https://example.com/?s=__secret__")
    with pytest.raises(UnsafePlanError, match="1 things get lost"):
        await cut(app, journal)
    assert not journal.exists()
    assert state(app, "setcronjob")[:-1] == was[0]
    assert (await cut(app, journal, accept_losses=True)).is_complete


@pytest.mark.few(1)
@OVERLAPS
async def test_a_job_that_cannot_be_made_keeps_running_where_it_was(tmp_path, overlap):
    """It is told, and the same call goes on with it."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    app.emulator.faults.add(
        Fault("busy", function="cron.add", times=None, code=30),
        Fault("busy", function="cron.batch_add", times=None, code=30),
    )
    done = await cut(app, journal, overlap=overlap)
    assert len(done.left) == COUNT
    assert done.errors
    assert running(app, "setcronjob") == moved()
    app.emulator.faults.clear()
    assert (await cut(app, journal, overlap=overlap)).is_complete
    check_moved(app)


@pytest.mark.few(1)
@OVERLAPS
async def test_a_way_back_that_cannot_enable_a_job_leaves_it_at_the_new_service(tmp_path, overlap):
    """One service has it at any time, and one whose old job is gone is told."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    await cut(app, journal)
    gone = next(one for one in app.emulator.jobs("setcronjob") if one["name"] == "job 0")
    send(app, "cron.delete", "setcronjob", id=gone["id"])
    app.emulator.faults.add(Fault("busy", function="cron.enable", times=3, code=30))
    undone = await back(app, journal, overlap=overlap)
    assert {one.name for one in undone.left} > {"job 0"}
    assert len(undone.errors) == 3
    assert "job 0" in running(app, "fastcron")
    again = await back(app, journal, overlap=overlap)
    assert [str(one) for one in again.left] == [
        f"job 0 ({gone['id']}): it is at the new service, and the old one is gone"
    ]
    assert running(app, "setcronjob") == moved()[1:]
    assert journal.exists()


@pytest.mark.crowd
async def test_what_a_colleague_disables_meanwhile_is_not_enabled_by_the_way_back(tmp_path):
    """Only what the cutover has disabled is enabled again."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    await broken_off(lambda app: cut(app, journal), app, 2, before=False)
    theirs = next(one for one in app.emulator.jobs("setcronjob") if one["name"] == "job 6")
    send(app, "cron.disable", "setcronjob", id=theirs["id"])
    assert (await back(app, journal)).is_complete
    assert running(app, "setcronjob") == moved()[:-1]


@pytest.mark.crowd
async def test_a_way_back_that_has_begun_has_to_be_finished_first(tmp_path):
    """A cutover in the middle of it would move jobs that are about to be deleted."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    await cut(app, journal)
    await broken_off(lambda app: back(app, journal), app, 0, before=False)
    count = len(app.emulator.requests)
    with pytest.raises(UnsafePlanError, match="way back has begun"):
        await cut(app, journal)
    assert len(app.emulator.requests) == count
    assert (await back(app, journal)).is_complete
    assert (await cut(app, journal)).is_complete


@pytest.mark.crowd
async def test_a_twin_of_a_request_that_was_still_at_work_is_deleted_at_the_end(tmp_path):
    """The lowest id stays, and the way back deletes it too."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    was = state(app, "setcronjob"), state(app, "fastcron")

    def late():
        group = app.emulator.groups("fastcron")[-1]["id"]
        first = next(one for one in app.emulator.jobs("fastcron") if one["name"] == "job 0")
        members = ("name", "url", "httpHeaders", "expression", "timezone", "timeout", "notify")
        send(app, "cron.add", **{name: first[name] for name in members}, group=group)

    done = await cut(Meanwhile(app, "cron.batch_add", late), journal)
    assert done.is_complete
    check_moved(app)
    assert (await back(app, journal)).is_complete
    assert (state(app, "setcronjob"), state(app, "fastcron")) == was


ODD_HEADERS = (
    {"newest": 1.5},
    {"newest": 1e999},
    {"there": "12"},
    {"there": [True]},
    {"route": "abc"},
)
ODD_LINES = (
    *(b'{"sending":"12"}', b'{"disabling":[1.5]}', b'{"disabling":[Infinity]}', b'{"made":["12"]}'),
    *(b'{"back":false}', b'{"files":"x"}', b'{"written":[1]}'),
)


def _header_with(header, **odd):
    return json.dumps({**header, **odd}).encode() + b"\n"


@pytest.mark.crowd
async def test_a_journal_of_something_else_is_refused_and_left_as_it_is(tmp_path):
    """Other files, types, services, groups and tokens are; a torn last line is none."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    await broken_off(lambda app: cut(app, journal), app, 3, before=False)
    good = journal.read_bytes()
    lines = good.splitlines(keepends=True)
    header = json.loads(lines[0])
    for data, said in [
        (b"not a journal\n", "not a journal of a cutover"),
        (b'{"cronapi":"journal","version":1}\n', "not a journal of a cutover"),
        (lines[0].replace(b'"version":1', b'"version":2'), "not a journal of a cutover"),
        (lines[0].replace(b'"entries"', b'"entry"'), "its first line cannot be read"),
        (lines[0] + b'{"made":5}\n' + lines[1], "a line of it cannot be read"),
        (lines[0] + b"{}\n", "a line of it cannot be read"),
        (lines[0].replace(b'"version":1', b'"version":true'), "not a journal of a cutover"),
        (lines[0].replace(b'"ran":true', b'"ran":"no"', 1), "its first line cannot be read"),
        *((_header_with(header, **odd), "its first line cannot be read") for odd in ODD_HEADERS),
        *((lines[0] + odd + b"\n", "a line of it cannot be read") for odd in ODD_LINES),
        (lines[0].replace(header["tokens"][0].encode(), b"0" * 32), "begun with other tokens"),
    ]:
        journal.write_bytes(data)
        for call in (cut, back):
            with pytest.raises(ConfigurationError, match=said):
                await call(app, journal)
        assert journal.read_bytes() == data
    journal.write_bytes(good)
    count = len(app.emulator.requests)
    with pytest.raises(ConfigurationError, match="is of another move"):
        await cut(app, journal, into="other")
    with pytest.raises(ConfigurationError, match="is of a move from setcronjob to fastcron"):
        await back(app, journal, source="fastcron", target="setcronjob")
    for options in ({"overlap": "long"}, {"chunk": 0}):
        with pytest.raises(ConfigurationError, match=r"overlap is|A chunk has"):
            await cut(app, journal, **options)
    assert len(app.emulator.requests) == count
    journal.write_bytes(good + b'{"made":[[1')
    assert (await cut(app, journal)).is_complete
    journal.write_bytes(lines[0][:40])
    assert (await back(app, journal)).is_complete  # nothing was noted, so nothing was sent
    assert not journal.exists()


@pytest.mark.crowd
async def test_a_cutover_without_the_journal_of_the_first_disables_nothing_that_runs(tmp_path):
    """The old jobs are disabled by then, which says nothing about those of the new service."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    await cut(app, journal)
    journal.unlink()
    count = len(app.emulator.requests)
    with pytest.raises(UnsafePlanError, match="other jobs of the same names"):
        await cut(app, journal)
    assert sent_since(app, count) == []
    check_moved(app)


@pytest.mark.crowd
async def test_jobs_that_were_made_after_a_cutover_began_are_told(tmp_path):
    """They are no part of it, and another journal moves them."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    await cut(app, journal, prefix="job")
    for name in ("job late", "other"):
        send(app, "cron.add", "setcronjob", name=name, url="https://example.com/late")
    again = await cut(app, journal, prefix="job")
    assert [(one.name, one.reason) for one in again.left] == [
        ("job late", "it was made after the cutover began: move it with another journal")
    ]
    done = await cut(app, tmp_path / "more.jsonl", prefix="job late")
    assert (done.made, done.left) == (1, ())
    assert (await cut(app, journal, prefix="job")).is_complete
    assert running(app, "setcronjob") == ["other"]


@pytest.mark.few(1)
@OVERLAPS
async def test_a_job_that_is_off_at_the_new_service_keeps_running_at_the_old_one(tmp_path, overlap):
    """Else it would run at neither."""
    app, journal = emulator(), tmp_path / "moves.jsonl"
    old_account(app)
    tried = await cut(app, journal, dry_run=True)
    wanted = Manifest.loads(tried.migrated.text, environ=tried.migrated.environ)
    async with paced(app) as api:
        assert (await (await wanted.plan(api)).apply()).is_complete
        number = (await api.cron.find("job 3")).id
        await api.cron.disable(number)
    done = await cut(app, journal, overlap=overlap)
    assert [(one.name, one.reason) for one in done.left] == [
        ("job 3", "it does not run at the new service")
    ]
    assert running(app, "setcronjob") == ["job 3"]
    send(app, "cron.enable", id=number)
    assert (await cut(app, journal, overlap=overlap)).is_complete
    check_moved(app)


async def moved_account(folder):
    """Return an emulator and a journal after a cutover, and the new id of "job 3"."""
    app, journal = emulator(), folder / "moves.jsonl"
    old_account(app)
    await cut(app, journal)
    new = {job["name"]: job["id"] for job in app.emulator.jobs("fastcron")}
    return app, journal, new["job 3"]


@pytest.mark.each_value
@OVERLAPS
@pytest.mark.parametrize("enabled", [False, True], ids=["left off", "enabled again"])
async def test_a_job_that_was_deleted_by_hand_after_a_cutover_is_told_and_ends_it(
    tmp_path, overlap, enabled
):
    """It is not made again, and nobody is asked to go on. What a colleague enables stays so."""
    app, journal, number = await moved_account(tmp_path)
    send(app, "cron.delete", id=number)
    if enabled:
        old = app.emulator.jobs("setcronjob")[3]["id"]
        send(app, "cron.enable", "setcronjob", id=old)
    before = len(app.emulator.requests)
    for _ in range(2):
        again = await cut(app, journal, overlap=overlap)
        assert again.is_complete
        assert [one.name for one in again.gone] == ["job 3"]
        assert "deleted it at the new service" in str(again.gone[0])
    assert sent_since(app, before) == []
    assert running(app, "setcronjob") == ["job 3"] * enabled
    assert (await back(app, journal, overlap=overlap)).is_complete
    assert running(app, "setcronjob") == moved()


@pytest.mark.each_value
@OVERLAPS
@pytest.mark.parametrize(
    "change", [{"name": "by hand"}, {"group": 0}, {"url": "https://b.example"}]
)
async def test_a_job_that_was_changed_by_hand_after_a_cutover_is_still_the_moved_one(
    tmp_path, overlap, change
):
    """Its id is in the journal, so no other name or place makes it another job."""
    app, journal, number = await moved_account(tmp_path)
    if "group" in change:
        change = {"group": send(app, "group.add", name="another")["id"]}
    send(app, "cron.edit", id=number, **change)
    before = len(app.emulator.requests)
    again = await cut(app, journal, overlap=overlap)
    assert (again.left, again.gone, again.made) == ((), (), 0)
    assert sent_since(app, before) == []
    assert running(app, "setcronjob") == []
    assert (await back(app, journal, overlap=overlap)).is_complete
    assert running(app, "setcronjob") == moved()


@OVERLAPS
async def test_a_job_for_one_time_that_is_over_after_a_cutover_is_told_as_such(tmp_path, overlap):
    """Nobody has deleted it: the service removes such a job some days after its run."""
    app, journal, number = await moved_account(tmp_path)
    old = app.emulator.jobs("setcronjob")[3]["id"]
    send(app, "cron.edit", "setcronjob", id=old, expression="2020-02-29 10:00")
    send(app, "cron.delete", id=number)
    again = await cut(app, journal, overlap=overlap)
    assert again.is_complete
    assert [(one.name, one.reason.partition(",")[0]) for one in again.gone] == [
        ("job 3", "it was for one time")
    ]


@attrs.define(slots=False)
class Keeping:
    """An app that looks at a file before each deletion: its versions, and jobs that it lacks."""

    app: object
    path: Path
    versions: set = attrs.field(factory=set)
    lacking: list = attrs.field(factory=list)
    names: set = attrs.field(factory=set)
    kept: set = attrs.field(factory=set)

    async def __call__(self, scope, receive, send):
        if scope["path"].endswith(("cron_delete", "cron_batch_delete")):
            self.versions.add(self.path.stat().st_ino)
            self.kept = tomllib.loads(self.path.read_text())["job"].keys()
        await self.app(scope, receive, send)
        names = {row["name"] for row in self.app.emulator.jobs("fastcron")}
        self.lacking += self.names - names - self.kept
        self.names = names


@pytest.mark.crowd
async def test_a_long_way_back_writes_its_undo_file_a_few_times(tmp_path):
    """It has each job before that is deleted, and is not written anew for each chunk."""
    app, journal, count = emulator(), tmp_path / "moves.jsonl", 60
    old_account(app, count)
    await cut(app, journal, chunk=count)
    keeping = Keeping(app, tmp_path / "undo.toml")
    async with paced(app, "setcronjob") as old, paced(keeping) as new:
        done = await move_back(old, new, journal=journal, chunk=2, undo=keeping.path)
    assert (done.is_complete, done.deleted) == (True, count)
    assert keeping.lacking == []
    assert 1 < len(keeping.versions) <= 8
    jobs = tomllib.loads(keeping.path.read_text())["job"]
    assert jobs.keys() == {f"job {number}" for number in range(count)}
