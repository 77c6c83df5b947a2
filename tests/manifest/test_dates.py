"""Dated jobs, and expressions that are written in another way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cronapi.emulator import create_app
from tests.support.emulated import FAST, NOW, client_of
from tests.support.manifests import applied, manifest, planned, shown_jobs

DATED = '[job."once"]\nurl = "https://example.com/"\nexpression = "@{}"\n'


async def test_a_job_that_is_over_is_neither_made_nor_edited():
    """The service removes such a job some days after its run: it would be made each night."""
    app = create_app(rates=FAST)
    text = DATED.format(int((NOW + timedelta(days=400)).timestamp()))
    _, result = await applied(app, manifest(text), now=NOW)
    assert result.count("create") == 1
    later = NOW + timedelta(days=401)
    plan = await planned(app, manifest(text + "timeout = 7\n"), now=later)
    assert plan.is_empty
    assert "once is over" in plan.notes[0]
    async with client_of(app) as api:
        await api.cron.delete(shown_jobs(app)["once"]["id"])
    assert (await planned(app, manifest(text), now=later)).is_empty
    assert not (await planned(app, manifest(text), now=NOW)).is_empty


@pytest.mark.parametrize(
    ("shown", "wanted", "is_empty"),
    [
        ("0,15,30,45 * * * *", "*/15 * * * *", True),
        ("0 7 * * Mon-Fri", "0 7 * * 1-5", True),
        ("0 7 * * 1-5", "0   7 * *\t1-5", True),
        ("1 hour", "60 minutes", True),
        ("0 7 * * 1-5", "0 7 * * 1-6", False),
        ("0 7 * * *", "manual", False),
        ("15 minutes", "*/15 * * * *", False),
    ],
)
async def test_one_schedule_in_two_spellings_is_no_drift(shown, wanted, is_empty):
    """Sending it again may draw other random times."""
    app = create_app(rates=FAST)
    tables = '[job.a]\nurl = "https://example.com/"\nexpression = "{}"\n'
    await applied(app, manifest(tables.format(shown)))
    plan = await planned(app, manifest(tables.format(wanted.replace("\t", "\\t"))))
    assert plan.is_empty == is_empty
