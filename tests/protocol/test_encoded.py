"""Secrets that come back encoded: no text repeats them, and what is no secret stays."""

from __future__ import annotations

import base64
import binascii
import html
import json
import quopri
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi._protocol.encoded import find
from cronapi._protocol.redaction import redact
from cronapi._protocol.response import read_response

SECRETS = [
    "hunter22",
    "s3cr3t+tok3n/with=odd&chars%41!",
    'pass word/+&="ü',
    "it's <b>\\bold</b>",
    "päßwörd€😀",
    "%2541%41",
    "0123456789abcdef0123456789abcdef",
]


def b64(text):
    return base64.b64encode(text.encode()).decode()


def each(text, spell):
    return "".join(map(spell, text))


def units(text, form):
    data = text.encode("utf-16-be")
    return "".join(form % int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))


def hexed(text, joint="", form="%02x"):
    return joint.join(form % byte for byte in text.encode())


def php(value):
    if isinstance(value, dict):
        items = "".join(php(name) + php(item) for name, item in value.items())
        return f"a:{len(value)}:{{{items}}}"
    return f's:{len(value.encode())}:"{value}";'


SPELLINGS = {
    "as it is": str,
    "URL": lambda s: quote(s, safe=""),
    "URL, lower case": lambda s: quote(s, safe="").lower() if s.isascii() and s.islower() else s,
    "URL, each byte": lambda s: hexed(s, form="%%%02X"),
    "URL, each byte in lower case": lambda s: hexed(s, form="%%%02x"),
    "URL, twice": lambda s: quote(quote(s, safe=""), safe=""),
    "URL, three times": lambda s: quote(quote(quote(s, safe=""), safe=""), safe=""),
    "form": quote_plus,
    "old URL": lambda s: units(s, "%%u%04x"),
    "JSON": lambda s: json.dumps(s)[1:-1],
    "JSON, not ASCII": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "JSON of PHP": lambda s: json.dumps(s)[1:-1].replace("/", "\\/"),
    "JSON, each character": lambda s: units(s, "\\u%04x"),
    "JSON, each character in upper case": lambda s: units(s, "\\u%04X"),
    "JSON in JSON": lambda s: json.dumps(json.dumps(s))[1:-1],
    "JSON in HTML": lambda s: html.escape(json.dumps(s)),
    "HTML": html.escape,
    "HTML, decimal": lambda s: each(s, lambda c: f"&#{ord(c)};"),
    "HTML, hex": lambda s: each(s, lambda c: f"&#x{ord(c):X};"),
    "HTML, padded": lambda s: each(s, lambda c: f"&#{ord(c):07d};"),
    "HTML, of a URL": lambda s: html.escape(quote(s)),
    "PHP": lambda s: php({"token": "x", "password": s}),
    "PHP in a URL": lambda s: quote(php({"password": s})),
    "PHP, escaped": lambda s: s.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"'),
    "Python": lambda s: repr(s)[1:-1],
    "Python bytes": lambda s: repr(s.encode())[2:-1],
    "Python, ASCII": lambda s: ascii(s)[1:-1] if s.isascii() else units(s, "\\u%04x"),
    "Python, beyond four digits": lambda s: each(s, lambda c: f"\\U{ord(c):08x}"),
    "JavaScript, in braces": lambda s: each(s, lambda c: f"\\u{{{ord(c):x}}}"),
    "UTF-16": lambda s: each(s, lambda c: f"{c}\0"),
    "UTF-16 in JSON": lambda s: each(s, lambda c: json.dumps(f"\0{c}")[1:-1]),
    "UTF-32 in a URL": lambda s: each(s, lambda c: quote(f"{c}\0\0\0", safe="")),
    "octal": lambda s: hexed(s, form="\\%03o"),
    "bytes as Latin-1": lambda s: s.encode().decode("latin-1"),
    "Latin-1 in a URL": lambda s: quote(s.encode("latin-1", "ignore") if s[-1] == "ü" else s),
    "Base64": b64,
    "Base64, for URLs": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "Base64, without padding": lambda s: b64(s).rstrip("="),
    "Base64, in JSON of PHP": lambda s: b64(f"a:{s}").replace("/", "\\/"),
    "Base64, in a URL": lambda s: quote(b64(f"ab:{s}"), safe=""),
    "Base64, in lines": lambda s: base64.encodebytes(f"{'x' * 50}{s}{'y' * 99}".encode()).decode(),
    "Base64, of JSON": lambda s: b64(json.dumps({"password": s})),
    "Base64, of a URL": lambda s: b64(f"https://joe:{quote(s, safe='')}@example.com/"),
    "Basic": lambda s: f"Basic {b64(f'joe:{s}')}",
    "Basic, of another name": lambda s: f"Basic {b64(f'jo:{s}')}",
    "Basic, of a third name": lambda s: f"Basic {b64(f'j:{s}')}",
    "hex": hexed,
    "hex, upper case": lambda s: hexed(s, form="%02X"),
    "hex, with colons": lambda s: hexed(s, ":"),
    "hex, with spaces": lambda s: hexed(s, " "),
    "hex, as a list": lambda s: hexed(s, ", ", "0x%02x"),
    "hex, as escapes": lambda s: hexed(s, form="\\x%02x"),
    "hex, around it": lambda s: hexed(f"joe:{s}@"),
    "mail": lambda s: quopri.encodestring(s.encode(), quotetabs=True).decode(),
    "mail, each byte": lambda s: hexed(s, form="=%02X"),
    "in lines": lambda s: f"{s[:5]}\n{s[5:]}",
}


def readings(text):
    """Return what somebody who knows the usual decoders could read in a text."""
    from urllib.parse import unquote_plus

    found = {text, html.unescape(text), unquote_plus(text), unquote_plus(html.unescape(text))}
    for word in text.replace("\n", "").replace(":", " ").split():
        for start in range(4):
            part = word[start:]
            try:
                found.add(base64.urlsafe_b64decode(part[: len(part) // 4 * 4]).decode("latin-1"))
            except (binascii.Error, ValueError):
                continue
    return found


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_encoded_secret_is_redacted(name):
    """However a secret is encoded, an echo of it becomes three stars, and the words around it
    stay.
    """
    for secret in SECRETS:
        spelt = SPELLINGS[name](secret)
        hidden = redact(f"You sent {spelt} just now", [secret])
        assert "***" in hidden, secret
        assert hidden.startswith("You sent "), secret
        assert hidden.endswith(" just now"), secret
        assert spelt not in hidden, secret
        assert not [text for text in readings(hidden) if secret in text], secret


@given(st.text(min_size=4, max_size=12), st.data())
def test_an_encoded_secret_is_found_in_any_text(secret, data):
    """Each character may be escaped in a way of its own, with any text around it."""
    spellings = [
        str,
        lambda c: quote(c.encode("utf-8", "surrogatepass"), safe=""),
        lambda c: f"&#{ord(c)};",
        lambda c: units(c, "\\u%04x") if not "\ud800" <= c <= "\udfff" else c,
    ]
    if any(mark in secret for mark in "%&\\;+= "):
        return
    spelt = "".join(data.draw(st.sampled_from(spellings))(c) for c in secret)
    before = data.draw(st.text("abc ,.:<>\n\"'", max_size=5))
    places = find(f"{before}{spelt}{before}", [secret])
    assert places


@given(st.text(), st.lists(st.text(min_size=1), max_size=3))
def test_any_text_can_be_searched(text, wanted):
    """Whatever the text and the secrets are, the parts lie in the text, in order and apart."""
    places = find(text, wanted)
    ends = [0, *(end for _, end in places)]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert all(start >= end for (start, _), end in zip(places, ends, strict=False))


@pytest.mark.parametrize("size", [32, 300, 700, 3000])
@pytest.mark.parametrize("spell", [str, lambda s: units(s, "\\u%04x"), b64, hexed])
def test_a_long_echo_is_cut_beside_its_secrets(size, spell):
    """A long body that repeats a long secret does not show a part of one at the place where it is
    cut off, nor anywhere else.
    """
    secret = "".join(f"{number:x}Zq" for number in range(size))[:size]
    for before in range(0, 200, 67):
        body = ("x" * before + spell(secret) * 50).encode()
        error = read_response(200, {}, body, secrets=(secret,)).error
        part = spell(secret)
        pieces = {part[at : at + 12] for at in range(len(part) - 12)}
        assert not [piece for piece in pieces if piece in str(error)]


def test_ordinary_words_stay():
    """Text without a secret is shown as it is, also where it looks encoded."""
    for text in (
        "The job of 12:30 is at https://example.com/%7Ejoe?a=1&b=2 &amp; more.",
        "dGhlIHJlc3Q= 68656c6c6f \\u00e9 =C3=A9 \\n %zz &nosuch; \\",
        '{"message": "Wrong token."}',
    ):
        assert redact(text, ["hunter22", "s3cr3t-tok3n"]) == text


def test_many_secrets_cost_little():
    """A text with every kind of escape has few layers, so a search for the passwords of a batch
    costs at most a hundred times a search for one.
    """
    text = "&#104;%68\\u0068=68 " * 100

    def cost(count):
        secrets = [f"pässword {number}/&" for number in range(count)]
        began = time.thread_time()
        assert redact(text, secrets) == text
        return time.thread_time() - began

    assert min(cost(500) for _ in range(3)) < 100 * min(cost(1) for _ in range(3))
