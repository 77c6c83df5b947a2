"""The endpoint for the notifications that FastCron posts."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from cronapi._lazy import LazyModule
from cronapi._protocol.arguments import refusal
from cronapi._protocol.hidden import hidden
from cronapi._protocol.structure import prepare
from cronapi.errors import ResponseError, WebhookError
from cronapi.errors.concerns import setting_error
from cronapi.models import Notification
from cronapi.webhooks import incoming as http
from cronapi.webhooks.dedupe import DAY, Dedupe
from cronapi.webhooks.endpoint import Endpoint
from cronapi.webhooks.handling import When
from cronapi.webhooks.incoming import Incoming, read_body
from cronapi.webhooks.notification import read_notification
from cronapi.webhooks.weight import light_text

if TYPE_CHECKING:
    import cronapi.client as clients
else:
    clients = LazyModule("cronapi.client")

_NO_NOTIFICATION = "This is not a notification."


class Receiver(Endpoint[Notification]):
    """Takes the notifications of FastCron, which has a secret in the address that it posts to.

    The service signs nothing, posts once, and switches the channel off after five posts in a row
    that failed. So a notification is answered with 204 as soon as it is read, and handled
    afterwards.

    - `secrets`: texts of at least 16 characters, without those that split an address. The last
      part of the path must be one of them; several make a rotation.
    - `handler`: a function of the notification, async or quick. Its exceptions are logged with the
      key, and counted in `stats.failed`. It is called once for each key.
    - `dedupe`: the memory of keys, a `MemoryDedupe` of a day or more if None.
    - `max_body`: bytes of a body. Reading it takes at most twice as many in memory, so less may
      come of a text that takes more there than its bytes: half with characters beyond Latin-1, a
      quarter with emoji, and a sixth less with escapes.
    - `max_age`: seconds. An older notification is refused, since it may be a repeated one. `dedupe`
      remembers at least as long.
    - `verify`: a client of the account. It is asked, at most once a minute for each job, if a
      notification is true, which is then told by its `verified`.
    - `answer`: `"after"` waits for the handler, and answers 500 if it failed.
    - `clock`: the time, in Unix seconds.

    At most 1,000 wait; those that come then are dropped, logged and counted in `stats.dropped`.
    Raises ConfigurationError for anything that it cannot work with.
    """

    accepted_status: int = 204
    drops: ClassVar[bool] = True
    secret_in_path: ClassVar[bool] = True
    taken_methods: ClassVar[tuple[str, ...]] = ("POST",)
    test_methods: ClassVar[tuple[str, ...]] = ("GET", "HEAD")

    def __init__(
        self,
        *,
        secrets: Iterable[str],
        handler: Callable[[Notification], Awaitable[None] | None] | None = None,
        dedupe: Dedupe | None = None,
        max_body: int = http.MOST_BYTES,
        max_age: float = DAY,
        verify: clients.Client | None = None,
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
        self._verifier = None
        if verify is not None:
            if handler is None:
                raise setting_error("verify needs a handler: it is what gets the answer.")
            from cronapi.webhooks.verifying import Verifier  # noqa: PLC0415 -- imports the client

            self._verifier = Verifier(verify, clock)

    def read(
        self,
        body: bytes | bytearray | str | Mapping[str, Any],
        *,
        secret: str,
        now: float | None = None,
    ) -> Notification:
        """Return the notification of a request of any framework, sync or async.

        `secret` is the last part of its path, `now` the time in Unix seconds. Nothing is
        remembered, handled or asked. Raises WebhookError, with the `status` to answer, if the
        secret is wrong, the body is not a notification or too long, or the notification too old.
        """
        secret = hidden(secret)
        if not isinstance(secret, str):
            raise refusal("secret", "text", None)
        if not self._secrets.contain(secret):
            raise http.refusal_of(http.NOT_FOUND)
        if isinstance(body, bytes | bytearray | str):
            body = self._text_of(body)
        return self._read_body(body, self._time(now))

    def _has_secret(self, incoming: Incoming) -> bool:
        return self._secrets.contain(incoming.last_segment)

    async def _read(self, incoming: Incoming) -> Notification:
        text = self._text_of(await read_body(incoming, self._max_body))  # the bytes are free again
        return self._read_body(text, self._clock())

    def _text_of(self, body: bytes | bytearray | str) -> str:
        try:
            return light_text(body, self._max_body)
        except ValueError as error:
            raise WebhookError(_NO_NOTIFICATION) from error

    def _read_body(self, body: str | Mapping[str, Any], now: float) -> Notification:
        try:
            notification = read_notification(body)
        except ResponseError as error:
            raise WebhookError(_NO_NOTIFICATION) from error
        self._check_age(notification.time, now)
        return notification

    def _load(self) -> None:
        prepare(Notification)

    async def _prepared(self, message: Notification) -> Notification:
        return message if self._verifier is None else await self._verifier.asked(message)
