"""One bulk in a process of its own, which may be killed: `python -m tests.support.bulk_worker URL
PROVIDER METHOD INPUTS JOURNAL`.

INPUTS is a file of JSON. Started again with the same journal it goes on; at the end it prints
status, id and error of each outcome as JSON. Its rests are a tenth of the library's own: until it
has started and looked for the last time, a second has gone, in which the service has carried out
whatever it held back.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from cronapi import FASTCRON, SETCRONJOB, Client, RetryPolicy, Scheduler
from cronapi.client import ClientOptions
from cronapi.emulator import DEFAULT_TOKEN
from tests.support.chaos_judge import reasons

PROVIDERS = {"fastcron": FASTCRON, "setcronjob": SETCRONJOB}
RATE, SEATS, TIMEOUT = 3000.0, 10, 5.0
QUARTER, TENTH = 0.25, 0.1


class Brisk(Scheduler):
    """A scheduler whose rests before a repeat or a look-up take a share of their time."""

    def __init__(self, share: float, seats: int = SEATS) -> None:
        super().__init__(RATE, max_in_flight=seats)
        self._share = share

    async def _sleep(self, seconds: float) -> None:
        await super()._sleep(seconds * self._share)


def client(
    provider: str,
    base_url: str,
    timeout: float,
    share: float,
    *,
    seats: int = SEATS,
    coalesce: bool = False,
) -> Client:
    """Return a client that rests for a share of the usual times."""
    options: ClientOptions = {
        "scheduler": Brisk(share, seats),
        "timeout": timeout,
        "retry": RetryPolicy(max_delay=0.4),
    }
    return Client(
        PROVIDERS[provider], DEFAULT_TOKEN, base_url=base_url, coalesce=coalesce, **options
    )


async def work(base_url: str, provider: str, method: str, inputs: str, journal: str) -> None:
    """Carry the bulk out, or go on with it."""
    items = json.loads(await asyncio.to_thread(Path(inputs).read_text))
    async with client(provider, base_url, TIMEOUT, TENTH) as api:
        report = await getattr(api.cron, method)(items, journal=journal)
    told = [
        [
            outcome.status,
            outcome.value and outcome.value.id,
            outcome.error and reasons(outcome.error),
        ]
        for outcome in report
    ]
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
