"""The receiver: it answers first, handles afterwards, once for each key."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from contextvars import ContextVar
from datetime import UTC, datetime

import anyio
import pytest
from anyio.lowlevel import checkpoint

from cronapi.webhooks import EndpointStats, MemoryDedupe, Receiver
from tests.support.emulated import START
from tests.support.posts import SECRET, ask, told

pytestmark = pytest.mark.virtual_clock

OTHER = "another-secret-of-the-hook"
DAY = 86_400


def receiver_of(handler=None, **options):
    """Return a receiver whose time is that of the bodies, and the list of what it handled."""
    handled = []

    async def keep(notification):
        handled.append(notification)

    options.setdefault("secrets", [SECRET])
    options.setdefault("clock", lambda: START)
    return Receiver(handler=handler or keep, **options), handled


@pytest.mark.each_loop
async def test_each_request_has_its_answer():
    """The answers to right and wrong requests are those of the table, and nothing of a body."""
    receiver, handled = receiver_of(secrets=[SECRET, OTHER])
    app = receiver.asgi()
    hook = f"/hooks/{SECRET}"
    not_one = "This is not a notification."
    allow = {"allow": "GET, HEAD, POST"}
    table = [
        ({"body": told()}, 204, "", {}),
        ({"path": f"/hooks/{OTHER}", "body": told(8)}, 204, "", {}),
        ({"path": f"/{OTHER}", "body": told(9)}, 204, "", {}),
        ({"path": f"/hooks/{SECRET[:-1]}", "body": told(4)}, 404, "Not Found", {}),
        ({"path": f"/hooks/{SECRET}x", "body": told(4)}, 404, "Not Found", {}),
        ({"path": f"/hooks/{SECRET.upper()}", "body": told(4)}, 404, "Not Found", {}),
        ({"path": "/hooks/", "body": told(4)}, 404, "Not Found", {}),
        ({"path": "/hooks/\ud800\xe9", "body": told(4)}, 404, "Not Found", {}),
        ({"path": "/hooks/x", "method": "GET"}, 404, "Not Found", {}),
        ({"path": "/hooks/x", "method": "PUT"}, 404, "Not Found", {}),
        ({"path": hook, "method": "GET"}, 200, "cronapi receiver", {}),
        ({"path": hook, "method": "HEAD"}, 200, "", {}),
        ({"path": hook, "method": "PUT", "body": told(4)}, 405, "Method Not Allowed", allow),
        ({"path": hook, "method": "DELETE"}, 405, "Method Not Allowed", allow),
        ({"path": hook, "method": "post"}, 405, "Method Not Allowed", allow),
        ({"body": b""}, 400, not_one, {}),
        ({"body": b"{}"}, 400, not_one, {}),
        ({"body": b"[]"}, 400, not_one, {}),
        ({"body": b'{"id": "canary"}'}, 400, not_one, {}),
        ({"body": b"\xff\xfe\xfa"}, 400, not_one, {}),
        ({"body": b"[" * 200_000}, 400, not_one, {}),
        ({"body": b"id=7&status=1"}, 400, not_one, {}),
        ({"chunks": [told(4)[:5], "gone"]}, 400, "The body ended too early.", {}),
        ({"body": told(4, time=START - DAY - 1)}, 400, "It is too old, or a clock is wrong.", {}),
        ({"body": told(4, time=START + DAY + 1)}, 400, "It is too old, or a clock is wrong.", {}),
        ({"body": b"x" * 2**20}, 400, not_one, {}),
        ({"body": b"x" * (2**20 + 1)}, 413, "The body is too large.", {}),
    ]
    for request, status, text, headers in table:
        answer = await ask(app, **request)
        assert (answer.status, answer.text) == (status, text), request
        assert headers.items() <= answer.headers.items()
        assert ("content-length" in answer.headers) == (status != 204)
    await receiver.aclose()
    assert sorted(notification.id for notification in handled) == [7, 8, 9]
    refused = sum(status >= 400 for _, status, _, _ in table)
    assert receiver.stats == EndpointStats(accepted=3, handled=3, refused=refused)


async def test_a_body_is_read_no_further_than_its_bound():
    """An announced length is refused unread, and an endless body after the bound."""
    receiver, _ = receiver_of(max_body=1000)
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 100
            yield b"x" * 100

    too_large = await ask(receiver.asgi(), chunks=endless(), headers=[("content-length", "1001")])
    assert (too_large.status, read) == (413, 0)
    for length in ("", "abc", "-5", "9" * 5000, "\u0663"):
        read = 0
        named = [("Content-Length", length)] if length.isascii() else []
        assert (await ask(receiver.asgi(), chunks=endless(), headers=named)).status == 413
        assert read <= 1100


@pytest.mark.each_loop
async def test_a_slow_body_is_given_up_after_ten_seconds():
    """A body that trickles is answered with 408, however many pieces it has."""
    receiver, handled = receiver_of()
    begin = anyio.current_time()
    trickle = [part for n in range(100) for part in (told(4)[n : n + 1], 0.5)]
    slow = await ask(receiver.asgi(), chunks=trickle)
    assert (slow.status, slow.headers["connection"]) == (408, "close")
    assert anyio.current_time() - begin == pytest.approx(10)
    assert (await ask(receiver.asgi(), chunks=[9.5, told(4)])).status == 204
    assert (await ask(receiver.asgi(), chunks=[math.inf])).status == 408
    await receiver.aclose()
    assert len(handled) == 1


@pytest.mark.each_loop
async def test_a_request_that_is_cancelled_while_its_body_comes_leaves_nothing():
    """Neither a message nor a refusal is counted."""
    receiver, handled = receiver_of()
    with anyio.move_on_after(1) as left:
        await ask(receiver.asgi(), chunks=[told()[:5], 5.0, told()[5:]])
    assert left.cancelled_caught
    await receiver.aclose()
    assert (handled, receiver.stats) == ([], EndpointStats())


@pytest.mark.each_loop
async def test_the_answer_does_not_wait_for_the_handler():
    """The service has its 204 while the handler works, and aclose waits for the handler."""
    ended = []

    async def slow(notification):
        await anyio.sleep(3600)
        ended.append(notification.id)

    receiver, _ = receiver_of(slow)
    begin = anyio.current_time()
    async with receiver:
        for number in range(25):
            assert (await ask(receiver.asgi(), body=told(number))).status == 204
        assert (anyio.current_time(), ended, receiver.stats.waiting) == (begin, [], 15)
    assert sorted(ended) == list(range(25))
    assert anyio.current_time() - begin == pytest.approx(3 * 3600)  # ten at the same time
    assert receiver.stats == EndpointStats(accepted=25, handled=25)


@pytest.mark.each_loop
async def test_messages_of_one_job_are_handled_in_order():
    """The recovery of a job is never handled before its failure, others go on meanwhile."""
    order = []

    async def handler(notification):
        await anyio.sleep(10 if notification.is_failure else 1)
        order.append((notification.id, notification.status))

    receiver, _ = receiver_of(handler)
    for number, status in [(1, 1), (1, 0), (2, 0), (1, 1)]:
        time = START + len(order) + number + status
        await ask(receiver.asgi(), body=told(number, status, time=time))
    await receiver.aclose()
    assert order == [(2, 0), (1, 1), (1, 0)]
    assert receiver.stats.duplicates == 1


@pytest.mark.parametrize("answer", ["before", "after"])
async def test_a_handler_that_fails_is_counted(answer, caplog):
    """Its exception is logged with the key. It reaches the answer only with answer="after"."""

    class Odd(BaseException):
        pass

    errors = iter(
        [ValueError("a bug"), Odd(), ExceptionGroup("", [OSError()]), asyncio.CancelledError()]
    )

    async def broken(_):
        raise next(errors)

    receiver, _ = receiver_of(broken, answer=answer)
    for number in range(4):
        answered = await ask(receiver.asgi(), body=told(number))
        assert answered.status == (204 if answer == "before" else 500)
        assert "bug" not in answered.text
    await receiver.aclose()
    assert receiver.stats.failed == 4
    logged = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert sorted(one.cron_key for one in logged) == [f"{n}:{START}:1" for n in range(4)]
    assert "the handler failed for 0" in caplog.text
    assert all(one.exc_info[1].__traceback__ for one in logged)


@pytest.mark.each_loop
async def test_a_plain_function_is_a_handler_too():
    """A handler without `async` is called, and its error is counted like any other."""
    seen = []
    receiver, _ = receiver_of(lambda notification: seen.append(1 / notification.id))
    for number in (0, 1, 2):
        await ask(receiver.asgi(), body=told(number))
    await receiver.aclose()
    assert (sorted(seen), receiver.stats.handled, receiver.stats.failed) == ([0.5, 1], 2, 1)


@pytest.mark.each_loop
async def test_a_second_delivery_is_not_handled():
    """It is answered like the first and counted. Another time or status is another message."""
    receiver, handled = receiver_of()
    keys = [(7, 1, START), (7, 0, START), (7, 1, START - 60), (8, 1, START)]
    for _ in range(3):
        for number, status, time in keys:
            assert (await ask(receiver.asgi(), body=told(number, status, time))).status == 204
    await receiver.aclose()
    when = [datetime.fromtimestamp(time, UTC) for _, _, time in keys]
    assert sorted(note.key for note in handled) == sorted(
        (number, at, status) for (number, status, _), at in zip(keys, when, strict=True)
    )
    assert receiver.stats.duplicates == 8


@pytest.mark.crowd
async def test_deliveries_at_once_are_handled_once():
    """A thousand messages, each posted three times by fifty tasks, run the handler 1,000 times."""
    receiver, handled = receiver_of()
    app = receiver.asgi()
    numbers = [*range(1000)] * 3
    random.Random(7).shuffle(numbers)  # so that some of the same number are under way at once
    bodies = iter([told(number) for number in numbers])

    async def post():
        for body in bodies:
            assert (await ask(app, body=body)).status == 204
            await checkpoint()

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(post)
    await receiver.aclose()
    assert sorted(note.id for note in handled) == list(range(1000))
    stats = receiver.stats
    assert (stats.handled, stats.duplicates, stats.dropped) == (1000, 2000, 0)


@pytest.mark.each_loop
async def test_a_message_of_which_nobody_knows_the_time_is_handled_each_time():
    """Without a time two failures could not be told apart, so none is taken for a duplicate."""
    receiver, handled = receiver_of()
    for _ in range(2):
        assert (await ask(receiver.asgi(), body=b'{"id": 7, "status": 1}')).status == 204
    await receiver.aclose()
    assert len(handled) == 2


@pytest.mark.crowd
async def test_what_finds_a_full_queue_is_dropped_and_counted(caplog):
    """More than 1,000 that wait are dropped with a 204, since 503s would end the channel."""
    go_on = anyio.Event()

    async def stuck(_):
        await go_on.wait()

    receiver, _ = receiver_of(stuck)
    for number in range(1015):
        assert (await ask(receiver.asgi(), body=told(number))).status == 204
    assert (receiver.stats.waiting, receiver.stats.dropped) == (1000, 5)
    assert f"dropped 1014:{START}:1" in caplog.text
    go_on.set()
    await receiver.aclose()
    assert (receiver.stats.handled, receiver.stats.waiting) == (1010, 0)
    await receiver.__aenter__()  # what was dropped is not taken for a duplicate
    assert (await ask(receiver.asgi(), body=told(1014))).status == 204
    await receiver.aclose()
    assert receiver.stats.handled == 1011


async def test_after_means_after():
    """With answer="after" the answer waits, and a key that failed may come again."""
    outcomes = iter([OSError(), None])

    async def handler(_):
        await anyio.sleep(30)
        if error := next(outcomes):
            raise error

    receiver, _ = receiver_of(handler, answer="after")
    begin = anyio.current_time()
    answers = [(await ask(receiver.asgi(), body=told())).status for _ in range(3)]
    assert answers == [500, 204, 204]
    assert anyio.current_time() - begin == pytest.approx(60)
    assert (receiver.stats.failed, receiver.stats.handled, receiver.stats.duplicates) == (1, 1, 1)


@pytest.mark.each_loop
async def test_deliveries_that_wait_together_have_one_answer():
    """With answer="after" a duplicate of a message under way waits for it, and is told the same."""
    calls = []

    async def broken(notification):
        calls.append(notification.id)
        await anyio.sleep(30)
        raise OSError

    receiver, _ = receiver_of(broken, answer="after")
    answers = []

    async def post():
        answers.append((await ask(receiver.asgi(), body=told())).status)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(post)
    assert (calls, answers) == ([7], [500] * 5)
    assert (receiver.stats.failed, receiver.stats.duplicates) == (1, 4)


@pytest.mark.each_loop
async def test_a_caller_that_leaves_takes_no_handler_along():
    """A request that is cancelled while it waits for its handler leaves the handler at work."""
    ended = []

    async def handler(notification):
        await anyio.sleep(30)
        ended.append(notification.id)

    receiver, _ = receiver_of(handler, answer="after")
    with anyio.move_on_after(1) as left:
        await ask(receiver.asgi(), body=told())
    assert (left.cancelled_caught, ended) == (True, [])
    await receiver.aclose()
    assert ended == [7]


@pytest.mark.each_loop
async def test_draining_may_be_given_up():
    """A cancelled aclose leaves the handlers at work, and a second one waits for them."""
    ended = []

    async def handler(notification):
        await anyio.sleep(30)
        ended.append(notification.id)

    receiver, _ = receiver_of(handler)
    for number in range(12):
        await ask(receiver.asgi(), body=told(number))
    with anyio.move_on_after(1) as left:
        await receiver.aclose()
    assert (left.cancelled_caught, ended) == (True, [])
    await receiver.aclose()
    assert len(ended) == 12


@pytest.mark.each_loop
async def test_a_closed_receiver_takes_nothing():
    """It answers 503, which is not counted as seen, and can be opened again."""
    receiver, handled = receiver_of()
    async with receiver:
        pass
    assert (await ask(receiver.asgi(), body=told())).status == 503
    assert (await ask(receiver.asgi(), method="GET")).status == 200
    async with receiver:
        assert (await ask(receiver.asgi(), body=told())).status == 204
    assert len(handled) == 1


@pytest.mark.each_loop
async def test_a_handler_sees_the_context_of_its_request():
    """Context variables, such as the id of a request, are those of the post."""
    request_id = ContextVar("request_id")
    seen = []

    async def handler(notification):
        seen.append((notification.id, request_id.get()))
        await anyio.sleep(1)

    receiver, _ = receiver_of(handler)
    for number in range(20):
        request_id.set(f"r{number}")
        await ask(receiver.asgi(), body=told(number))
    await receiver.aclose()
    assert sorted(seen) == [(number, f"r{number}") for number in range(20)]


@pytest.mark.each_loop
async def test_a_lifespan_opens_and_drains():
    """Served alone, the app's shutdown waits for the handlers; a websocket is turned away."""
    ended, sent = [], []

    async def handler(notification):
        await anyio.sleep(30)
        ended.append(notification.id)

    receiver, _ = receiver_of(handler)
    app = receiver.asgi()
    events = iter(["lifespan.startup", "post", "lifespan.shutdown"])

    async def receive():
        for kind in events:
            if kind != "post":
                return {"type": kind}
            await ask(app, body=told())
        return None

    async def send(event):
        sent.append(event["type"])

    await app({"type": "lifespan"}, receive, send)
    assert (sent, ended) == (["lifespan.startup.complete", "lifespan.shutdown.complete"], [7])
    await app({"type": "websocket", "path": "/"}, receive, send)
    assert sent[2:] == ["websocket.close"]


class Broken:
    """A memory of keys that does not work."""

    ttl = DAY

    async def claim(self, key):
        raise OSError(f"no connection for {key}")

    release = claim


@pytest.mark.parametrize("answer", ["before", "after"])
async def test_without_its_memory_a_receiver_handles_everything(answer, caplog):
    """Twice is better than never: a memory that fails is logged, and the handler runs."""

    async def handler(notification):
        if notification.id == 8:
            raise ValueError

    receiver, _ = receiver_of(handler, dedupe=Broken(), answer=answer)
    for number in (7, 7, 8):
        async with receiver:
            await ask(receiver.asgi(), body=told(number))
    assert (receiver.stats.handled, receiver.stats.failed) == (2, 1)
    assert f"cannot tell if 7:{START}:1 is a duplicate, so it is handled: OSError" in caplog.text
    assert ("cannot forget 8" in caplog.text) == (answer == "after")


async def test_a_memory_forgets_in_time_and_in_number():
    """A key is known for ttl seconds, and no more than the newest `most` keys are known."""
    memory = MemoryDedupe(3, ttl=60, clock=anyio.current_time)
    assert [await memory.claim(key) for key in "aabca"] == [True, False, True, True, False]
    await anyio.sleep(30)
    assert [await memory.claim(key) for key in "da"] == [True, True]  # the fourth took its place
    await anyio.sleep(30)
    assert [await memory.claim(key) for key in "bcad"] == [True, True, False, True]
    await memory.release("d")
    await memory.release("never")
    assert await memory.claim("d")
