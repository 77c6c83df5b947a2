"""Salted hashes: a journal recognises a payload or a token by its hash, and holds neither."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from cronapi._protocol.redaction import NOT_IN_JOURNAL, without_password
from cronapi.errors.concerns import input_error

_DIGITS = 32
"""Hex digits of a hash: enough to tell inputs apart, and small."""


def salted_hash(salt: str, text: str) -> str:
    """Return the first hex digits of the SHA-256 of salt and text."""
    return hashlib.sha256((salt + text).encode()).hexdigest()[:_DIGITS]


def fingerprint_of(payload: object, salt: str) -> str:
    """Return a salted hash of a payload without its passwords, also those in URLs.

    A payload is made of mappings, sequences, numbers, text and times. Equal payloads have equal
    hashes. A ConfigurationError means that something else is in it.
    """
    return salted_hash(salt, json.dumps(_plain(payload), sort_keys=True, separators=(",", ":")))


def _plain(value: object) -> object:
    """Return a value in the types of JSON, the same for equal values and without passwords."""
    if isinstance(value, Mapping):
        shown = {name: item for name, item in value.items() if name not in NOT_IN_JOURNAL}
        return {str(name): _plain(item) for name, item in shown.items()}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if value is None or isinstance(value, str | int | float):
        return without_password(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(item) for item in value]
    raise input_error(f"A {type(value).__name__} cannot be noted in a journal.")
