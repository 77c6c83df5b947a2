"""The clocks: the system's, one made of two callables, and one advanced by hand."""

from __future__ import annotations

import math
import time

import pytest

from cronapi.emulator import DEFAULT_TOKEN, Clock, ManualClock, create_app
from cronapi.emulator.request import Request

TOKEN = f"token={DEFAULT_TOKEN}".encode()


def test_a_clock_reads_the_system_by_default():
    """A clock made without arguments reads the system's Unix and monotonic time."""
    clock = Clock()
    before = time.time(), time.monotonic()
    assert before[0] <= clock.now() <= time.time()
    assert before[1] <= clock.ticks() <= time.monotonic()


def test_a_clock_follows_a_time_that_a_test_has_stopped(monkeypatch):
    """Tools that replace the functions of `time`, as freezegun does, are followed at once and back,
    while the limiter goes on counting.
    """
    clock, app = Clock(), create_app()
    real = clock.ticks()
    for stopped in (1_000_000_000.25, 1_900_000_000.0):
        monkeypatch.setattr(time, "time", lambda: stopped)  # noqa: B023 -- read in this round
        assert clock.now() == app.emulator.clock.now() == stopped
        answer = app.emulator.apply(Request("setcronjob", "server.time", body=TOKEN))
        assert answer["data"] == int(stopped)
    monkeypatch.setattr(time, "monotonic", lambda: -1.0)
    assert clock.ticks() >= real
    monkeypatch.undo()
    assert abs(clock.now() - time.time()) < 60


def test_a_clock_can_be_made_of_two_callables():
    """Each reading comes from its own callable."""
    clock = Clock(now=lambda: 5.0, ticks=lambda: 7.0)
    assert (clock.now(), clock.ticks()) == (5.0, 7.0)


def test_a_manual_clock_moves_both_readings():
    """Advancing moves Unix time and ticks by the same span."""
    clock = ManualClock(100.0)
    clock.advance(2.5)
    clock.advance(0)
    assert (clock.now(), clock.ticks()) == (102.5, 2.5)


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf])
def test_a_manual_clock_does_not_go_back(seconds):
    """A negative or non-finite span is refused."""
    with pytest.raises(ValueError, match="non-negative"):
        ManualClock().advance(seconds)
