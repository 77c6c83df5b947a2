"""Who may steer the emulator, and the way from an HTTP request to a handler and back."""

from __future__ import annotations

import json
from hmac import compare_digest
from posixpath import normpath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from attrs import frozen

from cronapi.emulator.answer import Answer, as_json, nginx_page
from cronapi.emulator.control.asked import Asked, ControlError
from cronapi.emulator.control.routes import find_route
from cronapi.emulator.incoming import read_bearer, read_body, read_password
from cronapi.emulator.visitors import is_from_page_of, is_loopback

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from cronapi.emulator.app import App
    from cronapi.emulator.incoming import Receive

    Scope = MutableMapping[str, Any]

CONTROL = "/_emulator/"
"""The begin of the paths by which the emulator is steered."""
PAGE = "/"
"""The path of the page."""
MARK = b"x-emulator-run"
"""The header by which an emulator knows the calls of jobs, its own and those of others."""


def leads_to_control(path: str) -> bool:
    """Return True if a server, or a proxy in front of one, may take a path for one of control."""
    return f"{_resolved(path)}/".lower().startswith(CONTROL)


def presses_a_button(method: str, path: str, host: str, origin: str) -> bool:
    """Return True if a call may pass for one of a form of the page that it is made to."""
    is_form = method == "POST" and _resolved(path) == PAGE
    return is_form and is_from_page_of(origin, host)


def _resolved(path: str) -> str:
    """Return a path as a proxy may read it: they join slashes, resolve dots, and decode anew."""
    while (plain := unquote(path)) != path:
        path = plain
    return f"/{normpath(path).strip('/')}"


@frozen
class Control:
    """Who may steer the emulator: programs on this machine, and others with the `admin_token`.

    Nobody may if it is not `enabled`.
    """

    enabled: bool = True
    admin_token: str | None = None

    async def answer(self, app: App, scope: Scope, receive: Receive) -> Answer:
        """Answer a request to steer the emulator, which counts as no request of the services."""
        if not self.enabled:
            return nginx_page(404)
        try:
            self.check_peer(scope)
            handler, parts = find_route(scope["method"], scope["path"].removeprefix(CONTROL))
            asked = Asked(parts, _query_of(scope), await _body_of(scope, receive))
            return as_json(200, await handler(app, asked))
        except ControlError as error:
            return as_json(error.status, error.content)
        except ValueError as error:
            return as_json(400, {"error": str(error)})

    def check_peer(self, scope: Scope) -> None:
        """Raise `ControlError` unless the caller may steer the emulator."""
        _check_mark(scope)
        # Without a client the caller is in this process, or at the other end of a Unix socket.
        peer = (scope.get("client") or ("127.0.0.1",))[0]
        if is_loopback(peer):
            return
        # A browser asks its user for a password, and cannot send a bearer.
        given = read_bearer(scope["headers"]) or read_password(scope["headers"]) or ""
        known = self.admin_token or ""
        if not known or not compare_digest(given.encode(), known.encode()):
            raise ControlError(
                403,
                "Only programs on this machine may steer the emulator. Start it with --admin-token"
                " and send that as Authorization: Bearer to do so from elsewhere.",
            )


def _check_mark(scope: Scope) -> None:
    """Refuse the call of a job, which may come by a program on this machine that passes it on."""
    if MARK in dict(scope["headers"]):
        raise ControlError(403, "A job may not steer the emulator.")


def _query_of(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))


async def _body_of(scope: Scope, receive: Receive) -> object:
    body = await read_body(scope["headers"], receive)
    if body is None:
        raise ControlError(413, "The body is too large.")
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ControlError(400, "The body is not JSON.") from error
