"""The clocks: the system's, one made of two callables, and one advanced by hand."""

from __future__ import annotations

import math
import time

import pytest

from cronapi.emulator import Clock, ManualClock


def test_a_clock_reads_the_system_by_default():
    """A clock made without arguments reads the system's Unix and monotonic time."""
    clock = Clock()
    before = time.time(), time.monotonic()
    assert before[0] <= clock.now() <= time.time()
    assert before[1] <= clock.ticks() <= time.monotonic()


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
