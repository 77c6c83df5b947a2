"""Endpoints at the edges: loops that end, forks, and any bytes at all."""

from __future__ import annotations

import gc
import json
import subprocess
import sys

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import Notification, WebhookError
from cronapi.webhooks import CronCall, CronEndpoint, Receiver
from tests.support.emulated import START
from tests.support.posts import SECRET, ask, told

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=20,
)
MEMBERS = ("id", "time", "name", "url", "group", "httpStatus", "status", "message", "error")
ODD = JSON | st.integers(0, 2).map(str) | st.just(START)
BODIES = (
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(
        st.sampled_from([*MEMBERS, "output", "executionTime", "verified", "extra"]), ODD
    ).map(lambda value: json.dumps(value).encode())
)


@given(BODIES)
def test_any_body_is_a_notification_or_refused(body):
    """No body raises anything else, and none verifies itself."""
    receiver = Receiver(secrets=[SECRET], clock=lambda: START)
    try:
        note = receiver.read(body, secret=SECRET)
    except WebhookError as error:
        refused = error.message
        assert refused in ("This is not a notification.", "It is too old, or a clock is wrong.")
    else:
        assert isinstance(note, Notification)
        assert note.verified is None
        assert note.is_failure + note.is_recovery == (note.status is not None)
        assert receiver.read(json.dumps(note.to_wire()), secret=SECRET).key == note.key


@given(st.text(max_size=60) | BODIES)
def test_any_query_is_a_call_or_refused(source):
    """No query and no body raises anything else."""
    endpoint = CronEndpoint(secrets=[SECRET], clock=lambda: START)
    try:
        assert isinstance(endpoint.read(source, key=SECRET), CronCall)
    except WebhookError as error:
        status = error.status
        assert status == 400


@given(secret=st.text(max_size=40))
def test_any_other_secret_is_not_found(secret):
    """No text but a secret is one, whatever its characters."""
    receiver = Receiver(secrets=[SECRET], clock=lambda: START)
    with pytest.raises(WebhookError) as refused:
        receiver.read(told(), secret=secret)
    assert refused.value.status == 404


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_loop_that_ends_with_work_left_leaves_nothing_behind(loop, caplog):
    """Handlers that the loop ends with are not finished, and the next loop begins anew."""
    handled, begun = [], []

    async def handler(notification):
        begun.append(notification.id)
        if notification.id < 20:
            await anyio.sleep_forever()
        handled.append(notification.id)

    receiver = Receiver(secrets=[SECRET], handler=handler, clock=lambda: START)

    async def broken_off():
        for number in range(20):
            await ask(receiver.asgi(), body=told(number))
        await anyio.wait_all_tasks_blocked()
        assert receiver.stats.waiting == 10

    async def in_peace():
        assert receiver.stats.waiting == 0
        async with receiver:
            for number in range(20, 25):
                await ask(receiver.asgi(), body=told(number))

    anyio.run(broken_off, backend=loop)
    assert receiver.stats.waiting == 0
    anyio.run(in_peace, backend=loop)
    gc.collect()  # which would tell of a task that was never awaited
    assert (sorted(handled), len(begun)) == ([20, 21, 22, 23, 24], 15)
    assert [one.getMessage() for one in caplog.records if "webhooks" in one.name] == []


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_forged_posts_run_no_handler():
    """A thousand guesses are 404, and change nothing but a count."""
    handled = []
    receiver = Receiver(secrets=[SECRET], handler=handled.append, clock=lambda: START)
    app = receiver.asgi()
    for number in range(1000):
        guess = f"{SECRET[: number % len(SECRET)]}{number}"
        assert (await ask(app, f"/hooks/{guess}", told(number))).status == 404
    await receiver.aclose()
    assert (handled, receiver.stats.refused, receiver.stats.accepted) == ([], 1000, 0)


def test_a_fork_does_not_inherit_a_lock():
    """A memory of keys that another thread held during a fork works in the child."""
    program = (
        "import os; from cronapi.webhooks import MemoryDedupe; import asyncio\n"
        "memory = MemoryDedupe(); memory._lock.acquire()\n"
        "child = os.fork()\n"
        "if not child: os._exit(not asyncio.run(memory.claim('a')))\n"
        "print(os.waitpid(child, 0)[1])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert run.stdout == "0\n", run.stderr
