"""A message whose handler did not end may come again: its key is forgotten."""

# FastAPI reads the hints of a route at run time.

import asyncio
import math
from functools import partial
from typing import Annotated

import anyio
import httpx
import pytest
from anyio.lowlevel import checkpoint
from fastapi import Depends, FastAPI, HTTPException

from cronapi import Notification
from cronapi.webhooks import CronCall, CronEndpoint, MemoryDedupe, Receiver
from tests.support.emulated import START
from tests.support.posts import SECRET, ask, told
from tests.support.virtual_clock import Threads, virtual_backend

HOOK = f"/hooks/{SECRET}"


class Slow(MemoryDedupe):
    """A memory of keys that takes some time to forget one."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    async def release(self, key):
        await anyio.sleep(self.seconds)
        await super().release(key)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@pytest.mark.parametrize(("answer", "handled"), [("after", [7, 7]), ("before", [7])])
def test_a_handler_that_is_cancelled_may_be_asked_again(loop, answer, handled):
    """A loop that ends cuts a handler off. With answer="after" its message comes again and is
    handled, also if forgetting takes a while. What was answered for before does not come again.
    """
    begun = []

    async def handler(note):
        begun.append(note.id)
        if len(begun) == 1:
            await anyio.sleep_forever()

    receiver = Receiver(
        secrets=[SECRET], handler=handler, answer=answer, dedupe=Slow(0.01), clock=lambda: START
    )

    async def cut_off():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, receiver.asgi(), f"/{SECRET}", told())
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        assert begun == [7]

    async def again():
        assert (await ask(receiver.asgi(), body=told())).status == 204
        await receiver.aclose()

    anyio.run(cut_off, backend=loop)
    anyio.run(again, backend=loop)
    assert begun == handled


@pytest.mark.virtual_clock
@pytest.mark.each_loop
async def test_a_memory_that_does_not_forget_in_time_is_told(caplog):
    """The answer goes out after two seconds, and the log says which key may still be known."""
    receiver = Receiver(
        secrets=[SECRET],
        handler=lambda note: 1 / 0,
        answer="after",
        dedupe=Slow(3600),
        clock=lambda: START,
    )
    begin = anyio.current_time()
    async with receiver:
        assert (await ask(receiver.asgi(), body=told())).status == 500
    assert anyio.current_time() - begin == pytest.approx(2)
    assert f"cannot forget 7:{START}:1: TimeoutError" in caplog.text


class SlowToAnswer(MemoryDedupe):
    """A memory of keys that remembers one at once, and says so only after a while."""

    hurries = False

    async def claim(self, key):
        is_new = await super().claim(key)
        await (checkpoint() if self.hurries else anyio.sleep_forever())
        return is_new


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@pytest.mark.parametrize("answer", ["after", "before"])
def test_a_message_that_is_cut_off_before_its_handler_is_not_lost(loop, answer):
    """A loop that ends while the memory has yet to answer leaves no key without a handled message:
    what comes again is handled.
    """
    handled, memory = [], SlowToAnswer()
    receiver = Receiver(
        secrets=[SECRET],
        handler=lambda note: handled.append(note.id),
        answer=answer,
        dedupe=memory,
        clock=lambda: START,
    )

    async def cut_off():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, receiver.asgi(), f"/{SECRET}", told())
            await anyio.sleep(1)
            tasks.cancel_scope.cancel()

    async def again():
        assert (await ask(receiver.asgi(), body=told())).status == 204
        await receiver.aclose()

    backend, options = virtual_backend(loop, Threads())
    anyio.run(cut_off, backend=backend, backend_options=options)
    memory.hurries = True
    anyio.run(again, backend=loop)
    assert (handled, receiver.stats.duplicates) == ([7], 0)


@pytest.mark.virtual_clock
async def test_a_route_of_fastapi_that_is_cut_off_before_it_begins_is_asked_again():
    """A request that is cancelled while the memory has yet to answer has not been handled."""
    memory = SlowToAnswer()
    receiver = Receiver(secrets=[SECRET], dedupe=memory, clock=lambda: START)
    app, calls = FastAPI(), []

    @app.post("/hooks/{secret}")  # noqa: FAST003 -- the dependency reads it
    async def hook(note: Annotated[Notification, Depends(receiver.fastapi())]) -> None:
        calls.append(note.id)

    async with anyio.create_task_group() as tasks, browser_of(app) as browser:
        tasks.start_soon(partial(browser.post, HOOK, content=told()))
        await anyio.sleep(1)
        tasks.cancel_scope.cancel()
    memory.hurries = True
    await post_thrice(app)
    assert (calls, receiver.stats.duplicates) == ([7], 2)


class Late(MemoryDedupe):
    """A memory of keys that says only after a while if it knew one."""

    wait, error = 0.0, None

    async def claim(self, key):
        is_new = await super().claim(key)
        await anyio.sleep(self.wait)
        if self.error:
            raise self.error
        return is_new


CUT_OFF = {
    "a duplicate": (True, 1.5, None, [7], 1.5),
    "a duplicate, at the last moment": (True, 2.4, None, [7], 2.4),
    "a duplicate without an answer": (True, math.inf, None, [7, 7], 2.5),
    "a duplicate with an error": (True, 1, OSError(), [7, 7], 1),
    "a new one": (False, 1.5, None, [7], 1.5),
    "a new one without an answer": (False, 3600, None, [7], 2.5),
    "a new one with an error": (False, 1, ValueError(), [7], 1),
}


@pytest.mark.virtual_clock
@pytest.mark.each_loop
@pytest.mark.parametrize("case", CUT_OFF)
async def test_a_duplicate_that_is_cut_off_is_not_handled_again(case):
    """A request that ends while the memory has yet to answer waits for the answer, two seconds at
    most: what was handled before stays known, and what was not may come again.
    """
    was_handled, wait, error, handled, took = CUT_OFF[case]
    memory = Late()
    app, calls = app_of(memory)
    async with browser_of(app) as browser:
        if was_handled:
            await browser.post(HOOK, content=told())
        memory.wait, memory.error, begin = wait, error, anyio.current_time()
        with anyio.move_on_after(0.5):
            await browser.post(HOOK, content=told())
        assert anyio.current_time() - begin == pytest.approx(took)
        memory.wait, memory.error = 0.0, None
        for _ in "ab":
            await browser.post(HOOK, content=told())
    assert calls == handled


class Asked(MemoryDedupe):
    """A memory of keys that tells when it is asked, and waits for a word to answer."""

    def __init__(self):
        super().__init__()
        self.asked, self.may_answer = anyio.Event(), anyio.Event()
        self.may_answer.set()

    async def claim(self, key):
        is_new = await super().claim(key)
        self.asked.set()
        await self.may_answer.wait()
        return is_new


@pytest.mark.parametrize("was_handled", [True, False])
async def test_a_task_of_asyncio_that_is_cancelled_waits_for_the_answer_too(was_handled):
    """`asyncio.timeout` and servers cancel a task itself, twice perhaps: a scope holds none off."""
    memory = Asked()
    app, calls = app_of(memory)
    async with browser_of(app) as browser:
        if was_handled:
            await browser.post(HOOK, content=told())
        memory.asked, memory.may_answer = anyio.Event(), anyio.Event()
        post = asyncio.create_task(browser.post(HOOK, content=told()))
        await memory.asked.wait()
        for _ in range(2):
            post.cancel()
            await checkpoint()
        memory.may_answer.set()
        with pytest.raises(asyncio.CancelledError):
            await post
        for _ in "ab":
            await browser.post(HOOK, content=told())
    assert calls == [7]


def app_of(memory):
    """Return an application with a route, and the ids that its route gets."""
    receiver = Receiver(secrets=[SECRET], dedupe=memory, clock=lambda: START)
    app, calls = FastAPI(), []

    @app.post("/hooks/{secret}")  # noqa: FAST003 -- the dependency reads it
    async def hook(note: Annotated[Notification, Depends(receiver.fastapi())]) -> None:
        calls.append(note.id)

    return app, calls


async def test_a_memory_that_awaits_something_cancelled_loses_no_message():
    """The CancelledError of another task is an error of the memory, as good as any other: what
    comes is handled, and what waits behind it too.
    """
    handled, memory = [], MemoryDedupe()

    def handler(note):
        handled.append(note.id)
        raise ValueError

    receiver = Receiver(
        secrets=[SECRET], handler=handler, answer="after", dedupe=memory, clock=lambda: START
    )

    async def cancelled(_key):
        raise asyncio.CancelledError  # as does `await task` of a task that somebody has cancelled

    memory.claim = memory.release = cancelled
    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(ask, receiver.asgi(), HOOK, told(number))
    assert (sorted(handled), receiver.stats.failed) == (list(range(20)), 20)


@pytest.mark.virtual_clock
async def test_a_memory_that_does_not_forget_holds_nobody_up():
    """A failure is answered two seconds later at most, however long the memory takes."""
    for seconds, waited in [(0, 0), (1.5, 1.5), (2.5, 2), (3600, 2), (float("inf"), 2)]:
        receiver = Receiver(
            secrets=[SECRET],
            handler=lambda _: 1 / 0,
            answer="after",
            dedupe=Slow(seconds),
            clock=lambda: START,
        )
        begin = anyio.current_time()
        assert (await ask(receiver.asgi(), body=told())).status == 500
        assert anyio.current_time() - begin == pytest.approx(waited), seconds
        assert await receiver._handling.dedupe.claim(f"7:{START}:1") == (seconds < 2)


ROUTE_ERRORS = {
    "a bug": ValueError("a bug"),
    "an answer": HTTPException(503),
    "a refusal": HTTPException(404),
    "many": ExceptionGroup("", [OSError()]),
    "another task's end": asyncio.CancelledError(),
    "no answer of the declared kind": None,
}


@pytest.mark.parametrize("error", ROUTE_ERRORS)
async def test_a_route_of_fastapi_that_fails_is_asked_again(error):
    """Whatever ended the route, the message comes again and is handled, and then no more."""
    receiver = Receiver(secrets=[SECRET], clock=lambda: START)
    app, calls = FastAPI(), []

    @app.post("/hooks/{secret}")  # noqa: FAST003 -- the dependency reads it
    async def hook(note: Annotated[Notification, Depends(receiver.fastapi())]) -> int:
        calls.append(note.id)
        if len(calls) == 1:
            if ROUTE_ERRORS[error] is None:
                return "no number"
            raise ROUTE_ERRORS[error]
        return 1

    await post_thrice(app)
    assert (calls, receiver.stats.duplicates) == ([7, 7], 1)


async def test_a_route_beside_a_handler_forgets_nothing():
    """The handler has the message, so an error of the route does not let it come again."""
    handled = []
    receiver = Receiver(
        secrets=[SECRET], handler=lambda note: handled.append(note.id), clock=lambda: START
    )
    app = FastAPI()

    @app.post("/hooks/{secret}")  # noqa: FAST003 -- see above
    async def hook(_: Annotated[Notification, Depends(receiver.fastapi())]) -> None:
        raise ValueError

    await post_thrice(app)
    await receiver.aclose()
    assert handled == [7]


async def test_a_route_of_fastapi_takes_nothing_once_its_endpoint_is_closed():
    """As with a handler, a request is answered with 503, may come again, and finds it open then."""
    receiver = Receiver(secrets=[SECRET], clock=lambda: START)
    app, calls, statuses = FastAPI(), [], []

    @app.post("/hooks/{secret}")  # noqa: FAST003 -- the dependency reads it
    async def hook(note: Annotated[Notification, Depends(receiver.fastapi())]) -> None:
        calls.append(note.id)

    async with browser_of(app) as browser:
        await receiver.aclose()
        statuses.append((await browser.post(HOOK, content=told())).status_code)
        async with receiver:
            statuses.append((await browser.post(HOOK, content=told())).status_code)
        statuses.append((await browser.post(HOOK, content=told(8))).status_code)
    assert (statuses, calls) == ([503, 204, 503], [7])


async def test_the_endpoint_of_a_job_forgets_alike():
    """The route of a job's call that failed is called again for the same job and time."""
    endpoint = CronEndpoint(secrets=[SECRET], clock=lambda: START)
    app, calls = FastAPI(), []

    @app.get("/run")
    async def run(call: Annotated[CronCall, Depends(endpoint.fastapi())]) -> None:
        calls.append(call.job)
        if len(calls) == 1:
            raise ValueError

    async with browser_of(app) as browser:
        for _ in range(3):
            await browser.get(f"/run?job=5&at={START}", headers={"X-Cron-Key": SECRET})
    assert calls == [5, 5]


def browser_of(app):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://app")


async def post_thrice(app):
    async with browser_of(app) as browser:
        for _ in range(3):
            try:
                await browser.post(HOOK, content=told())
            except asyncio.CancelledError:  # which only a server turns into an answer
                continue


async def test_a_memory_for_no_time_forgets_at_once():
    """A ttl that a clock cannot count, or a clock without an end, makes each key a new one."""
    for options in ({"ttl": 1e-300}, {"ttl": 1.0, "clock": lambda: math.inf}):
        memory = MemoryDedupe(**options)
        assert [await memory.claim("7:1:1") for _ in "ab"] == [True, True]
