"""A filter that keeps the secrets of endpoints out of logs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from cronapi._protocol.redaction import HIDDEN
from cronapi.webhooks.secret import all_secrets

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) - {"msg", "args"}
"""Attributes of a record that logging itself sets."""


def hide_secret(*loggers: logging.Logger) -> None:
    """Write `***` for the secret of every endpoint of this process in the records of loggers.

    Give it the loggers that write addresses: `logging.getLogger("uvicorn.access")`, or
    `"aiohttp.access"`. A filter works only on the very logger that writes, not on its parents. The
    form of a record stays: uvicorn's formatter wants five arguments. May be repeated.
    """
    for logger in loggers:
        if hide_in not in logger.filters:
            logger.addFilter(hide_in)


def hide_in(record: logging.LogRecord) -> bool:
    """Hide secrets in a record, and let it pass. It never raises."""
    for spelling in {form for one in all_secrets() for form in (one, quote(one, safe=""))}:
        _replace(record, spelling)
    return True


def _replace(record: logging.LogRecord, secret: str) -> None:
    def hidden(value: Any) -> Any:
        if type(value) is str:
            return value.replace(secret, HIDDEN) if secret in value else _spelt_oddly(value, secret)
        return value

    record.msg = hidden(record.msg)
    record.args = _each(record.args, hidden)
    for name, value in list(vars(record).items()):
        if name not in _STANDARD and name not in ("msg", "args"):
            setattr(record, name, _each(value, hidden))


def _spelt_oddly(text: str, secret: str) -> str:
    """Hide the whole address if it spells the secret with escapes that nothing asks for."""
    return HIDDEN if "%" in text and secret in unquote(text) else text


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if type(value) is tuple:
        return tuple(map(change, value))
    if type(value) is dict:
        return {name: change(item) for name, item in value.items()}
    return change(value)
