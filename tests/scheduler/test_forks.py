"""A process that forks: neither parent nor child waits for what only the other one has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fork_worker import LOCAL, SHARED
from tests.support.redis_server import REDIS, redis_server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

WORKER = ("-W", "ignore::DeprecationWarning", "-m", "tests.support.fork_worker")
"""Python warns of a fork beside threads, which is the case here."""


def said_of(*arguments):
    """Return what the worker said, a line for each case."""
    run = subprocess.run(
        [sys.executable, *WORKER, *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert run.stderr == ""
    return run.stdout.splitlines()


def test_a_child_never_waits_for_its_parent():
    """A child has locks, seats, starts and connections of its own, and its parent keeps its own."""
    if REDIS is None:
        assert said_of() == [f"{case.__name__} ok" for case in LOCAL]
        return
    with redis_server() as server:
        assert said_of(server.url) == [f"{case.__name__} ok" for case in (*LOCAL, *SHARED)]
