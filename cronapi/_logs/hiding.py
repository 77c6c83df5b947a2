"""Hiding texts in the records of other programs' loggers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, unquote

from cronapi._protocol.redaction import HIDDEN

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) - {"msg", "args"}
"""Attributes of a record that logging itself sets."""


def hide_in(record: logging.LogRecord, secrets: Iterable[str]) -> None:
    """Write `***` for secrets in a record, which keeps its form. It never raises."""
    spellings = {form for one in secrets for form in (one, quote(one, safe=""))}
    for spelling in sorted(spellings, key=len, reverse=True):
        _replace(record, spelling)


def _replace(record: logging.LogRecord, secret: str) -> None:
    def hidden(value: Any) -> Any:
        if type(value) is not str:
            return value
        # One text may have several spellings, such as an address and the page it came from.
        return _spelt_oddly(value.replace(secret, HIDDEN), secret)

    for name, value in list(vars(record).items()):
        if name not in _STANDARD:
            setattr(record, name, _each(value, hidden))


def _spelt_oddly(text: str, secret: str) -> str:
    """Hide the whole address if it spells the secret with escapes that nothing asks for."""
    plain = text
    while "%" in plain and (decoded := unquote(plain)) != plain:
        plain = decoded
    return HIDDEN if secret in plain else text


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if type(value) is tuple:
        return tuple(map(change, value))
    if type(value) is dict:
        return {name: change(item) for name, item in value.items()}
    return change(value)
