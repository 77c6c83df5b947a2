"""A Redis that answers, but not with a start: each fault is told as it is, and ends with it."""

from __future__ import annotations

import pickle
import re

import pytest

from cronapi import Scheduler, SchedulerError
from cronapi.scheduler import RedisBucket
from cronapi.scheduler.redis_script import key_of
from tests.support.redis_server import ABSENT, REDIS, redis_server
from tests.support.relay import relay

pytestmark = pytest.mark.skipif(REDIS is None, reason=ABSENT)

KEY = key_of("team")
ANSWERS = {
    "-READONLY You can't write against a read only replica.": "read-only replica",
    "-ERR Error running script: @user_script:281: -READONLY You can't write": "read-only replica",
    "-LOADING Redis is loading the dataset in memory": "loading",
    "-MASTERDOWN Link with MASTER is down": "lost its primary",
    "-OOM command not allowed when used memory > 'maxmemory'.": "maxmemory",
    "-WRONGTYPE Operation against a key holding the wrong kind of value": KEY,
    "-NOSCRIPT No matching script.": "keeps no scripts",
    "-MOVED 1234 127.0.0.1:7001": "cluster",
    "-ASK 1234 127.0.0.1:7001": "cluster",
    "-CLUSTERDOWN Hash slot not served": "cluster",
    "-NOAUTH Authentication required.": "password",
    "-WRONGPASS invalid username-password pair or user is disabled.": "password",
    "-NOPERM this user has no permissions to run the 'evalsha' command": "permission",
    "-MISCONF Redis is configured to save RDB snapshots, but cannot": "cannot save",
    "-NOREPLICAS Not enough good replicas to write.": "replicas",
    "-BUSY Redis is busy running a script.": "another script",
    "-ERR max number of clients reached": "connections",
    "-ERR unknown command 'EVALSHA'": "no scripts",
    "-ERR something new": "something new",
    ":7": "unexpected",
    "*1\r\n$3\r\nfoo": "unexpected",
    "+OK": "unexpected",
    "_": "unexpected",
}
"""Answers to an evaluation, and a word of the error that follows."""


@pytest.fixture(scope="module")
def server():
    with redis_server() as running:
        yield running


@pytest.fixture
def redis(server):
    """An empty Redis, as it was started."""
    server.client.flushall()
    yield server.client
    server.client.replicaof("NO", "ONE")
    server.client.config_set("replica-serve-stale-data", "yes")
    server.client.config_set("maxmemory", 0)


def scheduler_at(url, timeout=0.0, **options):
    return Scheduler(1000, bucket=RedisBucket.from_url(url, key="team", timeout=timeout, **options))


async def start(scheduler):
    async with scheduler.slot():
        pass


async def fault_of(scheduler):
    """Return the error of a call, which says that nothing was sent and what to do, and pickles."""
    with pytest.raises(SchedulerError) as failed:
        await start(scheduler)
    error = failed.value
    assert scheduler.stats.in_flight == 0
    assert "nothing was sent" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert isinstance(error.__cause__, OSError)
    assert error.advice.endswith(".")
    return error


async def test_a_bucket_outlives_a_failover(redis, server):
    """The old primary becomes a replica and the address leads to the new one: calls go on."""
    with redis_server() as successor, relay(server.port) as address:
        scheduler = scheduler_at(address.url, timeout=5.0)
        await start(scheduler)
        redis.replicaof("127.0.0.1", str(successor.port))
        address.port = successor.port
        await start(scheduler)
        assert successor.client.exists(KEY)


async def test_a_replica_is_told_as_one_and_serves_again_once_it_is_a_primary(redis, server):
    """A replica at the address is told as one, a bucket with patience outlasts the change."""
    scheduler = scheduler_at(server.url)
    redis.replicaof("127.0.0.1", "1")
    assert "read-only replica" in str(await fault_of(scheduler))
    redis.config_set("replica-serve-stale-data", "no")
    assert "lost its primary" in str(await fault_of(scheduler_at(server.url)))
    redis.replicaof("NO", "ONE")
    await start(scheduler_at(server.url))


async def test_every_answer_of_redis_is_told_as_what_it_is(redis, server):
    """Each refusal has a text of its own with advice, and no connection is used after one."""
    with relay(server.port) as address:
        for answer, word in ANSWERS.items():
            scheduler = scheduler_at(address.url)
            await start(scheduler)
            before = address.connections
            address.answer = f"{answer}\r\n".encode()
            error = await fault_of(scheduler)
            assert word in str(error), answer
            assert error.advice != SchedulerError.advice, answer
            address.answer = None
            scheduler.bucket._outage.failed_at = -1.0
            await start(scheduler)
            assert address.connections > before, answer


@pytest.mark.parametrize("answer", ["-WRONGTYPE x", "-WRONGPASS x", "-NOPERM x"])
async def test_a_fault_that_no_wait_mends_is_told_at_once(redis, server, answer):
    """A bucket with much patience spares it where only the user can help."""
    with relay(server.port) as address:
        address.answer = f"{answer}\r\n".encode()
        await fault_of(scheduler_at(address.url, timeout=1000.0))


async def test_a_full_redis_is_told_as_full(redis, server):
    """A Redis without memory says so, and the bucket serves again once it has some."""
    scheduler = scheduler_at(server.url, timeout=0.05)
    redis.config_set("maxmemory", 1)
    assert "maxmemory" in str(await fault_of(scheduler))
    redis.config_set("maxmemory", 0)
    await start(scheduler_at(server.url))


async def test_a_key_that_holds_something_else_is_named_and_left_as_it_is(redis, server):
    """A text, a list or a hash of somebody's own under the bucket's key is not touched."""
    for write in (
        lambda: redis.set(KEY, "mine"),
        lambda: redis.rpush(KEY, "mine"),
        lambda: redis.hset(KEY, "mine", "1"),
    ):
        redis.delete(KEY)
        write()
        kept = redis.dump(KEY)
        assert KEY in str(await fault_of(scheduler_at(server.url, timeout=1000.0)))
        assert redis.dump(KEY) == kept
        assert redis.ttl(KEY) == -1


async def test_a_wrong_password_is_told_as_one_and_never_shown(redis, server):
    """Neither the error nor its causes show the password, even where Redis repeats it."""
    redis.acl_setuser("guest", enabled=True, passwords=["+right-one"], categories=["-@all"])
    scheduler = scheduler_at(server.url.replace("//", "//guest:hidden-one@"), timeout=1000.0)
    assert "password" in str(await fault_of(scheduler))
    right = server.url.replace("//", "//guest:right-one@")
    assert "permission" in str(await fault_of(scheduler_at(right, timeout=1000.0)))
    with relay(server.port) as address:
        address.answer = b"-ERR unknown command 'EVALSHA', with args: 'HELLO' 'right-one'\r\n"
        redis.acl_setuser("guest", enabled=True, keys=["*"], categories=["+@all"])
        error = await fault_of(scheduler_at(address.url.replace("//", "//guest:right-one@")))
    told = ""
    while error is not None:
        told, error = f"{told}{error!r}{error}", error.__cause__
    assert "right-one" not in told


@pytest.mark.parametrize("fallback", ["error", "local"])
async def test_a_script_that_redis_forgot_is_sent_again(redis, server, fallback):
    """SCRIPT FLUSH costs nobody a call."""
    scheduler = scheduler_at(server.url, fallback=fallback)
    for _ in range(3):
        redis.script_flush()
        await start(scheduler)
    assert redis.exists(KEY)


# --- what the hash holds -------------------------------------------------------------------------

BROKEN = [
    *({"next": "soon"}, {"next": ""}, {"next": "nan"}, {"next": "inf"}, {"held": "1e18"}),
    *({"next": "9e15"}, {"margin": "-1"}, {"margin": "1e12"}, {"row": "-3"}, {"number": "1.5"}),
    *({"stride": "0"}, {"patience": "1e9"}, {"seen": "\x00\xff"}, {"lease": "9e15", "probe": "1"}),
    *({"margin": "-1e9", "calm": "1000"}, {"margin": "-inf", "calm": "1000"}),
    *({"deviation": "x"}, {"number": "1e300"}, {"calm": "-inf"}, {"ask": "1e17"}),
    *({"outward": "-1"}, {"outward": "500001"}, {"excess": "2000001"}, {"excess": "-2000001"}),
    *({"outward": "nan"}, {"excess": "x"}, {"rival": "0.5"}, {"followed_by": "-1"}),
]


async def test_a_corrupt_hash_heals(redis, server):
    """Fields that no release has written, or that are missing, cost the learnt margin alone."""
    for fields in [*BROKEN, "next", "margin", "patience"]:
        redis.delete(KEY)
        first = scheduler_at(server.url)
        for _ in range(5):
            await start(first)
        if isinstance(fields, str):
            redis.hdel(KEY, fields)
        else:
            redis.hset(KEY, mapping=fields)
        scheduler = scheduler_at(server.url)
        for _ in range(3):
            await start(scheduler)
        # Three starts, and one that the first scheduler may reserve with a last word that is late.
        assert int(float(redis.hget(KEY, "number"))) <= 4, fields
        assert 0 <= scheduler.stats.margin <= 3, fields


@pytest.mark.parametrize("number", ["0", "2", "999999999999", "1.0", "x", "", "\n"])
async def test_a_hash_of_another_format_is_refused_and_left_as_it_is(redis, server, number):
    """A release never misreads the hash of another one: it names the key and both formats."""
    await start(scheduler_at(server.url))
    redis.hset(KEY, "format", number)
    kept = redis.hgetall(KEY)
    error = str(await fault_of(scheduler_at(server.url, timeout=1000.0)))
    assert KEY in error
    assert re.search(r"format 1\b", error)
    assert redis.hgetall(KEY) == kept


async def test_a_hash_from_before_the_formats_had_numbers_is_read(redis, server):
    """A release without format numbers may run beside this one: they share one rate."""
    await start(scheduler_at(server.url))
    redis.hdel(KEY, "format")
    redis.hset(KEY, "accepted", "77")
    scheduler = scheduler_at(server.url)
    await start(scheduler)
    assert redis.hget(KEY, "accepted") == b"77.000"
    assert redis.hget(KEY, "format") == b"1"
