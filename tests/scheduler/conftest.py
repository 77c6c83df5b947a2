"""The buckets that the tests of the scheduler share: of a process, in a file, in a real Redis."""

from __future__ import annotations

import pytest

from tests.support.fleet import Fleet
from tests.support.redis_server import ABSENT, REDIS, redis_server


@pytest.fixture(scope="module")
def server():
    if REDIS is None:
        pytest.skip(ABSENT)
    with redis_server() as running:
        yield running


def fleet_of(kind, request):
    """Return a fleet on a bucket of this kind."""
    if kind == "redis":
        return Fleet(server=request.getfixturevalue("server"))
    if kind == "file":
        return Fleet(path=request.getfixturevalue("tmp_path") / "pace.sqlite3")
    return Fleet()


@pytest.fixture(params=["local", "redis", "file"])
def fleet(request):
    return fleet_of(request.param, request)


@pytest.fixture(params=["redis", "file"])
def shared_fleet(request):
    """A fleet of several processes."""
    return fleet_of(request.param, request)


@pytest.fixture
def redis_fleet(request):
    return fleet_of("redis", request)


@pytest.fixture
def file_fleet(request):
    return fleet_of("file", request)
