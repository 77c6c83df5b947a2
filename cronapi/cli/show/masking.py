"""Members of a result or of a request, without secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cronapi._protocol.redaction import HIDDEN, is_sensitive, masked_headers, masked_url

_WHOLE = frozenset({"password", "post_data", "payload", "secret", "postData"})
"""Members that are hidden whole."""


def _headers(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _of_header(str(name), text) for name, text in value.items()}
    return masked_headers(value) if isinstance(value, str) else value


def _of_header(name: str, value: object) -> object:
    shown = getattr(value, "shown", None)
    if shown is not None:
        return shown
    return HIDDEN if is_sensitive(name) and value else value


def _url(value: object) -> object:
    return masked_url(value) if isinstance(value, str) else value


_MASKS: Mapping[str, Callable[[object], object]] = {
    **{name: lambda value: HIDDEN if value else value for name in _WHOLE},
    **dict.fromkeys(("http_headers", "httpHeaders", "set_header"), _headers),
    "url": _url,
}


def masked(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return members of a job, a run or a request, with `***` in place of each secret."""
    return {name: _masked(name, value) for name, value in members.items()}


def _masked(name: str, value: Any) -> Any:
    shown = getattr(value, "shown", None)
    if shown is not None:
        return shown
    if name in _MASKS:
        return _MASKS[name](value)
    if isinstance(value, Mapping):
        return masked(value)
    if isinstance(value, list | tuple):
        return [_masked(name, item) for item in value]
    return HIDDEN if is_sensitive(name) and isinstance(value, str) and value else value
