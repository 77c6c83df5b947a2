"""Secrets of the protocol: no text repeats them."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import (
    FASTCRON,
)
from cronapi._protocol.redaction import contains_secret, redact
from cronapi._protocol.request import build_request
from cronapi._protocol.response import read_response

TOKEN = "tok3n+/=0123456789abcdefghijklmn"

ENCODED = "tok3n%2B%2F%3D0123456789abcdefghijklmn"


def envelope(**members):
    return json.dumps(members).encode()


# --- secrets -------------------------------------------------------------------------------------

SECRETS = ["plain0123", "with space", "a+b/c=d&e", 'quote"back\\slash', "kötig-pass", "100%sure"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "spell",
    [str, lambda text: quote(text, safe=""), quote_plus, lambda text: json.dumps(text)[1:-1]],
    ids=["raw", "percent", "plus", "json"],
)
def test_a_secret_is_redacted_however_it_is_spelt(secret, spell):
    """Raw, percent-encoded, as a form has it or as JSON has it: it becomes three stars, and the
    rest stays.
    """
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
    """A secret in an exception, its cause or its context is found, also in a chain that bites its
    tail.
    """
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
    """A service that echoes what it refuses does not get a URL's password or an Authorization
    header into the error.
    """
    params = {
        "url": "https://user:hunter%20two@x/",
        "httpHeaders": "Accept: text/html\r\nAuthorization: Bearer abcdefgh\r\nX-Api-Key: 12345678",
    }
    request = build_request(FASTCRON, "cron.add", params, "t" * 32)
    echo = (
        "Refused https://user:hunter%20two@x/ (hunter two) "
        "Authorization: Bearer abcdefgh, X-Api-Key: 12345678, Accept: text/html"
    )
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
