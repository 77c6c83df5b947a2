"""What people do by hand between two plans: jobs switched off, renamed, or made twice."""

from __future__ import annotations

import tomllib

import pytest

from cronapi.emulator import create_app
from cronapi.manifest import Manifest, export
from tests.support.emulated import FAST, client_of
from tests.support.manifests import applied, jobs_text, manifest, planned

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")

EVERYTHING = 'version = 1\n[scope]\nall = true\n[job."a"]\nurl = "https://example.com/a"\n'


async def made(api, *names, off=()):
    """Make jobs of these names, and disable some."""
    for name in names:
        job = await api.cron.add(name=name, url=f"https://example.com/{name}", timeout=20)
        if name in off:
            await api.cron.disable(job.id)


async def by_hand(app, function, name):
    async with client_of(app) as api:
        await getattr(api.cron, function)((await api.cron.find(name)).id)


@pytest.mark.parametrize("off", [(), ("a",), ("a", "b", "c")])
@pytest.mark.parametrize("names", [("a",), ("a", "b", "c")])
async def test_an_export_looks_after_jobs_that_run_and_those_that_do_not(names, off):
    """A job that is switched by hand afterwards is seen, in either direction."""
    app = create_app(rates=FAST)
    async with client_of(app) as api:
        await made(api, *names, off=off)
        exported = await export(api, everything=True)
    wanted = Manifest.loads(exported.text, environ={})
    assert {job.name: job.enabled for job in wanted.wanted.jobs} == {
        name: name not in off for name in names
    }
    plan = await planned(app, wanted)
    assert (plan.is_empty, plan.has_drift) == (True, False)
    await by_hand(app, "enable" if "a" in off else "disable", "a")
    plan = await planned(app, wanted)
    assert plan.has_drift, plan.to_text()
    assert plan.is_empty == ("a" not in off)


async def test_a_new_job_of_a_file_runs_though_all_exported_ones_were_disabled():
    """No export makes `enabled = false` a default, which a table by hand would get in silence."""
    app = create_app(rates=FAST)
    async with client_of(app) as api:
        await made(api, "a", "b", off=("a", "b"))
        data = tomllib.loads((await export(api, everything=True)).text)
    assert "enabled" not in data["defaults"]
    assert [job["enabled"] for job in data["job"].values()] == [False, False]


async def test_an_adopted_job_is_looked_after_too(tmp_path):
    """Its table says that it runs, so a plan tells that somebody has disabled it."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    path.write_text(EVERYTHING)
    async with client_of(app) as api:
        await made(api, "a", "b", "c", off=("c",))
        ids = [(await api.cron.find(name)).id for name in "bc"]
        await Manifest.load(path, environ={}).adopt(api, *ids)
    jobs = tomllib.loads(path.read_text())["job"]
    assert [jobs["b"]["enabled"], jobs["c"]["enabled"]] == [True, False]
    await by_hand(app, "disable", "b")
    plan = await planned(app, Manifest.load(path, environ={}))
    assert [(one.name, one.by_hand) for one in plan.stopped] == [("b", True)]


async def test_a_job_that_should_run_and_does_not_is_told_and_not_counted_as_it_should_be():
    """In text and JSON, with the option that starts it. An apply leaves it, and so it is drift."""
    app = create_app(rates=FAST)
    wanted = manifest(jobs_text(3, lines="enabled = true\n"))
    await applied(app, wanted)
    await by_hand(app, "disable", "job 1")
    plan = await planned(app, wanted)
    (stopped,) = plan.to_dict()["stopped"]
    assert (stopped["name"], stopped["by_hand"], plan.unchanged) == ("job 1", True, 2)
    assert "disabled or paused by hand: --enable lets it run" in plan.to_text()
    assert "2 are as they should be" in plan.to_text()
    assert plan.has_drift
    plan = await planned(app, wanted, enable=True)
    assert (plan.stopped, [one.action for one in plan.changes]) == ((), ["enable"])


async def renamed(lines="", name="other", **options):
    """Apply three jobs, rename one by hand, and plan again."""
    app = create_app(rates=FAST)
    wanted = manifest(jobs_text(3, lines="timeout = 20\n"))
    await applied(app, wanted)
    async with client_of(app) as api:
        await api.cron.edit((await api.cron.find("job 1")).id, name=name)
    return app, await planned(app, manifest(jobs_text(3, lines=lines)), **options)


NAMES = [
    "other",
    '"a" b',
    "it's \U0001f680",
    "50% [x].y",
    "a\\b",
    "${A} $${B}",
    "it's ${A}",
    "a\xa0b",
]


@pytest.mark.parametrize("name", [*NAMES, "a\x1bb\x7f"])
async def test_a_job_that_was_renamed_by_hand_is_not_made_again(name):
    """Nobody can tell if it is the same job, so an apply leaves it, and says the line to write."""
    app, plan = await renamed("timeout = 20\n", name)
    assert plan.is_empty
    (blocked,) = plan.blocked
    assert (blocked.name, len(blocked.ids)) == ("job 1", 1)
    line = blocked.text.partition("Write ")[2].partition(" to rename")[0]
    assert line in plan.to_text()
    tables = jobs_text(3).replace('/run/1"\n', f'/run/1"\n{line}\n')
    done, result = await applied(app, manifest(tables))
    assert [one.action for one in done.changes] == ["rename"]
    assert result.is_complete


@pytest.mark.parametrize("line", ['allow = ["lookalike"]\n', "id = {id}\n"])
async def test_the_other_answers_to_a_possible_rename_do_what_the_plan_says_of_them(line):
    """`allow` makes another job beside it, and `id` renames it."""
    app, plan = await renamed("timeout = 20\n")
    line = line.format(id=plan.blocked[0].ids[0])
    tables = jobs_text(3).replace('/run/1"\n', f'/run/1"\n{line}')
    done = await planned(app, manifest(tables))
    assert [one.action for one in done.changes] == ["create" if "allow" in line else "rename"]
    assert done.blocked == ()


async def test_a_job_of_the_same_url_that_differs_otherwise_is_told_and_blocks_nothing():
    """One URL serves many jobs in some accounts. The note has the line that makes it a rename."""
    _, plan = await renamed("timeout = 30\n")
    assert "create" in {one.action for one in plan.changes}
    assert plan.blocked == ()
    (note,) = plan.notes
    assert '"job 1"' in note
    assert "write was = 'other' into" in note


async def test_a_renamed_job_is_replaced_where_the_plan_may_delete_it():
    """With `prune` the URL does not run twice, so nothing is in doubt. A kept job blocks still."""
    _, plan = await renamed("timeout = 20\n", prune=True)
    assert [one.action for one in plan.changes] == ["create", "delete"]
    assert any("was = " in note for note in plan.notes)
    app = create_app(rates=FAST)
    async with client_of(app) as api:
        group = await api.group.add("g")
        await api.cron.add(name="manual 1", url="https://example.com/run/0", group=group.id)
        await api.cron.add(name="job 1", url="https://example.com/run/1", group=group.id)
    head = 'version = 1\n[scope]\ngroup = "g"\nkeep = ["manual *"]\n'
    plan = await planned(app, manifest(jobs_text(2), head=head), prune=True)
    assert (plan.is_empty, [one.name for one in plan.blocked]) == (True, ["job 0"])


async def test_a_table_that_was_renamed_without_a_word_is_a_possible_rename_too():
    """The file has a new name for the job, and the plan says how to keep its id and its logs."""
    app = create_app(rates=FAST)
    await applied(app, manifest(jobs_text(3)))
    plan = await planned(app, manifest(jobs_text(3, word="task")))
    assert plan.is_empty
    assert len(plan.blocked) == 3
    assert "was = 'job 0'" in plan.blocked[0].text


@pytest.mark.parametrize("value", ["canary-shared-key", "short"])
async def test_a_secret_that_a_file_has_as_a_variable_stays_one_when_jobs_are_adopted(
    tmp_path, value
):
    """So that a new value is one line of the environment. A short one is found in too much text."""
    app, path, undo = create_app(rates=FAST), tmp_path / "cronjobs.toml", tmp_path / "undo.toml"
    headers = {"X-Shop-Key": value}
    async with client_of(app) as api:
        for name in ("twin", "twin", "else"):
            await api.cron.add(name=name, url="https://example.com/a", http_headers=headers)
        exported = await export(api, everything=True)
        path.write_text(exported.text)
        manifest = Manifest.load(path, environ=exported.environ)
        twin = max(job.id for job in await api.cron.list() if job.name == "twin")
        done = await manifest.adopt(api, twin, name="{name} {id}")
        assert (value in done.environ.values()) == (value == "short")
        assert len({*exported.environ, *done.environ}) == 1 + len(done.environ)
        environ = exported.environ | done.environ
        assert not (await Manifest.load(path, environ=environ).plan(api)).has_drift
        path.write_text(exported.text)
        plan = await Manifest.load(path, environ=environ).plan(api, prune=True, dedupe=True)
        await plan.apply(undo=undo)
    assert value not in undo.read_text()
    assert ("X_SHOP_KEY}" in undo.read_text()) == bool(exported.environ)
