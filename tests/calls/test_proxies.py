"""Objects that say that they are of another type: they are refused by the name of the field."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from functools import partial

import pytest
from attrs import evolve

from cronapi import FASTCRON, ConfigurationError, JobSpec, Notify, Rate, RetryPolicy, Scheduler
from cronapi.models import Headers
from tests.support.any_value import CANARY, Service, everything_of
from tests.support.emulated import URL

from .test_texts import FORMATS, client

pytestmark = pytest.mark.virtual_clock


class Proxy:
    """An object that says that it is of another type, as those of wrapt and werkzeug do."""

    def __init__(self, behind):
        self.behind = behind

    @property
    def __class__(self):
        return type(self.behind)


class Choice(Enum):
    """Values of a program's own that are proxies."""

    FIVE = 5
    ON = True
    WORD = CANARY


for choice in Choice:  # Enum of Python 3.11.2 counts with the values while it makes the class
    choice._value_ = Proxy(choice.value)


PROXIES = {
    "password": Proxy(CANARY),
    "url": Proxy(URL),
    "timeout": Proxy(5),
    "notify": Proxy(Notify(1)),
    "run": Proxy(True),
    "retry_failed": Proxy(True),
    "minute": [Proxy("1")],
    "http_headers": {"X-Key": Proxy(CANARY)},
    "name": Proxy(Notify.EVERY_RUN),
    "month": Proxy(["1"]),
    "instances": Choice.FIVE,
    "hour": [Choice.WORD],
    "pattern": Choice.WORD,
    "single": Choice.ON,
}


@FORMATS
@pytest.mark.parametrize("field", PROXIES)
async def test_a_proxy_of_a_text_or_a_number_is_refused(request_format, field):
    """It says that it is a text, and cannot be read as one: it is refused by the field's name
    before anything is sent.
    """
    service, params = Service(), {field: PROXIES[field]}
    async with client(service, request_format=request_format) as api:
        for call in (
            partial(api.cron.add, **{"url": URL} | params),
            partial(api.cron.edit, 7, **params),
            partial(api.call, "cron.add", **params),
            partial(api.call, "its.own", **params),
        ):
            with pytest.raises(ConfigurationError, match=field) as refused:
                await call()
            assert CANARY not in everything_of(refused.value)
        with pytest.raises(ConfigurationError, match=field):
            JobSpec(**{"url": URL} | params)
    assert not service.sent


def test_a_proxy_of_a_token_is_refused():
    """A token is text. What only says so would not be hidden from tracebacks."""
    with pytest.raises(ConfigurationError, match="token is no text"):
        client(Service(), token=Proxy("tok_abcdefgh"))


@pytest.mark.parametrize(
    "span", [Proxy("1 hour"), Proxy(timedelta(hours=1))], ids=["text", "timedelta"]
)
async def test_a_proxy_of_a_span_is_refused(span):
    """For a single job and for many."""
    service = Service()
    async with client(service) as api:
        for pause in (api.cron.pause, api.cron.pause_many):
            with pytest.raises(ConfigurationError, match="for"):
                await pause(7 if pause == api.cron.pause else [7], for_=span)
    assert not service.sent


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rate(Proxy(5)),
        lambda: client(Service(), timeout=Proxy(5.0)),
        lambda: Scheduler(1, max_in_flight=Proxy(5)),
        lambda: RetryPolicy(max_attempts=Proxy(5)),
        lambda: client(Service(), coalesce=Proxy(False)),
        lambda: evolve(FASTCRON, name=Proxy("mine")),
    ],
    ids=["rate", "timeout", "max_in_flight", "max_attempts", "coalesce", "name"],
)
def test_a_proxy_is_no_setting(make):
    """It is told by its type, as any other value of a wrong kind."""
    with pytest.raises(ConfigurationError, match="Proxy"):
        make()


@pytest.mark.parametrize("pair", [(Proxy("X-Key"), "1"), ("X-Key", Proxy("1"))])
def test_a_proxy_of_a_text_is_no_header(pair):
    """Neither its name nor its value."""
    with pytest.raises(ConfigurationError, match="header"):
        Headers(dict([pair]))
