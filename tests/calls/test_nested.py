"""Answers with deeply nested data: an answer or one of our errors, however it is asked."""

from __future__ import annotations

import asyncio
import json
import pickle

import httpx
import pytest

from cronapi import Applied, CronAPIError, OutcomeUnknownError, ResponseError
from cronapi.webhooks import read_notification
from tests.support.emulated import Hurry, client_of

URL = "https://example.com/ping"
DEPTHS = [20, 90, 150, 300, 500, 700, 900, 990, 1500, 5000, 100_000]
SHAPES = {
    "lists": lambda depth: "[" * depth + "]" * depth,
    "objects": lambda depth: '{"a":' * depth + "1" + "}" * depth,
    "mixed": lambda depth: '[{"a":' * (depth // 2) + "1" + "}]" * (depth // 2),
    "after others": lambda depth: "[" + "[]," * 200 + "[" * depth + "]" * depth + "]",
    "in a string": lambda depth: json.dumps("[{" * depth),
}
CALLS = {
    "get": lambda api: api.cron.get(7),
    "list": lambda api: api.cron.list(),
    "add": lambda api: api.cron.add(url=URL, name="ping"),
    "delete": lambda api: api.cron.delete(7),
    "edit": lambda api: api.cron.edit(7, name="ping"),
    "raw read": lambda api: api.call("cron.get", id=7),
    "raw create": lambda api: api.call("odd.one"),
}


def service(nested):
    """Return a transport that answers with a job that has a nested member, or with a list of it."""
    job = f'{{"id":7,"name":"ping","url":"{URL}","odd":{nested}}}'

    def answer(request):
        data = f"[{job}]" if request.url.path.endswith("list") else job
        if request.url.path.endswith("odd_one"):
            data = f'{{"odd":{nested}}}'
        return httpx.Response(200, text=f'{{"status":"success","code":0,"data":{data}}}')

    return httpx.MockTransport(answer)


async def outcome(call):
    """Return the kind of a result, or of the error, which must be one of ours."""
    try:
        result = await call
    except CronAPIError as error:
        copy = pickle.loads(pickle.dumps(error))
        return type(copy), copy.applied, len(repr(error)) < 1000
    assert repr(result)
    assert pickle.loads(pickle.dumps(result)) == result
    return type(result)


@pytest.mark.few(5)
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("shape", SHAPES)
async def test_nesting_ends_alike_for_every_caller(shape, depth):
    """Data of any depth is an answer or a garbled one, the same with and without coalescing, for
    one caller and for several that share a request.
    """
    nested = SHAPES[shape](depth)
    for name, call in CALLS.items():
        seen = set()
        for coalesce in (False, True):
            options = {"scheduler": Hurry(10_000.0), "retry": None, "coalesce": coalesce}
            async with client_of(None, transport=service(nested), **options) as api:
                same = 1 if name in ("add", "raw create", "edit") else 3
                seen |= set(await asyncio.gather(*[outcome(call(api)) for _ in range(same)]))
        assert len(seen) == 1, (depth, name, seen)
        (kind,) = seen
        if isinstance(kind, tuple):
            assert depth > 90, name
            is_read = name in ("get", "list", "raw read")
            assert kind[0] in (ResponseError, OutcomeUnknownError), (depth, name)
            applied = Applied.NO if is_read else Applied.UNKNOWN
            assert kind[1:] == (applied, True), (depth, name)
        else:
            assert depth <= 90 or shape == "in a string", (depth, name)


async def test_nested_rows_end_no_bulk(tmp_path):
    """A bulk whose answers are nested has an outcome for each item, and its journal is readable."""
    for depth in (90, 700, 5000):
        options = {"scheduler": Hurry(10_000.0), "retry": None}
        transport = service(SHAPES["lists"](depth))
        async with client_of(None, "setcronjob", transport=transport, **options) as api:
            journal = tmp_path / f"{depth}.journal"
            report = await api.cron.edit_many(
                [(n, {"name": "ping"}) for n in (7, 8, 9)], journal=journal
            )
        assert len(list(report)) == 3
        assert all(json.loads(line) for line in journal.read_text().splitlines())


async def test_an_answer_of_too_many_parts_is_garbled():
    """A list of millions of empty lists is not parsed: it would cost seconds and a gigabyte."""
    body = b'{"status":"success","code":0,"data":[' + b"[]," * 1_000_001 + b"[]]}"
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    async with client_of(None, transport=transport, retry=None) as api:
        with pytest.raises(ResponseError, match="of too many parts"):
            await api.cron.list()


def test_a_nested_notification_is_read_or_refused():
    """What is posted to a webhook may be nested too."""
    for depth in DEPTHS:
        body = f'{{"id":7,"odd":{SHAPES["lists"](depth)}}}'
        if depth <= 90:
            assert repr(read_notification(body))
        else:
            with pytest.raises(ResponseError, match="nested too deep"):
                read_notification(body)
