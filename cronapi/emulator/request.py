"""Reading a request: the path, the three formats and the token.

Source: the services' index pages (POST as query string or JSON, or GET), and public clients that
mix query and body.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from attrs import field, frozen

from cronapi.emulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATHS = (
    ("fastcron", re.compile(r"/api/v1(?:/(.*))?")),
    ("setcronjob", re.compile(r"/api/(.*)")),
)
# cron_batch_add is cron.batch_add: only the first underscore stands for a dot.
_UNDERSCORED = re.compile(r"([a-z]+)_([a-z_]+)")
_DOTTED = re.compile(r"[a-z]+\.[a-z_]+")
_INDEXED = re.compile(r"(.+)\[\d*\]")


@frozen
class Request:
    """One HTTP request as it was received.

    `function` is the dotted name. If the path has no such name, it is a question mark and the rest
    of the path. The token in the header counts if the service `knows_bearer`. `arrived` is in
    seconds of the clock's ticks.
    """

    provider: str
    function: str
    query: str = field(default="", repr=False)
    body: bytes = field(default=b"", repr=False)
    bearer: str | None = field(default=None, repr=False)
    address: str = ""
    arrived: float = 0.0
    knows_bearer: bool = True

    @cached_property
    def content(self) -> Content:
        """The parameters and the token, read once. Raises `Refusal` like `read_content`."""
        return read_content(self)


@frozen
class Content:
    """The parameters of a request without the token, and the token."""

    parameters: Mapping[str, object]
    token: str | None = field(repr=False)


def read_path(path: str, *, strict: bool = True) -> tuple[str, str] | None:
    """Return the provider and the function of a path, `None` for a path outside the API.

    Unless `strict`, FastCron's functions may have a dot too.
    """
    for provider, pattern in _PATHS:
        match = pattern.fullmatch(path)
        if match:
            return provider, _dotted(provider, match[1] or "", strict=strict)
    return None


def read_content(request: Request) -> Content:
    """Return the parameters of query and body, and the token.

    Of two values the body's counts. The token comes from the header (FastCron only), else from the
    body, else from the query.
    Raises `Refusal` for a body that is neither a query string nor a JSON object.
    """
    merged = {**read_pairs(request.query), **_read_body(request.body)}
    in_text = merged.pop("token", None)
    header = request.bearer if request.provider == "fastcron" and request.knows_bearer else None
    return Content(merged, header or (in_text if isinstance(in_text, str) and in_text else None))


def read_pairs(text: str) -> dict[str, object]:
    """Read a query string.

    `name[]=a&name[1]=b` becomes a list. If a plain name is repeated, its last value counts.
    """
    pairs: dict[str, object] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        indexed = _INDEXED.fullmatch(name)
        items = pairs.get(indexed[1]) if indexed else None
        if indexed and isinstance(items, list):
            items.append(value)
        elif indexed:
            pairs[indexed[1]] = [value]
        else:
            pairs[name] = value
    return pairs


def _dotted(provider: str, name: str, *, strict: bool) -> str:
    if provider == "setcronjob" or (not strict and _DOTTED.fullmatch(name)):
        return name if _DOTTED.fullmatch(name) else f"?{name}"
    match = _UNDERSCORED.fullmatch(name)
    return f"{match[1]}.{match[2]}" if match else f"?{name}"


def _read_body(body: bytes) -> dict[str, object]:
    try:
        text = body.decode().strip(" \t\r\n")
        # The first character decides, not the content type: clients send JSON under that of a form.
        content = json.loads(text) if text.startswith(("{", "[")) else read_pairs(text)
    except (ValueError, RecursionError) as error:
        raise Refusal("The request body is neither a query string nor a JSON object.") from error
    if not isinstance(content, dict):
        raise Refusal("The request body must be a JSON object.")
    return content
