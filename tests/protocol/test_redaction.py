"""Secrets of the protocol: no text repeats them."""

from __future__ import annotations

import json
from time import process_time
from urllib.parse import quote, quote_plus

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import FASTCRON, CronJob, JobSpec
from cronapi._protocol.hidden import hide
from cronapi._protocol.redaction import (
    as_text,
    contains_secret,
    is_sensitive,
    masked_headers,
    masked_url,
    redact,
    secrets_in_url,
    secrets_of,
    without_password,
)
from cronapi._protocol.request import build_request
from cronapi._protocol.response import read_response
from tests.support.any_value import OddMapping, OddText, Unprintable, cyclic

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


# --- whatever is given ---------------------------------------------------------------------------

ODD = st.recursive(
    st.one_of(
        st.text(st.characters(), max_size=6),
        st.binary(max_size=6),
        st.integers(-(10**5000), 10**5000),
        st.none() | st.booleans() | st.floats(),
        st.builds(Unprintable),
        st.builds(OddMapping),
        st.builds(cyclic),
        st.builds(ValueError, st.builds(Unprintable)),
        st.builds(OddText, st.just("\ud800abcd")),
        st.sampled_from(["caf\udce9-long", memoryview(b"abcdef")]),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "password", "data", "httpHeaders"]), inner)
    ),
    max_leaves=6,
)


@given(ODD, ODD)
def test_hiding_never_raises(thing, secrets):
    """Whatever is given as a text, as secrets, as parameters or as an exception."""
    assert isinstance(redact(thing, secrets).encode(), bytes)
    assert contains_secret(thing, secrets) in (True, False)
    assert all(isinstance(secret, str) for secret in secrets_of(thing))
    assert isinstance(as_text(thing, repr), str)


def test_a_secret_that_cannot_travel_is_hidden_too():
    """Half of a surrogate pair in a secret, or in a text, keeps nothing else from being hidden."""
    secret = "hunter\ud8002"
    assert redact(f"a {secret} b {quote('hunter22')} \udc80", [secret, "hunter22"]) == (
        "a *** b *** \\udc80"
    )
    assert redact(b"a hunter22 \xff", ["hunter22", b"x", 5, None]) == "a *** \ufffd"
    assert contains_secret(UnicodeEncodeError("utf-8", secret, 6, 7, "no"), [secret])


def test_all_that_led_to_an_exception_is_looked_at():
    """Beside its cause an exception has a context and, if it is a group, others in it."""
    cause, context, inner = ValueError("a"), ValueError("hunter22"), ValueError("hunter22")
    error = ValueError("b")
    error.__cause__, error.__context__ = cause, context
    assert contains_secret(error, ["hunter22"])
    assert contains_secret(ExceptionGroup("c", [cause, inner]), ["hunter22"])
    assert not contains_secret(ExceptionGroup("c", [cause]), ["hunter22"])


@pytest.mark.parametrize(
    "password", ["hunter22", "a:hunter22", "a@hunter22", "hunter\x85 22", "hunter22\ud800"]
)
def test_the_password_of_a_url_is_hidden_whatever_is_in_it(password):
    """A password ends at the last @ of the authority, and may hold colons and blanks."""
    url = f"https://user:{password}@x.example/a?b=c@d"
    assert without_password(url) == "https://user:***@x.example/a?b=c@d"
    assert password in secrets_of({"url": url})


def test_a_user_without_a_password_is_hidden_as_one():
    """Some services take a token there. What only looks like one stays as it is."""
    urls = {
        "https://s3cret@h/p?a=b@c": "https://***@h/p?a=b@c",
        "https://s3cret:@h/": "https://***:@h/",
        "//s3cret@h": "//***@h",
        "git+ssh://s3cret@h/r": "git+ssh://***@h/r",
        "https://a@s3cret@h/": "https://***@h/",
        "https://a:b@h/ and https://s3cret@i/": "https://a:***@h/ and https://***@i/",
        "https://s3cret@h, https://h2/@me": "https://***@h, https://h2/@me",
        "https://@h/ joe@h https://h?x=a@b https://h#a@b": (
            "https://@h/ joe@h https://h?x=a@b https://h#a@b"
        ),
        "no answer from https://h, tell joe@h": "no answer from https://h, tell joe@h",
    }
    assert {url: without_password(url) for url in urls} == urls


def test_no_text_has_the_token_of_a_url():
    """Neither the repr of a job, its description and what is sent, nor an error or a log line."""
    url = "https://s3cret-s3cret@h/x"
    job, spec = CronJob(id=1, url=url), JobSpec(url=url)
    request = build_request(FASTCRON, "cron.add", {"url": url}, "t" * 32, request_format="query")
    echo = redact(f"Refused {url}: s3cret-s3cret", request.secrets)
    read = read_response(302, {"location": url}, b"").error
    shown = f"{job!r} {spec!r} {hide({'url': url})!r} {request.url} {echo} {read}"
    assert "s3cret" not in shown
    assert request.method == "POST"


def test_headers_and_addresses_are_shown_without_their_secrets():
    """Only values that are likely secrets are hidden, and the rest stays as it is."""
    headers = "Accept: a:b\r\nX-Api-Key: s3cret\r\nAuthorization:Bearer s3cret x\nno colon"
    assert masked_headers(headers) == (
        "Accept: a:b\r\nX-Api-Key: ***\r\nAuthorization:***\nno colon"
    )
    urls = {
        "https://u:s3cret@h/p?a=1": "https://***@h/p?a=1",
        "https://s3cret@h/": "https://***@h/",
        "https://h/?api_key=s3cret&b=2#c": "https://h/?api_key=***&b=2#c",
        "https://h/?b=2;Access-Token=s3cret": "https://h/?b=2;Access-Token=***",
        "https://h/@me?x=a@b": "https://h/@me?x=a@b",
        "no address": "no address",
    }
    assert {url: masked_url(url) for url in urls} == urls


def test_masking_takes_no_longer_for_odd_texts():
    """A long text that looks like a secret everywhere is masked in a moment."""
    for text in ("key" * 100_000, "?" * 300_000, "?key" * 75_000, "//" * 150_000, "a=&" * 100_000):
        began = process_time()
        masked_url(text)
        masked_headers(text)
        assert process_time() - began < 2


SECRET_NAMES = [
    *("sig", "Sig", "pwd", "code", "pass", "pw", "otp", "jwt", "hmac", "sid", "x-sig", "my_pwd"),
    *("accessCode", "userPwd", "apiSig", "passwd", "PASSPHRASE", "X-Amz-Signature", "credential"),
    *("X-Amz-Credential", "PHPSESSID", "access_token", "api%5Fkey", "acc%65ss_tok%65n", "auth"),
]
PLAIN_NAMES = [
    "postcode",
    "design",
    "signal",
    "codec",
    "passenger",
    "side",
    "a",
    "q",
    "page",
    "credentials",
]


def test_a_name_of_a_secret_is_known_in_each_place_and_an_ordinary_word_is_none():
    """Short names count as whole words, also in camelCase and with percent signs."""
    for name in SECRET_NAMES:
        for mark in "?&;#":
            assert masked_url(f"https://h/{mark}{name}=s3cret") == f"https://h/{mark}{name}=***"
    for name in PLAIN_NAMES:
        assert not is_sensitive(name), name
        assert masked_url(f"https://h/?{name}=shown") == f"https://h/?{name}=shown"


def test_the_secrets_of_an_address_are_its_password_or_its_user_and_its_secret_values():
    """A user beside a password is none, and one without a password may be a token."""
    for url, secrets in {
        "https://joe:p@ss:w@h/?a=1&sig=x": ["p@ss:w", "x"],
        "https://tok_en@h/": ["tok_en"],
        "https://tok_en:@h/": ["tok_en"],
        "https://a@b@h/": ["a@b"],
        "https://:pw@h/": ["pw"],
        "https://h/@me?sig=#token=t": ["t"],
        "https://@h/": [],
    }.items():
        assert [url[start:stop] for start, stop in secrets_in_url(url)] == secrets
