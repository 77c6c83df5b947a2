"""What an apply deletes comes back by its undo file, and nothing else is touched by it."""

from __future__ import annotations

import pytest

from cronapi import FASTCRON, ConfigurationError
from cronapi.emulator import ManualClock, create_app
from cronapi.manifest import Manifest
from cronapi.manifest.undo import undo_of
from tests.support.emulated import FAST, START, client_of
from tests.support.manifests import HEAD, applied, jobs_text, manifest, planned, send, shown_jobs

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")

OF_ALL = "version = 1\n[scope]\nall = true\n"
OF_A_PREFIX = 'version = 1\n[scope]\nprefix = "job"\n'
SCOPE_OF_ALL = manifest(jobs_text(1), head=OF_ALL).wanted.scope


async def deleted(path, head, provider="fastcron"):
    """Make twenty jobs, delete two of them, and return the app and what the account showed."""
    app = create_app(rates=FAST, clock=ManualClock(START))  # no job becomes due meanwhile
    every = jobs_text(20, lines='enabled = true\npost_data = "a"\n')
    await applied(app, manifest(every, head=head), provider)
    before = shown_jobs(app, provider)
    kept = manifest(every.partition('[job."job 18"]')[0], head=head)
    async with client_of(app, provider) as api:
        result = await (await kept.plan(api, prune=True)).apply(undo=path)
    assert result.count("delete") == 2
    return app, before


def settings(jobs):
    return {name: {**job, "id": 0} for name, job in jobs.items()}


@pytest.mark.each_value
@pytest.mark.parametrize("head", [HEAD, OF_ALL, OF_A_PREFIX])
@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
async def test_the_plan_of_an_undo_file_shows_what_was_deleted_and_its_apply_makes_it(
    tmp_path, head, provider
):
    """The other jobs of the scope are one line of it, and no `prune` deletes them."""
    app, before = await deleted(tmp_path / "undo.toml", head, provider)
    undo = Manifest.load(tmp_path / "undo.toml", environ={})
    plan = await planned(app, undo, provider, prune=True)
    assert [(one.action, one.name) for one in plan.changes] == [
        ("create", "job 18"),
        ("create", "job 19"),
    ]
    assert "job 1 " not in plan.to_text()
    assert "18 more are in the scope, and kept" in plan.to_text()
    assert (await applied(app, undo, provider, prune=True))[1].is_complete
    assert settings(shown_jobs(app, provider)) == settings(before)
    assert not (await planned(app, undo, provider)).has_drift


async def test_an_undo_file_says_how_it_is_used_and_what_is_not_in_it(tmp_path):
    """The settings that the service does not show, and the variables that it needs."""
    app = create_app(rates=FAST)
    number = (send(app, "group.add", name="g"))["id"]
    header = "Authorization: canary-1234"
    url = "https://example.com/x"
    send(app, "cron.add", name="x", url=url, group=number, httpHeaders=header, password="canary")
    async with client_of(app) as api:
        plan = await manifest(jobs_text(1)).plan(api, prune=True, max_deletes=1)
        await plan.apply(undo=tmp_path / "undo.toml")
    text = (tmp_path / "undo.toml").read_text()
    assert "canary" not in text
    comments = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
    assert "apply -f" in comments
    for name in ("password", "username", "user_agent", "filter", "delay", "failure_threshold"):
        assert name in comments
    assert "timeout" not in comments
    assert "X_AUTHORIZATION" in comments


async def test_a_few_kept_jobs_are_rows_of_a_plan(tmp_path):
    """One line for all would say less than their names."""
    app = create_app(rates=FAST)
    await applied(app, manifest(jobs_text(4)))
    head = HEAD + 'keep = ["job 1", "job 2"]\n'
    plan = await planned(app, manifest(jobs_text(1), head=head))
    assert plan.to_text().count("not in the file: kept") == 2
    assert plan.to_text().count("not in the file: deleted with --prune") == 1


SAME = '[job."{}"]\nurl = "https://example.com/same"\nexpression = "1 hour"\n'
LOOKALIKES = {
    "renamed without was": (jobs_text(4), jobs_text(4).replace("job 3", "renamed")),
    "equal but for the name": (SAME.format("a") + SAME.format("b"), SAME.format("a")),
    "of one url": (SAME.format("a") + SAME.format("b").replace("1 h", "2 h"), SAME.format("a")),
    "a longer name": (SAME.format("a") + SAME.format("a b"), SAME.format("a")),
    "two at once": ("".join(map(SAME.format, "abc")), SAME.format("b")),
}


@pytest.mark.each_value
@pytest.mark.parametrize("lookalike", LOOKALIKES)
@pytest.mark.parametrize("head", [HEAD, OF_ALL])
async def test_a_deleted_job_is_made_again_beside_one_that_looks_like_it(tmp_path, head, lookalike):
    """Nobody has to write `allow` into the undo file first."""
    before, after = LOOKALIKES[lookalike]
    app = create_app(rates=FAST, clock=ManualClock(START))
    await applied(app, manifest(before, head=head))
    was = set(shown_jobs(app))
    async with client_of(app) as api:
        plan = await manifest(after, head=head).plan(api, prune=True, max_deletes=2)
        assert (await plan.apply(undo=tmp_path / "undo.toml")).is_complete
    deleted, there = was - set(shown_jobs(app)), shown_jobs(app)
    plan, result = await applied(app, Manifest.load(tmp_path / "undo.toml", environ={}))
    assert ({one.name for one in plan.changes}, plan.blocked) == (deleted, ())
    assert result.is_complete
    assert {name: shown_jobs(app)[name] for name in there} == there
    assert set(shown_jobs(app)) == was | set(there)


async def test_a_deleted_job_that_looks_like_one_outside_of_the_scope_is_made_again(tmp_path):
    """Somebody has made one of that name by hand, in no group."""
    app, undo = create_app(rates=FAST, clock=ManualClock(START)), tmp_path / "undo.toml"
    await applied(app, manifest(SAME.format("a") + SAME.format("b")))
    async with client_of(app) as api:
        plan = await manifest(SAME.format("a")).plan(api, prune=True, max_deletes=1)
        await plan.apply(undo=undo)
    send(app, "cron.add", name="b", url="https://example.com/same", expression="1 hour")
    plan, _ = await applied(app, Manifest.load(undo, environ={}))
    assert ([one.action for one in plan.changes], plan.blocked) == (["create"], ())


async def test_every_deleted_job_has_a_table_whatever_names_the_others_have(tmp_path):
    """A twin gets its id as well, and another job may have just that name, or have none."""
    app, undo = create_app(rates=FAST, clock=ManualClock(START)), tmp_path / "undo.toml"
    await applied(app, manifest(jobs_text(1), head=OF_ALL))
    first = shown_jobs(app)["job 0"]["id"]
    names = [
        f"a ({first + 3})",
        "a",
        "a",
        "b",
        "b",
        f"b ({first + 5})",
        f"without a name ({first})",
    ]
    for name in names:
        send(app, "cron.add", name=name, url="https://example.com/a", expression="1 hour")
    async with client_of(app) as api:
        plan = await manifest(jobs_text(1), head=OF_ALL).plan(api, prune=True, max_deletes=9)
        assert (await plan.apply(undo=undo)).count("delete") == len(names)
    assert "Left out" not in undo.read_text()
    plan, result = await applied(app, Manifest.load(undo, environ={}))
    assert (result.count("create"), result.is_complete) == (len(names), True)
    assert set(names) <= set(shown_jobs(app))


@pytest.mark.each_value
@pytest.mark.parametrize("name", ["job 0 ", "Job 0", "JOB  0"])
@pytest.mark.parametrize("head", [HEAD, OF_ALL])
async def test_a_deleted_job_never_becomes_one_of_a_similar_name(tmp_path, head, name):
    """Its table is about itself: the job that stays keeps its url and all else."""
    app, undo = create_app(rates=FAST, clock=ManualClock(START)), tmp_path / "undo.toml"
    await applied(app, manifest(jobs_text(2), head=head))
    group = shown_jobs(app)["job 0"]["group"]
    send(app, "cron.add", name=name, group=group, url="https://example.com/another")
    there = {one: shown_jobs(app)[one] for one in ("job 0", "job 1")}
    async with client_of(app) as api:
        plan = await manifest(jobs_text(2), head=head).plan(api, prune=True, max_deletes=1)
        assert (await plan.apply(undo=undo)).count("delete") == 1
    plan, result = await applied(app, Manifest.load(undo, environ={}))
    assert ([one.action for one in plan.changes], result.is_complete) == (["create"], True)
    assert {one: shown_jobs(app)[one] for one in there} == there
    made = [job for one, job in shown_jobs(app).items() if one not in there]
    assert [job["url"] for job in made] == ["https://example.com/another"]


async def test_an_undo_file_says_that_a_twin_comes_back_once_its_name_is_free(tmp_path):
    """Until then its table is about the other one, which is left as it is."""
    app, undo = create_app(rates=FAST, clock=ManualClock(START)), tmp_path / "undo.toml"
    await applied(app, manifest(jobs_text(1, word="Job ", lines="enabled = true\n")))
    twin = {key: shown_jobs(app)["Job  0"][key] for key in ("name", "url", "expression", "group")}
    send(app, "cron.add", **twin)
    async with client_of(app) as api:
        plan = await manifest(jobs_text(1, word="Job ")).plan(api, dedupe=True, max_deletes=1)
        assert (await plan.apply(undo=undo)).count("delete") == 1
    comments = " ".join(undo.read_text().replace("# ", "").split())
    assert (
        "A twin is not made again while the other job has its name, or a simpler form of it."
        in comments
    )
    assert (await planned(app, Manifest.load(undo, environ={}))).is_empty
    send(app, "cron.delete", id=shown_jobs(app)["Job  0"]["id"])
    for spelling in ("job  0", "Job 0"):
        other = send(app, "cron.add", **{**twin, "name": spelling})["id"]
        assert (await planned(app, Manifest.load(undo, environ={}))).is_empty
        send(app, "cron.delete", id=other)
    plan = await planned(app, Manifest.load(undo, environ={}))
    assert [one.action for one in plan.changes] == ["create"]


async def test_a_job_that_came_after_the_plan_is_seen_by_the_undo_file(tmp_path):
    """It stays, and the deleted one, whose name is another form of its own, gets its id in it."""
    app, undo = create_app(rates=FAST), tmp_path / "undo.toml"
    head = HEAD + 'keep = [" gone 0 "]\n'
    await applied(app, manifest(jobs_text(1) + jobs_text(1, word="gone"), head=head))
    old = shown_jobs(app)["gone 0"]
    async with client_of(app) as api:
        plan = await manifest(jobs_text(1), head=head).plan(api, prune=True, max_deletes=1)
        send(app, "cron.add", name=" gone 0 ", url="https://e.com/kept", group=old["group"])
        assert (await plan.apply(undo=undo)).count("delete") == 1
    assert f'[job."gone 0 ({old["id"]})"]' in undo.read_text()


async def test_a_job_that_an_undo_file_cannot_keep_is_not_deleted(tmp_path):
    """Nor is any other. The error names the job and the field, and no value."""
    app, undo = create_app(rates=FAST), tmp_path / "undo.toml"
    await applied(app, manifest(jobs_text(3), head=OF_ALL))
    url, headers = "https://example.com/x", "no header\r\nX-Key: canary"
    number = send(app, "cron.add", name="odd", url=url, httpHeaders=headers)["id"]
    before = shown_jobs(app)
    async with client_of(app) as api:
        plan = await manifest(jobs_text(2), head=OF_ALL).plan(api, prune=True, max_deletes=2)
        result = await plan.apply(undo=undo)
    assert [one.status for one in result.outcomes] == ["not_tried", "not_tried"]
    said = str(result.errors[0])
    assert f"the http_headers of job {number} can stand in no manifest" in said
    assert "canary" not in said
    assert shown_jobs(app) == before
    assert not undo.exists()


ODD = {
    "a half name": ({"name": "a\ud800"}, "job 8 had a name"),
    "no url": ({"url": ""}, "job 8 had no url"),
    "half a url": ({"url": "https://h.example/\udfff"}, "job 8 had a url"),
    "a half body": ({"postData": "a\ud800"}, "the post_data of job 8"),
    "a header of two lines": ({"httpHeaders": "X-A: 1\x00"}, "the http_headers of job 8"),
    "a word for a number": ({"timeout": "soon"}, "the timeout of job 8"),
    "a number of two parts": ({"instances": 1.5}, "the instances of job 8"),
    "a mapping for a switch": ({"notify": {}}, "the notify of job 8"),
}


@pytest.mark.each_value
@pytest.mark.parametrize("odd", ODD)
def test_an_undo_file_refuses_jobs_of_which_something_would_be_lost(tmp_path, odd):
    """It has the jobs before them, and takes others after them."""
    path, url = tmp_path / "undo.toml", "https://example.com/x"
    first, last = ({"id": at, "name": f"job {at}", "url": url} for at in (1, 9))
    values, said = ODD[odd]
    row = {"id": 8, "name": "odd", "url": url, **values}
    keep = undo_of(path, SCOPE_OF_ALL, FASTCRON, [first, row, last])
    for good in (first, last):
        with pytest.raises(ConfigurationError, match=said) as caught:
            keep([row])
        assert caught.value.concerns == "input"
        keep([good])
    text = path.read_text()
    assert [line for line in text.splitlines() if line.startswith("[job")] == [
        '[job."job 1"]',
        '[job."job 9"]',
    ]


def test_an_undo_file_that_another_program_has_made_meanwhile_is_never_overwritten(tmp_path):
    """Not even by the jobs that are kept after those that it has stopped."""
    path, row = tmp_path / "undo.toml", {"id": 1, "name": "a", "url": "https://example.com/x"}
    keep = undo_of(path, SCOPE_OF_ALL, FASTCRON, [row])
    path.write_text("theirs")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="is there already"):
            keep([row])
    assert path.read_text() == "theirs"
