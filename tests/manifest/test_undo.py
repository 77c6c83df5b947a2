"""What an apply deletes comes back by its undo file, and nothing else is touched by it."""

from __future__ import annotations

import pytest

from cronapi.emulator import ManualClock, create_app
from cronapi.manifest import Manifest
from tests.support.emulated import FAST, START, client_of
from tests.support.manifests import HEAD, applied, jobs_text, manifest, planned, send, shown_jobs

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")

OF_ALL = "version = 1\n[scope]\nall = true\n"
OF_A_PREFIX = 'version = 1\n[scope]\nprefix = "job"\n'


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
