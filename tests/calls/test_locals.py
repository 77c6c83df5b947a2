"""Tracebacks with local variables: no frame of the library shows a token or a job's password."""

from __future__ import annotations

import asyncio
import json
import pickle
import traceback
from pathlib import Path

import httpx
import pytest
from attrs import evolve

import cronapi
from cronapi import (
    FASTCRON,
    Client,
    CronAPIError,
    CronJob,
    FastCron,
    JobSpec,
    RetryPolicy,
    SetCronJob,
)
from cronapi._protocol.hidden import hide
from cronapi.models import Headers
from cronapi.webhooks import CronEndpoint, Receiver
from tests.support.emulated import Hurry, client_of

HOUSE = str(Path(cronapi.__file__).parent)
TOKEN = "t0ken-of-the-account-0123456789ab"
PASSWORD, BASIC, BODY, PAYLOAD = "hunter22", "Zm9vOmJhcg0987", "post-data-77", "payload-of-88"
HIDDEN = (TOKEN, PASSWORD, BASIC, BODY, PAYLOAD)
URL = f"https://joe:{PASSWORD}@example.com/ping"


def job(**more):
    return {
        "url": URL,
        "name": "ping",
        "username": "u",
        "password": PASSWORD,
        "http_headers": {"Authorization": f"Basic {BASIC}"},
        "post_data": BODY,
        "payload": PAYLOAD,
    } | more


KEPT = CronJob(
    id=7,
    url=URL,
    username="u",
    password=PASSWORD,
    http_headers=f"Authorization: Basic {BASIC}",
    post_data=BODY,
)
CHANGED = KEPT.headers | {"X-Key": PAYLOAD}
CALLS = {
    "add": lambda api: api.cron.add(**job()),
    "add with a line": lambda api: api.cron.add(**job(http_headers=f"Authorization: {BASIC}")),
    "edit": lambda api: api.cron.edit(7, **job()),
    "ensure": lambda api: api.cron.ensure(**job()),
    "batch_add": lambda api: api.cron.batch_add([JobSpec(**job()), JobSpec(**job(name="b"))]),
    "batch_edit": lambda api: api.cron.batch_edit([7, 8], **job()),
    "group_edit": lambda api: api.cron.group_edit(7, **job()),
    "run": lambda api: api.cron.run(7, payload=PAYLOAD),
    "run_many": lambda api: raised(api.cron.run_many([7], payload=PAYLOAD)),
    "secret": lambda api: api.account.secret(PASSWORD),
    "raw": lambda api: api.call("cron.add", **job()),
    "raw, camelCase": lambda api: api.call("odd.one", password=PASSWORD, postData=BODY),
    "add_many": lambda api: raised(api.cron.add_many([JobSpec(**job()), JobSpec(**job(name="b"))])),
    "edit_many": lambda api: raised(api.cron.edit_many([(7, JobSpec(**job()))])),
    "bad header": lambda api: api.cron.add(**job(http_headers=f"Authorization {BASIC}")),
    "bad value": lambda api: api.cron.add(**job(post_data={"a": BODY})),
    "bad name": lambda api: api.cron.add(**job(pasword=PASSWORD)),
    "bad edit": lambda api: api.cron.edit(7, **job(timeout=float("inf"))),
    "copy": lambda api: api.cron.add(KEPT),
    "changed copy": lambda api: api.cron.add(KEPT, password=PASSWORD, http_headers=CHANGED),
    "copies": lambda api: raised(api.cron.add_many([KEPT, KEPT])),
    "bad copy": lambda api: api.cron.add(KEPT, post_data={"a": BODY}),
    "lost copy": lambda api: api.cron.add(evolve(KEPT, password="", http_headers=BASIC)),
    "copy of nothing": lambda api: api.cron.add(evolve(KEPT, url=None)),
    "bad ensure": lambda api: api.cron.ensure(**job(name="")),
}


async def raised(bulk):
    report = await bulk
    report.raise_for_failures()


def raising(kind):
    def fail(request):
        raise kind("broke", request=request)

    return fail


def rows(request):
    """Answer with a job that has all its secrets, and an id that is none."""
    row = {
        "id": 7 if request.url.path.endswith("list") else "seven",
        "name": "other",
        "url": URL,
        "password": PASSWORD,
        "httpHeaders": f"Authorization: {BASIC}",
        "postData": BODY,
    }
    data = [row] if request.url.path.endswith("list") else row
    return httpx.Response(200, json={"status": "success", "code": 0, "data": data})


FAULTS = {
    "refused": raising(httpx.ConnectError),
    "lost": raising(httpx.ReadError),
    "garbage": lambda _: httpx.Response(200, text="garbage"),
    "error": lambda _: httpx.Response(200, json={"status": "error", "code": 5, "message": "No."}),
    "503": lambda _: httpx.Response(503),
    "another shape": rows,
}


def shown(error):
    """Return the names of the frames in a traceback with locals that show a hidden text."""
    waiting, found = [traceback.TracebackException.from_exception(error, capture_locals=True)], []
    while waiting:
        report = waiting.pop()
        found += [
            f"{Path(frame.filename).name}:{frame.name}:{name}"
            for frame in report.stack
            for name, text in (frame.locals or {}).items()
            if "tests" not in frame.filename and any(secret in text for secret in HIDDEN)
        ]
        waiting += [each for each in (report.__cause__, report.__context__) if each]
        waiting += report.exceptions or []
    return found


async def failure(call):
    try:
        await call
    except CronAPIError as error:
        return error
    except (ExceptionGroup, asyncio.CancelledError) as error:
        return error
    return None


@pytest.mark.few(3)
@pytest.mark.parametrize("coalesce", [False, True], ids=["alone", "coalesced"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_no_frame_shows_a_secret(fault, coalesce):
    """Whatever fails, a traceback with the values of local variables shows no secret of a job, and
    no token, in any frame but the caller's own.
    """
    options = {
        "scheduler": Hurry(10_000.0),
        "retry": RetryPolicy(max_attempts=2, max_delay=0.0, budget=0),
        "coalesce": coalesce,
        "transport": httpx.MockTransport(FAULTS[fault]),
    }
    found = {}
    async with client_of(None, token=TOKEN, **options) as api:
        for name, call in CALLS.items():
            error = await failure(call(api))
            assert error is not None or fault == "another shape", name
            if error is not None and (frames := shown(error)):
                found[name] = frames
    assert not found


@pytest.mark.parametrize("coalesce", [False, True], ids=["alone", "coalesced"])
async def test_no_frame_of_a_cancelled_call_shows_a_secret(coalesce):
    """A call that is cancelled while it waits is a traceback through the library too."""

    async def never(_):
        await asyncio.Event().wait()

    options = {
        "scheduler": Hurry(10_000.0, max_in_flight=50),
        "retry": None,
        "timeout": 0.05,
        "coalesce": coalesce,
        "transport": httpx.MockTransport(never),
    }
    for name, call in CALLS.items():
        async with client_of(None, token=TOKEN, **options) as api:
            task = asyncio.create_task(failure(call(api)))
            for _ in range(20):
                await asyncio.sleep(0)
            task.cancel()
            assert not shown(await task), name


MADE = {
    "a bulk of runs at no time": lambda api: api.cron.run_many(
        [7], time=float("nan"), payload=PAYLOAD
    ),
    "a bulk of runs of no job": lambda api: api.cron.run_many(["x"], payload=PAYLOAD),
    "a bulk of runs with no such option": lambda api: api.cron.run_many([7], payload=PAYLOAD, n=1),
    "no such option": lambda _: FastCron(TOKEN, tmeout=5),
    "an address without encryption": lambda _: FastCron(TOKEN, base_url="http://example.com"),
    "an address with a password": lambda _: SetCronJob(TOKEN, base_url=URL),
    "a token that is none": lambda _: SetCronJob(f"{TOKEN}\n"),
    "another client": lambda _: Client(FASTCRON, TOKEN, base_url=URL),
    "a wrong secret": lambda _: Receiver(secrets=["x" * 16]).read(b"", secret=TOKEN),
    "a notification that is none": lambda _: RECEIVER.read(b"", secret=TOKEN),
    "a wrong key": lambda _: CronEndpoint(secrets=["x" * 16]).read(b"", key=TOKEN),
    "a call that is none": lambda _: ENDPOINT.read(b"", key=TOKEN),
}
RECEIVER, ENDPOINT = Receiver(secrets=[TOKEN]), CronEndpoint(secrets=[TOKEN])


@pytest.mark.parametrize("story", MADE)
def test_no_frame_of_a_refusal_shows_a_secret(story):
    """What is refused at once, before any call, shows no secret that was given by itself."""
    api = client_of(None, token=TOKEN)
    with pytest.raises((CronAPIError, TypeError)) as refused:
        MADE[story](api)
    assert not shown(refused.value)


HALF_MADE = {
    "a client": lambda _: Client(FASTCRON, TOKEN, timeout=0),
    "a client of a service": lambda _: SetCronJob(TOKEN, retry=3),
    "a client of nothing": lambda _: Client(None, TOKEN),
    "a client with a wrong option": lambda _: FastCron(TOKEN, tmeout=5),
    "a bulk with a wrong option": lambda api: api.cron.delete_many([7], jurnal="x"),
    "a bulk of nothing": lambda api: api.cron.delete_many([]),
    "a spec": lambda _: JobSpec(url=URL, pasword=PASSWORD),
    "headers": lambda _: Headers({"Authorization": f"Basic {BASIC}\r"}),
    "headers of a job": lambda _: evolve(KEPT, http_headers=BASIC).headers,
}


@pytest.mark.parametrize("story", HALF_MADE)
def test_a_thing_that_cannot_be_made_is_shown_too(story):
    """A debugger or a traceback with locals shows the frame of a constructor that has failed."""
    api = client_of(None, token=TOKEN)
    with pytest.raises((CronAPIError, TypeError)) as refused:
        HALF_MADE[story](api)
    for frame, _ in traceback.walk_tb(refused.value.__traceback__):
        assert all(map(repr, frame.f_locals.values()))


def test_a_hidden_parameter_is_like_any_other():
    """What hides a parameter from a repr changes neither its value nor what is sent."""
    params = hide(job(data=[job()], headers={"a": "b"}))
    assert params == job(data=[job()], headers={"a": "b"})
    assert json.dumps(params) == json.dumps(job(data=[job()], headers={"a": "b"}))
    assert not [secret for secret in HIDDEN if secret in repr(params)]
    assert "ping" in repr(params)
    assert pickle.loads(pickle.dumps(params)) == params
    assert type(str(params["password"])) is str
