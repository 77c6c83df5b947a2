"""Each ConfigurationError concerns the input of a call, the program, or a client that is closed."""

from __future__ import annotations

import ast
import asyncio
import copy
import pickle
from pathlib import Path

import httpx
import pytest

import cronapi
from cronapi import FastCron, JobSpec, Rate, RetryPolicy, Scheduler
from cronapi._protocol.facts import copied
from cronapi.errors import (
    ConfigurationError,
    CronAPIError,
    NotFoundError,
    retry_after_for,
    status_for,
)
from cronapi.errors.concerns import closed_error, setting_error
from cronapi.manifest import export, move_back
from cronapi.schedule import Schedule
from cronapi.scheduler import FileBucket, LocalBucket, RedisBucket
from cronapi.webhooks import Receiver
from tests.support.emulated import FAST, client_of, emulator, specs


async def ended(call):
    """Return the error in which a call ends: sync, async, or a bulk."""
    try:
        result = call()
        if hasattr(result, "raise_for_failures") or hasattr(result, "__await__"):
            await result
    except CronAPIError as error:
        return error
    raise AssertionError("The call was not refused.")


async def broken(error):
    """Yield an item, and break off."""
    yield 1
    raise error


INPUTS = {
    "a parameter that no service has": lambda api: api.cron.add(url="https://a.test", nonsense=1),
    "no url": lambda api: api.cron.add(name="x"),
    "an impossible value": lambda api: api.cron.edit(1, timeout="soon"),
    "an id that is none": lambda api: api.cron.get("x7"),
    "a status that is none": lambda api: api.cron.iterate(status="odd").__anext__(),
    "ensure without a name": lambda api: api.cron.ensure(url="https://a.test"),
    "a bad item of a bulk": lambda api: api.cron.add_many([{"name": "x"}]),
    "a bad item of an async bulk": lambda api: api.cron.edit_many(broken(ValueError("x"))),
    "no items": lambda api: api.cron.delete_many([]),
    "something else than a job": lambda api: api.cron.add(7),
    "a schedule that is none": lambda _: Schedule.parse("61 * * * *"),
    "a half surrogate": lambda _: JobSpec(url="https://a.test", name="\ud800"),
    "a group that is not there": lambda api: export(api, group="odd"),
}
PROGRAMS = {
    "an empty token": lambda _: FastCron(""),
    "a token with a blank": lambda _: FastCron("a b"),
    "a token function's number": lambda api: client_of(api.app, token=lambda: 7).cron.get(1),
    "an address without https": lambda _: FastCron("t" * 20, base_url="http://a.test/"),
    "a bad timeout": lambda _: FastCron("t" * 20, timeout=-1),
    "a bad retry policy": lambda _: RetryPolicy(max_attempts=0),
    "a bad rate": lambda _: Rate(0),
    "a bad scheduler": lambda _: FastCron("t" * 20, scheduler=7),
    "two ways to send": lambda _: FastCron(
        "t" * 20, transport=httpx.MockTransport(print), http_client=httpx.AsyncClient()
    ),
    "an option that is none": lambda api: api.with_options(odd=1),
    "a bad lane": lambda api: api.with_options(lane="fast"),
    "a bad max_wait": lambda api: api.with_options(max_wait="long"),
    "a bucket at two rates": lambda _: Scheduler(Rate(1), bucket=LocalBucket(Rate(2))),
    "a bad path of a bucket": lambda _: FileBucket(path=7),
    "a bucket without an address": lambda _: RedisBucket(7),
    "secrets that are none": lambda _: Receiver(secrets=["short"]),
    "a journal in a folder that is none": lambda api: api.cron.delete_many([1], journal="/odd/j"),
    "a journal that is a folder": lambda api: api.cron.delete_many([1], journal="/tmp"),
    "a path of a journal that is none": lambda api: api.cron.delete_many([1], journal=7),
    "a file that is no journal": lambda api: api.cron.delete_many([1], journal=__file__),
    "a progress that is none": lambda api: api.cron.delete_many([1], progress=7),
    "an input that fails": lambda api: api.cron.get_many(broken(OSError("x"))),
    "no journal to go back by": lambda api: move_back(api, api, journal="/odd/j"),
}


async def test_a_tenant_is_told_only_of_the_tenants_own_input():
    """Input of a call that cannot be used is 422; a wrong setting or use of cronapi is 500."""
    app = emulator(rates=FAST)
    for status, calls in ((422, INPUTS), (500, PROGRAMS)):
        for case, call in calls.items():
            async with client_of(app) as api:
                api.app = app
                error = await ended(lambda call=call, api=api: call(api))
            assert type(error) is ConfigurationError, case
            assert (status_for(error), retry_after_for(error)) == (status, None), case


async def test_a_missing_token_is_the_programs(monkeypatch):
    """A token that nobody has set, or an address in the environment, is no user's input."""
    monkeypatch.delenv("FASTCRON_TOKEN", raising=False)
    missing = await ended(FastCron)
    monkeypatch.setenv("FASTCRON_TOKEN", "")
    empty = await ended(FastCron)
    monkeypatch.setenv("FASTCRON_BASE_URL", "http://a.test/")
    address = await ended(lambda: FastCron("t" * 20))
    assert [status_for(error) for error in (missing, empty, address)] == [500, 500, 500]


async def test_a_journal_in_use_is_the_programs(tmp_path):
    """A journal of another run, of another account or with a broken line is no user's input."""
    app, path = emulator(rates=FAST), tmp_path / "journal"
    async with client_of(app) as api:
        await api.cron.add_many(specs(2), journal=path)
        other = await ended(lambda: api.cron.delete_many([1], journal=path))
        path.write_bytes(path.read_bytes() + b"odd\nodd\n")
        torn = await ended(lambda: api.cron.add_many(specs(2), journal=path))
    assert [status_for(error) for error in (other, torn)] == [500, 500]


async def test_a_client_that_is_closed_says_when_to_come_back():
    """A closed or draining client, an HTTP client or a bulk that is closed: 503, Retry-After."""
    app = emulator(rates=FAST)
    api = client_of(app)
    bulk = api.cron.delete_many([1])
    await bulk.aclose()
    errors = [await ended(lambda: bulk)]
    draining = api.cron.add_many(specs(2))
    await api.aclose(drain=1.0)
    errors += [await ended(lambda: api.cron.get(1)), await ended(lambda: draining)]
    errors.append(await ended(api.with_options(max_wait=1.0).cron.list))
    errors.append(await ended(lambda: api.cron.ensure(url="https://a.test", name="x")))
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    await http.aclose()
    errors.append(await ended(lambda: client_of(app, transport=None, http_client=http).cron.get(1)))
    assert [status_for(error) for error in errors] == [503] * 6
    assert all(30 <= (retry_after_for(error) or 0) <= 40 for error in errors)


def test_another_event_loop_is_the_programs():
    """A client that is used on a second event loop is the program's fault."""
    api = client_of(emulator(rates=FAST))
    asyncio.run(api.cron.list())
    assert status_for(asyncio.run(ended(api.cron.list))) == 500


def test_a_bulk_has_the_status_of_the_error_that_its_input_ended_in():
    """A listing that failed, and a closed client, are told from a bad item through each cause."""
    for cause, status in ((NotFoundError("x"), 404), (closed_error("x"), 503)):
        for error in (ConfigurationError("item 0"), ConfigurationError("item 1")):
            error.__cause__ = cause
            outer = ConfigurationError("outer")
            outer.__cause__ = error
            assert (status_for(error), status_for(outer)) == (status, status)


def test_an_error_keeps_on_its_way_what_it_concerns():
    """Pickled, copied and handed to another caller, an error has the same status."""
    for error in (setting_error("x"), closed_error("x"), ConfigurationError("x")):
        twins = (pickle.loads(pickle.dumps(error)), copy.deepcopy(error), copied(error))
        assert {status_for(twin) for twin in twins} == {status_for(error)}


def test_a_chain_of_causes_that_bites_its_tail_has_a_status():
    """It is that of the error itself."""
    error = ConfigurationError("odd")
    error.__cause__ = error
    assert status_for(error) == 500


async def test_an_input_that_meets_a_closed_client_concerns_it_too():
    """The error of the bulk concerns what that of its input does."""
    app = emulator(rates=FAST)
    closed = client_of(app)
    await closed.aclose()

    async def jobs():
        yield 1
        await closed.cron.get(1)

    async with client_of(app) as api:
        with pytest.raises(CronAPIError) as raised:
            await api.cron.delete_many(jobs())
    error = raised.value
    while not isinstance(error, ConfigurationError):
        error = error.__cause__
    assert error.concerns == "closed"
    assert status_for(error) == 503


def test_an_error_that_nobody_has_sorted_is_the_programs():
    """A forgotten choice shows no text to a user."""
    error = ConfigurationError("the token is wrong")
    assert (error.concerns, status_for(error)) == ("program", 500)


def test_each_place_that_makes_one_says_whom_it_concerns():
    """By the function that makes it, or by `concerns`. An error that is passed on keeps its own."""
    room = Path(cronapi.__file__).parent
    unsorted = [
        f"{path.relative_to(room)}:{call.lineno}"
        for path in room.rglob("*.py")
        if "ConfigurationError" in (text := path.read_text(encoding="utf-8"))
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) == "ConfigurationError"
        and not any(keyword.arg == "concerns" for keyword in call.keywords)
    ]
    assert unsorted == []


class OddItem(dict):
    """An object of a program, whose own code fails."""

    def items(self):
        raise LookupError("inside")

    keys = __iter__ = items


async def test_an_item_whose_own_code_fails_is_the_programs():
    """No text or number that a user gave does that."""
    async with client_of(emulator(rates=FAST)) as api:
        error = await ended(lambda: api.cron.add_many([OddItem()]))
    assert (type(error), status_for(error)) == (ConfigurationError, 500)
