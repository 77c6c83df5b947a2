"""The doors of the receiver on real sockets: ASGI, FastAPI and aiohttp."""

import asyncio
import gzip
import logging
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Request

from cronapi import ConfigurationError, Notification
from cronapi.webhooks import Receiver, hide_secret, read_notification
from tests.support.doors import DOORS, HOOK, asgi_app, served
from tests.support.emulated import START
from tests.support.posts import SECRET, told

SAMPLES = sorted((Path(__file__).parents[1] / "samples" / "webhook").glob("*.json"))
RAN_AT = 1_720_409_270
"""The time of the recorded notifications."""


@pytest.fixture
def handled():
    return []


@pytest.fixture
def receiver(handled):
    async def keep(notification):
        handled.append(notification)

    return Receiver(secrets=[SECRET], handler=keep, clock=lambda: RAN_AT)


@pytest.mark.parametrize("door", DOORS)
async def test_recorded_notifications_are_handled_once(door, receiver, handled):
    """A notification of any era is handled as it reads, once though it comes three times."""
    async with served(door, receiver) as browser:
        for sample in SAMPLES * 3:
            answer = await browser.post(HOOK, content=sample.read_bytes())
            assert (answer.status_code, answer.content) == (204, b"")
    read = {note.key: note for note in (read_notification(s.read_bytes()) for s in SAMPLES)}
    assert {note.key for note in handled} == set(read)
    assert len(handled) == len(read) == 2
    assert receiver.stats.duplicates == 3 * len(SAMPLES) - 2


@pytest.mark.parametrize("door", ["asgi", *DOORS])
async def test_a_wrong_secret_is_an_unknown_path(door, receiver, handled):
    """Nothing tells a wrong secret from a path that is not there: the same bytes."""
    async with served(door, receiver) as browser:
        unknown = await browser.post("/nothing/at/all", content=told())
        for path in ("/hooks/guess", f"/hooks/{SECRET}x", f"/hooks/{SECRET[:-1]}", "/hooks/%00%ff"):
            answer = await browser.post(path, content=told())
            assert (answer.status_code, answer.content) == (404, unknown.content)
            assert drop_date(answer.headers) == drop_date(unknown.headers)
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            wrong, right = [await browser.request(method, path) for path in ("/hooks/x", HOOK)]
            if door == "fastapi":  # whose own router knows the route's method
                assert wrong.status_code == right.status_code == 405
                continue
            assert wrong.status_code == 404
            assert right.status_code == (200 if method in ("GET", "HEAD") else 405)
            assert right.text == {"GET": "cronapi receiver"}.get(method, right.text)
    assert handled == []


def drop_date(headers):
    return {name: value for name, value in headers.items() if name != "date"}


def wild_bodies():
    """Return bodies that are no notification, with headers of their own."""
    deep = b'{"id": 7, "x": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    texts = [
        *(b"", b" ", b"\0", b"\xff", b"\xef\xbb\xbf", b"null", b"true", b"5", b'"7"', b"[]", b"{}"),
        *(b'{"id": null}', b'{"id": {}}', b'{"id": []}', b'{"id": "x"}', b'{"id": 1.5}'),
        *(b'{"id": NaN}', b'{"id": Infinity}', b'{"id": 1e999}', b'{"id": true}', b'{"id": -'),
        *(b'{"id": 7, "time": "soon"}', b'{"id": 7, "time": 1e300}', b'{"id": 7, "time": []}'),
        *(b'{"id": 7, "status": "bad"}', b'{"id": 7, "output": {}}', b'{"id": 7, "name": []}'),
        *(
            b'{"id": 7, "executionTime": NaN}',
            b"{'id': 7}",
            b"{id: 7}",
            b'{"id": 7}}',
            b'{"id":7,}',
        ),
        *(b"id=7&status=1", b"<id>7</id>", b'[{"id": 7}]', told()[:-1], b"x" * 2**20, deep),
        *(told().decode().encode("utf-16-le")[1:], told().decode().encode("cp037"), b"[" * 2**20),
        *(b'{"id": ' + b"7" * 5000 + b"}", b'{"id": 7, "time": ' + b"9" * 400 + b"}"),
        *(gzip.compress(told()), b"--x\r\nContent-Disposition: form-data\r\n\r\n7\r\n--x--\r\n"),
    ]
    encoded = [
        (gzip.compress(told()), {"Content-Encoding": "gzip"}),
        (gzip.compress(b" " * 2**23), {"Content-Encoding": "gzip"}),
        (b"no gzip", {"Content-Encoding": "gzip"}),
        (b"no deflate", {"Content-Encoding": "deflate"}),
    ]
    return [(text, {}) for text in texts] + encoded


@pytest.mark.few(1)
@pytest.mark.parametrize("door", DOORS)
async def test_wild_bodies_are_refused(door, receiver, handled, caplog):
    """Whatever comes to the right address is answered with 400 or 413, and nothing is logged."""
    caplog.set_level(logging.INFO)
    bodies = wild_bodies()
    assert len(bodies) >= 40
    async with served(door, receiver) as browser:
        for body, headers in bodies:
            answer = await browser.post(HOOK, content=body, headers=headers)
            assert answer.status_code == 400, body[:60]
            assert "7" not in answer.text
        for body in (b"x" * (2**20 + 1), b" " * 3 * 2**20):
            assert (await browser.post(HOOK, content=body)).status_code == 413

        async def without_length():
            for _ in range(20):
                yield b" " * 2**16

        assert (await browser.post(HOOK, content=without_length())).status_code == 413
        for kind in ("text/plain", "application/x-www-form-urlencoded", "nonsense", "\xff"):
            named = {"Content-Type": kind.encode("latin-1")}
            body = told(hash(kind) % 10**6, time=RAN_AT)
            assert (await browser.post(HOOK, content=body, headers=named)).status_code == 204
    assert len(handled) == 4
    told_of = [one for one in caplog.records if one.name != "httpx" and one.levelno > logging.INFO]
    assert [one.getMessage() for one in told_of] == []


@pytest.mark.parametrize("door", DOORS)
async def test_a_caller_that_hangs_up_leaves_nothing(door, receiver, handled, caplog):
    """A body that ends in the middle is no notification, though what came may read as one."""
    async with served(door, receiver) as browser:
        address = browser.base_url
        for sent in (told(time=RAN_AT), b""):
            _, writer = await asyncio.open_connection(address.host, address.port)
            head = f"POST {HOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"
            writer.write(head.encode() + sent)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        while receiver.stats.refused < 2:  # noqa: ASYNC110 -- the receiver has no event for it
            await asyncio.sleep(0.001)
    assert (handled, receiver.stats.accepted) == ([], 0)
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_a_route_of_fastapi_may_be_the_handler(handled):
    """Without a handler the route gets each message once, and its error is the answer."""
    receiver = Receiver(secrets=[SECRET], clock=lambda: START)
    app = FastAPI()

    @app.post("/hooks/{anything}")  # noqa: FAST003 -- see above
    async def hook(note: Annotated[Notification, Depends(receiver.fastapi())]) -> None:
        handled.append(note.id)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as browser:
        for _ in range(2):
            assert (await browser.post(HOOK, content=told())).status_code == 204
        assert (await browser.post(HOOK, content=b"{}")).status_code == 400
    assert (handled, receiver.stats.duplicates, receiver.stats.refused) == ([7], 1, 1)


async def test_a_body_that_was_read_before_is_needed(receiver, handled):
    """Who reads the body first must keep it, as `request.body()` does and a stream does not."""
    app = FastAPI()

    async def keeps(request: Request):
        assert await request.body()

    async def does_not(request: Request):
        assert [part async for part in request.stream()]

    for name, reads in (("keeps", keeps), ("does-not", does_not)):

        @app.post(f"/{name}/{{secret}}", dependencies=[Depends(reads)])
        async def hook(_: Annotated[Notification, Depends(receiver.fastapi())]) -> None: ...

    @app.middleware("http")
    async def reads_too(request, call_next):
        await request.body()
        return await call_next(request)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as browser:
        body = told(time=RAN_AT)
        assert (await browser.post(f"/keeps/{SECRET}", content=body)).status_code == 204
        with pytest.raises(ConfigurationError, match="has read the body"):
            await browser.post(f"/does-not/{SECRET}", content=body)
    await receiver.aclose()
    assert len(handled) == 1


@pytest.mark.few(1)
@pytest.mark.parametrize("door", DOORS)
async def test_a_handler_that_always_fails_keeps_the_channel_on(door):
    """Twenty notifications in a row are answered with 2xx. With answer="after" each is a 500."""

    async def broken(_):
        raise ValueError

    for answer, status, times in (("before", 204, 20), ("after", 500, 5)):
        receiver = Receiver(secrets=[SECRET], handler=broken, answer=answer, clock=lambda: START)
        async with served(door, receiver) as browser:
            answers = [await browser.post(HOOK, content=told(n)) for n in range(times)]
        assert [one.status_code for one in answers] == [status] * times
        assert receiver.stats.failed == times


ACCESS_LOGS = ("uvicorn.access", "aiohttp.access")
OURS = ("httpx", "httpcore")
"""The loggers of the test's own client, which knows the address."""


@asynccontextmanager
async def logging_server(door, receiver):
    """Serve a receiver as users do, with an access log, and yield a browser of it."""
    if door == "aiohttp":
        async with served(door, receiver) as browser:
            yield browser
        return
    # The emulator's server writes no access log, so this one is uvicorn as users run it.
    import uvicorn

    config = uvicorn.Config(asgi_app(door, receiver), port=0, log_level="debug", log_config=None)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as browser:
        yield browser
    server.should_exit = True
    await running


@pytest.fixture
def filters():
    """The filters of the access logs, which are gone after the test."""
    loggers = [logging.getLogger(name) for name in ACCESS_LOGS]
    yield lambda: hide_secret(*loggers)
    for logger in loggers:
        logger.filters.clear()


@pytest.mark.parametrize("door", DOORS)
async def test_no_log_has_the_secret(door, receiver, caplog, filters):
    """With the filter on, nothing that any logger writes at DEBUG has the secret. Without it the
    access log of each server has.
    """
    caplog.set_level(logging.DEBUG)
    for name in (*ACCESS_LOGS, "uvicorn.error", "uvicorn.asgi"):
        caplog.set_level(logging.DEBUG, logger=name)
    texts = []
    for hide in (lambda: None, filters):
        hide()
        caplog.clear()
        async with receiver, logging_server(door, receiver) as browser:
            await post_all(browser)
        told_of = [one for one in caplog.records if not one.name.startswith(OURS)]
        texts.append("\n".join(f"{one.name} {one.getMessage()} {vars(one)!r}" for one in told_of))
    bare, hidden = texts
    assert f"/hooks/{SECRET}" in bare
    assert "/hooks/***" in hidden
    assert SECRET not in hidden


async def post_all(browser):
    for body in (told(time=RAN_AT), b"{}", b"x" * 2**21):
        await browser.post(f"{HOOK}?a=b", content=body)
    await browser.get(HOOK)


async def test_the_frameworks_are_imported_by_their_doors_alone():
    """Using the receiver with a plain ASGI server loads neither FastAPI nor aiohttp."""
    program = (
        "import sys; from cronapi.webhooks import *; from cronapi.webhooks import Receiver;"
        "Receiver(secrets=['x' * 16], handler=print).asgi();"
        "print(*{'fastapi', 'starlette', 'aiohttp', 'redis', 'httpx'} & set(sys.modules))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    out, _ = await process.communicate()
    assert (process.returncode, out.strip()) == (0, b"")


async def test_the_first_answers_import_nothing():
    """What they need is loaded when a door is made: no caller waits until it is read from disk."""
    program = """
import asyncio, sys
from cronapi.webhooks import CronEndpoint, Receiver
from tests.support.posts import SECRET, ask, told
from tests.support.emulated import START

BODIES = told(job=7, at=START), b"{}", b"job=7&at=x", b'{"id": []}', b"x" * 2**21

async def post_all(endpoint, key=(("x-cron-key", SECRET),)):
    door = endpoint.asgi()
    async with endpoint:
        before = set(sys.modules)
        for body in BODIES:
            await ask(door, f"/{SECRET}", body, headers=key)
        await ask(door, "/guess")
        print(*sorted(set(sys.modules) - before))

for kind in (Receiver, CronEndpoint):
    asyncio.run(post_all(kind(secrets=[SECRET], handler=lambda _: None, clock=lambda: START)))
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    out, _ = await process.communicate()
    assert (process.returncode, out.split()) == (0, [])
