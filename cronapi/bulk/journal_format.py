"""The lines of a journal, version 1: JSON objects, of which the first is the header.

The header names the bulk and has the salt of all hashes. A bulk that was given its token as text
also has a hash of that token there. Each other line is a fact of one of three kinds:

- `known`: the ids that existed before the first item was sent.
- `sending`: index and fingerprint of items that are about to be sent.
- `item`, `hash` and `status`: the outcome of one item.

A later line about an item replaces an earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cronapi._protocol.json_text import parse_json
from cronapi.bulk.fingerprint import salted_hash
from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import setting_error

LONGEST_HEADER = 1 << 16
"""Bytes of the longest header: a file that is no journal may have one line of any length."""
_VERSION = 1
_START = b'{"cronapi":"journal","version":1,"salt":"'
_OTHER_ACCOUNT = (
    "Use a journal for each account. Where it is a new token of the same account, remove "
    '"token" from the first line.'
)
_OTHER_INPUTS = (
    "Use a new path for a new bulk: it does all items, also those that this journal has as done."
)


def line_of(record: Mapping[str, object]) -> bytes:
    """Return a record as one line."""
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def record_of(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line, or None for a torn line."""
    try:
        record = parse_json(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def header_line(salt: str, plan: Mapping[str, object], token: str | None) -> bytes:
    """Return the first line of a new journal."""
    mark = {} if token is None else {"token": salted_hash(salt, token)}
    return line_of({"cronapi": "journal", "version": _VERSION, "salt": salt, **plan, **mark})


def is_torn_header(line: bytes) -> bool:
    """Return True if a kill can have left this part of a header.

    Any other text without a newline belongs to somebody.
    """
    is_start = line.startswith(_START) or _START.startswith(line)
    return is_start and not line.endswith(b"\n") and len(line) < LONGEST_HEADER


def read_header(line: bytes, path: str, plan: Mapping[str, object], token: str | None) -> str:
    """Return the salt in a header.

    A ConfigurationError means that the file is no journal, or not one of this plan and token.
    """
    header = record_of(line)
    if header is None or header.pop("cronapi", None) != "journal":
        raise setting_error(f"{path} is not a journal of cronapi; it was left as it is.")
    version, salt = header.pop("version", None), header.pop("salt", None)
    # True and 1.0 are equal to 1, and no release has written them.
    is_known = type(version) is int and version == _VERSION
    if not is_known or not isinstance(salt, str) or not salt.isascii():
        raise setting_error(
            f"The journal {path} has version {version!r}; this cronapi reads version {_VERSION}. "
            "Go on with the release that began it, or use a new path for a new bulk."
        )
    mark = header.pop("token", None)
    if mark is not None and token is not None and mark != salted_hash(salt, token):
        raise setting_error(f"The journal {path} was begun with another token. {_OTHER_ACCOUNT}")
    _compare_plans(path, header, json.loads(json.dumps(plan)))
    return salt


def other_inputs(path: str, difference: str) -> ConfigurationError:
    """Return the error for a bulk that differs from that of the journal."""
    return setting_error(f"The journal {path} is of other inputs: {difference}. {_OTHER_INPUTS}")


def _compare_plans(path: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    differences = [
        f"{name} was {then.get(name)!r} and is {now.get(name)!r} now"
        for name in {**then, **now}
        if then.get(name) != now.get(name)
    ]
    if differences:
        raise other_inputs(path, "; ".join(differences))
