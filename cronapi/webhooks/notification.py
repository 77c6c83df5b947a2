"""The notification that FastCron posts to a webhook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cronapi._protocol.arguments import refusal
from cronapi._protocol.json_text import parse_json
from cronapi._protocol.structure import StructureError, structure
from cronapi.errors import ResponseError
from cronapi.models import Notification


def read_notification(body: bytes | bytearray | str | Mapping[str, Any]) -> Notification:
    """Return the notification in a request's body, given as text or as the parsed object.

    Raises `ResponseError` if the body is not a notification, and `ConfigurationError` if it is
    neither bytes nor text nor a mapping. It believes anyone: `Receiver` also looks for a secret in
    the address. Source: FastCron's webhook page, 2024-07 to 2026-07.
    """
    if not isinstance(body, bytes | bytearray | str | Mapping):
        raise refusal("body", "bytes, text or a mapping", body, "input")
    try:
        data = dict(body) if isinstance(body, Mapping) else parse_json(body)
        return structure(data, Notification, "$")
    except StructureError as error:
        raise ResponseError(
            f"This is not a notification: {error}.", problems=error.problems
        ) from error
    except ValueError as error:
        raise ResponseError(f"The notification is not JSON: {error}.") from error
