"""The requests of our own client: those that are made like an earlier one are httpx's own."""

from __future__ import annotations

import itertools
import typing

import httpx

from cronapi import FastCron, Scheduler
from cronapi._calls.http_client import new_client
from cronapi._calls.http_request import MOST_KINDS, OwnRequests, extensions, new_request
from cronapi._protocol.request import Auth, RequestFormat, build_request
from cronapi.providers import FASTCRON, SETCRONJOB

TOKENS = ("one-token", "another-token-of-its-own")
PARAMS = ({}, {"id": 7}, {"name": "café " * 9}, {"data": [{"url": "https://example.com/"}]})


async def test_a_request_made_like_an_earlier_one_is_the_one_that_httpx_builds():
    """Method, URL, headers in their order, content, timeouts: nothing tells them apart."""
    client, own = new_client(None, direct=False), OwnRequests()
    kinds = itertools.product(
        (FASTCRON, SETCRONJOB),
        ("cron.get", "cron.batch_add"),
        PARAMS,
        TOKENS,
        typing.get_args(Auth),
        typing.get_args(RequestFormat),
    )
    for provider, function, params, token, auth, request_format in kinds:
        request = build_request(
            provider, function, params, token, auth=auth, request_format=request_format
        )
        told = extensions(request, 3.0, None)
        made, built = own.new(client, request, told), new_request(client, request, told)
        assert (made.method, made.url, made.content) == (built.method, built.url, built.content)
        assert made.headers.raw == built.headers.raw
        assert made.extensions == built.extensions
    await client.aclose()


async def test_few_kinds_of_requests_are_remembered():
    """A client whose token function gives a new token each time remembers a bounded number."""
    client, own = new_client(None, direct=False), OwnRequests()
    for number in range(2 * MOST_KINDS):
        request = build_request(FASTCRON, "cron.get", {"id": 7}, f"t{number}", auth="bearer")
        assert own.new(client, request, {}).headers["Authorization"] == f"Bearer t{number}"
    assert len(own._first) <= MOST_KINDS
    await client.aclose()


async def test_a_client_that_was_handed_in_builds_every_request():
    """Its headers, query and hooks may be others at each call."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["X-Trace"], request.url.query, request.headers["X-Hook"]))
        return httpx.Response(200, json={"status": "success", "code": 0, "data": {"id": 7}})

    async def hook(request: httpx.Request) -> None:
        request.headers["X-Hook"] = f"hook {len(seen)}"

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, event_hooks={"request": [hook]}) as client:
        api = FastCron("token", http_client=client, scheduler=Scheduler(1000.0))
        for number in range(2):
            client.headers["X-Trace"] = f"trace {number}"
            client.params = {"tenant": str(number)}
            await api.cron.get(7)
        await api.aclose()
    assert seen == [("trace 0", b"tenant=0", "hook 0"), ("trace 1", b"tenant=1", "hook 1")]
