"""The protocol without any I/O: the exact request of each call, the verdict on every answer, and what no text repeats."""

from __future__ import annotations

import json
import math
import pickle
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import (
    FASTCRON,
    SETCRONJOB,
    APIError,
    AuthenticationError,
    CronAPIError,
    NotFoundError,
    RedirectError,
    ResponseError,
    ServiceUnavailableError,
    StatusError,
)
from cronapi._protocol.redaction import contains_secret, redact
from cronapi._protocol.request import USER_AGENT, build_request
from cronapi._protocol.response import Ending, Verdict, read_response, retry_after_seconds

TOKEN = "tok3n+/=0123456789abcdefghijklmn"
ENCODED = "tok3n%2B%2F%3D0123456789abcdefghijklmn"
NOW = datetime(2030, 5, 24, 2, 44, 25, tzinfo=UTC)
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
COMMON = {"Accept": JSON, "User-Agent": USER_AGENT}
PARAMS = {"id": 7, "name": "a b&c", "notify": True, "single": False, "pattern": ""}


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


# --- requests --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "url"),
    [
        (FASTCRON, "https://app.fastcron.com/api/v1/cron_batch_add"),
        (SETCRONJOB, "https://www.setcronjob.com/api/cron.batch_add"),
    ],
)
def test_a_json_request_is_a_post_with_the_token_in_its_body(provider, url):
    """By default the token and the parameters travel in one JSON object, to the service's own spelling of the function."""
    request = build_request(provider, "cron.batch_add", PARAMS, TOKEN)
    assert (request.method, request.url, request.url_token) == ("POST", url, None)
    assert request.headers == COMMON | {"Content-Type": JSON}
    assert json.loads(request.content) == {"token": TOKEN, **PARAMS}


def test_a_form_request_is_a_post_of_a_query_string():
    """As a form, booleans are 1 and 0, everything is percent-encoded, and an empty text is sent as such."""
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
    """JSON is the only format that the services document for lists, so they get it whatever was asked for."""
    request = build_request(
        FASTCRON, "cron.batch_delete", params, TOKEN, request_format=request_format
    )
    assert (request.method, request.headers["Content-Type"]) == ("POST", JSON)
    assert json.loads(request.content) == {"token": TOKEN, **params}


@pytest.mark.parametrize("name", ["password", "secret", "httpHeaders", "postData", "payload"])
def test_what_may_be_secret_never_travels_in_a_url(name):
    """Passwords, headers and bodies of jobs go into a body even when the client puts parameters into the query."""
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
    """What a format writes can be read back: nothing is lost or changed on the way, whatever the text."""
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


# --- answers ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [None, [], {}, 5, "text", [{"id": 1}], {"id": None}])
@pytest.mark.parametrize("status", [200, 201, 400, 404, 500, 503])
def test_a_success_is_its_data_whatever_the_http_status(data, status):
    """The envelope decides, not the HTTP status."""
    verdict = answer(status, envelope(status="success", code=0, data=data))
    assert verdict == Verdict(ending=Ending.DONE, data=data)


@pytest.mark.parametrize("members", [{"code": "0"}, {}, {"code": 0, "info": []}])
def test_a_success_may_spell_its_code_otherwise(members):
    """A code that is missing or a digit in quotes is a success too, and further members are ignored."""
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
        (503, {"status": "error", "code": 1, "message": "x"}, APIError, 1),
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
    """Every error envelope is final and an APIError with its code; 11 is the token's, HTTP 404 says that there is no such thing."""
    verdict = answer(status, envelope(**members))
    assert verdict.ending is Ending.FINAL
    assert type(verdict.error) is kind
    assert verdict.error.code == code
    assert members.get("message", "The service gave no message") in str(verdict.error)


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
    """Where nobody at the address knows the function, the error's text names base_url, also after a pickle; no other error does."""
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
    """Anything else than the envelope is a ResponseError with a path, which says nothing about the call."""
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


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 399])
def test_a_redirect_names_the_new_place_and_is_final(status):
    """A redirect is an error that says where it points, since following it would take the token there."""
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
    """Whatever a server sends is judged, never raised: data where it is done, one of our errors where not."""
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


# --- Retry-After -----------------------------------------------------------------------------------------------------------------


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
    """Seconds and HTTP dates are honoured, a time that has passed is zero, and everything else asks for nothing."""
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


# --- secrets ---------------------------------------------------------------------------------------------------------------------

SECRETS = ["plain0123", "with space", "a+b/c=d&e", 'quote"back\\slash', "kötig-pass", "100%sure"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "spell",
    [str, lambda text: quote(text, safe=""), quote_plus, lambda text: json.dumps(text)[1:-1]],
    ids=["raw", "percent", "plus", "json"],
)
def test_a_secret_is_redacted_however_it_is_spelt(secret, spell):
    """Raw, percent-encoded, as a form has it or as JSON has it: it becomes three stars, and the rest stays."""
    assert (
        redact(f"before {spell(secret)} between {spell(secret)} after", [secret])
        == "before *** between *** after"
    )


def test_a_secret_inside_another_does_not_uncover_it():
    """A password that begins with the token is redacted as a whole."""
    assert redact("is abcdefgh", ["abcd", "abcdefgh"]) == "is ***"


def test_very_short_secrets_are_left():
    """A password of up to three characters cannot be told from ordinary text."""
    assert redact("abc is the alphabet", ["abc", ""]) == "abc is the alphabet"


@given(st.text(min_size=4), st.text(), st.text())
def test_redacted_text_holds_no_secret(secret, before, after):
    """Wherever a secret stands in a text, it is not there afterwards."""
    if secret not in "***":
        assert secret not in redact(before + secret + after, [secret]).replace("***", "\0")


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (
            200,
            {},
            envelope(status="error", code=11, message=f"Token {TOKEN} with hunter22 is unknown."),
        ),
        (200, {}, f"<p>You sent token={ENCODED}&amp;password=hunter22</p>".encode()),
        (200, {}, f'{{"token":"{TOKEN}","password":"hunter22"'.encode()),
        (302, {"location": f"https://elsewhere.example/?token={ENCODED}&password=hunter22"}, b""),
        (500, {}, TOKEN.encode()),
    ],
    ids=["message", "page", "truncated", "redirect", "error page"],
)
def test_no_error_repeats_the_token_or_a_password(status, headers, body):
    """A server that echoes what it was sent does not get it into an error's text."""
    error = read_response(status, headers, body, secrets=(TOKEN, "hunter22")).error
    shown = f"{error} {error!r} {vars(error)}"
    assert not any(secret in shown for secret in (TOKEN, ENCODED, "hunter22"))


def test_the_passwords_of_a_batch_are_secrets_too():
    """Every job of a batch has its password redacted, not only a call's own."""
    data = [
        {"url": "u", "password": "hunter22"},
        {"url": "v"},
        {"url": "w", "password": "correct-horse"},
    ]
    assert build_request(FASTCRON, "cron.batch_add", {"data": data}, TOKEN).secrets == (
        TOKEN,
        "hunter22",
        "correct-horse",
    )
    assert build_request(FASTCRON, "account.secret", {"secret": "s3cr3t"}, TOKEN).secrets == (
        TOKEN,
        "s3cr3t",
    )
    assert build_request(FASTCRON, "odd.one", {"data": ["x", 5]}, TOKEN).secrets == (TOKEN,)


def test_a_chain_of_errors_that_tells_a_secret_is_noticed():
    """A secret in an exception, its cause or its context is found, also in a chain that bites its tail."""
    outer, inner = ValueError("harmless"), ValueError(f"got {ENCODED}")
    assert not contains_secret(outer, [TOKEN])
    outer.__cause__ = inner
    assert contains_secret(outer, [TOKEN])
    outer.__cause__, outer.__context__ = None, inner
    assert contains_secret(outer, [TOKEN])
    inner.args, inner.__cause__ = ("harmless too",), outer
    assert not contains_secret(outer, [TOKEN])


def test_a_third_service_is_spelt_its_own_way():
    """A provider's base address and separator are all that a request needs of it."""
    third = attrs.evolve(FASTCRON, base_url="https://cron.example/v2", separator="/")
    assert build_request(third, "cron.list", {}, TOKEN).url == "https://cron.example/v2/cron%2Flist"


def test_credentials_in_a_url_or_a_header_are_not_repeated():
    """A service that echoes what it refuses does not get a URL's password or an Authorization header into the error."""
    params = {
        "url": "https://user:hunter%20two@x/",
        "httpHeaders": "Accept: text/html\r\nAuthorization: Bearer abcdefgh\r\nX-Api-Key: 12345678",
    }
    request = build_request(FASTCRON, "cron.add", params, "t" * 32)
    echo = "Refused https://user:hunter%20two@x/ (hunter two) Authorization: Bearer abcdefgh, X-Api-Key: 12345678, Accept: text/html"
    text = redact(echo, request.secrets)
    assert not [secret for secret in ("hunter", "abcdefgh", "12345678") if secret in text]
    assert "text/html" in text


def test_a_url_with_a_password_does_not_go_into_a_query():
    """Where the query is logged, a job's URL with a password travels in the body."""
    request = build_request(
        FASTCRON, "cron.add", {"url": "https://user:hunter22@x/"}, "t" * 32, request_format="query"
    )
    assert request.method == "POST"
    assert "hunter22" not in request.url
