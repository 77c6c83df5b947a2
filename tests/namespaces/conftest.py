"""What the tests of the namespaces share: a client at an emulator with a job and a group."""

from __future__ import annotations

import attrs
import pytest

from cronapi import CronJob, Group
from cronapi.emulator import ManualClock, create_app
from tests.support.emulated import FAST, START, TAKES_BEARER, URL


@attrs.define
class Desk:
    """A client, the emulator it speaks to, its clock, and a job and a group to begin with."""

    api: object
    emulator: object
    clock: ManualClock
    job: CronJob
    group: Group

    def stored(self, number):
        """Return a job as the emulator remembers it, or None."""
        jobs = self.emulator.jobs(self.api.provider.name)
        return next((job for job in jobs if job["id"] == number), None)

    def asked(self):
        return [seen.function for seen in self.emulator.requests]


@pytest.fixture
async def desk_of(emulate):
    """Return a function that makes a desk for a provider and a way of asking."""

    async def make(provider="fastcron", auth="body", request_format="json", **options):
        clock = ManualClock(START)
        app, api = await emulate(
            provider,
            create_app(rates=FAST, clock=clock, undocumented=TAKES_BEARER, **options),
            auth=auth,
            request_format=request_format,
        )
        group = await api.group.add("nightly")
        job = await api.cron.add(url=URL, name="ping", expression="*/5 * * * *", group=group.id)
        app.emulator.requests.clear()
        return Desk(api, app.emulator, clock, job, group)

    return make
