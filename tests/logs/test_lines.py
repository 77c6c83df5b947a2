"""What the logger `cronapi` tells of calls, repeats, holds, outages and lookups."""

from __future__ import annotations

import logging
from collections import Counter
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest

from cronapi import Applied, ConfigurationError, CronAPIError, Rate, RetryPolicy, Scheduler
from cronapi._logs import lines
from cronapi._logs.lines import FIELDS, Event, write
from cronapi.emulator import Fault
from cronapi.scheduler import LocalBucket
from tests.support.emulated import FAST, URL, emulator, paced, specs
from tests.support.line import good

pytestmark = pytest.mark.virtual_clock

PAGE = (Path(__file__).parents[2] / "docs" / "logging.md").read_text(encoding="utf-8")
EVENTS = {name: value for name, value in vars(lines).items() if isinstance(value, Event)}
ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "stack_info"}


@pytest.fixture
def log(caplog):
    """Everything that is logged, from DEBUG on."""
    with caplog.at_level(logging.DEBUG, "cronapi"):
        yield caplog


def events(log, level=logging.DEBUG):
    """Return the names of the lines of at least this level."""
    return [record.cron_event for record in log.records if record.levelno >= level]


def of(log, event):
    """Return the fields of each line of a kind."""
    return [
        {name.removeprefix("cron_"): value for name, value in vars(record).items()}
        for record in log.records
        if record.cron_event == event
    ]


# --- the lines -----------------------------------------------------------------------------------


async def test_every_request_is_told_with_its_times(log):
    """At DEBUG an operator reads the service, the function, the attempt, the status, and the
    seconds in the queue and on the wire.
    """
    app = emulator()
    app.emulator.faults.add(Fault("slow_503", seconds=0.25, function="cron.list"))
    async with paced(app) as api:
        await api.account.get()
        await api.cron.list()
    first, refused, *_, last = of(log, "request")
    assert (first["provider"], first["function"]) == ("fastcron", "account.get")
    assert (first["attempt"], first["ending"], first["status"]) == (1, "done", 200)
    assert (first["queued"], first["wire"]) == (0, 0)
    assert (refused["attempt"], refused["ending"], refused["status"]) == (1, "refused", 503)
    assert 1.0 <= refused["queued"] <= 1.1
    assert refused["wire"] == pytest.approx(0.25, abs=0.01)
    assert (last["attempt"], last["ending"], last["status"]) == (3, "done", 200)
    text = log.records[0].getMessage()
    assert text.startswith("fastcron account.get: attempt 1: done, HTTP status 200, 0.000 s in the")


async def test_a_dead_host_is_no_silence(log):
    """Where no connection can be made, INFO tells of each repeat with its reason and its wait, of
    the outage, and of its end.
    """
    dead = True

    async def answer(_):
        if dead:
            raise httpx.ConnectError("[Errno 111] Connection refused")
        return good([])

    async with paced(emulator(), transport=httpx.MockTransport(answer)) as api:
        with pytest.raises(CronAPIError):
            await api.cron.list()
        dead = False
        await api.cron.list()
    told = events(log, logging.INFO)
    assert Counter(told) == {"repeat": 7, "outage_begins": 1, "outage_ends": 1}
    assert told[:2] == ["outage_begins", "repeat"] or told[:2] == ["repeat", "outage_begins"]
    assert told[-1] == "outage_ends"
    repeat = of(log, "repeat")[0]
    assert "Connection refused" in repeat["error"]
    assert (repeat["attempt"], 0 <= repeat["wait"] <= 0.5) == (1, True)
    (end,) = of(log, "outage_ends")
    assert (end["provider"], end["count"], end["seconds"] > 1) == ("fastcron", 8, True)


async def test_a_host_that_drops_packets_is_no_silence(log):
    """While no answer comes, INFO says so after 5 seconds, with the seconds that are left."""

    async def hang(_):
        await anyio.sleep(3600)

    transport = httpx.MockTransport(hang)
    async with paced(emulator(), transport=transport, retry=None) as api:
        with pytest.raises(CronAPIError):
            await api.cron.list()
        with pytest.raises(CronAPIError):
            await api.with_options(timeout=4.0).cron.list()
    (waits,) = of(log, "waiting")
    assert (waits["function"], waits["seconds"], waits["wait"]) == ("cron.list", 5.0, 25.0)


async def test_holds_and_refusals_are_told(log):
    """INFO tells that the rate limit refuses, that everybody waits, and that it is over."""
    app = emulator()
    app.emulator.faults.add(Fault("outage", times=3))
    async with paced(app) as api:
        await api.cron.list()
    told = events(log, logging.INFO)
    assert Counter(told) == {"refusal": 3, "hold_begins": 1, "hold_ends": 1}
    assert told[-1] == "hold_ends"
    assert of(log, "hold_begins")[0]["wait"] > 0
    assert "503" in of(log, "refusal")[0]["error"]


async def test_a_lookup_and_its_result_are_warnings(log):
    """Where the answer to an add is lost, WARNING tells of the lookup and of the job that was
    adopted; where it was not made, that it is sent again is INFO.
    """
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("lose", function="cron.add"))
        job = await api.cron.add(url=URL, name="kept")
        assert events(log, logging.WARNING) == ["lookup", "adoption"]
        assert of(log, "adoption")[0]["id"] == job.id
        log.clear()
        app.emulator.faults.add(Fault("reset", function="cron.add"))
        await api.cron.add(url=URL, name="again")
    assert events(log, logging.INFO) == ["lookup", "not_carried_out"]
    assert of(log, "lookup")[0]["function"] == "cron.add"


@pytest.mark.parametrize("coalesce", [False, True])
async def test_lookups_of_batches_are_counted(log, coalesce):
    """A batch whose answer was lost is one line for all its jobs, from a bulk or from callers."""
    app = emulator()
    app.emulator.faults.add(Fault("lose", function="cron.batch_add"))
    async with paced(app, coalesce=coalesce) as api:
        if coalesce:
            await api.cron.list()
            async with anyio.create_task_group() as group:
                for spec in specs(5):
                    group.start_soon(lambda spec=spec: api.cron.add(**spec))
        else:
            await api.cron.add_many(specs(5))
    assert events(log, logging.WARNING) == ["lookup", "adoption"]
    assert [of(log, event)[0]["count"] for event in ("lookup", "adoption")] == [5, 5]


UNKNOWNS = {
    "an add": lambda api: api.cron.add(url=URL, name="n"),
    "an edit": lambda api: api.cron.edit(7, name="n"),
    "a run": lambda api: api.cron.run(7),
    "a bulk": lambda api: api.cron.edit_many([(7, {"name": "n"})]),
    "a batch": lambda api: api.cron.batch_add(specs(3)),
    "a raw call": lambda api: api.call("cron.new_one", id=7),
}


@pytest.mark.parametrize("name", UNKNOWNS)
async def test_an_unknown_outcome_is_a_warning(name, log):
    """If nothing tells whether a call was carried out, WARNING says so, and why."""
    app = emulator(rates=FAST)
    async with paced(app, retry=RetryPolicy(max_attempts=1)) as api:
        await api.cron.add(url=URL)
        app.emulator.faults.add(Fault("stall", times=None, seconds=100.0))
        call = partial(UNKNOWNS[name], api.with_options(timeout=1.0))
        if name == "a bulk":
            assert len((await call()).unknown) == of(log, "bulk_unknown")[0]["count"] == 1
        else:
            with pytest.raises(CronAPIError) as caught:
                await call()
            assert caught.value.applied is Applied.UNKNOWN
    told = events(log, logging.WARNING)
    assert "unknown" in told
    assert all(of(log, "unknown")[0][name] for name in ("provider", "function", "error"))


async def test_an_altered_name_is_a_warning(log):
    """`ensure` warns where the service keeps the name in another spelling."""

    async def answer(request):
        kept = {"id": 7, "name": "NIGHTLY", "url": URL}
        return good([] if request.url.path.endswith("list") else kept)

    async with paced(emulator(), transport=httpx.MockTransport(answer)) as api:
        await api.cron.ensure(name="nightly", url=URL)
    (altered,) = of(log, "altered_name")
    assert (altered["name"], altered["kept"], altered["id"]) == ("nightly", "NIGHTLY", 7)
    assert altered["provider"] == "fastcron"


# --- what every line keeps -----------------------------------------------------------------------


async def test_quiet_calls_log_nothing_above_debug(log):
    """A program whose calls succeed reads nothing at INFO, whatever it calls."""
    async with paced(emulator(rates=FAST), coalesce=True) as api:
        jobs = (await api.cron.add_many(specs(3))).values
        await api.cron.ensure(name="n0", url=jobs[0].url)
        await api.cron.delete_many([job.id for job in jobs])
        with pytest.raises(CronAPIError):
            await api.cron.get(1)
    assert events(log, logging.INFO) == []
    assert set(events(log)) == {"request"}


def test_fields_clash_with_nothing_and_the_page_names_all():
    """No field is an attribute that logging sets itself, and docs/logging.md has a row for each
    field and each line.
    """
    assert not FIELDS.keys() & ATTRIBUTES
    assert all(name.startswith("cron_") for name in FIELDS)
    used = {f"cron_{name}" for event in EVENTS.values() for name in event.fields}
    assert FIELDS.keys() == used | {"cron_event"}
    for name, meaning in FIELDS.items():
        assert f"| `{name}` | {meaning} |" in PAGE
    for event in EVENTS.values():
        level = logging.getLevelName(event.level)
        assert f"| `{event.name}` | {level} | " in PAGE, event.name


def test_every_line_can_be_written(log):
    """Each text takes the fields of its row, with odd values too."""
    for event in EVENTS.values():
        write(event, *(7 for _ in event.fields))
    assert len(log.records) == len(EVENTS)
    assert all(record.getMessage() for record in log.records)
    assert len({event.name for event in EVENTS.values()}) == len(EVENTS)


def test_a_service_cannot_forge_a_line(log):
    """Texts of others are one line, bounded, and without the password of an address."""
    forged = (
        f"x\r\n2026 INFO admin logged in\x1b[31m\u202e\ud800 redis://joe:s3cr3t@host {'y' * 999}"
    )
    write(lines.BUCKET_FAILED, OSError(forged))
    write(lines.REFUSED, "fastcron", "cron.list", 1, ConfigurationError(forged))
    for record in log.records:
        text = record.getMessage()
        assert text.isprintable()
        assert len(text) < 500
        assert "s3cr3t" not in str(vars(record))


async def test_an_odd_bucket_is_told_with_its_place_and_no_secret(log):
    """An error of a bucket of the user's own costs no call. Its class, text and line are logged,
    without the password of an address, and no traceback.
    """

    class Odd(LocalBucket):
        def accepted(self, start):
            raise OSError("redis://joe:s3cr3t@host is away")

    app = emulator(rates=FAST)
    scheduler = Scheduler(1000.0, bucket=Odd(Rate(1000.0), clock=anyio.current_time))
    async with paced(app, scheduler=scheduler) as api:
        assert await api.cron.list() == []
    (odd,) = of(log, "odd_bucket")
    assert odd["error"] == "OSError: redis://joe:***@host is away"
    assert Path(__file__).name in odd["place"]
    assert odd["exc_info"] is None


class MuteError(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.each_loop
async def test_logging_breaks_no_call(log):
    """A filter of the program that raises, and an error that has no text, cost a line and nothing
    else.
    """

    def raises(_):
        raise RuntimeError("a bad filter")

    write(lines.BUCKET_FAILED, MuteError())
    logging.getLogger("cronapi").addFilter(raises)
    try:
        app = emulator()
        app.emulator.faults.add(Fault("lose", function="cron.add"))
        async with paced(app) as api:
            await api.cron.add(url=URL, name="n")
    finally:
        logging.getLogger("cronapi").removeFilter(raises)
    assert len(app.emulator.jobs("fastcron")) == 1
    assert log.records == []
