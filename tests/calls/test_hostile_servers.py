"""Servers that answer with anything: every call ends in one of our ways, and none tells a lie."""

from __future__ import annotations

import tracemalloc

import anyio
import pytest

from cronapi import Applied, Client, CronAPIError
from tests.support.emulated import PROVIDERS, TOKEN, Hurry
from tests.support.hostile import DONE, JOB, NEITHER, REFUSED, answers, hostile_server

BACKENDS = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
ALLOWED = {
    DONE: {"done", Applied.YES, Applied.UNKNOWN},
    REFUSED: {Applied.NO, Applied.UNKNOWN},
    NEITHER: {Applied.UNKNOWN},
}
"""What a create may be told after an answer that proves this much."""


async def told(call):
    """Return what a caller is told of a call: that it is done, or its error's `applied`."""
    try:
        await call
    except CronAPIError as error:
        return error.applied if len(str(error)) < 1000 else "at length"
    return "done"


async def judge(count, seed):
    """Let one client meet that many answers, with a create and a read each."""
    said = dict.fromkeys(ALLOWED, 0)
    with hostile_server() as server:
        options = {"scheduler": Hurry(1e6), "retry": None, "timeout": 5.0}
        base_url = f"http://127.0.0.1:{server.server_address[1]}/api/v1/"
        async with Client(PROVIDERS["fastcron"], TOKEN, base_url=base_url, **options) as api:
            for number, server.answer in enumerate(answers(count, seed)):
                answer, before = server.answer, server.requests
                with anyio.fail_after(10):
                    # Another name each time, and an id that nothing has told the client of yet.
                    create = api.cron.add(url=JOB["url"], name=f"{number}")
                    assert await told(create) in ALLOWED[answer.proves], answer.name
                    await told(api.cron.get(7))
                assert server.requests == before + 2, answer.name
                api._caller.memory.__init__()
                said[answer.proves] += 1
    return said


@pytest.mark.crowd
@BACKENDS
async def test_a_hostile_server_gets_no_lie_told(anyio_backend):
    """A sample of odd bodies, headers, framings, statuses and encodings: no foreign exception, no
    hang, and no create that is called done or refused without proof.
    """
    said = await judge(60, seed=7)
    assert min(said.values()) > 0


@pytest.mark.proof
@BACKENDS
async def test_many_hostile_answers(anyio_backend):
    """Hundreds of such answers."""
    said = await judge(320, seed=1)
    assert min(said.values()) > 10


async def test_hostile_answers_take_bounded_memory():
    """No answer of a few kilobytes, whatever it decodes to, takes more than a few megabytes."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    await judge(20, seed=3)
    used = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert used < 50 * 1024 * 1024
