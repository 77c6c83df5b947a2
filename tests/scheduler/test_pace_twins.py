"""The rules in Redis and those in a file are the same, though they are written twice."""

from __future__ import annotations

import json
import math
import random

import pytest

from cronapi import Rate
from cronapi.scheduler.fleet import LEASE_INTERVALS, LEASE_SECONDS, MILLION
from cronapi.scheduler.pace_record import pace_of, record_of
from cronapi.scheduler.redis_script import key_of
from cronapi.scheduler.shared_pace import evaluate

RATES = (0.02, 1, 17, 300)
ANSWERED = ("accepted", "refused", "unused", "lost")
EXACT = ("number", "probe", "last", "refusal_streak", "accepted", "refused", "holds")
COUNTS = ("eager", "calm", "patience", "stride", "widened", "eased", "rival", "followed_by")
TIMES = {"last_sent": "sent", "sent_before": "earlier", "proven_at": "trusted"}
"""Names in a record, and in the hash."""


class Twins:
    """The same evaluations in a Redis and in a record, by processes that answer in any order."""

    def __init__(self, fleet, seed):
        self.fleet, self.rng = fleet, random.Random(seed)
        self.interval = math.ceil(MILLION / self.rng.choice(RATES))
        self.lease = round(LEASE_INTERVALS * self.interval + LEASE_SECONDS * MILLION)
        self.depth, self.trip = self.rng.choice([1, 2, 6]), self.rng.choice([0.05, 0.3, 3])
        self.weights = [10, self.rng.choice([0.2, 1, 10]), self.rng.choice([0, 1]), 0.3]
        self.now, self.text, self.flying = 10**12, None, []

    def news(self):
        """Return what some of the requests under way have come to."""
        news = []
        while self.flying and (len(self.flying) >= self.depth or self.rng.random() < 0.3):
            number, due = self.flying.pop(self.rng.randrange(len(self.flying)))
            at = due + self.rng.choice([0, self.rng.randrange(self.interval // 4)])
            trip = round(self.rng.expovariate(1 / self.trip) * self.interval)
            kind = self.rng.choices(ANSWERED, self.weights)[0]
            asked = self.rng.choices([0, 3 * self.interval], [20, 1])[0]
            if self.rng.random() < 0.9:
                news += ["sent", number, at, self.rng.randrange(5000)]
            news += [kind, number, at, {"accepted": trip, "refused": asked}.get(kind, 0)]
            self.now = max(self.now, at + trip)
        return news

    def evaluated(self):
        """Return both answers to one evaluation."""
        arguments = [self.interval, self.lease, int(self.rng.random() < 0.9), *self.news()]
        redis = self.fleet.evaluate([self.now, *arguments])
        now, rate = self.now / MILLION, Rate(1, self.interval / MILLION)
        pace = pace_of(self.text, rate, now, self.lease / MILLION)
        answer = evaluate(pace, arguments, now)
        self.text = record_of(pace, now)
        if answer.number:
            self.flying.append((answer.number, self.now + answer.wait))
        self.now += self.rng.choice([0, self.rng.randrange(2 * self.interval)])
        return answer, type(answer)(*redis)

    def counts(self):
        """Return the counts that each keeps."""
        record = json.loads(self.text)
        return [record[name] for name in COUNTS], self._fields(COUNTS)

    def times(self):
        """Return the times that each keeps, in microseconds. Zero is never."""
        record = json.loads(self.text)
        times = [(record[name] or 0.0) * MILLION for name in TIMES]
        return times, self._fields(TIMES.values())

    def _fields(self, names):
        return [float(value) for value in self.fleet.server.client.hmget(key_of("contract"), names)]


@pytest.mark.parametrize("seed", range(12))
def test_redis_and_a_file_answer_and_keep_the_same(seed, redis_fleet):
    """After any outcomes in any order they differ by no more than what each rounds."""
    twins = Twins(redis_fleet, seed)
    rounded = 20 + 1e-5 * twins.interval
    for _ in range(80):
        ours, theirs = twins.evaluated()
        for name in EXACT:
            assert getattr(ours, name) == getattr(theirs, name), name
        for name in ("wait", "next", "held", "trip", "deviation"):
            values = [max(0, getattr(one, name)) for one in (ours, theirs)]  # or it is over
            assert values[0] == pytest.approx(values[1], rel=1e-5, abs=rounded), name
        assert ours.margin == pytest.approx(theirs.margin, abs=100)
        counts, fields = twins.counts()
        assert counts == fields
        times, fields = twins.times()
        assert times == pytest.approx(fields, rel=0, abs=rounded)


def test_a_margin_that_was_just_enough_is_so_in_redis_too(redis_fleet):
    """The hash keeps rounded numbers, and a refusal takes the patience back all the same."""
    redis_fleet.evaluate([10**12, 10_000, 2_100_000, 1])
    fields = {"deviation": "1361.226", "margin": "680613.115", "patience": "16"}
    redis_fleet.server.client.hset(key_of("contract"), mapping=fields)
    redis_fleet.evaluate([10**12, 10_000, 2_100_000, 0, "refused", 1, 10**12, 0])
    assert float(redis_fleet.server.client.hget(key_of("contract"), "patience")) == 8
