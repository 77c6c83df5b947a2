"""Text that cannot travel, on its way out and on its way back, and tasks that raise nothing."""

from __future__ import annotations

import enum
import json
import logging
import math
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio
import httpx
import pytest

from cronapi import (
    APIError,
    Applied,
    ConfigurationError,
    CronAPIError,
    JobSpec,
    OutcomeUnknownError,
    TransportError,
)
from cronapi._calls.exchange import translate
from cronapi._calls.spelling import normal
from cronapi._calls.tasks import spawn
from cronapi._protocol.response import Ending
from tests.support.any_value import (
    CANARY,
    OddMapping,
    Service,
    Unprintable,
    body_of,
    everything_of,
    listening,
)
from tests.support.emulated import URL, Hurry, client_of, emulator, paced, specs

pytestmark = pytest.mark.virtual_clock

HALF = f"{CANARY}\ud800"
FORMATS = pytest.mark.parametrize("request_format", ["json", "form", "query"])


def client(answer, **options):
    options.setdefault("scheduler", Hurry(10_000.0))
    return client_of(None, transport=httpx.MockTransport(answer), **options)


SURROGATES = {
    "password": {"password": HALF},
    "url": {"url": f"https://user:{HALF}@example.com/"},
    "http_headers": {"http_headers": {"X-Key": HALF}},
    "http_headers as text": {"http_headers": f"X-Key: {HALF}"},
    "name": {"name": HALF},
    "post_data": {"post_data": HALF},
    "payload": {"payload": HALF},
    "username": {"username": HALF},
}


@FORMATS
async def test_half_of_a_surrogate_pair_is_refused_wherever_it_is(request_format):
    """As text from os.environ, argv or a tenant's JSON may have one: each way in refuses it by the
    field's name before anything is sent, and repeats no part of it.
    """
    service = Service()
    async with client(service, request_format=request_format) as api:
        for label, params in SURROGATES.items():
            field, job = label.partition(" ")[0], {"url": URL, "name": "n"} | params
            for call in (
                partial(api.cron.add, **job),
                partial(api.cron.edit, 7, **params),
                partial(api.cron.ensure, **job),
                partial(api.cron.batch_add, [{"url": URL}, job]),
                partial(api.call, "cron.add", **job),
                partial(api.call, "cron.batch_add", data=[job]),
            ):
                with pytest.raises(ConfigurationError, match=field) as refused:
                    await call()
                assert field == "name" or CANARY not in everything_of(refused.value)
            for make in (api.cron.add_many, lambda given: [JobSpec(**one) for one in given]):
                with pytest.raises(ConfigurationError, match=field):
                    make([job])
        for call in (
            partial(api.account.secret, HALF),
            partial(api.group.add, HALF),
            partial(api.group.lookup, HALF),
            partial(api.cron.find, HALF),
            partial(api.cron.list, keyword=HALF),
            partial(api.cron.run, 7, payload=HALF),
            partial(api.cron.pause, 7, for_=HALF),
            partial(api.account.edit, timezone=HALF),
            partial(api.call, HALF),
            partial(api.call, "odd.one", **{HALF: 1}),
            partial(api.call, "odd.one", x=[HALF]),
        ):
            with pytest.raises(ConfigurationError):
                await call()
    assert not service.sent


@FORMATS
async def test_a_bulk_reports_what_it_did_before_a_text_that_cannot_travel(request_format):
    """Of a generator the jobs before the bad one are made and reported, in every format."""
    app = emulator(rates={"fastcron": None, "setcronjob": None})
    async with paced(app, "setcronjob", request_format=request_format) as api:
        bulk = api.cron.add_many(iter([*specs(5), {"url": URL, "name": HALF}]))
        with pytest.raises(ConfigurationError, match=r"^cron\.add_many: item 5: name cannot be"):
            await bulk
    assert [outcome.index for outcome in bulk.report.done] == [0, 1, 2, 3, 4]


async def test_a_name_is_text():
    """YAML's `no` and a year are no names: nothing is sent, and no job is made twice."""
    service = Service()
    async with client(service) as api:
        for name in (False, 2024, 0, 1.5, b"n", ["n"]):
            for call in (api.cron.ensure, api.cron.add, partial(api.cron.edit, 7)):
                with pytest.raises(ConfigurationError, match="name cannot be a"):
                    await call(url=URL, name=name)
    assert not service.sent


async def test_a_plain_no_is_told_once_whatever_its_text():
    """An error whose text has half of a surrogate pair costs one request, and can be printed."""
    service = Service(says_no=True)
    async with client(service) as api:
        with pytest.raises(APIError, match="No") as refused:
            await api.cron.add(url=URL, password="hunter2222", name="n")
    assert len(service.sent) == 1
    assert str(refused.value).encode()
    assert refused.value.applied is Applied.NO


@pytest.mark.each_loop
async def test_a_token_function_may_return_no_such_text():
    """A token with half of a surrogate pair is refused before anything is sent."""
    service = Service()
    async with client(service, token=lambda: HALF) as api:
        with pytest.raises(ConfigurationError, match="token") as refused:
            await api.cron.list()
    assert CANARY not in everything_of(refused.value)
    assert not service.sent


@pytest.mark.crowd
async def test_a_listing_with_such_texts_is_read():
    """Jobs of others whose names and URLs have half of a surrogate pair hinder no lookup."""
    jobs = [{"id": n, "name": "\ud800", "url": f"https://x/\udfff{n}"} for n in (1, 2)]
    requests = []

    def answer(request):
        requests.append(request.url.path)
        if "add" in request.url.path:
            raise httpx.ReadError("lost")
        page = jobs if body_of(request).get("page", 1) == 1 else []
        envelope = {"status": "success", "code": 0, "data": page}
        return httpx.Response(200, content=json.dumps(envelope).encode())

    async with client(answer) as api:
        assert [job.name for job in await api.cron.list()] == ["\ud800", "\ud800"]
        assert await api.cron.find("other") is None
        report = await api.cron.add_many([{"url": URL, "name": "a"}, {"url": URL, "name": "b"}])
    assert len(report) == 2
    assert all(isinstance(outcome.error, CronAPIError) for outcome in report)
    assert normal("url", "https://x/\ud800") == normal("url", "https://x/%ED%A0%80")


# --- tasks ---------------------------------------------------------------------------------------


class MuteError(Exception):
    """An exception that has no text."""

    def __str__(self):
        raise RuntimeError(CANARY)

    __repr__ = __str__


class CircleError(Exception):
    """An exception that led to itself, and whose answer cannot be read."""

    def __init__(self):
        super().__init__(CANARY)
        self.__cause__ = self

    @property
    def response(self):
        raise RuntimeError(CANARY)


def _unicode():
    return UnicodeEncodeError("utf-8", HALF, len(CANARY), len(HALF), "no")


ODD = {
    "mute": MuteError,
    "circle": CircleError,
    "unicode": _unicode,
    "unprintable": lambda: ValueError(Unprintable()),
    "group": lambda: ExceptionGroup(CANARY, [ValueError(CANARY)]),
    "recursion": lambda: RecursionError(CANARY),
    "memory": lambda: MemoryError(CANARY),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD.keys())
async def test_whatever_a_transport_raises_is_the_calls_own_error(make):
    """It ends neither the loop nor trio's run. The error says that the call may have happened, and
    neither it nor a log repeats a secret.
    """

    def fail(_):
        raise make()

    with listening() as logs:
        async with client(fail, retry=None) as api:
            with pytest.raises(CronAPIError) as edited:
                await api.cron.edit(7, password=CANARY)
            with pytest.raises((TransportError, OutcomeUnknownError)) as added:
                await api.cron.add(url=URL, password=CANARY)
            await anyio.wait_all_tasks_blocked()
    assert edited.value.applied is added.value.applied is Applied.UNKNOWN
    said = [f"{error} {error!r} {error.__cause__!r}" for error in (edited.value, added.value)]
    assert CANARY not in "".join([*said, *logs])


def test_any_exception_has_a_verdict():
    """Also one whose attributes, text and chain are broken; each may have been sent."""
    for make in ODD.values():
        verdict = translate(make(), httpx, (HALF, CANARY), stock=True)
        assert verdict.ending is Ending.LOST
        assert CANARY not in str(verdict.error)


class EndError(BaseException):
    """An exception that is no Exception, as some test frameworks have."""


@pytest.mark.each_loop
async def test_a_task_of_the_library_raises_nothing(caplog):
    """An exception that leaves a task all the same is logged by its type, without its text."""

    async def fail(error):
        await anyio.sleep(0.1)
        raise error

    group = ExceptionGroup("g", [KeyError(CANARY)])
    for error in (_unicode(), group, MuteError(), EndError(CANARY)):
        with caplog.at_level(logging.ERROR, "cronapi"):
            spawn(partial(fail, error))
            await anyio.sleep(1)
    kinds = ["UnicodeEncodeError", "ExceptionGroup", "MuteError", "EndError"]
    assert [record.args for record in caplog.records] == [(kind,) for kind in kinds]
    assert CANARY not in caplog.text
    assert all(record.exc_info is None for record in caplog.records)


async def test_a_transport_that_raises_no_exception_is_a_lost_answer():
    """Not even an exception that is no Exception leaves the task. The call may have happened."""

    def fail(_):
        raise EndError(CANARY)

    async with client(fail, retry=None) as api:
        with pytest.raises(TransportError, match="cut off") as lost:
            await api.cron.edit(7, password=CANARY)
        assert api.scheduler.stats.in_flight == 0
    assert lost.value.applied is Applied.UNKNOWN


@pytest.mark.each_loop
async def test_a_task_of_the_library_can_be_cancelled_while_it_waits():
    """The net lets a cancellation through."""
    ended = []

    async def wait():
        try:
            await anyio.sleep(1000)
        finally:
            ended.append(anyio.current_time())

    begun = anyio.current_time()
    scope = spawn(wait)
    await anyio.sleep(1)
    scope.cancel()
    await anyio.wait_all_tasks_blocked()
    assert ended == [begun + 1]


async def test_headers_of_the_callers_own_kind_tell_nothing():
    """A mapping whose own code raises is refused by the field's name, and its text is not told."""
    service = Service()
    async with client(service) as api:
        with pytest.raises(ConfigurationError, match="http_headers could not be read") as refused:
            await api.cron.add(url=URL, http_headers=OddMapping())
    assert CANARY not in everything_of(refused.value)
    assert not service.sent


class JobName(enum.Enum):
    NIGHTLY = "nightly"
    PADDED = " nightly"


async def test_a_job_is_ensured_by_the_name_that_a_member_of_an_enum_stands_for():
    """`ensure` takes what `add` takes for a name: the text of an enum's member, by its rules."""
    async with paced(emulator()) as api:
        made = await api.cron.ensure(name=JobName.NIGHTLY, url=URL)
        found = await api.cron.ensure(name="nightly", url=URL)
        assert (made.name, found.id) == ("nightly", made.id)
        with pytest.raises(ConfigurationError, match="white space"):
            await api.cron.ensure(name=JobName.PADDED, url=URL)


class NotATime(datetime):
    """Like the NaT of pandas: a datetime that is none."""

    def timestamp(self):
        return math.nan


class NotASpan(timedelta):
    def total_seconds(self):
        return math.nan


@FORMATS
async def test_a_datetime_that_is_no_time_is_refused(request_format):
    """Libraries have datetimes for missing values: they are refused by the parameter's name, and
    the length of a timedelta is what Python says, whatever a subclass does.
    """
    service = Service()
    time = NotATime(2030, 1, 1, tzinfo=UTC)
    async with client(service, request_format=request_format) as api:
        for name, call in {
            "run": partial(api.cron.add, url=URL, run=time),
            "time": partial(api.call, "cron.pause", id=7, time=time),
            "since": partial(api.call, "cron.count", since=time),
        }.items():
            with pytest.raises(ConfigurationError, match=f"datetime of {name}"):
                await call()
        assert not service.sent
        await api.call("cron.pause", id=7, for_=NotASpan(minutes=5))
    assert body_of(service.sent[-1])["for"] == "5 minutes"
