"""Endpoints as type checkers see them. Nothing here is run."""

from typing import assert_type

from cronapi import FastCron, Notification
from cronapi.webhooks import (
    CronCall,
    CronEndpoint,
    Dedupe,
    MemoryDedupe,
    Receiver,
    RedisDedupe,
    hide_secret,
    read_notification,
)


async def on_notification(note: Notification) -> None:
    """Take a notification."""
    assert_type(note.verified, bool | None)


def on_call(call: CronCall) -> None:
    """Take a call."""
    assert_type(call.job, int)


class Own:
    """A memory of keys of the user's own."""

    ttl: float = 86_400.0

    async def claim(self, key: str) -> bool:
        """Remember a key."""
        return bool(key)

    async def release(self, key: str) -> None:
        """Forget a key."""


async def endpoints(api: FastCron) -> None:
    """Make endpoints of every kind."""
    receiver = Receiver(secrets=["x"], handler=on_notification, verify=api, answer="after")
    assert_type(receiver.read(b"", secret="x"), Notification)
    assert_type(read_notification("{}"), Notification)
    assert_type(receiver.stats.failed, int)
    endpoint = CronEndpoint(secrets=("x",), handler=on_call, dedupe=Own())
    call = endpoint.read("", b"", key=None)
    assert_type(call, CronCall)
    memories: list[Dedupe] = [MemoryDedupe(5), RedisDedupe.from_url("", key="x"), Own()]
    assert_type(await call.once(memories[0]), bool)
    async with receiver as opened:
        assert_type(opened, Receiver)
    hide_secret()
