"""Arguments that make no sense: each is a ConfigurationError that says why, and nothing is sent."""

from __future__ import annotations

import asyncio
import math
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest

from cronapi import (
    FASTCRON,
    SETCRONJOB,
    Client,
    ConfigurationError,
    CronAPIError,
    FastCron,
    JobSpec,
    Provider,
    Rate,
    RetryPolicy,
    Scheduler,
    SetCronJob,
)
from tests.support.emulated import BASE_URLS, TOKEN, URL, client_of

NAIVE = datetime(2030, 5, 24, 2, 44, 25)  # noqa: DTZ001 -- the mistake that is tested


@pytest.fixture
async def wire():
    """Give a transport that notes what is sent and answers success."""
    sent = []

    def note(request):
        sent.append(request)
        return httpx.Response(200, json={"status": "success", "code": 0, "data": {"id": 1}})

    return SimpleNamespace(sent=sent, transport=httpx.MockTransport(note))


# --- tokens --------------------------------------------------------------------------------------

BAD_TOKENS = [
    "",
    " ",
    "two words",
    "line\nbreak",
    "cr\r",
    "tab\t",
    "trailing ",
    "nul\0",
    "tökén",
    "\u200bzero-width",
    "del\x7f",
]
ODD_TOKENS = [b"bytes", 17, ["list"], pytest.param(object(), id="object")]


@pytest.mark.parametrize("cls", [FastCron, SetCronJob])
def test_a_token_is_needed(monkeypatch, cls):
    """Without a token and without its environment variable, the error names the variable."""
    for name in ("FASTCRON_TOKEN", "SETCRONJOB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=f"set {cls.__name__.upper()}_TOKEN"):
        cls()


@pytest.mark.parametrize("token", [*BAD_TOKENS, *ODD_TOKENS], ids=repr)
def test_a_token_that_no_service_has_is_refused(token):
    """Empty text, white space, control and non-ASCII characters are refused when the client is
    made, without repeating them.
    """
    with pytest.raises(ConfigurationError) as refused:
        FastCron(token)
    text = token.decode() if isinstance(token, bytes) else str(token)
    assert len(text) < 3 or text not in str(refused.value)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak"])
def test_a_variable_that_holds_no_token_is_refused(monkeypatch, token):
    """What the environment variable holds is checked like a token that is given."""
    monkeypatch.setenv("FASTCRON_TOKEN", token)
    with pytest.raises(ConfigurationError, match="token"):
        FastCron()


@pytest.mark.parametrize("token", [*BAD_TOKENS, *ODD_TOKENS, None], ids=repr)
async def test_a_function_that_gives_no_token_is_refused(wire, token):
    """What a token function returns is checked before anything is sent, and no slot is used up."""
    async with client_of(None, token=lambda: token, transport=wire.transport) as api:
        with pytest.raises(ConfigurationError, match="token"):
            await api.cron.list()
        assert api.scheduler.stats.in_flight == 0
    assert not wire.sent


# --- constructors --------------------------------------------------------------------------------


def given(cls=FastCron, **options):
    return lambda: cls(TOKEN, **options)


TOO_LONG = 10**5000
CONSTRUCTORS = {
    "http elsewhere": given(base_url="http://example.com/api/"),
    "http on a name that looks local": given(base_url="http://localhost.example.com/"),
    "http on a private address": given(base_url="http://192.168.0.1/"),
    "no scheme": given(base_url="app.fastcron.com/api/v1/"),
    "another scheme": given(base_url="ftp://example.com/"),
    "empty address": given(base_url=""),
    "address with a query": given(base_url="https://example.com/?a=b"),
    "address with a user": given(base_url="https://user:secret@example.com/"),
    "address with a space": given(base_url="https://example.com/a b"),
    "address of another type": given(base_url=17),
    "bearer at SetCronJob": given(SetCronJob, auth="bearer"),
    "unknown auth": given(auth="basic"),
    "unknown format": given(request_format="xml"),
    "unknown scope": given(scope="planet"),
    "timeout 0": given(timeout=0),
    "timeout negative": given(timeout=-1.0),
    "timeout NaN": given(timeout=math.nan),
    "timeout infinite": given(timeout=math.inf),
    "timeout None": given(timeout=None),
    "timeout text": given(timeout="30"),
    "retry a number": given(retry=3),
    "two ways to HTTP": given(
        http_client=httpx.AsyncClient(verify=False), transport=httpx.MockTransport(lambda _: None)
    ),
    "a token in another's logs": given(
        http_client=httpx.AsyncClient(verify=False), request_format="query"
    ),
    "http_client of another kind": given(http_client=object()),
    "http_client that is not async": given(http_client=httpx.Client(verify=False)),
    "rate 0": lambda: Rate(0),
    "rate negative": lambda: Rate(-1),
    "rate NaN": lambda: Rate(math.nan),
    "rate infinite": lambda: Rate(math.inf),
    "rate per nothing": lambda: Rate(1, 0),
    "scheduler rate 0": lambda: Scheduler(0),
    "scheduler rate negative": lambda: Scheduler(-0.5),
    "scheduler rate NaN": lambda: Scheduler(math.nan),
    "no seats": lambda: Scheduler(1, max_in_flight=0),
    "fewer than no seats": lambda: Scheduler(1, max_in_flight=-3),
    "no attempts": lambda: RetryPolicy(max_attempts=0),
    "delay NaN": lambda: RetryPolicy(max_delay=math.nan),
    "budget negative": lambda: RetryPolicy(budget=-1),
    "too many seats": lambda: Scheduler(1, max_in_flight=TOO_LONG),
    "too many attempts": lambda: RetryPolicy(max_attempts=TOO_LONG),
    "a job without a url": lambda: JobSpec(name="x"),
    "a job with an empty url": lambda: JobSpec(url=""),
    "a job with an unknown parameter": lambda: JobSpec(url=URL, expresion="* * * * *"),
}


@pytest.mark.parametrize("make", CONSTRUCTORS.values(), ids=CONSTRUCTORS.keys())
def test_what_cannot_be_made(make):
    """Clients, rates, schedulers, policies and jobs are refused when they are made, not when they
    are first used.
    """
    with pytest.raises(ConfigurationError) as refused:
        make()
    assert "secret" not in str(refused.value)


def test_a_wait_that_no_clock_can_measure_has_no_end():
    """Python refuses to show a number of so many digits, and a policy can be shown."""
    endless = RetryPolicy(max_delay=TOO_LONG, budget=TOO_LONG)
    assert repr(endless) == "RetryPolicy(max_attempts=8, max_delay=inf, budget=inf)"


@pytest.mark.parametrize(
    "cls", [FastCron, SetCronJob, lambda *args, **options: Client(FASTCRON, *args, **options)]
)
def test_an_unknown_option_is_pythons_own_error(cls):
    """A keyword that no constructor has is a TypeError that names it."""
    with pytest.raises(TypeError, match="retries"):
        cls(TOKEN, retries=3)
    for make in (Rate, Scheduler, RetryPolicy, Provider):
        with pytest.raises(TypeError):
            make(retries=3)


def test_a_hint_names_the_parameter_that_was_meant():
    """A misspelt parameter is answered with the nearest one."""
    with pytest.raises(ConfigurationError, match="did you mean 'expression'"):
        JobSpec(url=URL, expresion="* * * * *")


# --- options of calls ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"max_wait": -1},
        {"max_wait": -0.001},
        {"max_wait": math.nan},
        {"timeout": 0},
        {"timeout": -5},
        {"timeout": math.nan},
        {"timeout": math.inf},
        {"timeout": None},
        {"retry": 3},
        {"lane": "express"},
        {"lane": ""},
        {"base_url": "https://example.com/"},
        {"max_waits": 3},
        {},
    ],
    ids=str,
)
async def test_with_options_refuses_what_it_does_not_know(wire, changes):
    """Options of calls are checked when they are set; none at all changes nothing."""
    async with client_of(None, transport=wire.transport) as api:
        if changes:
            with pytest.raises(ConfigurationError, match=next(iter(changes))):
                api.with_options(**changes)
        else:
            await api.with_options().cron.get(1)
            wire.sent.clear()
    assert not wire.sent


async def test_an_unknown_lane_is_refused_by_the_scheduler_too():
    """A slot in a lane that does not exist names those that do."""
    with pytest.raises(ConfigurationError, match="interactive and bulk"):
        async with Scheduler(1000).slot("express"):
            pytest.fail("there is no such lane")


# --- calls ---------------------------------------------------------------------------------------

CALLS = {
    "unknown parameter of add": lambda api: api.cron.add(url=URL, intervall=5),
    "unknown parameter of edit": lambda api: api.cron.edit(1, urls=URL),
    "unknown parameter of batch_edit": lambda api: api.cron.batch_edit([1], urls=URL),
    "unknown parameter of group_edit": lambda api: api.cron.group_edit(1, urls=URL),
    "unknown parameter of a spec": lambda api: api.cron.batch_add(
        [{"url": URL}, {"url": URL, "nome": "x"}]
    ),
    "wire name instead of ours": lambda api: api.cron.add(url=URL, httpMethod="POST"),
    "no url": lambda api: api.cron.add(name="x"),
    "empty url": lambda api: api.cron.add(url=""),
    "naive datetime to run": lambda api: api.cron.run(1, time=NAIVE),
    "naive datetime in add": lambda api: api.cron.add(url=URL, run=NAIVE),
    "naive datetime in edit": lambda api: api.cron.edit(1, run=NAIVE),
    "date without a time": lambda api: api.cron.run(1, time=date(2030, 5, 24)),
    "header with CR": lambda api: api.cron.add(url=URL, http_headers={"X-A": "a\rb"}),
    "header with LF": lambda api: api.cron.add(url=URL, http_headers={"X-A": "a\nX-B: b"}),
    "header with NUL": lambda api: api.cron.add(url=URL, http_headers={"X-A": "a\0b"}),
    "header name with CRLF": lambda api: api.cron.add(url=URL, http_headers={"X-A: 1\r\nX-B": "b"}),
    "header name with a space": lambda api: api.cron.edit(1, http_headers={"X A": "b"}),
    "header name empty": lambda api: api.cron.add(url=URL, http_headers={"": "b"}),
    "header value of another type": lambda api: api.cron.add(url=URL, http_headers={"X-A": 5}),
    "header line without a colon": lambda api: api.cron.add(url=URL, http_headers="nonsense"),
    "NaN": lambda api: api.cron.add(url=URL, timeout=math.nan),
    "infinity": lambda api: api.cron.edit(1, timeout=math.inf),
    "NaN by name": lambda api: api.call("cron.list", page=math.nan),
    "NaN in a list": lambda api: api.call("cron.batch_delete", id=[1, math.nan]),
    "NaN as a time": lambda api: api.cron.run(1, time=math.nan),
    "bytes as a body": lambda api: api.cron.add(url=URL, post_data=b"a=1"),
    "bytearray as a body": lambda api: api.cron.add(url=URL, post_data=bytearray(b"a=1")),
    "dict as a body": lambda api: api.cron.add(url=URL, post_data={"a": 1}),
    "set as a body": lambda api: api.cron.edit(1, post_data={"a"}),
    "bytes as a payload": lambda api: api.cron.run(1, payload=b"a=1"),
    "dict as a payload": lambda api: api.cron.run(1, payload={"a": 1}),
    "object as a name": lambda api: api.cron.edit(1, name=object()),
    "url cleared": lambda api: api.cron.edit(1, url=None),
    "expression cleared": lambda api: api.cron.edit(1, expression=None),
    "pause of nothing": lambda api: api.cron.pause(1, for_=timedelta(0)),
    "pause of less": lambda api: api.cron.pause(1, for_=timedelta(seconds=-5)),
    "empty batch": lambda api: api.cron.batch_add([]),
    "empty batch from a generator": lambda api: api.cron.batch_add(spec for spec in ()),
    "no ids to edit": lambda api: api.cron.batch_edit([], name="x"),
    "no ids to delete": lambda api: api.cron.batch_delete([]),
    "spec without url": lambda api: api.cron.batch_add([{"url": URL}, {"name": "x"}]),
    "spec that is text": lambda api: api.cron.batch_add([URL]),
    "spec that is None": lambda api: api.cron.batch_add([None]),
    "notify code that FastCron has not": lambda api: api.cron.add(url=URL, notify=3),
    "another token by name": lambda api: api.call("cron.list", token="another-token-0123456789"),
}


@pytest.mark.each_value
@pytest.mark.parametrize("request_format", ["json", "form", "query"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_what_cannot_be_called(wire, call, request_format):
    """Parameters that make no sense are refused before anything is sent,
    in every request format.
    """
    async with client_of(None, transport=wire.transport, request_format=request_format) as api:
        with pytest.raises(ConfigurationError) as refused:
            await call(api)
        assert isinstance(refused.value, ValueError)
        assert isinstance(refused.value, CronAPIError)
        assert refused.value.attempts == 0
        assert api.scheduler.stats.in_flight == 0
    assert not wire.sent


async def test_an_item_that_is_wrong_is_named_by_its_place(wire):
    """Of a batch the wrong one is told, counted from zero."""
    async with client_of(None, transport=wire.transport) as api:
        with pytest.raises(
            ConfigurationError, match=r"^cron\.batch_add: item 2: A job needs a url\.$"
        ):
            await api.cron.batch_add([JobSpec(url=URL), {"url": URL}, {"name": "x"}])


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.cron.get(),
        lambda api: api.cron.list(pages=2),
        lambda api: api.cron.pause(1),
        lambda api: api.cron.pause(1, "15 minutes"),
        lambda api: api.group.add(),
        lambda api: api.group.edit(1, nome="x"),
        lambda api: api.account.edit(timezones="UTC"),
        lambda api: api.call(),
    ],
)
async def test_arguments_that_python_refuses(wire, call):
    """Missing and unknown arguments of fixed signatures are Python's own TypeErrors, and nothing is
    sent.
    """
    async with client_of(None, transport=wire.transport) as api:
        with pytest.raises(TypeError):
            await call(api)
    assert not wire.sent


async def test_a_refused_call_costs_no_slot(wire):
    """After a hundred refused calls, at one call a second, the next one still starts at once."""
    scheduler = Scheduler(1)
    async with client_of(None, transport=wire.transport, scheduler=scheduler) as api:
        for _ in range(100):
            with pytest.raises(ConfigurationError):
                await api.cron.add(name="no url")
        assert scheduler.eta("interactive") == 0.0
        await asyncio.wait_for(api.cron.get(1), 5)
    assert len(wire.sent) == 1


def test_a_rate_that_differs_is_no_second_budget():
    """Describing the same address with another rate is refused when it is first used, since one
    service has one limit.
    """
    url = f"{BASE_URLS['setcronjob']}another/"

    async def use(rate):
        async with Client(
            Provider(**{**_fields(SETCRONJOB), "base_url": url, "rate": rate}), TOKEN
        ) as api:
            return api.scheduler

    assert asyncio.run(use(Rate(3))).rate == Rate(3)
    with pytest.raises(ConfigurationError, match="already paced"):
        asyncio.run(use(Rate(5)))


def _fields(provider):
    return {field.name: getattr(provider, field.name) for field in provider.__attrs_attrs__}
