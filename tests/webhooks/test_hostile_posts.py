"""Posts of people who mean no good: guesses, floods, and bodies without end."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import tracemalloc

import pytest

from cronapi.webhooks import CronEndpoint, Receiver, hide_secret
from tests.support.doors import DOORS, HOOK, served
from tests.support.emulated import START
from tests.support.heavy import MIB, heavy_bodies, measured
from tests.support.posts import SECRET, ask, told


def receiver_of(handled, **options):
    return Receiver(secrets=[SECRET], handler=handled.append, clock=lambda: START, **options)


async def statuses_of(address, paths):
    """Post to some paths over one connection, one after the other, and return the statuses."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    found, body = [], told()
    for path in paths:
        head = f"POST {path} HTTP/1.1\r\nHost: {address.host}\r\nContent-Length: {len(body)}"
        writer.write(f"{head}\r\n\r\n".encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        found.append(int(answer.split(maxsplit=2)[1]))
        length = answer.partition("content-length: ")[2].partition("\r\n")[0]
        await reader.readexactly(int(length or 0))
    writer.close()
    return found


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("door", DOORS)
async def test_ten_thousand_forged_posts_reach_no_handler(door):
    """Each of 10,000 random secrets is a 404, and the right one still works after them."""
    handled, draw = [], random.Random(7)
    receiver = receiver_of(handled)
    guesses = [f"/hooks/{secrets.token_urlsafe(draw.randrange(1, 60))}" for _ in range(10_000)]
    async with served(door, receiver) as browser:
        posts = (statuses_of(browser.base_url, guesses[start::10]) for start in range(10))
        answers = await asyncio.gather(*posts)
        assert await statuses_of(browser.base_url, [HOOK]) == [204]
    assert answers == [[404] * 1000] * 10
    assert (len(handled), receiver.stats.accepted, receiver.stats.refused) == (1, 1, 10_000)


@pytest.mark.parametrize("size", [1000, MIB])
@pytest.mark.parametrize("length", [[], [("content-length", str(100 * MIB))]])
async def test_a_hundred_megabytes_take_little_memory(size, length):
    """A body without end is refused when it is too long, and twice the bound is never held."""
    receiver = receiver_of([], max_body=MIB)
    read = 0

    def endless():
        nonlocal read
        while read < 100 * MIB:
            read += size
            yield bytes(size)

    tracemalloc.start()
    try:
        answer = await ask(receiver.asgi(), chunks=endless(), headers=length)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status == 413
    assert peak <= 2 * MIB + 200_000 + size
    assert read <= (0 if length else MIB + size)


async def test_no_body_takes_twice_its_bound_once_it_is_read():
    """Parts, names, depth and escapes that grow when they are parsed are refused before that."""
    notifications = Receiver(secrets=[SECRET], handler=lambda _: None, clock=lambda: START)
    calls = CronEndpoint(secrets=[SECRET], handler=lambda _: None, clock=lambda: START)
    for endpoint in (notifications, calls):
        key = [("x-cron-key", SECRET)]
        await measured(endpoint.asgi(), told(job=7, at=START), key)  # all is imported now
        for name, body in heavy_bodies().items():
            answer, peak = await measured(endpoint.asgi(), body, key)
            assert answer.status in (400, 413), name
            assert peak <= 2 * MIB + 2**16, (name, peak)
        await endpoint.aclose()
        assert endpoint.stats.handled == 1


async def test_what_a_body_may_hold_is_told_by_its_bound():
    """Text fills the bound, half of it with a euro, and a quarter with an emoji. A bound that is
    larger takes more parts, and the commas of a long text are none.
    """
    handled = []
    table = [
        (b"x", 2**20 - 100, {}),
        (b"a,b:[{", 170_000, {}),
        (rb"\"a\": [1, 2],", 60_000, {}),
        ("\u20ac".encode() + b"x" * 97, 5200, {}),
        ("\U0001f600".encode() + b"x" * 96, 2600, {}),
        (b"x", 1000, {"x": [{}] * 9000}),
    ]
    for number, (unit, times, members) in enumerate(table):
        receiver = receiver_of(handled)
        body = told(number + 1, **members)[:-1] + b', "output": "' + unit * times + b'"}'
        answer, peak = await measured(receiver.asgi(), body)
        await receiver.aclose()
        assert (answer.status, handled[-1].id) == (204, number + 1)
        assert peak <= 2 * MIB + 2**16, (number, peak)
    members = [{"x": index} for index in range(6000)]
    assert (await ask(receiver_of([]).asgi(), body=told(x=members))).status == 400
    larger = receiver_of([], max_body=2 * MIB)
    assert (await ask(larger.asgi(), body=told(x=members))).status == 204


@pytest.mark.proof
@pytest.mark.parametrize("door", DOORS)
async def test_a_hundred_megabytes_through_a_socket_take_little_memory(door):
    """The server of each door holds little more than the bound, whoever keeps on sending."""
    receiver = receiver_of([])
    async with served(door, receiver) as browser:
        await browser.post(HOOK, content=b"x" * MIB)
        address = browser.base_url
        head = f"POST {HOOK} HTTP/1.1\r\nHost: {address.host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"10000\r\n" + bytes(2**16) + b"\r\n"
        reader, writer = await asyncio.open_connection(address.host, address.port)
        tracemalloc.start()
        try:
            writer.write(head.encode())
            for _ in range(1600):
                writer.write(chunk)
                try:
                    await asyncio.wait_for(writer.drain(), 1)
                except (OSError, TimeoutError):  # the server reads no further
                    break
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            writer.close()
        assert (await reader.read(12)).endswith(b"413")
    assert peak <= 2 * MIB, peak


@pytest.mark.few(1)
@pytest.mark.parametrize("door", DOORS)
async def test_no_logger_at_all_has_the_secret(door, caplog):
    """With DEBUG everywhere, neither a refusal, a handler that raises nor a duplicate tells it."""

    def broken(note):
        raise ValueError(f"about {note.id}")

    caplog.set_level(logging.DEBUG)
    receiver = Receiver(secrets=[SECRET], handler=broken, clock=lambda: START)
    ours = ("httpx", "httpcore")  # the test's own client, which knows the address
    hide_secret(logging.getLogger("aiohttp.access"), logging.getLogger("aiohttp.server"))
    async with served(door, receiver) as browser:
        encoded = f"/hooks/%{ord(SECRET[0]):02x}{SECRET[1:]}"
        for path in (HOOK, encoded, f"{HOOK}/", f"{HOOK}x", f"/{SECRET}/{SECRET}?{SECRET}"):
            for body in (told(), told(), b"{}", SECRET.encode(), b"x" * (MIB + 1)):
                await browser.post(path, content=body, headers={"Referer": HOOK})
            await browser.get(path)
    told_of = [one for one in caplog.records if not one.name.startswith(ours)]
    text = "\n".join(f"{one.getMessage()} {vars(one)!r}" for one in told_of)
    assert "the handler failed for 7" in text
    assert SECRET not in text
    assert encoded not in text
