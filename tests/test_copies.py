"""Objects that hold locks, connections or a part of a rate: none can be pickled or copied."""

from __future__ import annotations

import copy
import pickle

import pytest

from cronapi import FastCron, Rate, Scheduler
from cronapi.emulator import Faults, create_app
from cronapi.scheduler import FileBucket, LocalBucket, RedisBucket
from cronapi.webhooks import CronEndpoint, MemoryDedupe, Receiver, RedisDedupe
from tests.support.emulated import TOKEN, emulator, paced, specs
from tests.support.posts import SECRET
from tests.support.seen import names

WAYS = pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
ABSENT = "redis://127.0.0.1:1/0"
MAKERS = {
    "client": (lambda _: FastCron(TOKEN), "Make a client in each process"),
    "scheduler": (lambda _: Scheduler(1), "Hand on the scheduler itself"),
    "slot": (lambda _: Scheduler(1).slot(), "Ask that for another"),
    "bucket": (lambda _: LocalBucket(Rate(1)), "Hand on the bucket itself"),
    "file": (lambda folder: FileBucket(folder / "pace"), "Make one in each process"),
    "redis": (lambda _: RedisBucket.from_url(ABSENT, key="a"), "Make one in each process"),
    "memory": (lambda _: MemoryDedupe(), "share a RedisDedupe"),
    "redis memory": (lambda _: RedisDedupe.from_url(ABSENT, key="a"), "Make one in each"),
    "receiver": (lambda _: Receiver(secrets=[SECRET]), "Make one in each process"),
    "endpoint": (lambda _: CronEndpoint(secrets=[SECRET]), "Make one in each process"),
    "app": (lambda _: create_app(), "Call create_app again"),
    "emulator": (lambda _: create_app().emulator, "Call create_app again"),
    "store": (lambda _: create_app().emulator.store, "Call create_app again"),
    "faults": (lambda _: Faults(), "Call create_app again"),
}


@WAYS
@pytest.mark.parametrize(("make", "advice"), MAKERS.values(), ids=MAKERS)
def test_what_is_alive_says_why_it_cannot_be_copied(tmp_path, make, advice, way):
    """A copy would have the locks of the first, or a rate of its own. The error says what to do."""
    with pytest.raises(TypeError, match=rf"cannot be pickled or copied.* {advice}") as refused:
        way(make(tmp_path))
    assert TOKEN not in str(refused.value)
    assert SECRET not in str(refused.value)


@WAYS
async def test_work_that_a_client_has_made_cannot_be_copied(way):
    """It goes on all the same."""
    app = emulator()
    async with paced(app) as api:
        works = [api.cron.add_many(specs(1)), api.cron.health()]
        for work in works:
            with pytest.raises(TypeError, match="Make a client in each process"):
                way(work)
            await work
    assert names(app) == ["n0"]
