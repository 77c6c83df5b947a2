"""A dry run of a move tells what it does at each service, and its requests."""

from __future__ import annotations

import pytest

from cronapi.emulator import create_app
from cronapi.manifest import cut_over, move_back
from tests.support.emulated import FAST, client_of
from tests.support.manifests import send

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")
COUNT = 7
"""Jobs in chunks of three. Somebody has disabled one of them."""


def filled(source, target):
    """Make the jobs at the old service, in a group, and one at the new one."""
    app = create_app(rates=FAST)
    group = send(app, "group.add", source, name="g")["id"]
    for number in range(COUNT):
        url = f"https://example.com/{number}"
        job = send(app, "cron.add", source, name=f"job {number}", url=url, group=group)
        if number == 1:
            send(app, "cron.disable", source, id=job["id"])
    send(app, "cron.add", target, name="theirs", url="https://example.com/theirs")
    return app


@pytest.mark.each_value
@pytest.mark.parametrize(("group", "overlap"), [(None, "short"), ("g", "none")])
@pytest.mark.parametrize(
    ("source", "target"), [("setcronjob", "fastcron"), ("fastcron", "setcronjob")]
)
async def test_what_a_dry_run_of_a_move_tells_is_what_it_does(
    tmp_path, source, target, group, overlap
):
    """There and back, and nothing is left to be done after it."""
    app = filled(source, target)
    chosen = {"into": "moved", "group": group}

    async def move(call, *, dry_run, **options):
        options |= {"journal": tmp_path / "moves.jsonl", "chunk": 3, "overlap": overlap}
        async with client_of(app, source) as old, client_of(app, target) as new:
            return await call(old, new, dry_run=dry_run, **options)

    for call, options in ((cut_over, chosen), (move_back, {})):
        planned = (await move(call, dry_run=True, **options)).planned
        assert (planned.at_source, planned.at_target) == (COUNT - 1, COUNT)
        count = len(app.emulator.requests)
        done = await move(call, dry_run=False, **options)
        assert (done.is_complete, done.planned) == (True, None)
        sent = [one.provider for one in list(app.emulator.requests)[count:]]
        assert sent.count(source) == planned.source_cost.requests, call
        assert sent.count(target) == planned.target_cost.requests, call
        assert planned.source_cost.seconds > 0
        if call is cut_over:
            planned = (await move(call, dry_run=True, **options)).planned
            assert (planned.at_source, planned.at_target) == (0, 0)
