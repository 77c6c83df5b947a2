"""The buckets that the tests of the scheduler share: one of a process, and one in a real Redis."""

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


@pytest.fixture(params=["local", "redis"])
def fleet(request):
    return Fleet(request.getfixturevalue("server") if request.param == "redis" else None)


@pytest.fixture
def redis_fleet(server):
    return Fleet(server)
