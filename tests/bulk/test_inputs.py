"""What a bulk takes as inputs, what it refuses, and what stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import anyio
import pytest
from anyio.lowlevel import checkpoint

from cronapi import (
    AuthenticationError,
    BulkError,
    ConfigurationError,
    ServiceUnavailableError,
)
from cronapi.emulator import Fault
from tests.support.any_value import CANARY, OddMapping, everything_of
from tests.support.bulks import added, is_idle
from tests.support.emulated import BOTH, URL, emulator, paced, specs
from tests.support.seen import names, sent

pytestmark = pytest.mark.virtual_clock


# --- inputs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["list", "generator", "async generator"])
async def test_any_iterable_is_an_input(kind):
    """Lists, generators and async generators give the same report."""
    app = emulator()

    async def generate():
        for spec in specs(250):
            await checkpoint()
            yield spec

    given = {"list": specs(250), "generator": iter(specs(250)), "async generator": generate()}[kind]
    async with paced(app) as api:
        report = await api.cron.add_many(given)
    assert (
        [job.name for job in report.values] == names(app) == [spec["name"] for spec in specs(250)]
    )


async def test_an_input_that_raises_in_the_middle_says_where():
    """The error names the index, and the report has what was read before, all of it carried out."""
    app = emulator()

    def generate():
        yield from specs(150)
        raise ZeroDivisionError

    async with paced(app) as api:
        bulk = api.cron.add_many(generate())
        with pytest.raises(ConfigurationError, match="150") as broken:
            await bulk
        assert isinstance(broken.value.__cause__, ZeroDivisionError)
        assert [outcome.index for outcome in bulk.report.done] == list(range(150))
    assert len(app.emulator.jobs("fastcron")) == 150


@pytest.mark.each_loop
@pytest.mark.parametrize("count", [0, 50, 150, 350])
async def test_an_input_that_awaits_something_cancelled_says_where(count):
    """A CancelledError of the input's own breaks it off like any error: what was read before is
    done, and the report has it.
    """
    app = emulator()

    async def generate():
        for spec in specs(count):
            yield spec
        raise asyncio.CancelledError  # as does `await task` of a task that somebody has cancelled

    async with paced(app) as api:
        bulk = api.cron.add_many(generate())
        with pytest.raises(ConfigurationError, match=f"cancelled at item {count}"):
            await bulk
        assert sorted(outcome.index for outcome in bulk.report.done) == list(range(count))
        assert len(bulk.report) == count
        assert await is_idle(api)
    assert len(app.emulator.jobs("fastcron")) == count


@pytest.mark.each_loop
async def test_an_input_that_awaits_something_cancelled_breaks_off_what_is_resumed_too(tmp_path):
    """Where the input fails so while a journal is gone through, the bulk says it and does not seem
    to have ended well.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"

    async def generate(count):
        for spec in specs(count):
            yield spec
        raise asyncio.CancelledError

    async with paced(app) as api:
        await api.cron.add_many(specs(20), journal=journal)
        with pytest.raises(ConfigurationError):
            await api.cron.add_many(generate(10), journal=journal)
    assert len(app.emulator.jobs("fastcron")) == 20


@pytest.mark.each_loop
async def test_the_rest_of_an_input_that_awaits_something_cancelled_is_not_tried():
    """Where a wrong token stops a bulk and its input fails so afterwards, all that could be read
    has an outcome.
    """

    async def generate():
        for spec in specs(700):
            yield spec
        raise asyncio.CancelledError

    async with paced(emulator(), token="f" * 32) as api:
        report = await api.cron.add_many(generate())
    assert len(report) == 700
    assert report.failed
    assert report.not_tried


class Broken:
    """An input whose methods raise what a database would: it is a list, or only has a length."""

    def __init__(self, *raising, length=3):
        self.raising, self.length = raising, length

    def __len__(self):
        if "len" in self.raising:
            raise OSError("s3cret host")
        return self.length

    def __iter__(self):
        if "iter" in self.raising:
            raise OSError("s3cret host")
        return iter([1, 2])

    def __getitem__(self, index):
        return [1, 2][index]

    def keys(self):
        return self


class BrokenList(Broken, Sequence):
    """The same as a list."""


class BrokenMapping(Broken, Mapping):
    """The same as a mapping."""


@pytest.mark.parametrize(
    "given",
    [
        *(Broken("len"), Broken("iter"), Broken(length=-1)),
        *(BrokenList("len"), BrokenList("iter"), BrokenMapping("len"), BrokenMapping("iter")),
    ],
)
async def test_an_input_that_raises_when_it_is_looked_at_is_named_too(given):
    """Its own error is the cause, as of one that raises as it is read, and nothing is sent."""
    app = emulator()
    async with paced(app) as api:
        make = api.cron.edit_many if isinstance(given, Mapping) else api.cron.delete_many
        with pytest.raises(ConfigurationError, match=r"item 0 could not be read \(") as caught:
            await make(given)
    assert isinstance(caught.value.__cause__, OSError | ValueError)
    assert "s3cret" not in str(caught.value)
    assert sent(app) == 0


def test_an_input_that_is_longer_than_python_can_count_has_no_length():
    """A range of that many ids is taken like an iterator of them: it has no total, and no cost."""
    bulk = paced(emulator()).cron.get_many(range(10**30))
    assert repr(bulk) == "<Bulk cron.get_many: not begun>"
    with pytest.raises(ConfigurationError, match="no length"):
        bulk.cost()


@pytest.mark.parametrize(
    "bad", [{"name": "no url"}, 7, {"url": URL, "urrl": "x"}, {"url": URL, "timeout": b"x"}, None]
)
async def test_a_bad_spec_is_named_by_its_index(bad):
    """In a list nothing is sent where one item cannot be used; in a generator what comes before it
    is carried out.
    """
    app = emulator()
    async with paced(app) as api:
        with pytest.raises(ConfigurationError, match=r"^cron\.add_many: item 120: "):
            api.cron.add_many([*specs(120), bad, *specs(3)])
        assert sent(app) == 0
        bulk = api.cron.add_many(spec for spec in [*specs(120), bad, *specs(3)])
        with pytest.raises(ConfigurationError, match=r"^cron\.add_many: item 120: "):
            await bulk
        assert [outcome.index for outcome in bulk.report] == list(range(120))
    assert len(app.emulator.jobs("fastcron")) == 120


async def test_an_empty_input_is_refused():
    """A bulk of nothing is a mistake, whether the input shows it before it begins or not."""
    async with paced(emulator()) as api:
        for make in (
            api.cron.add_many,
            api.cron.get_many,
            api.cron.delete_many,
            api.cron.edit_many,
            api.group.delete_many,
        ):
            with pytest.raises(ConfigurationError, match="at least one"):
                make([])
            with pytest.raises(ConfigurationError, match="at least one"):
                await make(iter([]))


async def test_an_id_that_is_deleted_twice_is_refused():
    """`delete_many` names the second place of an id that is given twice, and anything that is no
    id.
    """
    app = emulator()
    async with paced(app) as api:
        ids = await added(api, 3)
        with pytest.raises(
            ConfigurationError, match=r"^cron\.delete_many: item 3: It is the same id as item 1"
        ):
            api.cron.delete_many([*ids, ids[1]])
        for bad in ("1", True, 1.0, None):
            with pytest.raises(ConfigurationError, match=r"^cron\.delete_many: item 1: "):
                api.cron.delete_many([ids[0], bad])
        with pytest.raises(ConfigurationError, match=r"^cron\.edit_many: item 0: "):
            api.cron.edit_many([(ids[0],)])
        with pytest.raises(ConfigurationError, match=r"^cron\.edit_many: item 1: "):
            api.cron.edit_many({ids[0]: {"name": "x"}, ids[1]: {"nam": "x"}})
        bulk = api.cron.delete_many(iter([*ids, ids[1]]))
        with pytest.raises(
            ConfigurationError, match=r"^cron\.delete_many: item 3: It is the same id as item 1"
        ):
            await bulk
        assert len(bulk.report.done) == 3
    assert app.emulator.jobs("fastcron") == []


# --- what stops it -------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("count", [3, 250])
async def test_a_wrong_token_stops_it_all(provider, count):
    """A wrong token fails what was tried, the rest is not tried,
    and a handful of requests is made.
    """
    app = emulator()
    async with paced(app, provider, token="f" * 32) as api:
        report = await api.cron.add_many(specs(count))
        assert len(report) == count
        assert report.failed
        assert {type(outcome.error) for outcome in report.failed} == {AuthenticationError}
        assert len(report.failed) + len(report.not_tried) == count
        assert sent(app) <= 12
        ids = await api.cron.disable_many(range(1, 51))
        assert len(ids.failed) + len(ids.not_tried) == 50
        assert len(ids.failed) <= 10
        with pytest.raises(BulkError) as failures:
            report.raise_for_failures()
        assert failures.value.report is report


@pytest.mark.crowd
async def test_an_outage_longer_than_the_patience_stops_it():
    """While the service refuses everything for longer than a call is repeated, what was tried
    failed and the rest is not tried.
    """
    app = emulator()
    async with paced(app) as api:
        bulk = api.cron.add_many(specs(1000))
        async with anyio.create_task_group() as group:

            async def outage():
                await anyio.sleep(3.2)
                app.emulator.faults.add(Fault("outage", times=None))

            group.start_soon(outage)
            report = await bulk
    assert len(report) == 1000
    assert {type(outcome.error) for outcome in report.failed} == {ServiceUnavailableError}
    assert {outcome.index for outcome in report.done} == {int(name[1:]) for name in names(app)}
    assert len(report.not_tried) >= 400
    assert not report.unknown


@pytest.mark.each_loop
async def test_closing_the_client_stops_a_bulk():
    """A client that is closed while a bulk runs lets what is under way end; the rest failed or was
    not tried, and nothing is lost.
    """
    app = emulator()
    api = paced(app)
    async with anyio.create_task_group() as group:

        async def close():
            await anyio.sleep(3.5)
            await api.aclose()

        group.start_soon(close)
        report = await api.cron.add_many(specs(1000))
    assert len(report) == 1000
    assert {type(outcome.error) for outcome in report.failed} == {ConfigurationError}
    assert {outcome.index for outcome in report.done} == {int(name[1:]) for name in names(app)}
    assert report.not_tried


@pytest.mark.parametrize("given", [list, iter], ids=["list", "iterator"])
async def test_an_item_whose_own_code_raises_is_named_and_not_quoted(given):
    """What it raises may hold a password of it, so neither the error nor a cause repeats that."""
    app = emulator()
    async with paced(app) as api:
        with pytest.raises(ConfigurationError, match="item 0 cannot be used") as caught:
            await api.cron.add_many(given([OddMapping()]))
    assert CANARY not in everything_of(caught.value)
    assert caught.value.__context__ is None
    assert names(app) == []
