"""Find a text in another one, also where it is encoded.

A service that echoes a request may escape it: for a URL, for HTML, in JSON, or as Base64 or hex.
Escapes are undone, layer by layer, and each layer is searched. A layer remembers which part of the
given text each of its characters was made of.
"""

from __future__ import annotations

import json
import re
import sys
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from html import unescape
from itertools import product
from urllib.parse import quote, quote_plus

from attrs import frozen

Span = tuple[int, int]

_MOST_LAYERS, _DEEPEST = 20, 4
"""Layers that are searched, and escapes inside each other, such as a URL in JSON in a page."""
_BYTE = re.compile(r"(?:%|=|\\x)([0-9a-fA-F]{2})|\\([0-3][0-7]{2})")
_UNIT = re.compile(r"[\\%]u([0-9a-fA-F]{4})")
_ESCAPES = (
    re.compile(r"(?P<bytes>(?:%[0-9a-fA-F]{2})+)|(?P<units>(?:%u[0-9a-fA-F]{4})+)"),
    re.compile(
        r"(?P<bytes>(?:\\x[0-9a-fA-F]{2}|\\[0-3][0-7]{2})+)|(?P<units>(?:\\u[0-9a-fA-F]{4})+)"
        r"|\\(?:u\{(?P<braced>[0-9a-fA-F]{1,8})\}|U(?P<long>[0-9a-fA-F]{8}))"
        r"|\\(?P<escaped>[^ux])",
        re.DOTALL,
    ),
    re.compile(r"&#(?P<number>[0-9]{1,9}|[xX][0-9a-fA-F]{1,8});?|(?P<entity>&[0-9A-Za-z]{2,31};?)"),
    re.compile(r"(?P<bytes>(?:=[0-9A-F]{2})+)|(?P<nothing>=\r?\n)"),
    re.compile(r"(?P<nothing>\0+)"),
)
"""The escapes of URLs, of programming languages, of HTML and of mail, and the zeros of UTF-16.

Each is undone alone, since a secret may have characters that are escapes in another language.
"""
_SEPARATOR = re.compile(r"(?P<nothing>[\s:,]+(?:0x)?|0x)")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "0": "\0"}
_RUN = re.compile(r"[0-9A-Za-z+/_=-]+")
_LEAST_CODED = 4
"""Characters of Base64. Fewer stand in ordinary text."""
_AS_FORM = str.maketrans("+", " ")
_AS_BASE64 = str.maketrans("-_", "+/")
_AS_HEX = str.maketrans("ABCDEF", "abcdef")


@frozen
class _Layer:
    """A text, and the span of the given text that each of its characters was made of."""

    text: str
    spans: list[Span]

    def span(self, start: int, end: int) -> Span:
        return self.spans[start][0], self.spans[end - 1][1]


@frozen
class _Needle:
    """One text that is looked for: as it is, in Base64 at any position, and in hex."""

    plain: frozenset[str]
    base64: frozenset[str]
    hex: frozenset[str]


def find(text: str, wanted: Iterable[str]) -> list[Span]:
    """Return the parts of a text that hold one of the wanted texts, in order and apart."""
    needles = [_needle(one) for one in dict.fromkeys(wanted)]
    runs = [match.span() for match in _RUN.finditer(text)]
    found = [span for layer in _layers(text) for span in _search(layer, runs, needles)]
    merged: list[Span] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _needle(wanted: str) -> _Needle:
    raw = wanted.encode("utf-8", "surrogatepass")
    spelt = (json.dumps(wanted)[1:-1], quote(raw, safe=""), quote_plus(raw))
    forms = {raw, *(form.encode() for form in spelt)}
    with suppress(UnicodeEncodeError):
        forms.add(wanted.encode("latin-1"))
    plain = {wanted, raw.decode("latin-1"), _SEPARATOR.sub("", wanted)}
    cores = {_core(form, before) for form in forms for before in range(3)}
    return _Needle(
        frozenset(text.translate(_AS_FORM) for text in plain if len(text) >= min(4, len(wanted))),
        frozenset(core for core in cores if len(core) >= _LEAST_CODED),
        frozenset(form.hex() for form in forms if 2 * len(form) >= _LEAST_CODED),
    )


def _core(data: bytes, before: int) -> str:
    """Return the characters that data has in Base64 whatever stands before and behind it.

    `before` is the number of bytes before it, or what is left of them after whole groups of three.
    """
    coded = b64encode(bytes(before) + data).decode()
    return coded[-(-8 * before // 6) : 8 * (before + len(data)) // 6]


def _layers(text: str) -> Iterator[_Layer]:
    """Yield a text and what is left of it without escapes, each also without white space."""
    seen = {text: _Layer(text, [(at, at + 1) for at in range(len(text))])}
    outer = list(seen.values())
    for _ in range(_DEEPEST):
        inner = []
        for layer, escapes in product(outer, _ESCAPES):
            undone = _undone(layer, escapes)
            if undone.text not in seen and len(seen) < _MOST_LAYERS:
                seen[undone.text] = undone
                inner.append(undone)
        outer = inner
    for layer in seen.values():
        yield layer
        yield _undone(layer, _SEPARATOR)


def _undone(layer: _Layer, pattern: re.Pattern[str]) -> _Layer:
    """Return a layer without the escapes of one kind."""
    texts, spans, at = list[str](), list[Span](), 0
    for match in pattern.finditer(layer.text):
        texts.append(layer.text[at : match.start()])
        spans += layer.spans[at : match.start()]
        at = match.end()
        for meant, start, end in _meant(match):
            texts.append(meant)
            spans += [layer.span(start, end)] * len(meant)
    return _Layer("".join([*texts, layer.text[at:]]), spans + layer.spans[at:])


def _meant(match: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the characters that an escape stands for, each with its place in the escaped text."""
    kind, (start, end) = match.lastgroup, match.span()
    if kind == "bytes":
        yield from _characters(match)
    elif kind == "units":
        units = [int(unit, 16).to_bytes(2, "big") for unit in _UNIT.findall(match[0])]
        for meant in b"".join(units).decode("utf-16-be", "surrogatepass"):
            size = 6 * (2 if ord(meant) > 0xFFFF else 1)  # noqa: PLR2004 -- a pair of surrogates
            yield meant, start, min(start + size, end)
            start = min(start + size, end - 1)
    elif kind == "escaped":
        yield _CONTROLS.get(match["escaped"], match["escaped"]), start, end
    elif kind in {"braced", "long"}:
        yield chr(min(int(match[kind], 16), sys.maxunicode)), start, end
    elif kind == "number":
        number = int(f"0{match['number']}", 16 if match["number"][0] in "xX" else 10)
        yield chr(min(number, sys.maxunicode)), start, end
    elif kind == "entity" and (meant := unescape(match[0])) != match[0]:
        yield meant, start, end
    elif kind == "entity":
        yield from ((match[0][at - start], at, at + 1) for at in range(start, end))


def _characters(match: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the characters of escaped bytes: UTF-8, or Latin-1 where they are not UTF-8."""
    escapes = list(_BYTE.finditer(match[0]))
    data = bytes(int(one[1], 16) if one[1] else int(one[2], 8) for one in escapes)
    at = 0
    while at < len(data):
        size = _size_of_utf8(data[at])
        try:
            meant = data[at : at + size].decode()
        except UnicodeDecodeError:
            size, meant = 1, chr(data[at])
        last = escapes[min(at + size, len(data)) - 1]
        yield meant, match.start() + escapes[at].start(), match.start() + last.end()
        at += size


def _size_of_utf8(first: int) -> int:
    """Return the number of bytes of a character, by its first one."""
    return 1 + sum(first >= least for least in (0xC0, 0xE0, 0xF0))


def _search(layer: _Layer, runs: list[Span], needles: Iterable[_Needle]) -> Iterator[Span]:
    form, base64 = layer.text.translate(_AS_FORM), layer.text.translate(_AS_BASE64)
    hexadecimal = layer.text.translate(_AS_HEX)
    for needle in needles:
        for place in _places(form, needle.plain):
            yield layer.span(*place)
        for place in (*_places(base64, needle.base64), *_places(hexadecimal, needle.hex)):
            yield _widened(layer.span(*place), runs)


def _places(text: str, wanted: Iterable[str]) -> Iterator[Span]:
    for one in wanted:
        at = text.find(one)
        while at >= 0:
            yield at, at + len(one)
            at = text.find(one, at + 1)


def _widened(span: Span, runs: list[Span]) -> Span:
    """Return a span with the rest of its Base64 or hex, which has the ends of what was found."""
    first = bisect_right(runs, (span[0], sys.maxsize)) - 1
    last = bisect_right(runs, (span[1] - 1, sys.maxsize)) - 1
    start = runs[first][0] if first >= 0 and runs[first][1] > span[0] else span[0]
    return start, max(span[1], runs[last][1] if last >= 0 else 0)
