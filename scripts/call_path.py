"""Count the rooms that an uncontended `cron.add` visits, from its first line to the structured job.

A room is a folder of `cronapi/` or a single file of its root. A change of room is two functions of
cronapi that are entered one after the other and stand in different rooms.

    python -m scripts.call_path
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from itertools import pairwise
from pathlib import Path
from types import FrameType

import httpx

import cronapi

HOUSE = Path(cronapi.__file__).parent


def room_of(file: str) -> str | None:
    """Return the room of a source file, None outside cronapi."""
    path = Path(file)
    return path.relative_to(HOUSE).parts[0] if path.is_relative_to(HOUSE) else None


async def rooms_of_an_add() -> list[str]:
    """Return the room of each function that is entered, in order."""
    entered: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (room := room_of(frame.f_code.co_filename)) is not None:
            entered.append(room)

    ids = itertools.count(1)

    def answer(_: httpx.Request) -> httpx.Response:
        data = {"id": next(ids), "url": "https://example.com/"}
        return httpx.Response(200, json={"status": "success", "code": 0, "data": data})

    transport = httpx.MockTransport(answer)
    async with cronapi.FastCron(
        "token", transport=transport, scheduler=cronapi.Scheduler(1000.0)
    ) as api:
        await api.cron.add(url="https://example.com/")  # the first one makes what all others share
        sys.setprofile(note)
        try:
            await api.cron.add(url="https://example.com/")
        finally:
            sys.setprofile(None)
    return entered


def changes(rooms: list[str]) -> int:
    """Return how often two in a row differ."""
    return sum(one != other for one, other in pairwise(rooms))


def main() -> None:
    """Print the figures and the path."""
    rooms = asyncio.run(rooms_of_an_add())
    print(
        f"{len(set(rooms))} rooms, {changes(rooms)} changes of room, {len(rooms)} functions entered"
    )
    print(
        " ".join(room for room, other in zip(rooms, [*rooms[1:], ""], strict=True) if room != other)
    )


if __name__ == "__main__":
    main()
