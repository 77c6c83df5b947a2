"""One request under way, and the border where a transport's exceptions become ours."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any

import anyio

from cronapi._protocol.hidden import without_frames
from cronapi._protocol.redaction import LONGEST_CHAIN, as_text, contains_secret, redact
from cronapi._protocol.response import Ending, Verdict, read_response
from cronapi.errors import (
    ConnectionFailedError,
    CronAPIError,
    RequestTimeoutError,
    ResponseError,
    TransportError,
)
from cronapi.errors.concerns import setting_error
from cronapi.scheduler.wake import Sleeper

GRACE = 0.25
"""Seconds that a caller waits on. The transport's own timeout comes first: it knows if anything was
sent."""
LAST_RESORT = 2
"""Timeouts after which an exchange is cut off, and the connection pool with it. A server that drips
its headers outlives a single one."""
PATIENCE = 5.0
"""Seconds after which the wait for an answer is told."""


UNDER_WAY = Verdict(ending=Ending.LOST)
"""The verdict on a request that has not ended."""


def cut_off() -> Verdict:
    """Return the verdict on a request that was not left to end."""
    return Verdict(ending=Ending.LOST, error=TransportError("The exchange was cut off."))


class Exchange:
    """One request under way, in its `scope`. `verdict` is there once it `has_ended`.

    `clock` is anyio's.
    """

    __slots__ = ("_caller", "_clock", "_others", "has_ended", "scope", "verdict")

    def __init__(self, clock: Callable[[], float], scope: anyio.CancelScope) -> None:
        self._clock = clock
        self.scope: anyio.CancelScope = scope
        self.verdict: Verdict = UNDER_WAY
        self.has_ended: bool = False
        self._caller: Sleeper | None = None
        self._others: anyio.Event | None = None

    def end(self) -> None:
        """Wake all that wait for the verdict."""
        self.has_ended = True
        if self._caller is not None:
            self._caller.wake()
        if self._others is not None:
            self._others.set()

    async def ended(self) -> None:
        """Wait until no answer can come any more."""
        if not self.has_ended:
            self._others = self._others or anyio.Event()
            await self._others.wait()

    async def wait(self, timeout: float, tell: Callable[[float, float], None]) -> Verdict:
        """Return the verdict, or that of a lost answer after `timeout` seconds. For one caller.

        The exchange then goes on by itself, but not for ever. `tell` is called once if the answer
        takes long, with the seconds until then and the seconds that are left.
        """
        begun = self._clock()
        first = PATIENCE if timeout > PATIENCE else timeout + GRACE
        try:
            await self._sleep(first)
            if timeout > PATIENCE and not self.has_ended:
                tell(first, timeout - first)
                await self._sleep(timeout + GRACE - first)
        finally:
            if not self.has_ended:  # a timer that nobody needs would cost each exchange
                self.scope.deadline = begun + timeout * LAST_RESORT + GRACE
        if self.has_ended:
            return self.verdict
        error = RequestTimeoutError(f"No answer in {timeout:g} s.")
        return Verdict(ending=Ending.LOST, error=error)

    async def _sleep(self, seconds: float) -> None:
        if not self.has_ended:
            self._caller = Sleeper()
            await self._caller.sleep_at_most(seconds)


def translate(
    error: Exception, module: Any, secrets: tuple[str, ...], *, stock: bool, unsent: bool = False
) -> Verdict:
    """Return the verdict on an exception that a transport raised, whatever exception it is.

    With `stock`, its ConnectTimeout means that nothing was sent. With `unsent`, nothing was sent
    whatever the exception is.
    """
    answer = _answer_of(error, secrets)
    if answer is not None:
        return answer
    said, cause = _told(error, module, secrets)
    never_sent = (
        module.ConnectError,
        module.PoolTimeout,
        *((module.ConnectTimeout, module.ProxyError) if stock else ()),
    )
    if unsent or isinstance(error, never_sent):
        return _unsent(error, said, cause)
    if isinstance(error, module.TimeoutException | TimeoutError):
        return _ended(Ending.LOST, RequestTimeoutError(f"No answer in time: {said}."), cause)
    if isinstance(error, module.DecodingError):
        return _ended(
            Ending.GARBLED, ResponseError(f"The answer cannot be decoded: {said}."), cause
        )
    if isinstance(
        error, module.LocalProtocolError | module.UnsupportedProtocol | module.InvalidURL
    ):
        return _ended(Ending.FINAL, TransportError(f"The request cannot be sent: {said}."), cause)
    return _ended(Ending.LOST, TransportError(f"The connection broke: {said}."), cause)


def _answer_of(error: Exception, secrets: tuple[str, ...]) -> Verdict | None:
    """Return the verdict on the answer that an exception carries, or None if it carries none."""
    try:
        response = _response_of(error)
        if response is None:
            return None
        headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
        body = response.content if hasattr(response, "_content") else b""
        return read_response(response.status_code, headers, body, secrets=secrets)
    except Exception:  # noqa: BLE001 -- an exception's own attributes may raise anything
        return None


def _told(error: Exception, module: Any, secrets: tuple[str, ...]) -> tuple[str, Exception | None]:
    """Return the text of a foreign exception without secrets, and the exception if it has none.

    A proxy's refusal is told by its status alone: its reason may be the proxy's own password.
    """
    name, text = type(error).__name__, as_text(error)
    refused = re.match(r"[0-9]{3}\b", text) if isinstance(error, module.ProxyError) else None
    if refused is not None:
        return f"{name}: {refused[0]}", None
    said = redact(f"{name}: {text}" if text else name, secrets)
    return said, None if contains_secret(error, secrets) else error


def _unsent(error: Exception, said: str, cause: Exception | None) -> Verdict:
    """Return the verdict on a connection that failed in a way of its own.

    A port out of range, or a host name that is none, is a ValueError or an OverflowError of the
    standard library, which may quote a part of the address, or from Python 3.13 on the resolver's
    own error. It is the same each time.
    """
    if _is_impossible(error):
        text = (
            "No connection can be made to the address of the service or of a proxy: its host or "
            "port is impossible. Check base_url and the proxy settings."
        )
        return _ended(Ending.FINAL, setting_error(text), None)
    return _ended(Ending.NOT_SENT, ConnectionFailedError(f"No connection: {said}."), cause)


def _is_impossible(error: Exception) -> bool:
    """Return True if an exception is one of these two, or a group of nothing else."""
    kinds = (ValueError, OverflowError)
    if isinstance(error, ExceptionGroup):
        return error.split(kinds)[1] is None
    return isinstance(error, kinds) or _is_refused_port(error)


def _is_refused_port(error: BaseException | None) -> bool:
    for _ in range(LONGEST_CHAIN):
        if error is None:
            break
        if isinstance(error, socket.gaierror) and error.errno == socket.EAI_SERVICE:
            return True
        error = error.__cause__ or error.__context__
    return False


def _response_of(error: BaseException | None) -> Any:
    """Return the answer that an exception carries, as raised by a response hook, or None.

    A hook runs before the body is read, so most often there is none.
    """
    for _ in range(LONGEST_CHAIN):
        response: Any = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        if isinstance(status, int) and status >= 300:  # noqa: PLR2004 -- not one of success
            return response
        if error is None:
            break
        error = error.__cause__
    return None


def _ended(ending: Ending, error: CronAPIError, cause: Exception | None) -> Verdict:
    error.__cause__ = cause and without_frames(cause)
    return Verdict(ending=ending, error=error)
