"""A job may have a name with `${` in it, which begins a variable in a file."""

from __future__ import annotations

import pytest

from cronapi.emulator import ManualClock, create_app
from cronapi.manifest import Manifest, export
from tests.support.emulated import FAST, START, client_of
from tests.support.manifests import HEAD, applied, jobs_text, manifest, planned, send, shown_jobs

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")

NAMES = ["backup ${HOST}", "${A}", "$${B}", "$$${", "a $ {b}", "${A} (100001)"]
OF_ALL = "version = 1\n[scope]\nall = true\n"


def account(group=None):
    """Return an emulator with a job of each name, and the ids of these."""
    app = create_app(rates=FAST, clock=ManualClock(START))
    job = {"url": "https://example.com/x", "expression": "1 hour", "postData": "${Q}"}
    added = [send(app, "cron.add", name=name, group=group, **job) for name in NAMES]
    return app, [row["id"] for row in added]


async def test_an_export_of_such_jobs_can_be_read_and_has_an_empty_plan():
    """Their tables have the names that they have at the service."""
    app, _ = account()
    async with client_of(app) as api:
        exported = await export(api, everything=True)
    read = Manifest.loads(exported.text, environ=exported.environ)
    assert sorted(job.name for job in read.wanted.jobs) == sorted(NAMES)
    plan = await planned(app, read)
    assert (plan.is_empty, plan.has_drift, exported.skipped) == (True, False, ())


async def test_such_a_job_can_be_adopted_and_found_by_its_table(tmp_path):
    """The file can be read afterwards, and an edit of its table is an edit of the job."""
    app, ids = account()
    path = tmp_path / "f.toml"
    path.write_text(HEAD + jobs_text(1))
    async with client_of(app) as api:
        adopted = await Manifest.load(path, environ={}).adopt(api, *ids)
    assert sorted(adopted.names) == sorted(NAMES)
    read = Manifest.load(path, environ={})
    await applied(app, read)
    assert (await planned(app, read)).is_empty
    path.write_text(path.read_text().replace("1 hour", "2 hours"))
    plan, _ = await applied(app, Manifest.load(path, environ={}))
    assert {one.name for one in plan.changes} >= set(NAMES)
    assert {one.action for one in plan.changes} == {"edit"}


async def test_such_a_job_comes_back_by_its_undo_file(tmp_path):
    """One name of this kind keeps no other job from being made again."""
    app, _ = account()
    await applied(app, manifest(jobs_text(1), head=OF_ALL))
    was = set(shown_jobs(app))
    async with client_of(app) as api:
        plan = await manifest(jobs_text(1), head=OF_ALL).plan(api, prune=True, max_deletes=9)
        assert (await plan.apply(undo=tmp_path / "undo.toml")).count("delete") == len(NAMES)
    _, result = await applied(app, Manifest.load(tmp_path / "undo.toml", environ={}))
    assert result.is_complete
    assert set(shown_jobs(app)) == was


@pytest.mark.parametrize("scope", [{"group": "team ${A}"}, {"prefix": "${"}])
async def test_a_scope_may_have_such_a_name_too(tmp_path, scope):
    """Its export and its undo file are of the very same group or prefix."""
    app = create_app(rates=FAST, clock=ManualClock(START))
    group = send(app, "group.add", name="team ${A}")["id"]
    for name in ("${A}", "${B}"):
        send(app, "cron.add", name=name, group=group, url="https://example.com/x")
    async with client_of(app) as api:
        exported = await export(api, **scope)
        read = Manifest.loads(exported.text, environ={})
        assert (await read.plan(api)).is_empty
        assert read.wanted.scope.owner == scope
        rest = Manifest.loads(exported.text.partition('[job."$${B}"]')[0], environ={})
        plan = await rest.plan(api, prune=True, max_deletes=1)
        assert (await plan.apply(undo=tmp_path / "undo.toml")).count("delete") == 1
    _, result = await applied(app, Manifest.load(tmp_path / "undo.toml", environ={}))
    assert (result.is_complete, len(shown_jobs(app))) == (True, 2)


def test_the_line_of_such_a_table_is_told():
    """What is wrong in it has its place, in the spelling of the file."""
    text = HEAD + '[job."$${A}"]\nurl = "https://example.com/x"\ntimeot = 5\n'
    with pytest.raises(Exception, match=r'job."\$\${A}".timeot: a job has no'):
        manifest(text, head="")
