"""Tests of the shop as users write them: the service is the emulator of the pytest plugin."""

import asyncio
import time

import httpx
from fastapi import FastAPI

from cronapi import FastCron
from cronapi.emulator import App
from shop.conftest import SETTINGS

HOOK = f"/hooks/{SETTINGS.hook_secret}"
NOW = int(time.time())


async def call(web: httpx.AsyncClient, job: int, key: str = SETTINGS.cron_key) -> int:
    """Call the report as its job does, and return the status."""
    answer = await web.get(f"/report/?job={job}&at={NOW}", headers={"X-Cron-Key": key})
    return answer.status_code


async def test_a_shop_has_one_job_though_the_answer_was_lost(
    web: httpx.AsyncClient, cron_emulator: App
) -> None:
    """Opened twice, and with the first answer lost, a shop has one job."""
    cron_emulator.fail_next("lose", function="cron.add")
    for _ in range(2):
        assert (await web.put("/shops/tea")).status_code == 200
    assert [job["name"] for job in cron_emulator.emulator.jobs("fastcron")] == ["report of tea"]
    cron_emulator.assert_no_unmatched()


async def test_a_shop_that_was_interrupted_is_completed(
    web: httpx.AsyncClient, cron_emulator: App
) -> None:
    """During an outage a user is told to come back, and the next attempt makes the one job."""
    cron_emulator.fail_next("outage", times=None)
    assert (await web.put("/shops/tea")).status_code in (502, 503)
    cron_emulator.emulator.faults.clear()
    assert (await web.put("/shops/tea")).status_code == 200
    assert len(cron_emulator.emulator.jobs("fastcron")) == 1


async def test_a_report_is_made_once_for_each_call(web: httpx.AsyncClient) -> None:
    """A shop that has sold has a report, and one that has not tells the service so."""
    job = (await web.put("/shops/tea")).json()["job"]
    assert await call(web, job) == 500
    await web.post("/shops/tea/sales", json={"cents": 250})
    assert [await call(web, job) for _ in range(2)] == [200, 200]
    assert [one["cents"] for one in (await web.get("/shops/tea")).json()["reports"]] == [250]
    assert await call(web, job, key="a-key-that-is-wrong") == 404


async def test_a_failure_is_shown_to_the_owner(web: httpx.AsyncClient) -> None:
    """A notification of the service is an alert of the shop, once."""
    job = (await web.put("/shops/tea")).json()["job"]
    note = {"id": job, "time": NOW, "status": 1, "error": "HTTP error 500"}
    for _ in range(2):
        assert (await web.post(HOOK, json=note)).status_code == 204
    (alert,) = (await web.get("/shops/tea")).json()["alerts"]
    assert (alert["failed"], alert["error"]) == (1, "HTTP error 500")


async def test_health_shows_the_jobs_that_fail(
    web: httpx.AsyncClient, fastcron: FastCron, cron_emulator: App
) -> None:
    """A job that fails at the service is among those that want attention."""
    job = (await web.put("/shops/tea")).json()["job"]
    assert (await web.get("/health")).json() == []
    await fastcron.cron.edit(job, url="http://127.0.0.1:8000/500")  # where its runs fail
    cron_emulator.advance("2 days")
    (fault,) = (await web.get("/health")).json()
    assert (fault["job"]["id"], fault["state"]) == (job, "failing")


async def test_a_closed_shop_has_no_job(web: httpx.AsyncClient, cron_emulator: App) -> None:
    """Closing a shop deletes its job, and what is not there is a 404."""
    await web.put("/shops/tea")
    assert (await web.delete("/shops/tea")).status_code == 204
    assert cron_emulator.emulator.jobs("fastcron") == []
    assert (await web.delete("/shops/tea")).status_code == 404


async def test_a_shop_whose_making_is_unknown_leaves_no_job(
    web: httpx.AsyncClient, cron_emulator: App
) -> None:
    """The job that an interrupted opening may have made is looked for and deleted."""
    cron_emulator.fail_next("lose", function="cron.add")
    cron_emulator.fail_next("redirect", function="cron.list", times=None)
    assert (await web.put("/shops/tea")).status_code == 502
    assert len(cron_emulator.emulator.jobs("fastcron")) == 1
    assert (await web.delete("/shops/tea")).status_code == 502
    cron_emulator.emulator.faults.clear()
    assert (await web.delete("/shops/tea")).status_code == 204
    assert cron_emulator.emulator.jobs("fastcron") == []
    assert (await web.delete("/shops/tea")).status_code == 404


async def test_a_shop_that_never_got_a_job_can_be_closed(
    web: httpx.AsyncClient, cron_emulator: App
) -> None:
    """An opening that was refused has made nothing, and the shop is closed without a job."""
    cron_emulator.fail_next("redirect", function="cron.add")
    assert (await web.put("/shops/tea")).status_code == 502
    assert (await web.delete("/shops/tea")).status_code == 204
    assert (await web.get("/shops/tea")).status_code == 404


async def test_one_request_at_a_time_opens_or_closes_a_shop(
    web: httpx.AsyncClient, shop: FastAPI
) -> None:
    """While one does, any other for the same shop is told to come back."""
    for name, status in (("tea", 409), ("silk", 200)):
        with shop.state.site.alone("tea"):
            assert (await web.put(f"/shops/{name}")).status_code == status
            assert (await web.delete(f"/shops/{name}")).status_code in (status, 204)
    assert (await web.put("/shops/tea")).status_code == 200


async def test_no_job_is_left_without_its_shop(web: httpx.AsyncClient, cron_emulator: App) -> None:
    """Opened and closed at once, in any order, a shop and its job are there or gone together."""
    put, delete = (lambda: web.put("/shops/tea")), (lambda: web.delete("/shops/tea"))
    for first, second in ((put, delete), (put, put), (delete, put), (delete, delete)):
        await asyncio.gather(first(), second())
        is_open = (await web.get("/shops/tea")).status_code == 200
        assert len(cron_emulator.emulator.jobs("fastcron")) == is_open


async def test_closing_again_after_a_lost_answer_is_no_error(
    web: httpx.AsyncClient, cron_emulator: App
) -> None:
    """The job may be gone already, and another shop is closed meanwhile."""
    for name in ("tea", "silk"):
        await web.put(f"/shops/{name}")
    cron_emulator.fail_next("lose", times=3)
    both = await asyncio.gather(web.delete("/shops/tea"), web.delete("/shops/silk"))
    for answer, name in zip(both, ("tea", "silk"), strict=True):
        assert answer.status_code == 204 or (await web.delete(f"/shops/{name}")).status_code == 204
    assert cron_emulator.emulator.jobs("fastcron") == []
