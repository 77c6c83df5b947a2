"""Encoded bodies: at most one encoding is undone, in pieces, and none fills the memory."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import os
import time
import tracemalloc
import zlib
from functools import cache

import httpx
import httpx2
import pytest

from cronapi import Applied, CronAPIError, OutcomeUnknownError, ResponseError
from cronapi._functions import TABLE
from tests.support.emulated import Hurry, client_of

MIB = 1024 * 1024
JOB = {"id": 7, "name": "ping", "url": "https://example.com/ping"}
BODY = json.dumps({"status": "success", "code": 0, "data": JOB}).encode()
MODULES = pytest.mark.parametrize(
    "module", [None, httpx, httpx2], ids=lambda module: module.__name__ if module else "own"
)


def bare(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def bomb(mebibytes):
    """Return that many MiB of blanks, packed."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join(packer.compress(b" " * MIB) for _ in range(mebibytes)) + packer.flush()


def service(module, body, *encodings, size=997):
    """Return a transport whose service answers with these bytes, in chunks of one size."""
    stream = (httpx if module is None else module).AsyncByteStream

    class Stream(stream):
        async def __aiter__(self):
            for start in range(0, len(body), size):
                await asyncio.sleep(0)
                yield body[start : start + size]

    def answer(request):
        answer.asked.append(request)
        headers = [("content-encoding", encoding) for encoding in encodings]
        return (httpx if module is None else module).Response(200, headers=headers, stream=Stream())

    answer.asked = []
    return answer


async def read(module, answer, call=lambda api: api.cron.get(7)):
    """Return the result of a call or its error, with a client of our own or one of `module`."""
    options = {"scheduler": Hurry(10_000.0), "retry": None}
    if module is None:
        async with client_of(None, transport=httpx.MockTransport(answer), **options) as api:
            return await outcome(call(api))
    async with (
        module.AsyncClient(transport=module.MockTransport(answer)) as http,
        client_of(None, transport=None, http_client=http, **options) as api,
    ):
        return await outcome(call(api))


async def outcome(call):
    try:
        return await call
    except CronAPIError as error:
        return error


READABLE = {
    "plain": (BODY,),
    "identity": (BODY, "identity"),
    "a mistake": (BODY, "UTF-8"),
    "gzip": (gzip.compress(BODY), "gzip"),
    "GZIP": (gzip.compress(BODY), "GZIP"),
    "x-gzip": (gzip.compress(BODY), "x-gzip"),
    "identity in the list": (gzip.compress(BODY), "identity, gzip"),
    "identity in a header of its own": (gzip.compress(BODY), "gzip", "identity"),
    "members": (gzip.compress(BODY[:9]) + gzip.compress(b"") + gzip.compress(BODY[9:]), "gzip"),
    "deflate": (zlib.compress(BODY), "deflate"),
    "bare deflate": (bare(BODY), "deflate"),
    "much of it": (gzip.compress(BODY + b" " * (MIB - len(BODY))), "gzip"),
}

UNREADABLE = {
    "twice": (gzip.compress(gzip.compress(BODY)), "gzip, gzip"),
    "twice, in two headers": (gzip.compress(gzip.compress(BODY)), "gzip", "gzip"),
    "two kinds": (gzip.compress(zlib.compress(BODY)), "deflate, gzip"),
    "three times": (gzip.compress(gzip.compress(gzip.compress(BODY))), "gzip,gzip,gzip"),
    "brotli": (b"\x1b\x03\x00\xf8\xff", "br"),
    "zstandard": (b"\x28\xb5\x2f\xfd\x04", "zstd"),
    "no gzip": (BODY, "gzip"),
    "no deflate": (b"\xff" * 20, "deflate"),
    "truncated": (gzip.compress(BODY)[:-9], "gzip"),
    "without its checksum": (gzip.compress(BODY)[:-8], "gzip"),
    "truncated deflate": (zlib.compress(BODY)[:-5], "deflate"),
    "one byte of deflate": (b"\x78", "deflate"),
    "a wrong checksum": (gzip.compress(BODY)[:-8] + bytes(8), "gzip"),
    "garbage behind it": (gzip.compress(BODY) + b"garbage", "gzip"),
    "garbage behind deflate": (zlib.compress(BODY) + b"garbage", "deflate"),
    "more than one job takes": (gzip.compress(BODY + b" " * MIB), "gzip"),
    "random": (os.urandom(5000), "gzip"),
}


@pytest.mark.each_value
@MODULES
@pytest.mark.parametrize("size", [1, 997, 10**7])
async def test_an_answer_in_one_encoding_is_read(module, size):
    """Gzip with all its members, deflate in both wrappings and plain text are read, however the
    bytes arrive, by our own client and by one that was handed in.
    """
    for name, (body, *encodings) in READABLE.items():
        if len(body) < 1000 or size > 1:
            job = await read(module, service(module, body, *encodings, size=size))
            assert getattr(job, "name", job) == "ping", name


@pytest.mark.few(1)
@MODULES
async def test_an_answer_that_cannot_be_decoded_is_no_answer(module):
    """More than one encoding, one that was not asked for, and one that is broken are garbled: a
    read fails with a ResponseError, and a create stays unknown until it is looked up.
    """
    for name, (body, *encodings) in UNREADABLE.items():
        error = await read(module, service(module, body, *encodings))
        assert type(error) is ResponseError, name
        assert (error.applied, len(str(error)) < 300) == (Applied.NO, True), name
        create = service(module, body, *encodings)
        error = await read(module, create, lambda api: api.cron.add(url=JOB["url"], name="ping"))
        assert type(error) in (ResponseError, OutcomeUnknownError), name
        assert error.applied is Applied.UNKNOWN, name


@cache
def bombs():
    """Return bodies that decode to far more than the bound, or that take many steps."""
    return {
        "one layer": (bomb(120), "gzip"),
        "two layers": (gzip.compress(bomb(120)), "gzip, gzip"),
        "two headers": (gzip.compress(bomb(120)), "gzip", "gzip"),
        "deflate": (bare(b" " * (40 * MIB)), "deflate"),
        "members": (gzip.compress(b"") * 1000, "gzip"),
        "full members": (gzip.compress(b" " * MIB) * 40, "gzip"),
        "random": (b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + os.urandom(MIB), "gzip"),
        "plain": (b" " * (40 * MIB),),
    }


@pytest.mark.few(1)
@MODULES
async def test_no_body_fills_the_memory(module):
    """Bombs of one layer and of several, thousands of gzip members, random bytes and an endless
    plain body stay under 100 MiB where a list is asked for, and under 5 MiB elsewhere.
    """
    calls = {5: lambda api: api.cron.get(7), 100: lambda api: api.cron.list()}
    for name, (body, *encodings) in bombs().items():
        for most, call in calls.items() if module is None or name == "one layer" else ():
            answer = service(module, body, *encodings, size=64 * 1024)
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            error = await read(module, answer, call)
            used = tracemalloc.get_traced_memory()[1] - before
            tracemalloc.stop()
            assert type(error) is ResponseError, name
            assert used < most * MIB, name


async def test_other_tasks_go_on_while_a_bomb_is_read():
    """Decoding 32 MiB gives the event loop a turn every few milliseconds of work."""
    turns = []

    async def count():
        while True:
            turns.append(time.thread_time())
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    body = bombs()["one layer"][0]
    await read(None, service(None, body, "gzip", size=len(body)), lambda api: api.cron.list())
    counting.cancel()
    longest = max(after - before for before, after in itertools.pairwise(turns))
    assert longest < 0.3


async def test_only_encodings_with_a_bound_are_asked_for():
    """Accept-Encoding names what the library decodes itself, whatever is installed beside it."""
    for module in (None, httpx, httpx2):
        answer = service(module, BODY)
        await read(module, answer)
        assert answer.asked[0].headers["accept-encoding"] == "gzip, deflate"


def test_only_lists_may_be_large():
    """Every function whose result is a list, logs among them, may have a large answer; a function
    of one thing, and one that is not known, may not.
    """
    large = {name for name, row in TABLE.items() if row.is_list}
    assert {"cron.list", "cron.logs", "cron.failures", "group.items", "cron.batch_add"} <= large
    assert not large & {"cron.get", "cron.add", "group.get", "account.get", "server.ip"}


async def test_a_body_that_a_hook_has_read_is_used_as_it_is():
    """A response hook of the caller's own client may read the body first."""

    async def hook(response):
        await response.aread()

    for module in (httpx, httpx2):
        answer = service(module, gzip.compress(BODY), "gzip")
        async with (
            module.AsyncClient(
                transport=module.MockTransport(answer), event_hooks={"response": [hook]}
            ) as http,
            client_of(None, transport=None, http_client=http, retry=None) as api,
        ):
            assert (await api.cron.get(7)).name == "ping"
