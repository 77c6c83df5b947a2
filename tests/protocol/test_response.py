"""The verdict on every answer, and Retry-After, without any I/O."""

from __future__ import annotations

import json
import math
import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import (
    APIError,
    AuthenticationError,
    CronAPIError,
    NotFoundError,
    RedirectError,
    ResponseError,
    ServiceUnavailableError,
    StatusError,
)
from cronapi._protocol.response import Ending, Verdict, read_response, retry_after_seconds

TOKEN = "tok3n+/=0123456789abcdefghijklmn"

NOW = datetime(2030, 5, 24, 2, 44, 25, tzinfo=UTC)


def answer(status=200, body=b"", secrets=(), **headers):
    return read_response(
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        body,
        secrets=secrets,
        now=NOW,
    )


def envelope(**members):
    return json.dumps(members).encode()


# --- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [None, [], {}, 5, "text", [{"id": 1}], {"id": None}])
@pytest.mark.parametrize("status", [200, 201, 400, 404, 500, 503])
def test_a_success_is_its_data_whatever_the_http_status(data, status):
    """The envelope decides, not the HTTP status."""
    verdict = answer(status, envelope(status="success", code=0, data=data))
    assert verdict == Verdict(ending=Ending.DONE, data=data, status=status)


@pytest.mark.parametrize("members", [{"code": "0"}, {}, {"code": 0, "info": []}])
def test_a_success_may_spell_its_code_otherwise(members):
    """A code that is missing or a digit in quotes is a success too, and further members are
    ignored.
    """
    verdict = answer(200, envelope(status="success", data=1, **members))
    assert (verdict.ending, verdict.data) == (Ending.DONE, 1)


def test_a_byte_order_mark_does_not_matter():
    """An answer that begins with UTF-8's byte order mark is read like any other."""
    assert answer(200, b"\xef\xbb\xbf" + envelope(status="success", data=[])).data == []


@pytest.mark.parametrize(
    ("status", "members", "kind", "code"),
    [
        (200, {"status": "error", "code": 1, "message": "Missing parameter."}, APIError, 1),
        (200, {"status": "error", "code": "1", "message": "Missing parameter."}, APIError, 1),
        (
            200,
            {"status": "error", "code": 11, "message": "Invalid API token, user not found."},
            AuthenticationError,
            11,
        ),
        (200, {"status": "error", "code": "11", "message": "x"}, AuthenticationError, 11),
        (403, {"status": "error", "code": 11, "message": "x"}, AuthenticationError, 11),
        (404, {"status": "error", "code": 1, "message": "Cronjob not found."}, NotFoundError, 1),
        (404, {"status": "error", "code": 11, "message": "x"}, AuthenticationError, 11),
        (500, {"status": "error", "code": 7, "message": "x"}, APIError, 7),
        (200, {"status": "error", "code": -3, "message": "x"}, APIError, -3),
        (200, {"status": "error", "code": 0, "message": "x"}, APIError, 0),
        (200, {"status": "error", "message": "x"}, APIError, 1),
        (200, {"status": "error", "code": None, "message": "x"}, APIError, 1),
        (200, {"status": "error", "code": True, "message": "x"}, APIError, 1),
        (200, {"status": "error", "code": 1.5, "message": "x"}, APIError, 1),
        (200, {"status": "error", "code": "eleven", "message": "x"}, APIError, 1),
        (200, {"status": "error", "code": 10**400, "message": "x"}, APIError, 1),
        (200, {"status": "error", "code": [11], "message": "x", "data": []}, APIError, 1),
        (200, {"status": "success", "code": 5, "data": {"id": 1}}, APIError, 5),
        (200, {"status": "success", "code": 11}, AuthenticationError, 11),
    ],
)
def test_an_error_is_told_by_its_code(status, members, kind, code):
    """Every error envelope is final and an APIError with its code; 11 is the token's, HTTP 404 says
    that there is no such thing.
    """
    verdict = answer(status, envelope(**members))
    assert verdict.ending is Ending.FINAL
    assert type(verdict.error) is kind
    assert verdict.error.code == code
    assert members.get("message", "The service gave no message") in str(verdict.error)


@pytest.mark.parametrize("status", [429, 503])
def test_an_error_envelope_with_a_status_of_refusal_is_a_refusal_that_proves_nothing(status):
    """The service says that it is over the limit, but it came as far as an envelope."""
    verdict = answer(status, envelope(status="error", code=4, message="Busy."))
    assert (verdict.ending, verdict.did_nothing) == (Ending.REFUSED, False)
    assert type(verdict.error) is ServiceUnavailableError
    assert str(verdict.error).startswith(f"HTTP {status}: Busy. (code 4).")


@pytest.mark.parametrize(
    ("status", "body", "advised"),
    [
        (200, {"status": "error", "code": 1, "message": "Unknown function: v2/cron_add."}, True),
        (200, {"status": "error", "code": 1, "message": "Missing parameter: url."}, False),
        (404, {"detail": "Not Found"}, True),
        (403, {"detail": "Forbidden"}, False),
    ],
)
def test_a_wrong_address_is_advised_against(status, body, advised):
    """Where nobody at the address knows the function, the error's text names base_url, also after a
    pickle; no other error does.
    """
    error = answer(status, json.dumps(body).encode()).error
    assert ("Check base_url" in str(error)) == advised
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("message", [None, "", 5, ["x"], {"a": 1}])
def test_an_error_without_a_message_says_so(message):
    """A message that is missing or no text is replaced by words."""
    assert "gave no message (code 4)" in str(
        answer(200, envelope(status="error", code=4, message=message)).error
    )


def test_a_long_message_is_cut():
    """A message of a megabyte does not become an error of a megabyte."""
    assert (
        len(str(answer(200, envelope(status="error", code=1, message="x" * 1_000_000)).error)) < 300
    )


GARBLED = {
    "html": b"<html><body>Welcome</body></html>",
    "empty": b"",
    "truncated": b'{"data":[{"id":1},{"id"',
    "list": b"[]",
    "list of envelopes": b'[{"status":"success","code":0,"data":[]}]',
    "text": b'"success"',
    "number": b"17",
    "null": b"null",
    "no status": b'{"data":[]}',
    "unknown status": b'{"status":"ok","data":[]}',
    "status of another type": b'{"status":true,"data":[]}',
    "status in a list": b'{"status":["success"],"data":[]}',
    "nested too deep": b"[" * 100_000,
    "objects nested too deep": b'{"data":' * 100_000,
    "not utf-8": b'{"status":"success","data":"\xff\xfe"}',
    "digits without end": b'{"status":"success","data":' + b"9" * 5000 + b"}",
    "two values": b"{} {}",
    "a warning in front": b'<b>Warning</b>: in x.php {"status":"success","code":0,"data":[]}',
    "nul bytes": b"\x00" * 64,
}


@pytest.mark.parametrize("body", GARBLED.values(), ids=GARBLED.keys())
@pytest.mark.parametrize("status", [200, 204, 299])
def test_an_answer_that_is_not_the_envelope_is_garbled(status, body):
    """Anything else than the envelope is a ResponseError with a path, which says nothing about the
    call.
    """
    verdict = answer(status, body)
    assert verdict.ending is Ending.GARBLED
    assert type(verdict.error) is ResponseError
    assert verdict.error.problems[0].startswith("$: The answer is")
    assert len(str(verdict.error)) < 600


def test_a_garbled_answer_shows_its_beginning():
    """Whoever sees the error learns what came instead, a login page for example."""
    assert "It begins with '<html><title>Log in" in str(
        answer(200, b"<html><title>Log in</title></html>").error
    )
    assert "It begins" not in str(answer(200, b"").error)


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        ("", ""),
        ("\ufeff", ""),
        (" \r\n", ""),
        (")]}',\n", ""),
        ("<br />Warning: mysql", "<br />Warning: mysql"),
        ("Notice: x in [a.php]\n", "Notice: x in [a.php]"),
    ],
)
@pytest.mark.parametrize("cut", [40, 110, 170])
def test_a_broken_answer_shows_nothing_of_a_job(before, shown, cut):
    """Its address, headers and body may have secrets that the call does not know."""
    data = '{"url": "https://joe:kept-1@a.test/?key=kept-2", "httpHeaders": "A: kept-3"}'
    for whole in (
        f'{{"status": "success", "data": {data}}}',
        f'{{"data": [{data}], "status": "success"}}',
        f"[[{data}]]",
        f'"{data}',
    ):
        error = answer(200, (before + whole[:cut]).encode()).error
        assert "kept-" not in str(error)
        assert str(error).count("It begins") == bool(shown)
        assert shown in str(error)


@pytest.mark.parametrize(
    "body",
    [
        'status":"ok","url":"https://u:kept@x"',
        '<pre>[1, "kept"',
        '<pre>[null, "kept"',
        "Warning x {'url': 'kept'",
        "Warning x url': 'kept'",
    ],
)
def test_a_broken_answer_shows_no_part_of_a_value(body):
    """Not even where its beginning is missing, or where it is of another language."""
    assert "kept" not in str(answer(200, body.encode()).error)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 399])
def test_a_redirect_names_the_new_place_and_is_final(status):
    """A redirect is an error that says where it points, since following it would take the token
    there.
    """
    verdict = answer(status, b"<html>", location="https://elsewhere.example/api/")
    assert verdict.ending is Ending.FINAL
    assert type(verdict.error) is RedirectError
    assert (verdict.error.status, verdict.error.location) == (
        status,
        "https://elsewhere.example/api/",
    )
    assert answer(status).error.location == ""


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "delay"), [({}, None), ({"retry_after": "7"}, 7.0), ({"retry_after": "soon"}, None)]
)
def test_503_and_429_are_refusals(status, header, delay):
    """Both mean over the limit, and keep the delay that was asked for."""
    verdict = answer(status, b"<html>503</html>", **header)
    assert (verdict.ending, verdict.retry_after) == (Ending.REFUSED, delay)
    assert type(verdict.error) is ServiceUnavailableError
    assert (verdict.error.status, verdict.error.retry_after) == (status, delay)


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        *((status, Ending.FINAL) for status in (400, 401, 404, 413, 499)),
        *((status, Ending.LOST) for status in (500, 502, 504, 599)),
    ],
)
@pytest.mark.parametrize("body", [b"<html>", b"", b'{"detail":"nothing"}'])
def test_other_statuses_without_an_envelope(status, ending, body):
    """A 4xx would be the same again; after a 5xx nobody knows whether the call was carried out."""
    verdict = answer(status, body)
    assert verdict.ending is ending
    assert type(verdict.error) is StatusError
    assert verdict.error.status == status


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["location", "retry-after", "content-type"]), st.text(max_size=40)
    ),
    st.binary(max_size=200)
    | st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.sampled_from(["success", "error"]),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["status", "code", "message", "data"]) | st.text(), inner
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)
def test_every_answer_gets_a_verdict(status, headers, body):
    """Whatever a server sends is judged, never raised: data where it is done, one of our errors
    where not.
    """
    verdict = read_response(status, headers, body, secrets=(TOKEN,))
    if verdict.ending is Ending.DONE:
        assert verdict.error is None
        assert json.loads(body)["status"] == "success"
    else:
        assert isinstance(verdict.error, CronAPIError)
        assert verdict.data is None
    assert verdict.ending is not Ending.NOT_SENT
    assert verdict.retry_after is None or (
        math.isfinite(verdict.retry_after) and verdict.retry_after >= 0
    )


# --- Retry-After ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("1e3", 1000.0),
        ("inf", None),
        ("-inf", None),
        ("nan", None),
        ("1e999", None),
        ("9" * 5000, None),
        ("1e305", 1e305),
        ("\u0667", None),
        ("1_000", None),
        ("5, 10", 10.0),
        ("soon, 5", 5.0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 251496566074.0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("", None),
        (None, None),
        ("soon", None),
        ("Fri, 24 May 2030 02:45:25 GMT", 60.0),
        ("Fri, 24 May 2030 02:45:25 -0000", 60.0),
        ("Fri, 24 May 2030 03:45:25 +0100", 60.0),
        ("Fri, 24 May 2030 02:43:25 GMT", 0.0),
        ("Fri, 99 May 2030 02:43:25 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2031 00:00:00 +99999999999999999999", None),
        ("1 Jan 2031 99999999999999999999:00:00", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value, seconds):
    """Seconds and HTTP dates are honoured, a time that has passed is zero, and everything else asks
    for nothing.
    """
    assert retry_after_seconds(value, NOW) == seconds


def test_retry_after_as_a_date_counts_from_now():
    """Without a given time, a date is compared with the clock of this machine."""
    assert retry_after_seconds("Fri, 24 May 1996 02:45:25 GMT") == 0.0
    assert retry_after_seconds("Fri, 24 May 9996 02:45:25 GMT") > 1e9


@given(st.text(alphabet="0123456789 :,+-.eJanMonGMTinf") | st.text())
def test_no_retry_after_is_too_odd(value):
    """Any header value is a finite delay or nothing."""
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)
