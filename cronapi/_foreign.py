"""The border: what an exception of httpx, httpx2 or any other transport means for a call."""

from __future__ import annotations

from typing import Any

from cronapi._retry import Ending
from cronapi._wire import Verdict, redact, tells
from cronapi.errors import (
    ConnectionFailedError,
    CronAPIError,
    RequestTimeoutError,
    ResponseError,
    TransportError,
)


def translate(error: Exception, module: Any, secrets: tuple[str, ...], *, stock: bool) -> Verdict:
    """Return the verdict on an exception that a transport raised; `stock` where its ConnectTimeout means "never sent"."""
    name = type(error).__name__
    said = redact(f"{name}: {error}" if str(error) else name, secrets)
    cause = None if tells(error, secrets) else error
    never_sent = (
        module.ConnectError,
        module.PoolTimeout,
        *((module.ConnectTimeout, module.ProxyError) if stock else ()),
    )
    if isinstance(error, never_sent):
        return _ended(Ending.NOT_SENT, ConnectionFailedError(f"No connection: {said}."), cause)
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


def _ended(ending: Ending, error: CronAPIError, cause: Exception | None) -> Verdict:
    error.__cause__ = cause
    return Verdict(ending=ending, error=error)
