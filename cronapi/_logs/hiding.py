"""Hiding texts in the records of other programs' loggers."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from cronapi._protocol.redaction import HIDDEN, as_text

_WORD = re.compile(r"\S+")
_ESCAPED_PERCENT = re.compile(rb"%(?:25)+")
MOST_LAYERS = 4
"""Escapes inside each other that are undone. Those of a percent sign do not count."""
_SHOWS_NO_TEXT = (int, float, bool, type(None))


def hide_in(record: logging.LogRecord, secrets: Iterable[str]) -> None:
    """Write `***` for secrets in a record. It never raises.

    Texts, bytes, and the items of a tuple, list or dict keep their form. Anything else becomes a
    text if its `str` or `repr` shows a secret, and so does an exception with its traceback. An
    object that has a secret in an attribute alone is not looked into.
    """
    hidden = _hiding(list(secrets))
    _hide_exception(record, hidden)
    for name, value in list(vars(record).items()):
        if name != "exc_info":
            setattr(record, name, _each(value, hidden))


def _hiding(secrets: list[str]) -> Callable[[str], str]:
    """Return the function that hides secrets in a text, in time that grows as its length does."""
    spellings = {form for one in secrets for form in (one, quote(one, safe=""))}
    longest_first = sorted(spellings, key=len, reverse=True)
    plain = [_decoded(one) for one in secrets]

    def word(found: re.Match[str]) -> str:
        text = found[0]
        if "%" not in text:
            return text
        decoded = _decoded(text)
        is_doubtful = decoded is None or any(one is not None and one in decoded for one in plain)
        return HIDDEN if is_doubtful else text

    def hidden(text: str) -> str:
        for spelling in longest_first:
            text = text.replace(spelling, HIDDEN)
        # One text may have several spellings, such as an address and the page it came from.
        return _WORD.sub(word, text) if "%" in text else text

    return hidden


def _decoded(text: str) -> bytes | None:
    """Undo all escapes of an address, in any order. Return None if they are too deep for it."""
    data = text.encode("utf-8", "surrogatepass")
    for _ in range(MOST_LAYERS + 1):
        before, data = data, unquote_to_bytes(_ESCAPED_PERCENT.sub(b"%", data))
        if data == before:
            return data
    return None


def _hide_exception(record: logging.LogRecord, hidden: Callable[[str], str]) -> None:
    """Write the traceback if it shows a secret, and let go of the exception."""
    if not record.exc_info:
        return
    told = ""
    with suppress(Exception):  # it is of another program's making
        told = logging.Formatter().formatException(record.exc_info)
    shown = hidden(told)
    if shown != told:
        record.exc_info, record.exc_text = None, record.exc_text or shown


def _each(value: Any, hidden: Callable[[str], str]) -> Any:
    """Hide in a value, and in the items of a tuple, list or dict."""
    kind = type(value)
    if kind is tuple or kind is list:
        return kind(_changed(item, hidden) for item in value)
    if kind is dict:
        return {_changed(name, hidden): _changed(item, hidden) for name, item in value.items()}
    return _changed(value, hidden)


def _changed(value: Any, hidden: Callable[[str], str]) -> Any:
    """Return a value, or one that shows no secret."""
    if isinstance(value, _SHOWS_NO_TEXT):
        return value
    if type(value) is bytes:  # each byte is a character, and stays one
        text = value.decode("latin-1")
        return value if (shown := hidden(text)) == text else shown.encode("latin-1")
    for read in (str, repr):
        text = as_text(value, read)
        shown = hidden(text)
        if shown != text:
            return shown
    return value
