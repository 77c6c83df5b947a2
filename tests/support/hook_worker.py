"""A process with a receiver: `python -m tests.support.hook_worker REDIS_URL FILE SECONDS`.

It prints its port. Its handler writes the number of each job into a file, and takes some time.
"""

from __future__ import annotations

import sys

import anyio

from cronapi.emulator.server import serve
from cronapi.webhooks import Receiver, RedisDedupe
from tests.support.emulated import START
from tests.support.posts import SECRET


async def main(url, path, seconds):
    async def write(notification):
        await anyio.sleep(float(seconds))
        with open(path, "a", encoding="ascii") as file:  # noqa: PTH123, ASYNC230 -- one short line
            file.write(f"{notification.id}\n")

    receiver = Receiver(
        secrets=[SECRET],
        handler=write,
        dedupe=RedisDedupe.from_url(url, key="hooks"),
        clock=lambda: START,
    )
    async with serve(receiver.asgi()) as origin:
        print(origin, flush=True)  # noqa: T201 -- how its parent finds it
        await anyio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        await receiver.aclose()


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
