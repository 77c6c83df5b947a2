"""The endpoint that jobs call."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar

from cronapi._protocol.arguments import refusal
from cronapi._protocol.hidden import hidden
from cronapi.webhooks import incoming as http
from cronapi.webhooks.cron_call import CronCall, call_in
from cronapi.webhooks.dedupe import Dedupe
from cronapi.webhooks.endpoint import Endpoint
from cronapi.webhooks.handling import When
from cronapi.webhooks.incoming import Incoming, read_body

HEADER = "x-cron-key"
HOUR = 3600.0


class CronEndpoint(Endpoint[CronCall]):
    """Takes the calls of jobs, which have a secret in the header `X-Cron-Key`.

    A service gives a job 15 to 30 seconds, by its plan. So a call is answered with 202 as soon as
    it is read, and handled afterwards: once for each job and time, and never twice at the same time
    for one job. The job's URL or body has `job=__cronjob__&at=__timestamp__`.

    The arguments are those of `Receiver`, without `verify`. A secret may have any characters of a
    header. `max_age` is an hour. With `answer="after"` the answer waits for the handler, and says
    200 or 500, so that the service counts the failure. A full queue is answered with 503.
    """

    drops: ClassVar[bool] = False
    secret_in_path: ClassVar[bool] = False
    taken_methods: ClassVar[tuple[str, ...]] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

    def __init__(
        self,
        *,
        secrets: Iterable[str],
        handler: Callable[[CronCall], Awaitable[None] | None] | None = None,
        dedupe: Dedupe | None = None,
        max_body: int = http.MOST_BYTES,
        max_age: float = HOUR,
        answer: When = "before",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            secrets=secrets,
            handler=handler,
            dedupe=dedupe,
            max_body=max_body,
            max_age=max_age,
            answer=answer,
            clock=clock,
        )
        self.accepted_status: int = 202 if answer == "before" else 200

    def read(
        self,
        *sources: str | bytes | bytearray | Mapping[str, Any],
        key: str | None,
        now: float | None = None,
    ) -> CronCall:
        """Return the call of a request of any framework, sync or async.

        `sources` are its query and its body, `key` is its header `X-Cron-Key`, `now` the time in
        Unix seconds. Nothing is remembered or handled: `CronCall.once` tells a call that comes
        again. Raises WebhookError, with the `status` to answer, if the key is wrong, no source has
        a call, or the call is too old.
        """
        key = hidden(key)
        if not isinstance(key, str | None):
            raise refusal("key", "text or None", object())
        if not self._secrets.contain(key or ""):
            raise http.refusal_of(http.NOT_FOUND)
        return self._checked(CronCall.read(*sources), self._time(now))

    def _has_secret(self, incoming: Incoming) -> bool:
        return self._secrets.contain(incoming.headers.get(HEADER, ""))

    async def _read(self, incoming: Incoming) -> CronCall:
        body = await read_body(incoming, self._max_body)
        return self._checked(call_in((incoming.query, body), self._max_body), self._clock())

    def _load(self) -> None:
        """Nothing: its own imports are all."""

    def _checked(self, call: CronCall, now: float) -> CronCall:
        self._check_age(call.at, now)
        return call
