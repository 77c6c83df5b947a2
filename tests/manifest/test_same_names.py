"""Names that differ only in blanks, case or the encoding of accents."""

from __future__ import annotations

import json

import pytest

from cronapi.emulator import create_app
from cronapi.manifest import Manifest
from tests.support.emulated import FAST, client_of
from tests.support.manifests import applied, manifest, planned, send

NFC, NFD = "m\u00fcll", "mu\u0308ll"
PAIRS = [(NFC, NFD), ("b", " b"), ("b", "b\t"), ("a b", "a  b"), ("report", "Report"), (NFD, NFC)]
KINDS = ["name_nfc", "name_nfd", "name_strip", "name_collapse", "name_lower", None]


def table(name, number, lines=""):
    return f"[job.{json.dumps(name)}]\nurl = 'https://example.com/{number}'\n{lines}"


@pytest.mark.few(3)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", [0, 1], ids=["both at once", "one by one"])
async def test_two_tables_are_two_jobs_on_each_night_and_keep_their_urls(kind, first):
    """Also where the service shows one name for both: it is told, and no third job is made."""
    for pair in PAIRS:
        app = create_app(rates=FAST, normalise=[kind] if kind else [])
        tables = [table(name, number) for number, name in enumerate(pair)]
        if first:
            await applied(app, manifest(tables[0]))
        wanted = manifest("".join(tables))
        await applied(app, wanted)
        for _ in range(2):
            plan, _ = await applied(app, wanted)
            assert plan.is_empty, (pair, plan.to_text())
        urls = sorted(job["url"] for job in app.emulator.jobs("fastcron"))
        assert urls == ["https://example.com/0", "https://example.com/1"], (pair, urls)
        shown = [job["name"] for job in app.emulator.jobs("fastcron")]
        if len(set(shown)) == 1:
            assert {one.name for one in plan.blocked} == set(pair), plan.to_text()
            assert "jobs" in plan.to_text()


@pytest.mark.parametrize(("shown", "written"), [(NFD, NFC), (NFC, NFD), ("b", " b"), ("b ", "b")])
async def test_a_former_name_in_another_spelling_is_the_job(shown, written):
    """A rename makes no second job."""
    app = create_app(rates=FAST)
    await applied(app, manifest(table(shown, 0)))
    plan = await planned(app, manifest(table("new", 0, f"was = {json.dumps(written)}\n")))
    assert [one.action for one in plan.changes] == ["rename"]


@pytest.mark.parametrize(("shown", "written"), [(NFD, NFC), (NFC, NFD)])
async def test_a_prefix_and_names_to_keep_mean_both_encodings_of_an_accent(
    tmp_path, shown, written
):
    """What looks equal is owned, kept and adopted alike."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    for name in (f"{shown} kept", f"{shown} stray"):
        send(app, "cron.add", name=name, url="https://example.com/x")
    head = f'version = 1\n[scope]\nprefix = "{written}"\nkeep = ["{written} k*"]\n'
    path.write_text(head + table(f"{written} new", 0))
    wanted = Manifest.load(path, environ={})
    plan = await planned(app, wanted, prune=True, max_deletes=9)
    assert [one.name for one in plan.changes if one.action == "delete"] == [f"{shown} stray"]
    assert [one.is_kept for one in plan.not_in_file] == [True, False]
    async with client_of(app) as api:
        done = await wanted.adopt(api, match=f"{written} stray", dry_run=True)
    assert [(one.before, one.name) for one in done.jobs] == [(f"{shown} stray",) * 2]
