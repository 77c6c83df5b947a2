"""`ensure` at a service that alters names: one job, and the kept name is told."""

from __future__ import annotations

import pytest

from cronapi import ConfigurationError
from cronapi.emulator import ALTERS, NORMALISE
from tests.support.chaos_odd import spec
from tests.support.emulated import URL, emulator, paced
from tests.support.told import ensure

pytestmark = pytest.mark.virtual_clock

LONG = "nightly backup of the databases of the shop and of its branches"


async def test_a_name_that_the_service_cuts_makes_no_new_job_every_night():
    """The second night raises, and names the kept name and the id."""
    app = emulator(normalise=["name_cut"])
    async with paced(app) as api:
        job = await api.cron.ensure(name=LONG, url=URL)
    async with paced(app) as api:
        with pytest.raises(ConfigurationError) as caught:
            await api.cron.ensure(name=LONG, url=URL)
        assert repr(LONG[:50]) in str(caught.value)
        assert str(job.id) in str(caught.value)
        assert (await api.cron.ensure(name=LONG[:50], url=URL)).id == job.id
    assert len(app.emulator.jobs("fastcron")) == 1


@pytest.mark.few(17)
@pytest.mark.parametrize("kind", NORMALISE)
async def test_three_nights_make_one_job_in_every_spelling_of_names(kind):
    """Each night is a new process."""
    app = emulator(normalise=[kind])
    for _ in range(3):
        async with paced(app) as api:
            await ensure(api, spec)
    assert len(app.emulator.jobs("fastcron")) == 1


@pytest.mark.few(9)
@pytest.mark.parametrize("kind", [kind for kind in NORMALISE if ALTERS[kind] == {"name"}])
async def test_two_calls_of_one_client_make_one_job(kind):
    """Within one process the second call knows the first."""
    app = emulator(normalise=[kind])
    async with paced(app) as api:
        for _ in range(2):
            await ensure(api, spec)
    assert len(app.emulator.jobs("fastcron")) == 1


async def test_an_honest_service_takes_many_jobs_of_one_url():
    """Once a service has shown that it keeps names as they are, jobs may share a URL."""
    app = emulator()
    async with paced(app) as api:
        first = await api.cron.ensure(name="morning ping", url=URL, timeout=20)
        second = await api.cron.ensure(name="evening ping", url=URL, timeout=20)
        third = await api.cron.ensure(name="midday ping", url=URL, timeout=20)
    assert len({first.id, second.id, third.id}) == 3
