"""Crowds of callers of services that differ from their documentation: nobody is told a falsehood.

Each seed sets the faults, the spellings and the callers who leave. `CRONAPI_CHAOS_SEED=7` replays
the seed of a failure, and `python -m benchmarks.chaos --only odd` runs the long form.
"""

from __future__ import annotations

import pytest

from cronapi.emulator import create_app
from cronapi.emulator.request import Request
from tests.chaos.test_chaos_bulk import SEEDS
from tests.support.chaos import bulk, figures, single_adds
from tests.support.chaos_judge import Tale, judge
from tests.support.chaos_odd import PARTS, spec
from tests.support.emulated import TOKEN


@pytest.mark.proof
@pytest.mark.parametrize("part", PARTS)
async def test_nobody_is_told_anything_wrong_of_an_odd_service(part):
    """A single add is there once if it was told done, and not at all if it was told failed."""
    provider, seed = SEEDS[1]
    found = await figures(single_adds(40, spec), provider, seed, **PARTS[part](seed))
    assert found.verdict.is_honest, f"CRONAPI_CHAOS_SEED={seed}: {found}"
    assert found.fired


@pytest.mark.proof
@pytest.mark.parametrize("part", PARTS)
async def test_no_outcome_of_a_bulk_is_wrong_at_an_odd_service(part):
    """The outcomes of bulks that add jobs and delete half of them are what the service has."""
    provider, seed = SEEDS[0]
    scenario = bulk(100, 30, spec)
    found = await figures(scenario, provider, seed, max_batch=20, **PARTS[part](seed))
    assert found.verdict.is_honest, f"CRONAPI_CHAOS_SEED={seed}: {found}"


def test_the_judge_goes_by_what_was_sent():
    """A job that the service respelt is the one asked for, and a second one is there twice."""
    app = create_app(normalise=["name_replaced", "url_redirector"])
    content = {"name": "a", "url": "https://a.example", "expression": "0 0 1 1 *"}
    query = "&".join(f"{name}={value}" for name, value in content.items())
    for _ in range(2):
        app.emulator.apply(Request("fastcron", "cron.add", query=f"token={TOKEN}&{query}"))
    jobs = app.emulator.jobs("fastcron")
    tale = Tale({**content, "post_data": ""}, "done", jobs[0]["id"])
    assert judge([tale], jobs[:1], 1).is_honest
    assert judge([tale], jobs, 2).duplicated == 1
    assert judge([Tale({**tale.spec, "name": "b"}, "done", jobs[0]["id"])], jobs[:1], 1).lost == 1
