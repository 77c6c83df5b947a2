"""The memory of keys in Redis: shared, outlived by no process, and missed without harm."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import sys
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest

from cronapi.webhooks import Receiver, RedisDedupe
from tests.support.emulated import START
from tests.support.posts import SECRET, ask, told
from tests.support.redis_server import ABSENT, REDIS, redis_server
from tests.support.relay import relay

pytestmark = pytest.mark.skipif(REDIS is None, reason=ABSENT)
BACKENDS = pytest.mark.parametrize("loop", ["asyncio", "trio"])


@pytest.fixture(scope="module")
def server():
    with redis_server() as server:
        yield server


@pytest.fixture(autouse=True)
def empty(server):
    server.client.flushall()


def receiver_of(server, handled, **options):
    async def keep(notification):
        handled.append(notification.id)

    memory = RedisDedupe.from_url(server.url, key="hooks")
    return Receiver(secrets=[SECRET], handler=keep, dedupe=memory, clock=lambda: START, **options)


@BACKENDS
def test_a_key_is_claimed_once_by_all_processes(server, loop):
    """Of two memories at one Redis one gets the key, for ttl seconds, until it is released."""

    async def main():
        memories = [RedisDedupe.from_url(server.url, key="hooks", ttl=90.5) for _ in "ab"]
        other = RedisDedupe.from_url(server.url, key="other")
        claims = []

        async def claim(memory):
            claims.append(await memory.claim("7:1:1"))

        async with anyio.create_task_group() as tasks:
            for memory in memories * 5:
                tasks.start_soon(claim, memory)
        assert sorted(claims) == [False] * 9 + [True]
        assert await other.claim("7:1:1")
        assert 85 < server.client.ttl("cronapi:hooks:7:1:1") <= 91
        await memories[0].release("7:1:1")
        assert await memories[1].claim("7:1:1")

    anyio.run(main, backend=loop)


def test_a_memory_for_ages_is_one_for_centuries(server):
    """A time that Redis cannot count is as long as it can be, and not a memory without any."""

    async def main():
        for number, ttl in enumerate((1e-9, 1e10, 2**53, 1e18, 1e300)):
            memory = RedisDedupe.from_url(server.url, key="hooks", ttl=ttl)
            assert [await memory.claim(f"{number}") for _ in "ab"] == [True, False], ttl
            assert server.client.ttl(f"cronapi:hooks:{number}") >= min(ttl, 1e10) - 60

    anyio.run(main)


@BACKENDS
def test_a_claim_may_be_given_up(server, loop):
    """A cancelled claim ends at once, though Redis hangs, and the memory works afterwards."""

    async def main():
        memory = RedisDedupe.from_url(server.url, key="hooks")
        assert await memory.claim("a")
        server.freeze()
        try:
            with anyio.move_on_after(0.05) as left:
                await memory.claim("b")
        finally:
            server.thaw()
        assert left.cancelled_caught
        assert await memory.claim("c")
        assert not await memory.claim("a")

    anyio.run(main, backend=loop)


@BACKENDS
def test_without_redis_everything_is_handled(loop, caplog):
    """While Redis is away the handler runs for each delivery, and again once when it is back."""

    async def main():
        handled = []
        with redis_server() as server:
            receiver = receiver_of(server, handled)
            async with receiver:
                await ask(receiver.asgi(), body=told())
            server.stop()
            for _ in range(2):
                async with receiver:
                    assert (await ask(receiver.asgi(), body=told())).status == 204
            assert handled == [7, 7, 7]
            server.start()
            for _ in range(2):
                async with receiver:
                    await ask(receiver.asgi(), body=told())
            assert handled == [7, 7, 7, 7]

    anyio.run(main, backend=loop)
    reason = (
        "Redis gave no answer (ConnectionError). "
        "Check that it runs, and that the address leads to it."
    )
    warnings = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    text = f"cannot tell if 7:{START}:1 is a duplicate, so it is handled: {reason}"
    assert warnings == [text] * 2


@pytest.mark.parametrize(
    ("commands", "told"),
    [
        (["REPLICAOF 127.0.0.1 1"], "Redis is a read-only replica"),
        (["CONFIG SET maxmemory 1"], "Redis has no memory left"),
        (["CONFIG SET min-replicas-to-write 3"], "Redis takes no writes because too few replicas"),
        (["ACL SETUSER default -set"], "Redis gives this user no permission"),
    ],
    ids=["replica", "memory", "replicas", "permission"],
)
async def test_a_redis_that_takes_no_claims_is_told_as_what_it_is(commands, told):
    """Once it is well again, a key is claimed as ever."""
    with redis_server() as server:
        memory = RedisDedupe.from_url(server.url, key="hooks")
        for command in commands:
            server.client.execute_command(*command.split())
        with pytest.raises(OSError, match=told):
            await memory.claim("a")
        for command in (
            "REPLICAOF NO ONE",
            "CONFIG SET maxmemory 0",
            "CONFIG SET min-replicas-to-write 0",
            "ACL SETUSER default +set",
        ):
            server.client.execute_command(*command.split())
        assert await memory.claim("a")


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        ("-LOADING Redis is loading the dataset in memory", "Wait until"),
        ("-NOPERM this user has no permissions", r"set and del on the keys cronapi:hooks:\*\."),
        ("-MOVED 1234 127.0.0.1:7001", "redis.RedisCluster"),
        ("-ERR unknown command 'SET'", "allows them"),
        ("-WRONGPASS invalid username-password pair", "Check the user and the password"),
        ("-ERR something new", "Check that the address is that of a Redis"),
    ],
)
async def test_a_claim_that_fails_says_what_to_do(server, answer, advice):
    """The advice is for a memory of keys, which has no bucket, no script and no timeout."""
    with relay(server.port) as address:
        address.commands = ["SET", "DEL"]
        memory = RedisDedupe.from_url(address.url, key="hooks")
        for method in (memory.claim, memory.release):
            address.answer = f"{answer}\r\n".encode()
            with pytest.raises(OSError, match=rf"^Redis .*\. .*{advice}") as failed:
                await method("a")
            assert not any(word in str(failed.value) for word in ("bucket", "script", "timeout"))


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.proof)])
async def test_a_receiver_that_is_restarted_handles_nothing_twice(server, count):
    """A hundred messages, and a thousand, posted thrice in any order, are handled once each.

    The receiver is restarted twice while fifty tasks post, and what it refuses comes again.
    """
    handled, refused = [], 0
    numbers = [*range(count)] * 3
    random.Random(count).shuffle(numbers)
    receivers = [receiver_of(server, handled)]
    bodies = iter(list(enumerate(numbers)))

    async def deliver(number):
        nonlocal refused
        while (answer := await ask(receivers[-1].asgi(), body=told(number))).status == 503:
            refused += 1
            await asyncio.sleep(0)
        assert answer.status == 204

    async def post():
        for place, number in bodies:
            if place in (count, 2 * count):
                await receivers[-1].aclose()
                receivers.append(receiver_of(server, handled))
            await deliver(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(post() for _ in range(50)))
    await receivers[-1].aclose()
    assert len(receivers) == 3
    assert refused > 0
    assert sum(receiver.stats.dropped for receiver in receivers) == 0
    assert sorted(handled) == list(range(count))


@asynccontextmanager
async def worker(server, path, seconds):
    """Run a process with a receiver, and yield it with a browser of it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.hook_worker", server.url, str(path), str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        origin = (await process.stdout.readline()).decode().strip()
        async with httpx.AsyncClient(base_url=origin, timeout=60) as browser:
            yield process, browser
    finally:
        if process.returncode is None:
            process.stdin.close()  # it drains and ends
            await process.wait()


async def post_all(browser, numbers):
    """Post from fifty tasks, and return how many were answered."""
    waiting, answered = iter(list(numbers)), 0

    async def post():
        nonlocal answered
        for number in waiting:
            try:
                answer = await browser.post(f"/hooks/{SECRET}", content=told(number))
            except httpx.TransportError:
                continue
            answered += answer.status_code == 204

    await asyncio.gather(*(post() for _ in range(50)))
    return answered


@pytest.mark.proof
async def test_a_process_that_is_killed_loses_no_more_than_it_had_taken(server, tmp_path):
    """After kill -9 a delivery that comes again is handled, unless its handler was under way.

    None is handled twice, and a process that ends in peace loses none at all.
    """
    path = tmp_path / "handled"
    async with worker(server, path, 0.02) as (process, browser):
        assert await post_all(browser, range(100)) == 100
        process.send_signal(signal.SIGKILL)
        await process.wait()
    before = len(path.read_text().split()) if path.exists() else 0
    claimed = server.client.dbsize()
    assert before <= claimed <= before + 10
    async with worker(server, path, 0) as (_, browser):
        assert await post_all(browser, [*range(200), *range(200)]) == 400
    numbers = list(map(int, path.read_text().split()))
    assert len(numbers) == len(set(numbers))
    assert set(range(100, 200)) <= set(numbers)
    assert len(numbers) == 200 - (claimed - before)
