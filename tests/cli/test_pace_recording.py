"""The bucket of `cronapi pace`: it remembers starts and holds."""

from __future__ import annotations

import pytest

from cronapi import Rate
from cronapi.cli.pace.recording import Fate, Hold, Mark, RecordingBucket


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_each_start_is_remembered_with_its_fate(clock):
    """Starts keep their fate, and one that was not used leaves no mark."""
    bucket = RecordingBucket(Rate(10), clock=clock)
    fates = [bucket.accepted, bucket.refused, bucket.release_unused, bucket.lost, lambda _: None]
    for number, settle in enumerate(fates):
        clock.now = float(number)
        settle(bucket.take())
    assert [mark.fate for mark in bucket.marks()] == [
        Fate.ACCEPTED,
        Fate.REFUSED,
        Fate.LOST,
        Fate.UNDER_WAY,
    ]
    assert bucket.tally == {Fate.ACCEPTED: 1, Fate.REFUSED: 1, Fate.LOST: 1}
    assert bucket.first == 0.0
    assert bucket.take() is None


def test_a_hold_lasts_until_a_probe_passes(clock):
    """Repeated refusals begin a hold, and a probe that passes ends it."""
    bucket = RecordingBucket(Rate(1), clock=clock)
    seen = []
    for now, settle in (
        (0.0, bucket.refused),
        (5.0, bucket.refused),
        (10.0, bucket.refused),
        (60.0, bucket.accepted),
    ):
        clock.now = now
        settle(bucket.take())
        seen.append(bucket.holds())
    assert seen == [(), (), (Hold(10.0),), (Hold(10.0, 60.0),)]
    assert bucket.marks()[-1] == Mark(60.0, Fate.ACCEPTED, probe=True)
