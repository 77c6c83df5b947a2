"""The web examples under load when the server is told to end: no accepted request is lost."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest

from tests.examples.conftest import EXAMPLES
from tests.support.judges import free_port

APP = "tests.support.later_app"
SERVERS = {
    "fastapi": ("uvicorn", f"{APP}:fastapi", "--factory", "--host", "127.0.0.1", "--port"),
    "aiohttp": ("aiohttp.web", f"{APP}:aiohttp", "-H", "127.0.0.1", "-P"),
}
PATIENCE = 30.0


@contextmanager
def served(name):
    """Serve an example in a process of its own, and yield the process and its address."""
    port = free_port()
    command = [sys.executable, "-m", *SERVERS[name], str(port)]
    folders = [str(EXAMPLES), str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


async def until_accepted(browser, count):
    """Wait until the server is up and has begun to answer so many posts."""
    async with asyncio.timeout(PATIENCE):
        while await accepted(browser) < count:  # noqa: ASYNC110 -- another process counts
            await asyncio.sleep(0.02)


async def accepted(browser):
    try:
        return (await browser.get("/accepted")).json()
    except httpx.TransportError:
        return -1


async def add(browser, name, door="/jobs"):
    """Return the name of a job that the server has accepted, or None if it took no request."""
    new = {"url": "https://example.com/", "expression": "*/5 * * * *", "name": name}
    try:
        answer = await browser.post(door, json=new)
    except httpx.TransportError:
        return None
    assert answer.status_code in (201, 202, 503), answer.text
    return None if answer.status_code == 503 else name


def names(service):
    return {job["name"] for job in service.emulator.jobs("fastcron")}


async def end_under_load(name, service, *, users):
    """Let users come, half of whom do not wait for their job, and end the server when it has
    accepted all. Return the names of the jobs that they were promised, and those of late users.
    """
    doors = itertools.cycle(("/jobs", "/later"))
    limits = httpx.Limits(max_connections=None)
    with served(name) as (process, origin):
        async with httpx.AsyncClient(base_url=origin, timeout=PATIENCE, limits=limits) as browser:
            await until_accepted(browser, 0)
            waiting = [
                asyncio.create_task(add(browser, f"{users}-{n}", next(doors))) for n in range(users)
            ]
            await until_accepted(browser, users)
            process.send_signal(signal.SIGTERM)
            late = [asyncio.create_task(add(browser, f"late-{n}")) for n in range(5)]
            told, told_late = await asyncio.gather(*waiting), await asyncio.gather(*late)
        output = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    assert process.returncode in (0, -signal.SIGTERM), output
    return told, told_late


@pytest.mark.few(1)
@pytest.mark.parametrize("name", SERVERS)
async def test_a_server_that_is_told_to_end_loses_no_accepted_request(name, service):
    """Forty users have come when SIGTERM does, and half of them were told that their job will be
    made: each has its answer and its job. Of those who come later, none is told of a job that is
    not there, and none has a job that it was not told of.
    """
    told, late = await end_under_load(name, service, users=40)
    assert None not in told
    assert names(service) == {*told, *late} - {None}


@pytest.mark.proof
@pytest.mark.parametrize("name", SERVERS)
async def test_a_server_under_any_load_loses_no_accepted_request(name, service):
    """The same with one user and with two hundred."""
    for users in (1, 2, 3, 10, 100, 200):
        before = names(service)
        told, late = await end_under_load(name, service, users=users)
        assert None not in told
        assert names(service) - before == {*told, *late} - {None} - before
