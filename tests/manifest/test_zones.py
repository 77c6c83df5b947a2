"""A zone that nobody here knows: an empty one, which is the account's, or an unreadable one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cronapi.emulator import create_app
from cronapi.manifest.schedules import is_over, is_zone, next_run, read_schedule
from tests.support.emulated import FAST
from tests.support.manifests import applied, manifest, planned

PAST = "Jan 1, 2020 07:50"
THEN = datetime(2020, 1, 1, 7, 50, tzinfo=UTC)
UNKNOWN = ["", "Mars/Base", None]
JOB = '[job.a]\nurl = "https://example.com/"\nexpression = "{}"\n'


@pytest.mark.parametrize("zone", UNKNOWN)
def test_a_date_in_an_unknown_zone_is_over_when_it_is_in_every_zone(zone):
    """Fourteen hours after that time in UTC it is past everywhere."""
    assert is_over(PAST, "UTC", THEN + timedelta(minutes=1))
    assert not is_over(PAST, zone, THEN + timedelta(hours=13))
    assert is_over(PAST, zone, THEN + timedelta(hours=14, minutes=1))


@pytest.mark.parametrize("zone", UNKNOWN)
def test_no_next_run_is_told_in_an_unknown_zone(zone):
    """UTC would be a guess."""
    assert next_run("0 7 * * *", "UTC", THEN) == "UTC, next Thu 2 Jan 07:00"
    assert next_run("0 7 * * *", zone, THEN) is None


def test_an_empty_zone_is_none_that_is_known():
    """No zone at all is read as UTC, for what is the same in each."""
    assert read_schedule("0 7 * * *", "") is None
    assert read_schedule("0 7 * * *").zone.key == "UTC"
    assert (is_zone(""), is_zone("Mars/Base"), is_zone("UTC")) == (False, False, True)


@pytest.mark.parametrize("zone", ["", "Mars/Base"])
def test_a_check_reads_the_schedule_of_a_job_whose_zone_is_unknown(zone):
    """Its other rules go on, and an empty zone is no mistake."""
    lines = f'timezone = "{zone}"\n'
    never = JOB.format("0 7 30 2 *").replace("job.a", "job.b")
    wanted = manifest(JOB.format(PAST) + lines + never + lines)
    told = [(one.job, one.rule) for one in wanted.check(now=THEN + timedelta(days=2))]
    found = {("a", "over"), ("b", "never"), ("b", "every-year")}
    found |= {("a", "unknown-zone"), ("b", "unknown-zone")} if zone else set()
    assert set(told) == found


async def test_a_plan_tells_no_run_in_the_zone_that_a_job_is_to_leave():
    """An empty zone is the account's: the zone that the service shows is that of before."""
    app = create_app(rates=FAST)
    berlin = 'timezone = "Europe/Berlin"\n'
    await applied(app, manifest(JOB.format("0 7 * * *") + berlin))
    for line, said in (("", True), (berlin, True), ('timezone = ""\n', False)):
        plan = await planned(app, manifest(JOB.format("0 8 * * *") + line))
        assert ("Europe/Berlin, next " in plan.to_text()) == said, line
