"""What a client remembers of ids: exactly what a plain set and dict would, in a fraction of their
room.
"""

from __future__ import annotations

import gc
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi._calls.memory import FEW_RUNS, Ids, Memory, run_key

NUMBERS = st.integers(0, 30) | st.integers(10**18 - 3, 10**18 - 1)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["see", "see_earlier", "mark_created", "mark_unreported", "mark_gone"]),
        st.lists(NUMBERS, max_size=5),
    )
    | st.tuples(st.sampled_from(["new_epoch", "release"]), st.integers(0, 4)),
    max_size=60,
)


class Model:
    """The same with a dict that forgets nothing."""

    def __init__(self):
        self.seen, self.made, self.unreported, self.gone, self.count = {}, set(), set(), set(), 0

    def see(self, numbers):
        for number in numbers:
            self.seen.setdefault(number, self.count)

    def see_earlier(self, numbers):
        for number in numbers:
            self.seen.setdefault(number, -1)

    def mark_created(self, numbers):
        self.made |= set(numbers)
        self.unreported -= set(numbers)

    def mark_unreported(self, numbers):
        self.unreported |= set(numbers)

    def mark_gone(self, numbers):
        self.gone |= set(numbers)

    def was_there(self, number):
        return (number in self.seen or number in self.made) and number not in self.gone

    def is_older(self, number, epoch):
        return number in self.made or self.seen.get(number, epoch) < epoch


@given(st.lists(st.tuples(st.booleans(), NUMBERS), max_size=80))
def test_a_set_of_ids_is_a_set(steps):
    """Whatever goes in and out in whatever order, the ids that are in are those of a plain set."""
    ids, plain = Ids(), set()
    for inside, number in steps:
        (ids.add if inside else ids.discard)(number)
        (plain.add if inside else plain.discard)(number)
        assert (number in ids) is inside
    assert {
        number for number in [*range(-1, 33), *range(10**18 - 5, 10**18 + 1)] if number in ids
    } == plain


@given(STEPS)
def test_what_is_forgotten_is_never_missed(steps):
    """For every epoch that a call under way may ask about, old and new are told apart as by a
    memory that keeps all.
    """
    memory, model, held = Memory(), Model(), []
    for word, argument in steps:
        if word == "new_epoch":
            held.append(memory.new_epoch())
            model.count = held[-1]
        elif word == "release":
            memory.release(held.pop(argument % len(held)) if held else 0)
        else:
            getattr(memory, word)("cron", argument)
            getattr(model, word)(argument)
        for number in [*range(31), *range(10**18 - 3, 10**18)]:
            assert memory.is_reported("cron", number) is (number in model.made - model.unreported)
            assert memory.was_there("cron", number) is model.was_there(number)
            for epoch in held:
                assert memory.is_older("cron", number, epoch) is model.is_older(number, epoch)
    assert not memory.is_older("group", 1, memory.new_epoch())


def test_numbers_that_are_no_ids_are_not_kept():
    """A number of twenty digits, from a file that somebody changed, is no id and no mistake."""
    memory = Memory()
    memory.see_earlier("cron", [10**20, -1])
    memory.mark_created("cron", [10**20, -1])
    assert not memory.is_older("cron", 10**20, memory.new_epoch())


def size_of(numbers):
    """Return the bytes that a client's memory takes for jobs that were listed a thousand at a
    time.
    """
    gc.collect()
    tracemalloc.start()
    memory = Memory()
    for begin in range(0, len(numbers), 1000):
        epoch = memory.new_epoch()
        memory.see("cron", numbers[begin : begin + 1000])
        memory.release(epoch)
    memory.new_epoch()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size


@pytest.mark.proof
def test_fifty_thousand_jobs_take_no_more_room_than_five_thousand():
    """Where a service hands ids out in order, a client that has seen ten times as many remembers
    them in the same room.
    """
    assert size_of(range(50_000)) <= 1.3 * size_of(range(5_000))


@pytest.mark.proof
def test_jobs_of_a_shared_service_take_sixteen_bytes_each():
    """Where ids have gaps, because others make jobs too, each takes 16 bytes and a little, in
    whatever order they were seen.
    """
    numbers = list(range(0, 50_000, 2))
    random.Random(7).shuffle(numbers)
    assert size_of(numbers) - size_of(range(1000)) <= 18 * len(numbers)


def test_runs_whose_time_has_come_are_forgotten():
    """A client that asks for run after run for years remembers those that are still to come."""
    memory = Memory()
    memory.note_run({"id": 1, "time": 4_000_000_000})
    for number in range(3 * FEW_RUNS):
        memory.note_run({"id": number})
        memory.note_run({"id": number, "time": 1_600_000_000})
    assert memory.is_known_run(run_key({"id": "1", "time": "4000000000"}))
    assert len(memory._runs) <= FEW_RUNS + 1
