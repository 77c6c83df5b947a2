"""The emulator runs jobs and posts what became of them, over sockets, to each door."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import cycle, product

import pytest

from cronapi.emulator import ManualClock, create_app
from cronapi.webhooks import Receiver, read_notification
from tests.support.called import ask
from tests.support.doors import DOORS, HOOK, served
from tests.support.emulated import FAST, START
from tests.support.posts import SECRET

MINUTE = 60
EVERY_MINUTE = {"expression": "* * * * *"}
PARAMETERS = {
    "2013": ("setcronjob", {"notify": 1}),
    "2019": ("setcronjob", {"ignoreHttpStatus": 0, "notify": 1, **EVERY_MINUTE}),
    "2023": ("fastcron", {"ignoreHttpStatus": 0, "notify": 1, **EVERY_MINUTE}),
    "seed": ("fastcron", {"ignoreHttpStatus": 0, **EVERY_MINUTE}),
    "latest": ("fastcron", EVERY_MINUTE),
}
"""By era, a service and what a job needs there to run each minute and to be told of an error."""
HANGS_UP = None
FAILURE = {"2013": HANGS_UP}
"""How a job's URL fails. In 2013 no HTTP status was a failure."""


@asynccontextmanager
async def answering(*statuses):
    """Serve a job's URL that has these statuses one after the other, the last for ever."""
    left = list(statuses)

    async def job(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        status = left.pop(0) if len(left) > 1 else left[0]
        if status is not HANGS_UP:
            head = f"HTTP/1.1 {status} So\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + b"out \xff\xe2\x82\xac")
        writer.close()

    async with await asyncio.start_server(job, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"


@asynccontextmanager
async def emulated(door, receiver, clock, *statuses, jobs=1, **options):
    """Yield an emulator whose jobs run each minute, and that posts to a receiver."""
    async with served(door, receiver) as browser, answering(*statuses) as target:
        hook = f"{str(browser.base_url).rstrip('/')}{HOOK}"
        app = create_app(clock=clock, rates=FAST, execute="loopback", webhook=hook, **options)
        provider, more = PARAMETERS[options["era"]]
        for number in range(jobs):
            url = f"{target}/{number}"
            ask(app, "cron.add", provider, url=url, name=f"job é {number}", **more)
        yield app
    app.emulator.close()


ALL = list(product(DOORS, PARAMETERS))
FEW = list(zip(cycle(DOORS), PARAMETERS, strict=False))


@pytest.mark.few(3)
@pytest.mark.parametrize(
    ("door", "era"),
    [pytest.param(*one, marks=[] if one in FEW else pytest.mark.proof) for one in ALL],
)
async def test_a_failure_and_a_recovery_arrive_once_through_each_door(door, era):
    """Two jobs fail and recover: four notifications of any era are answered with 204, and the
    handler has each as it was posted, once. One that is posted again is not handled again.
    """
    clock, handled = ManualClock(START), []
    receiver = Receiver(secrets=[SECRET], handler=handled.append, clock=clock.now)
    failure = FAILURE.get(era, 500)
    async with emulated(door, receiver, clock, failure, failure, 200, jobs=2, era=era) as app:
        await app.run_for(3 * MINUTE)
        sent = list(app.runner.webhook.sent)
        assert [(one["httpStatus"], one["on"]) for one in sent] == [(204, True)] * 4
        assert [bool(one["body"]["error"]) for one in sent] == [True, True, False, False]
        for run in list(app.runner.executions)[:1]:
            await app.runner.webhook.post(app.runner._sender(), run, sent[0]["body"])
        assert app.runner.webhook.sent[-1]["httpStatus"] == 204
    posted = [read_notification(one["body"]) for one in sent]
    assert sorted(handled, key=lambda note: note.key) == sorted(posted, key=lambda note: note.key)
    assert sum(note.is_failure for note in handled) == sum(note.is_recovery for note in handled)
    assert receiver.stats.duplicates == 1


@pytest.mark.proof
@pytest.mark.parametrize("door", DOORS)
async def test_a_handler_that_always_fails_switches_the_channel_off_only_if_it_is_told(door):
    """Of 20 failures of a job each is posted and answered with 204, and the channel is on. With
    answer="after" it is off after the fifth, by the emulator's own count.
    """
    for answer, statuses in (("before", [204] * 20), ("after", [500] * 5)):
        clock = ManualClock(START)
        receiver = Receiver(
            secrets=[SECRET], handler=lambda _: 1 / 0, answer=answer, clock=clock.now
        )
        async with emulated(door, receiver, clock, 500, era="latest") as app:
            await app.run_for(20 * MINUTE)
        sent = app.runner.webhook.sent
        assert [one["httpStatus"] for one in sent] == statuses
        assert [one["on"] for one in sent] == [True] * (len(sent) - 1) + [answer == "before"]
        assert receiver.stats.failed == len(sent)
