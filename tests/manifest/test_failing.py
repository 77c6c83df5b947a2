"""A job that fails in a row runs on: a move, an export and a plan take it for one that runs."""

from __future__ import annotations

import pytest

from cronapi.emulator import ManualClock, create_app
from cronapi.manifest import Manifest, cut_over, export, migrate, move_back
from cronapi.manifest.switching import runs
from cronapi.providers import FASTCRON
from tests.support.emulated import FAST, START, client_of
from tests.support.manifests import HEAD, manifest, planned, send

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")
OVERLAPS = pytest.mark.parametrize("overlap", ["short", "none"])


def failing_account(provider="setcronjob"):
    """Return an app with one job whose status is 4, and which runs on if nothing forbids it."""
    app = create_app(rates=FAST, clock=ManualClock(START))
    group = send(app, "group.add", provider, name="g")["id"]
    url = "https://example.com/500"
    params = {"expression": "* * * * *", "group": group}
    send(app, "cron.add", provider, name="shaky", url=url, **params)
    app.emulator.clock.advance(3600)
    send(app, "cron.list", provider)  # what was due meanwhile runs
    assert statuses(app, provider) == [4]
    return app


def statuses(app, provider):
    return [job["status"] for job in app.emulator.jobs(provider)]


async def moved(app, path, overlap, *, source="setcronjob", target="fastcron"):
    async with client_of(app, source) as old, client_of(app, target) as new:
        options = {"journal": path, "overlap": overlap}
        return await cut_over(old, new, into="moved", accept_losses=True, **options)


@OVERLAPS
async def test_a_cutover_moves_a_job_that_fails_and_runs_on(tmp_path, overlap):
    """It is disabled at the old service, and runs at the new one. The way back brings it back."""
    app = failing_account()
    done = await moved(app, tmp_path / "journal", overlap)
    assert (done.made, done.disabled, done.left) == (1, 1, ())
    assert (statuses(app, "setcronjob"), statuses(app, "fastcron")) == ([1], [0])
    assert (await moved(app, tmp_path / "journal", overlap)).is_complete
    async with client_of(app, "setcronjob") as old, client_of(app, "fastcron") as new:
        back = await move_back(old, new, journal=tmp_path / "journal", overlap=overlap)
    assert (back.enabled, back.deleted, back.left) == (1, 1, ())
    assert (statuses(app, "setcronjob"), statuses(app, "fastcron")) == ([0], [])


def test_active_jobs_run_and_failed_ones_unless_they_show_otherwise():
    """As the service writes it: numbers and texts."""
    table = {0: True, "0": True, None: True, 1: False, "1": False, 2: False, 3: False, 4: True}
    assert {status: runs({"status": status}) for status in table} == table
    for shown, expected in ((True, True), ("1", True), (None, True), (False, False), (0, False)):
        assert runs({"status": "4", "retryFailed": shown}) is expected
    assert runs({})


async def test_a_table_that_says_disabled_disables_a_job_that_fails_and_runs_on():
    """One that says enabled leaves it, as the service has given it its status."""
    app = failing_account()
    table = '[job.shaky]\nurl = "https://example.com/500"\nexpression = "* * * * *"\n'
    for line, actions in (("enabled = false\n", ["disable"]), ("enabled = true\n", []), ("", [])):
        plan = await planned(app, manifest(table + line), "setcronjob")
        assert [one.action for one in plan.changes] == actions
        assert [one.runs_on for one in plan.stopped] == [True] * ("true" in line)
        assert ["(status 4): --revive makes it" in note for note in plan.notes] == [True] * len(
            plan.stopped
        )


async def test_a_file_says_enabled_of_active_and_of_disabled_jobs_alone(tmp_path):
    """What the service has stopped, or calls failed, is a comment of an export or undo file."""
    app = failing_account()
    group = app.emulator.jobs("setcronjob")[0]["group"]
    for name in ("active", "off"):
        job = send(
            app, "cron.add", "setcronjob", name=name, url=f"https://example.com/{name}", group=group
        )
    send(app, "cron.disable", "setcronjob", id=job["id"])
    async with client_of(app, "setcronjob") as api:
        text = (await export(api, group="g")).text
        assert (await Manifest.loads(text, environ={}).plan(api)).is_empty
        migrated = (await migrate(api, FASTCRON, into="there")).text
        plan = await manifest("[job.other]\nurl = 'https://e.com'\n", head=HEAD).plan(
            api, prune=True, max_deletes=3
        )
        await plan.apply(undo=tmp_path / "undo.toml")
    for written in (text, (tmp_path / "undo.toml").read_text()):
        wanted = {job.name: job.enabled for job in Manifest.loads(written, environ={}).wanted.jobs}
        assert wanted == {"active": True, "off": False, "shaky": None}
        assert "(status 4), and runs on" in written
    wanted = {job.name: job.enabled for job in Manifest.loads(migrated, environ={}).wanted.jobs}
    assert wanted == {"active": True, "off": False, "shaky": True}
