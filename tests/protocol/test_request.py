"""The exact request of each call, without any I/O."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import (
    FASTCRON,
    SETCRONJOB,
)
from cronapi._protocol.request import USER_AGENT, build_request

TOKEN = "tok3n+/=0123456789abcdefghijklmn"

ENCODED = "tok3n%2B%2F%3D0123456789abcdefghijklmn"

JSON, FORM = "application/json", "application/x-www-form-urlencoded"

COMMON = {"Accept": JSON, "User-Agent": USER_AGENT}

PARAMS = {"id": 7, "name": "a b&c", "notify": True, "single": False, "pattern": ""}


# --- requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "url"),
    [
        (FASTCRON, "https://app.fastcron.com/api/v1/cron_batch_add"),
        (SETCRONJOB, "https://www.setcronjob.com/api/cron.batch_add"),
    ],
)
def test_a_json_request_is_a_post_with_the_token_in_its_body(provider, url):
    """By default the token and the parameters travel in one JSON object, to the service's own
    spelling of the function.
    """
    request = build_request(provider, "cron.batch_add", PARAMS, TOKEN)
    assert (request.method, request.url, request.url_token) == ("POST", url, None)
    assert request.headers == COMMON | {"Content-Type": JSON}
    assert json.loads(request.content) == {"token": TOKEN, **PARAMS}


def test_a_form_request_is_a_post_of_a_query_string():
    """As a form, booleans are 1 and 0, everything is percent-encoded, and an empty text is sent as
    such.
    """
    request = build_request(FASTCRON, "cron.edit", PARAMS, TOKEN, request_format="form")
    assert (request.method, request.url) == ("POST", "https://app.fastcron.com/api/v1/cron_edit")
    assert request.headers == COMMON | {"Content-Type": FORM}
    assert (
        request.content.decode() == f"token={ENCODED}&id=7&name=a+b%26c&notify=1&single=0&pattern="
    )


def test_a_query_request_is_a_get_whose_url_has_no_token():
    """The parameters are in the URL, and the token is kept apart until the last moment."""
    request = build_request(SETCRONJOB, "cron.edit", PARAMS, TOKEN, request_format="query")
    assert request.method == "GET"
    assert (
        request.url
        == "https://www.setcronjob.com/api/cron.edit?id=7&name=a+b%26c&notify=1&single=0&pattern="
    )
    assert (request.headers, request.content, request.url_token) == (COMMON, b"", TOKEN)


def test_a_query_request_without_parameters_has_no_question_mark():
    """A function without parameters has a bare URL."""
    request = build_request(FASTCRON, "group.list", {}, TOKEN, request_format="query")
    assert request.url == "https://app.fastcron.com/api/v1/group_list"


@pytest.mark.parametrize("request_format", ["json", "form", "query"])
def test_a_bearer_request_has_its_token_in_the_header_only(request_format):
    """With auth="bearer" neither body nor URL holds the token, in any format."""
    request = build_request(
        FASTCRON, "cron.get", {"id": 7}, TOKEN, auth="bearer", request_format=request_format
    )
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.url_token is None
    everything = request.url + request.content.decode()
    assert TOKEN not in everything
    assert ENCODED not in everything
    assert "7" in everything


@pytest.mark.parametrize("request_format", ["json", "form", "query"])
@pytest.mark.parametrize(
    "params",
    [{"id": [1, 2]}, {"data": [{"url": "https://example.com/"}]}, {"data": {"url": "u"}}],
    ids=["ids", "specs", "object"],
)
def test_lists_always_travel_as_json(request_format, params):
    """JSON is the only format that the services document for lists, so they get it whatever was
    asked for.
    """
    request = build_request(
        FASTCRON, "cron.batch_delete", params, TOKEN, request_format=request_format
    )
    assert (request.method, request.headers["Content-Type"]) == ("POST", JSON)
    assert json.loads(request.content) == {"token": TOKEN, **params}


@pytest.mark.parametrize("name", ["password", "secret", "httpHeaders", "postData", "payload"])
def test_what_may_be_secret_never_travels_in_a_url(name):
    """Passwords, headers and bodies of jobs go into a body even when the client puts parameters
    into the query.
    """
    request = build_request(
        FASTCRON, "cron.edit", {"id": 7, name: "hunter22"}, TOKEN, request_format="query"
    )
    assert (request.method, request.url_token) == ("POST", None)
    assert "hunter22" not in request.url
    assert json.loads(request.content) == {"token": TOKEN, "id": 7, name: "hunter22"}


def test_a_function_name_cannot_leave_the_base_address():
    """Whatever is called as a function, its slashes, query and fragment are escaped."""
    request = build_request(FASTCRON, "cron.list/../x?y#z", {}, TOKEN)
    assert request.url == "https://app.fastcron.com/api/v1/cron_list%2F..%2Fx%3Fy%23z"


@given(
    st.dictionaries(
        st.text(min_size=1), st.text() | st.integers() | st.booleans(), max_size=5
    ).filter(lambda params: "token" not in params),
    st.sampled_from(["json", "form", "query"]),
)
def test_every_format_carries_every_value(params, request_format):
    """What a format writes can be read back: nothing is lost or changed on the way, whatever the
    text.
    """
    params = {name: value for name, value in params.items() if _encodable(f"{name}{value}")}
    request = build_request(FASTCRON, "cron.edit", params, TOKEN, request_format=request_format)
    if request.headers.get("Content-Type") == JSON:
        assert json.loads(request.content) == {"token": TOKEN, **params}
        return
    text = request.content.decode() or urlsplit(request.url).query
    read = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
    read.pop("token", None)
    assert read == {
        name: str(int(value) if isinstance(value, bool) else value)
        for name, value in params.items()
    }


def _encodable(text):
    return text.isprintable() and not any("\ud800" <= c <= "\udfff" for c in text)


def test_a_request_hides_what_is_secret_from_its_repr():
    """The repr of a request shows neither token nor password, in any format."""
    for request_format in ("json", "form", "query"):
        for auth in ("body", "bearer"):
            request = build_request(
                FASTCRON,
                "cron.add",
                {"url": "u", "password": "hunter22"},
                TOKEN,
                auth=auth,
                request_format=request_format,
            )
            assert TOKEN not in repr(request)
            assert "hunter22" not in repr(request)
            assert "cron_add" in repr(request)
