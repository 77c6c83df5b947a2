"""The way from a browser's request to the page, and from a form to an act."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import evolve

from cronapi.emulator.answer import Answer, plain_text
from cronapi.emulator.control.asked import ControlError
from cronapi.emulator.incoming import read_body
from cronapi.emulator.page.acts import NOTICES, notice_of, read_act
from cronapi.emulator.page.document import filled, headers
from cronapi.emulator.page.filters import link, read_fields, read_filters
from cronapi.emulator.page.view import parts_of, shown_by
from cronapi.emulator.visitors import is_same_origin

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from cronapi.emulator.app import App
    from cronapi.emulator.incoming import Receive

    Scope = MutableMapping[str, Any]

_METHODS = ("GET", "HEAD", "POST")
_LONGEST_FORM = 10_000
_FORM = b"application/x-www-form-urlencoded"


async def answer_page(app: App, scope: Scope, receive: Receive) -> Answer:
    """Answer a request for the page, or for an act of a form on it.

    An act is answered with the way back to the page, so that a reload does not repeat it.
    """
    try:
        app.control.check_peer(scope)
        fields = read_fields(scope["query_string"].decode("latin-1"))
    except ControlError as error:
        return _stranger(app, error)
    except ValueError as error:
        return plain_text(HTTPStatus.BAD_REQUEST, f"{error}\n")
    if scope["method"] not in _METHODS:
        known = ", ".join(_METHODS)
        refusal = plain_text(HTTPStatus.METHOD_NOT_ALLOWED, f"The page takes {known}.\n")
        return evolve(refusal, headers=(*refusal.headers, (b"allow", known.encode())))
    filters = read_filters(fields, shown_by(app))
    if scope["method"] == "POST":
        return await _act(app, scope, receive, filters)
    return await _page(app, filters, NOTICES.get(fields.get("done", ""), ""))


def _stranger(app: App, error: ControlError) -> Answer:
    """Refuse a peer that is not this machine, and let a browser ask for the admin token."""
    refusal = plain_text(error.status, f"{error} A browser sends it as the password of a login.\n")
    if not app.control.admin_token:
        return refusal
    asking = (b"www-authenticate", b'Basic realm="cronapi emulator", charset="UTF-8"')
    headers = (*refusal.headers, asking)
    return evolve(refusal, status=HTTPStatus.UNAUTHORIZED, headers=headers)


async def _act(app: App, scope: Scope, receive: Receive, filters: Mapping[str, str]) -> Answer:
    if not is_same_origin(scope):
        return plain_text(
            HTTPStatus.FORBIDDEN,
            "The emulator refused this request, and did nothing: it comes from no form of its own "
            "page. Programs steer it under /_emulator/.\n",
        )
    try:
        name, handler, asked = read_act(await _form_of(scope, receive))
        told: Any = await handler(app, asked)
    except ControlError as error:
        return await _page(app, filters, str(error), error.status)
    except ValueError as error:
        return await _page(app, filters, str(error), HTTPStatus.BAD_REQUEST)
    back = link(filters, done=notice_of(name, told))
    return Answer(HTTPStatus.SEE_OTHER, b"", ((b"location", back.encode()), *headers()))


async def _page(
    app: App, filters: Mapping[str, str], text: str, status: int = HTTPStatus.OK
) -> Answer:
    parts = await parts_of(app, filters, text, failed=status != HTTPStatus.OK)
    return Answer(status, filled(parts), headers())


async def _form_of(scope: Scope, receive: Receive) -> Mapping[str, str]:
    body = await read_body(scope["headers"], receive)
    kind = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
    if body is None or len(body) > _LONGEST_FORM:
        raise ControlError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too large.")
    if kind != _FORM:
        raise ControlError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"A form is {_FORM.decode()}.")
    return read_fields(body.decode("latin-1"))
