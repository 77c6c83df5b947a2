"""A call becomes an HTTP request, without any I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any, Literal
from urllib.parse import quote, urlencode

from attrs import field, frozen

from cronapi._functions import TABLE
from cronapi._protocol.hidden import Hidden, Params, hide
from cronapi._protocol.redaction import may_stand_in_url, secrets_of
from cronapi._protocol.version import __version__
from cronapi.providers import Provider

RequestFormat = Literal["json", "form", "query"]
Auth = Literal["body", "bearer"]

USER_AGENT = f"cronapi-client/{__version__} (+https://pypi.org/project/cronapi-client/)"


@frozen(kw_only=True)
class Request:
    """One HTTP request.

    `url_token` joins the query at the last moment, so that no log of the URL shows it.
    """

    function: str
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(default=b"", repr=False)
    url_token: str | None = field(default=None, repr=False)
    token: str = field(repr=False)
    params: Mapping[str, Any] = field(repr=False)
    limiter_pages: tuple[str, ...] = ()
    is_list: bool = False
    """True if the answer is a list, which may be large."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that no error may repeat."""
        return tuple(map(Hidden, (self.token, *secrets_of(self.params))))


def build_request(
    provider: Provider,
    function: str,
    params: Mapping[str, Any],
    token: str,
    *,
    auth: Auth = "body",
    request_format: RequestFormat = "json",
) -> Request:
    """Return the request of a call.

    Parameters with lists always travel as JSON, the only format documented for them. Parameters
    that may hold a secret travel as JSON instead of in a URL.
    """
    url = _url(provider, function)
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    row = TABLE.get(function)
    make = partial(
        Request,
        function=function,
        headers=headers,
        token=Hidden(token),
        params=params,
        limiter_pages=provider.limiter_pages,
        is_list=row is not None and row.is_list,
    )
    if auth == "bearer":
        headers["Authorization"] = Hidden(f"Bearer {token}")
    body = hide(params)
    if auth == "body":
        body = Params({"token": Hidden(token), **body})
    if request_format == "json" or _needs_json(params, request_format):
        headers["Content-Type"] = "application/json"
        return make(method="POST", url=url, content=json.dumps(body).encode())
    if request_format == "form":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return make(method="POST", url=url, content=_form(body).encode())
    query = _form(params)
    url_token = None if auth == "bearer" else token
    return make(method="GET", url=f"{url}?{query}" if query else url, url_token=url_token)


@lru_cache
def _url(provider: Provider, function: str) -> str:
    return provider.base_url + quote(provider.spell(function), safe="._-")


def _needs_json(params: Mapping[str, Any], request_format: RequestFormat) -> bool:
    nested = any(isinstance(value, list | dict) for value in params.values())
    return nested or (request_format == "query" and not may_stand_in_url(params))


def _form(params: Mapping[str, Any]) -> str:
    return urlencode(
        {name: int(value) if isinstance(value, bool) else value for name, value in params.items()}
    )
