"""The shared bucket's key, address, options and rate, which it checks when it is made."""

from __future__ import annotations

import sys

import pytest

from cronapi import ConfigurationError, Rate, Scheduler, SchedulerError
from cronapi.scheduler import RedisBucket


@pytest.mark.parametrize("key", ["", "a{b", "a}b", "{team}", None, 3, b"team"])
def test_a_key_is_a_text_without_braces(key):
    """Braces would change which node of a cluster the key is on."""
    with pytest.raises(ConfigurationError, match="without braces"):
        RedisBucket.from_url("redis://localhost", key=key)


@pytest.mark.parametrize("url", ["", "localhost", "http://localhost", "redis://localhost:port"])
def test_an_address_that_is_none(url):
    """The address is checked when the bucket is made, and not repeated: it may hold a password."""
    with pytest.raises(ConfigurationError, match="no address of a Redis server"):
        RedisBucket.from_url(url, key="team")


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": -1},
        {"timeout": "1"},
        {"timeout": float("inf")},
        {"fallback": "wait"},
        {"share": 0},
    ],
)
def test_options_that_make_no_sense(options):
    """A bad patience, an unknown fallback and no share at all are refused at once."""
    with pytest.raises(ConfigurationError):
        RedisBucket.from_url("redis://localhost", key="team", **options)


def test_redis_is_an_extra(monkeypatch):
    """Where redis is not installed, the bucket says how to install it."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"pip install \"cronapi-client\[redis\]\""):
        RedisBucket.from_url("redis://localhost", key="team")


def test_a_bucket_learns_its_rate_from_the_scheduler():
    """The rate is written once: the bucket has none before, and refuses another one later."""
    bucket = RedisBucket.from_url("redis://localhost", key="team")
    with pytest.raises(ConfigurationError, match="Scheduler"):
        _ = bucket.rate
    Scheduler(10, bucket=bucket)
    assert bucket.rate == Rate(10)
    with pytest.raises(ConfigurationError, match="already paced"):
        Scheduler(5, bucket=bucket)


@pytest.mark.parametrize("limit", [1e-9, 1e-305])
def test_a_rate_that_a_script_could_not_count_is_refused(limit):
    """A start in thirty years is no rate that is shared, and the bucket says so at once."""
    bucket = RedisBucket.from_url("redis://localhost", key="team")
    with pytest.raises(ConfigurationError, match="cannot be as slow"):
        Scheduler(limit, bucket=bucket)


@pytest.mark.parametrize("url", ["redis://localhost:1?foo=1", "redis://a..b"])
async def test_an_address_that_only_turns_out_bad_on_connecting_is_a_scheduler_error(url):
    """An error that redis-py raises late, and not as its own, reaches the user as ours."""
    scheduler = Scheduler(10, bucket=RedisBucket.from_url(url, key="bad", timeout=0.1))
    with pytest.raises(SchedulerError):
        await scheduler.acquire()
