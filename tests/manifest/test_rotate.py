"""Rotating a secret by its value."""

from __future__ import annotations

import base64
import json

import anyio
import pytest

from cronapi import ConfigurationError
from cronapi.emulator import create_app
from cronapi.manifest import rotate
from tests.support.emulated import FAST, client_of, emulator, paced

OLD, NEW = "old+secret/äöü", 'new "secret" &?'
HEADERS = {
    "plain": (f"X-Key: {OLD}", f"X-Key: {NEW}"),
    "basic": (
        "Authorization: Basic " + base64.b64encode(f"joe:{OLD}".encode()).decode(),
        "Authorization: Basic " + base64.b64encode(f"joe:{NEW}".encode()).decode(),
    ),
}
URLS = {
    "encoded": (
        "https://joe:old%2Bsecret%2F%C3%A4%C3%B6%C3%BC@example.com/",
        "https://joe:new%20%22secret%22%20%26%3F@example.com/",
    ),
}
BODIES = {
    "json": (json.dumps({"key": OLD}, ensure_ascii=False), json.dumps({"key": NEW})),
    "ascii": (json.dumps({"key": OLD}), json.dumps({"key": NEW})),
    "form": (
        "a=1&key=old%2Bsecret%2F%C3%A4%C3%B6%C3%BC",
        "a=1&key=new%20%22secret%22%20%26%3F",
    ),
    "text": (f"the key\n{OLD}", f"the key\n{NEW}"),
}


async def filled(client, app, count=200, every=10):
    async with client(app) as api:
        await api.cron.add_many(
            [
                {
                    "name": f"job {number}",
                    "url": f"https://example.com/{number}",
                    "http_headers": f"X-Key: {OLD if number % every == 0 else 'another-secret'}",
                }
                for number in range(count)
            ]
        )


async def test_a_secret_in_twenty_of_200_jobs_is_rotated_with_twenty_edits():
    """And a last look shows that it is nowhere."""
    app = create_app(rates=FAST)
    await filled(client_of, app)
    count = len(app.emulator.requests)
    async with client_of(app) as api:
        tried = await rotate(api, OLD, NEW, dry_run=True)
        assert len(tried.jobs) == 20
        assert not tried.is_complete
        result = await rotate(api, OLD, NEW)
    assert result.is_complete
    assert {job.name for job in result.jobs} == {f"job {number}" for number in range(0, 200, 10)}
    edits = [one for one in list(app.emulator.requests)[count:] if one.function == "cron.edit"]
    assert len(edits) == 20
    shown = [job["httpHeaders"] for job in app.emulator.jobs("fastcron")]
    assert shown.count(f"X-Key: {NEW}") == 20
    assert shown.count("X-Key: another-secret") == 180
    assert OLD not in repr(result)


@pytest.mark.virtual_clock
async def test_a_rotation_that_is_broken_off_goes_on():
    """The same call finds what is left."""
    for seconds in (0, 4, 9):
        app = emulator()
        await filled(paced, app, 16, 2)
        async with paced(app) as api:
            with anyio.move_on_after(seconds):
                await rotate(api, OLD, NEW)
        async with paced(app) as api:
            assert (await rotate(api, OLD, NEW)).is_complete
        shown = [job["httpHeaders"] for job in app.emulator.jobs("fastcron")]
        assert shown.count(f"X-Key: {NEW}") == 8


async def test_a_secret_is_found_in_each_spelling_and_keeps_it():
    """Plain, percent-encoded, in JSON, in forms and in Base64."""
    app = create_app(rates=FAST)
    wanted = {}
    async with client_of(app) as api:
        for field, cases in (("http_headers", HEADERS), ("url", URLS), ("post_data", BODIES)):
            for name, (before, after) in cases.items():
                spec = {"name": name, "url": "https://example.com/"} | {field: before}
                job = await api.cron.add(**spec)
                wanted[job.id] = (field, after)
        result = await rotate(api, OLD, NEW)
        assert result.is_complete
        assert len(result.jobs) == len(wanted)
        for number, (field, after) in wanted.items():
            job = await api.cron.get(number)
            if field == "post_data" and after.startswith("{"):
                assert json.loads(getattr(job, field)) == json.loads(after)
            else:
                assert getattr(job, field) == after


async def test_only_a_group_or_some_places_can_be_rotated():
    """What is left out is neither changed nor told."""
    app = create_app(rates=FAST)
    async with client_of(app) as api:
        group = await api.group.add("g")
        for number in (group.id, None):
            await api.cron.add(url="https://example.com/", post_data=OLD, group=number)
        assert len((await rotate(api, OLD, NEW, places=["url"])).jobs) == 0
        assert len((await rotate(api, OLD, NEW, group="g")).jobs) == 1
        with pytest.raises(ConfigurationError, match="no group 'h'"):
            await rotate(api, OLD, NEW, group="h")
    bodies = [job["postData"] for job in app.emulator.jobs("fastcron")]
    assert sorted(bodies) == sorted([OLD, NEW])


async def test_a_secret_that_cannot_be_rotated_is_refused_without_being_repeated():
    """Too short, the same again, or a place that there is not."""
    app = create_app(rates=FAST)
    async with client_of(app) as api:
        for old, new, options in [
            ("short12", "long-enough", {}),
            ("long-enough", "long-enough-2", {}),
            ("long-enough", "", {}),
            ("long-enough", "other", {"places": ["body"]}),
        ]:
            with pytest.raises(ConfigurationError) as caught:
                await rotate(api, old, new, **options)
            assert old not in str(caught.value)
    assert not app.emulator.requests
