"""The inputs of a bulk: lists, iterables, generators and async ones, read lazily and checked."""

from __future__ import annotations

import asyncio
import gc
import itertools
import tracemalloc

import anyio
import pytest

from cronapi import ConfigurationError, JobSpec
from cronapi._protocol.params import as_params
from cronapi.bulk.source import Source


def whole(given, _):
    """Accept whole numbers, and return a payload that differs from the given value."""
    if type(given) is not int:
        raise ConfigurationError("It is not a number.")
    return given * 10


def source(items, check=whole):
    return Source(items, check, "cron.batch_delete")


async def everything(items, most=2):
    """Take until the end."""
    opened, found = source(items), []
    while taken := await opened.take(most):
        found += taken
    return [(item.index, item.given, item.payload) for item in found]


async def counting(numbers):
    for number in numbers:
        await asyncio.sleep(0)
        yield number


async def breaking(numbers, error):
    for number in numbers:
        yield number
    raise error


def breaking_in_step(numbers, error):
    yield from numbers
    raise error


class Endless:
    """Old-style: only __getitem__."""

    def __getitem__(self, index):
        if index == 3:
            raise IndexError
        return index + 5


class Shy:
    """An iterable that has a length and does not know it."""

    def __len__(self):
        raise TypeError

    def __iter__(self):
        return iter([5, 6, 7])


@pytest.mark.parametrize(
    ("items", "total"),
    [
        ([5, 6, 7], 3),
        ((5, 6, 7), 3),
        (range(5, 8), 3),
        ({5: "", 6: "", 7: ""}.keys(), 3),
        ({5, 6, 7}, 3),
        (iter([5, 6, 7]), None),
        ((n for n in [5, 6, 7]), None),
        (Endless(), None),
        (Shy(), None),
        (counting([5, 6, 7]), None),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_any_iterable_will_do(items, total):
    """Every kind of iterable gives its items in order, with index, given value and payload.

    A sized one has a total.
    """
    assert source([1]).total == 1
    opened = source(items)
    assert opened.total == total
    first = await opened.take(2)
    rest = await opened.take(2)
    found = [(item.index, item.given, item.payload) for item in first + rest]
    assert sorted(found) == [(0, 5, 50), (1, 6, 60), (2, 7, 70)]
    assert [len(first), len(rest), await opened.take(2)] == [2, 1, []]


@pytest.mark.parametrize("make", [iter, counting], ids=["sync", "async"])
async def test_no_more_is_read_than_is_taken(make):
    """An endless generator can be the input, because only the items that are taken are read."""
    numbers = itertools.count()
    opened = source(make(numbers))
    assert [item.payload for item in await opened.take(3)] == [0, 10, 20]
    assert next(numbers) == 3


@pytest.mark.proof
async def test_a_hundred_thousand_items_take_no_memory():
    """The items of a long generator are not kept."""
    opened = source(counting_fast(100_000))
    await opened.take(50)
    gc.collect()
    tracemalloc.start()
    try:
        while await opened.take(50):
            pass
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


async def counting_fast(count):
    for number in range(count):
        yield number


def test_a_list_is_checked_at_once():
    """One bad item of a list is named before anything is sent."""
    with pytest.raises(
        ConfigurationError,
        match=r"^cron\.batch_delete: item 1: A job has no parameter 'nmae'; did you mean 'name'\?$",
    ):
        source(
            [JobSpec(url="a.example"), {"url": "b.example", "nmae": "n"}],
            lambda spec, _: as_params(spec),
        )


async def test_a_list_may_be_changed_meanwhile():
    """Changes to a list after the source was made have no effect."""
    numbers = [5, 6, 7]
    opened = source(numbers)
    await opened.take(1)
    numbers[:] = ["nonsense"]
    assert [item.given for item in await opened.take(5)] == [6, 7]


@pytest.mark.parametrize("make", [iter, counting], ids=["sync", "async"])
async def test_a_bad_item_is_named_when_its_turn_comes(make):
    """The items before a bad one are good, then each take raises its error.

    The bad item is among those that are drained.
    """
    opened = source(make([5, 6, "x", 7]))
    assert [item.given for item in await opened.take(4)] == [5, 6]
    for _ in range(2):
        with pytest.raises(
            ConfigurationError, match=r"^cron\.batch_delete: item 2: It is not a number\.$"
        ):
            await opened.take(4)
    assert await opened.drain() == [(2, "x"), (3, 7)]


@pytest.mark.parametrize("make", [breaking, breaking_in_step], ids=["async", "sync"])
async def test_an_input_that_breaks_off_is_no_end(make):
    """The items before an error of the input are good.

    The error then names the item and has the cause, without the text of that.
    """
    error = OSError("disk on fire")
    opened = source(make([5, 6], error))
    assert [item.given for item in await opened.take(10)] == [5, 6]
    for _ in range(2):
        with pytest.raises(
            ConfigurationError,
            match=r"^cron\.batch_delete: item 2 could not be read \(OSError\)\.$",
        ) as caught:
            await opened.take(10)
        assert caught.value.__cause__ is error


@pytest.mark.parametrize("make", [breaking, breaking_in_step], ids=["async", "sync"])
@pytest.mark.parametrize("signal", [KeyboardInterrupt, asyncio.CancelledError])
async def test_interrupts_and_cancellations_pass_through(make, signal):
    """An interrupt or cancellation of the input passes through, and the next take raises."""
    opened = source(make([5], signal()))
    with pytest.raises(signal):
        await opened.take(2)
    assert [item.given for item in await opened.take(2)] == [5]
    with pytest.raises(ConfigurationError, match="reading was cancelled at item 1"):
        await opened.take(2)


@pytest.mark.parametrize(
    "empty", [[], (), set(), {}.values(), range(0)], ids=lambda value: type(value).__name__
)
def test_an_empty_input_is_refused(empty):
    """An empty input is a mistake, which is found at once if the input has a length."""
    with pytest.raises(ConfigurationError, match=r"^cron\.batch_delete needs at least one item\.$"):
        source(empty)


@pytest.mark.parametrize("make", [iter, counting], ids=["sync", "async"])
async def test_a_generator_without_items_is_refused(make):
    """An input without a length is known to be empty when it is first read."""
    opened = source(make([]))
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="needs at least one item"):
            await opened.take(1)
    assert await opened.drain() == []


@pytest.mark.parametrize(
    "wrong",
    [
        "12",
        b"12",
        bytearray(b"12"),
        memoryview(b"12"),
        {"url": "a.example"},
        12,
        None,
        list,
        JobSpec(url="a"),
    ],
)
def test_anything_but_a_list_of_items_is_refused(wrong):
    """Text, one mapping, one job or a number is not taken for a list of items."""
    with pytest.raises(
        ConfigurationError,
        match=f"takes a list or another iterable of items.* not a {type(wrong).__name__}",
    ):
        source(wrong)


def test_an_input_that_cannot_begin_is_refused():
    """An iterable that raises before its first item is an error too."""

    class Broken:
        def __iter__(self):
            raise OSError

    with pytest.raises(ConfigurationError, match=r"item 0 could not be read \(OSError\)") as caught:
        source(Broken())
    assert isinstance(caught.value.__cause__, OSError)


async def test_each_item_goes_to_one_taker():
    """Ten tasks that take at the same time share the items: none is lost and none comes twice."""
    opened, taken = source(counting(range(1000))), []

    async def work():
        while items := await opened.take(7):
            taken.extend(item.index for item in items)
            await asyncio.sleep(0)

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(work)
    assert sorted(taken) == list(range(1000))


class Slow:
    """An async iterator, no generator, that waits at a gate before each item."""

    def __init__(self):
        self.gate = asyncio.Semaphore(0)
        self.next = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        await self.gate.acquire()
        self.next += 1
        return self.next - 1


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_taker_that_is_cancelled_in_the_queue_takes_nothing():
    """A taker that is cancelled while another one reads leaves the items to the others."""
    slow = Slow()
    opened = source(slow)
    first, second = asyncio.create_task(opened.take(2)), asyncio.create_task(opened.take(2))
    await settle()
    second.cancel()
    await settle()
    for _ in range(4):
        slow.gate.release()
    assert [item.given for item in await first] == [0, 1]
    assert [item.given for item in await opened.take(2)] == [2, 3]


@pytest.mark.parametrize("generator", [False, True])
async def test_a_taker_that_is_cancelled_while_it_reads_loses_nothing(generator):
    """The items read before a cancellation go to the next taker, who then gets the error."""
    slow = Slow()
    opened = source((item async for item in slow) if generator else slow)
    taker = asyncio.create_task(opened.take(5))
    slow.gate.release()
    slow.gate.release()
    await settle()
    taker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taker
    assert [item.given for item in await opened.take(5)] == [0, 1]
    with pytest.raises(
        ConfigurationError,
        match="the reading was cancelled at item 2, so the input cannot be read any further",
    ):
        await opened.take(5)


@pytest.mark.parametrize("make", [list, iter, counting], ids=["list", "sync", "async"])
async def test_the_rest_can_be_drained(make):
    """The items that were not taken come as pairs of index and given value, in parts or at once."""
    opened = source(make([5, 6, 7, 8, 9]))
    await opened.take(1)
    assert await opened.drain(1) == [(1, 6)]
    assert await opened.drain() == [(2, 7), (3, 8), (4, 9)]
    assert await opened.drain() == []
    assert await opened.take(1) == []


async def test_draining_ends_where_the_input_breaks_off():
    """The readable items of a broken input are drained without an error, and a take raises it."""
    opened = source(breaking([5, 6], OSError()))
    assert await opened.drain() == [(0, 5), (1, 6)]
    with pytest.raises(ConfigurationError, match="item 2 could not be read"):
        await opened.take(1)


async def test_closing_closes_a_generator():
    """A generator is closed with its source, sync or async, and a later take raises."""
    closed = []

    def numbers():
        try:
            yield from (5, 6)
        finally:
            closed.append("sync")

    async def later():
        try:
            yield 5
            yield 6
        finally:
            await asyncio.sleep(0)
            closed.append("async")

    for opened in (source(numbers()), source(later())):
        await opened.take(1)
        await opened.aclose()
        await opened.aclose()
        with pytest.raises(ConfigurationError, match="closed before its end"):
            await opened.take(1)
        assert await opened.drain() == []
    assert closed == ["sync", "async"]


async def test_closing_at_the_end_is_quiet():
    """An input that was read to its end stays at its end when it is closed."""
    opened = source([5])
    await opened.take(2)
    await opened.aclose()
    assert await opened.take(1) == []


async def test_an_input_that_is_no_generator_stays_open(tmp_path):
    """A file that was given as the input is its owner's to close."""
    (tmp_path / "ids").write_text("5\n6\n")
    with (tmp_path / "ids").open() as lines:
        opened = source(lines, lambda line, _: int(line))
        assert [item.payload for item in await opened.take(1)] == [5]
        await opened.aclose()
        assert not lines.closed


async def test_closing_waits_for_a_reader():
    """A source that is closed while somebody reads is closed after that."""
    slow = Slow()
    opened = source(item async for item in slow)
    taker = asyncio.create_task(opened.take(1))
    await settle()
    closer = asyncio.create_task(opened.aclose())
    await settle()
    assert not closer.done()
    slow.gate.release()
    assert [item.given for item in await taker] == [0]
    await closer


async def test_a_cancelled_task_closes_too():
    """In a scope that is cancelled already a free source is closed all the same."""
    closed = []

    async def numbers():
        try:
            yield 5
            yield 6
        finally:
            closed.append(True)

    opened = source(numbers())
    await opened.take(1)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await opened.aclose()
    assert closed


async def test_a_generator_that_cannot_be_closed_says_so():
    """An error while the generator closes is raised with its cause."""

    def numbers():
        try:
            yield 5
            yield 6
        finally:
            raise OSError

    opened = source(numbers())
    await opened.take(1)
    with pytest.raises(ConfigurationError, match=r"could not be closed \(OSError\)"):
        await opened.aclose()
