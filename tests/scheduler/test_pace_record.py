"""What a fleet has learnt stays with it: no bucket writes a record that it takes for void later."""

from __future__ import annotations

import json
import math

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import Rate
from cronapi.scheduler.fleet import LEASE_INTERVALS, LEASE_SECONDS, MILLION, Answer
from cronapi.scheduler.pace_record import MOST_WAITING, pace_of, record_of
from cronapi.scheduler.shared_pace import SharedPace, evaluate
from cronapi.scheduler.tuning import MOST_EXCESS, MOST_OUTWARD
from tests.support.fleet import settle

RATES = (0.02, 1, 10, 17, 100, 900, 5000)

outcomes = st.tuples(
    st.sampled_from(["accepted", "accepted", "refused", "unused", "lost", "sent"]),
    st.sampled_from([0.0, 0.01, 2.0, 120.0, 1e6]),
)
"""A kind, and the seconds that belong to it: of a round trip, or those asked for."""
evaluations = st.tuples(
    st.booleans(), st.lists(outcomes, max_size=3), st.sampled_from([0.0, 0.001, 0.4, 1.0, 20.0])
)
"""Whether a start is wanted, what is told, and the intervals until the next one."""


class InText:
    """A pace that is written and read at each evaluation, as in a file."""

    def __init__(self, rate):
        self.rate, self.text = Rate(rate), None

    def __call__(self, now, arguments):
        lease = int(arguments[1]) / MILLION
        pace = pace_of(self.text, self.rate, now, lease)
        answer = evaluate(pace, arguments, now)
        self.text = record_of(pace, now)
        return answer


class InRedis:
    """A pace of its own in a real Redis."""

    def __init__(self, fleet):
        self.fleet = fleet
        fleet.server.client.flushall()

    def __call__(self, now, arguments):
        return Answer(*self.fleet.evaluate([round(now * MILLION), *arguments]))


def history(book, rate, steps, now=1000.0):
    """Evaluate a pace step by step, and yield each answer. The starts are told in any order."""
    interval, starts = 1 / rate, [(0, now)]
    lease = LEASE_INTERVALS * interval + LEASE_SECONDS
    for wanted, told, intervals in steps:
        news = []
        for kind, seconds in told:
            number, due = starts.pop() if len(starts) > 1 else starts[0]
            at = min(due, now)
            news += [kind, number, round(at * MILLION), round(seconds * MILLION)]
        how = [math.ceil(interval * MILLION), round(lease * MILLION), int(wanted)]
        answer = book(now, [*how, *news])
        if answer.number:
            starts.append((answer.number, now + answer.wait / MILLION))
        yield answer
        now += intervals * interval


def assert_nothing_is_forgotten(answers):
    last = refused = holds = 0
    for answer in answers:
        assert answer.last >= last
        assert answer.refused >= refused
        assert answer.holds >= holds
        last, refused, holds = answer.last, answer.refused, answer.holds


HELD = [(True, [], 1.0), (True, [("refused", 120.0)], 0.001)]
"""A refusal that asks for the longest hold, and the probe for its end."""


@given(st.sampled_from(RATES), st.sampled_from([[], HELD]), st.lists(evaluations, max_size=25))
def test_a_record_that_was_written_is_true(rate, first, steps):
    """At every rate, after all outcomes in any order, nothing that was learnt is void later."""
    assert_nothing_is_forgotten(history(InText(rate), rate, [*first, *steps]))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    "then",
    [
        [(True, [], 0.4)] * 5,
        [(True, [("lost", 0.0)], 0.4)] * 5,
        [(True, [("unused", 0.0)], 0.0)] * 5,
        [(True, [("refused", 120.0)], 20.0)] * 5,
        [(True, [("sent", 0.0)], 1.0)] * 5,
    ],
    ids=["asked", "lost", "unused", "refused", "sent"],
)
def test_the_longest_hold_is_kept_at_every_rate(rate, then, redis_fleet):
    """A probe for its end is reserved long before, and the fleet does not forget it."""
    for book in (InText(rate), InRedis(redis_fleet)):
        answers = list(history(book, rate, [*HELD, *then]))
        assert_nothing_is_forgotten(answers)
        assert answers[-1].refused >= 1
        assert answers[-1].held > 0.9 * 120 * MILLION - 100 * MILLION / rate


@pytest.mark.virtual_clock
@pytest.mark.parametrize("rate", [5.0, 20.0, 900.0])
async def test_all_processes_wait_as_long_as_the_service_asks(shared_fleet, rate):
    """One of them is told to wait for two minutes, and no request of any goes out before."""
    slot = await shared_fleet.scheduler(rate).acquire()
    begun = anyio.current_time()
    slot.refused(120.0)
    slot.close()
    await slot.publish()
    sent = []

    async def process():
        sent.extend(await settle(shared_fleet.scheduler(rate), "accepted"))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(process)
            await anyio.sleep(0.1)
    assert min(sent) - begun >= 120.0


def test_starts_that_nobody_can_have_reserved_are_void():
    """A start later than a hold and thousands of others is from no bucket."""
    rate, now, lease = Rate(10), 1000.0, 3.0
    farthest = now + 120.0 + MOST_WAITING * rate.interval + lease
    kept = json.loads(record_of(SharedPace(rate), now)) | {"number": 7}
    for name in ("next_at", "before", "ask_at", "last_sent", "sent_before"):
        for at, known in ((farthest, 7), (farthest + 0.001, 0)):
            pace = pace_of(json.dumps(kept | {name: at}), rate, now, lease)
            assert pace._number == known, (name, at)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("sent_before", -math.inf), ("rival", 0), ("followed_by", 0)),
        *(("outward", 0.0), ("excess", 0.0)),
    ],
)
def test_a_record_of_before_a_field_is_read(name, value):
    """What was learnt by a release that did not know the field is kept."""
    rate, now = Rate(10), 1000.0
    kept = json.loads(record_of(SharedPace(rate), now)) | {"number": 7}
    del kept[name]
    pace = pace_of(json.dumps(kept), rate, now, 3.0)
    kept = json.loads(record_of(pace, now))
    assert (pace._number, kept[name]) == (7, None if value == -math.inf else value)


@pytest.mark.parametrize(
    ("name", "most", "least"),
    [("outward", MOST_OUTWARD, 0.0), ("excess", MOST_EXCESS, -MOST_EXCESS)],
)
def test_what_round_trips_teach_is_void_beyond_its_bounds(name, most, least):
    """A record with such a value is from no bucket, and one with the bound itself may be."""
    rate, now = Rate(10), 1000.0
    kept = json.loads(record_of(SharedPace(rate), now)) | {"number": 7}
    wrong = [most + 1e-6, least - 1e-6, math.nan, math.inf, True, "0", None]
    for value, known in [(most, 7), (least, 7), *((value, 0) for value in wrong)]:
        pace = pace_of(json.dumps(kept | {name: value}), rate, now, 3.0)
        assert pace._number == known, value
