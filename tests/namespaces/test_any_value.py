"""Any parameter, any value of any type, any format: it is sent as it is declared, or it is a
ConfigurationError before anything is sent. No secret is told by either.
"""

from __future__ import annotations

from functools import partial

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cronapi import APIError, ConfigurationError, CronAPIError, JobSpec
from cronapi._names import wire_name
from cronapi._protocol.declared import JobParams
from tests.support.any_value import (
    ANY,
    CANARY,
    HINTS,
    SECRET_FIELDS,
    Service,
    as_declared,
    body_of,
    everything_of,
    listening,
    may_be,
)
from tests.support.emulated import Hurry, client_of

URL = "https://example.com/ping"
FORMATS = ("json", "form", "query")
JOB = sorted(JobParams.__annotations__.keys() - {"url"})


def job_of(name, value):
    return {"url": URL, name: value}


async def awaited(make, given):
    return await make(given)


DOORS = {
    "cron.add": lambda api, params: api.cron.add(**params),
    "cron.edit": lambda api, params: api.cron.edit(7, **params),
    "cron.ensure": lambda api, params: api.cron.ensure(**({"name": "n"} | params)),
    "cron.batch_add": lambda api, params: api.cron.batch_add([{"url": URL}, params]),
    "cron.batch_edit": lambda api, params: api.cron.batch_edit([7, 8], **params),
    "cron.group_edit": lambda api, params: api.cron.group_edit(7, **params),
    "cron.add_many": lambda api, params: awaited(api.cron.add_many, [{"url": URL}, params]),
    "cron.edit_many": lambda api, params: awaited(api.cron.edit_many, [(7, params)]),
    "JobSpec": lambda api, params: awaited(api.cron.add_many, [JobSpec(**params)]),
    "call": lambda api, params: api.call("cron.add", **params),
}
"""Ways in for a job's parameters."""
ROWS = {"cron.add_many", "cron.batch_add", "cron.edit_many"}
"""Ways in for rows, whose empty cells are not set."""
OTHERS = {
    ("cron.get", "id"): lambda api, value: api.cron.get(value),
    ("cron.delete", "id"): lambda api, value: api.cron.delete(value),
    ("cron.edit", "id"): lambda api, value: api.cron.edit(value, name="x"),
    ("cron.list", "page"): lambda api, value: api.cron.list(page=value),
    ("cron.list", "keyword"): lambda api, value: api.cron.list(keyword=value),
    ("cron.find", "name"): lambda api, value: api.cron.find(value),
    ("cron.run", "time"): lambda api, value: api.cron.run(7, time=value),
    ("cron.run", "payload"): lambda api, value: api.cron.run(7, payload=value),
    ("cron.logs", "limit"): lambda api, value: api.cron.logs(7, limit=value),
    ("cron.pause", "for_"): lambda api, value: api.cron.pause(7, for_=value),
    ("cron.batch_delete", "id"): lambda api, value: api.cron.batch_delete([7, value]),
    ("group.add", "name"): lambda api, value: api.group.add(value),
    ("group.add", "contacts"): lambda api, value: api.group.add("g", contacts=value),
    ("group.add", "auto_delete"): lambda api, value: api.group.add("g", auto_delete=value),
    ("group.lookup", "name"): lambda api, value: api.group.lookup(value),
    ("group.edit", "name"): lambda api, value: api.group.edit(7, name=value),
    ("account.edit", "timezone"): lambda api, value: api.account.edit(timezone=value),
    ("account.secret", "secret"): lambda api, value: api.account.secret(value),
    ("call", "secret"): lambda api, value: api.call("account.secret", secret=value),
    ("call", "payload"): lambda api, value: api.call("cron.run", id=7, payload=value),
}


class Seen:
    """What was sent, what the caller got, and what anybody could have read of it."""

    def __init__(self, service, result, error, logs, loop):
        self.requests = service.sent
        self.error = error
        self.said = "\n".join([*logs, *loop, repr(result)])
        if error is not None:
            self.said += everything_of(error)


async def watched(call, request_format, *, says_no=False):
    """Make a call on the running loop, and return all that can be seen of it."""
    service, loop = Service(says_no=says_no), []
    result = error = None
    with listening() as logs:
        watch_loop(loop)
        async with client_of(
            None,
            transport=httpx.MockTransport(service),
            scheduler=Hurry(10_000.0),
            request_format=request_format,
        ) as api:
            try:
                result = await call(api)
            except Exception as problem:  # noqa: BLE001 -- any other than ours is a fault, seen below
                error = problem
            await anyio.wait_all_tasks_blocked()
    return Seen(service, result, error, logs, loop)


def watch_loop(heard):
    """Listen to what asyncio says of a task that failed; trio would end the test."""
    import asyncio
    import contextlib

    with contextlib.suppress(RuntimeError):
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: heard.append(repr(context)))


def members(requests, name):
    """Yield what was sent under a wire name, in jobs of a batch too."""
    for request in requests:
        body = body_of(request)
        for job in (body, *(one for one in body.get("data", ()) if isinstance(one, dict))):
            if name in job:
                yield request, job[name]


def judge(seen, label, name, value, request_format):
    """Fail unless the value was sent as declared, or refused before anything was sent."""
    hint = HINTS[name]
    if isinstance(seen.error, ConfigurationError):
        assert not seen.requests
        assert name in str(seen.error) or " id " in str(seen.error)
        return
    assert seen.error is None or isinstance(seen.error, APIError), seen.said
    empty = label in ROWS and isinstance(value, str) and not str.strip(value)
    assert value is None or empty or may_be(hint, value), f"{name}={type(value)} was sent"
    searches = ("cron_list",) if label == "cron.ensure" else ()  # their keyword is the job's name
    mine = [one for one in seen.requests if not one.url.path.endswith(searches or "?")]
    for request, sent in members(mine, wire_name(name)):
        is_json = request.content.startswith(b"{")
        assert is_json or request_format != "json"
        assert not empty or may_be(hint, value), f"{name} is empty and was sent"
        fits = name == "id" or as_declared(hint, value, sent, is_json=is_json)
        assert fits, f"{name}: {sent!r} was sent"


def check(through, label, name, value, request_format, backend, *, says_no):
    seen = anyio.run(
        partial(watched, partial(through, label, name, value), request_format, says_no=says_no),
        backend=backend,
    )
    judge(seen, label, name, value, request_format)
    if name in SECRET_FIELDS or (name == "url" and isinstance(value, str)):
        assert CANARY not in seen.said


def through_job(label, name, value, api):
    return DOORS[label](api, job_of(name, value))


def through_other(label, name, value, api):
    return OTHERS[label, name](api, value)


jobs = st.tuples(st.sampled_from(sorted(DOORS)), st.sampled_from(JOB))
secret_jobs = st.tuples(
    st.sampled_from(sorted(DOORS)), st.sampled_from([n for n in SECRET_FIELDS if n in JOB])
)
ways = st.one_of(
    jobs.map(lambda way: (through_job, *way)),
    secret_jobs.map(lambda way: (through_job, *way)),
    st.sampled_from(sorted(OTHERS)).map(lambda way: (through_other, *way)),
)


GIVEN = given(
    way=ways,
    value=ANY,
    request_format=st.sampled_from(FORMATS),
    backend=st.sampled_from(["asyncio", "trio"]),
    says_no=st.booleans(),
)


@GIVEN
@settings(suppress_health_check=list(HealthCheck))
def test_any_value_is_sent_as_declared_or_refused(way, value, request_format, backend, says_no):
    """Whatever a parameter is given, it travels with its declared type, or nothing is sent and the
    error names it; and no secret is in a text, a log, a chained exception or the loop's ears.
    """
    check(*way, value, request_format, backend, says_no=says_no)


@pytest.mark.proof
@GIVEN
@settings(max_examples=6000, suppress_health_check=list(HealthCheck))
def test_any_of_many_values_is_sent_as_declared_or_refused(
    way, value, request_format, backend, says_no
):
    """The same, with many more examples."""
    check(*way, value, request_format, backend, says_no=says_no)


def test_every_parameter_has_a_way_in():
    """The ways above reach each declared parameter."""
    assert {*JOB, "url", *(name for _, name in OTHERS)} == HINTS.keys()
    assert issubclass(ConfigurationError, CronAPIError)
