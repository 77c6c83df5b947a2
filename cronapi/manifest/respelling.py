"""Is a shown URL or name the wanted one in a spelling of the service's own?

Only what services do to a text counts, and only in the direction in which they do it: https for
http, no fragment, no tracking, a cut. The other way round is a change that somebody made.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import takewhile
from urllib.parse import SplitResult, unquote, urlsplit

from cronapi._calls.spelling import has_same_letters, letters_of, normal

LEAST_CUT = 50
"""Characters. No service is known to cut a URL or a name sooner."""
_TRACKING = "utm_"
_FOUR_BYTES = 0x10000
_INNER = re.compile("(?<=[^A-Za-z0-9])(?=.)|(?=https?://)", re.DOTALL)
"""Where a URL may begin inside of another one."""


def may_be_respelt(wanted: str, shown: str, longest: int = 0) -> bool:
    """Return True if a service may show the wanted URL so. Both are in normal form.

    `longest` is the length of the longest URL that the service shows: it may cut there.
    """
    mine, theirs = _split(wanted), _split(html.unescape(shown))
    if mine is None or theirs is None:
        return False
    return (
        _is_simplified(mine, theirs) or _is_cut(wanted, shown, longest) or is_wrapped(wanted, shown)
    )


def may_be_kept_as(name: str, shown: str, number: int) -> bool:
    """Return True if a service may show a name so, of the job with this number."""
    wanted, shown = normal("name", name), normal("name", shown)
    return bool(shown) and (
        has_same_letters(wanted, shown)
        or shown in _simpler_names(wanted)
        or (wanted.startswith(shown) and len(shown) >= LEAST_CUT - 1)
        or (shown.startswith(wanted) and str(number) in shown[len(wanted) :])
    )


def _simpler_names(name: str) -> tuple[str, str]:
    """Return a name in ASCII, and as it is before its first character of four bytes."""
    cut = next((at for at, char in enumerate(name) if ord(char) >= _FOUR_BYTES), None)
    return "".join(char if char.isascii() else "?" for char in name), name[:cut].strip()


def shown_name_keys(shown: str, number: int) -> Iterator[tuple[str, str]]:
    """Yield keys of a shown name. A name that it may be kept for has one of them."""
    form = normal("name", shown)
    yield from (("same", form), ("letters", letters_of(form)), ("start", shown))
    if len(form) >= LEAST_CUT - 1:
        yield "cut", form
    for at in range(form.rfind(str(number)) + 1):
        yield "numbered", form[:at]


def name_keys(name: str) -> Iterator[tuple[str, str]]:
    """Yield keys of a name, for `shown_name_keys`."""
    form = normal("name", name)
    yield from (("same", one) for one in {form, *_simpler_names(form)})
    if letters := letters_of(form):
        yield "letters", letters
    yield from (("start", name[:at]) for at in range(len(name) + 1))
    yield from (("cut", form[:at]) for at in range(LEAST_CUT - 1, len(form) + 1))
    yield "numbered", form


def name_signs(name: str) -> frozenset[str]:
    """Return the signs in a name, which are no letters, digits or single blanks."""
    return frozenset(char for char in name if not char.isalnum() and char != " ")


def name_kinds(name: str) -> frozenset[str]:
    """Return the kinds of characters in a name that a service may alter."""
    kinds = {"upper" for char in name if char.isupper()}
    kinds |= {"other" for char in name if char.isalnum() and not char.isascii()}
    kinds |= {"four bytes" for char in name if ord(char) >= _FOUR_BYTES}
    return name_signs(name) | kinds | ({"blanks"} if " ".join(name.split()) != name else set())


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _is_simplified(mine: SplitResult, theirs: SplitResult) -> bool:
    places = {(mine.scheme, mine.netloc)}
    if mine.scheme == "http":  # its port may have been written out
        places |= {("https", mine.netloc), ("https", f"{mine.netloc}:80")}
    plain, tracking = _query(mine.query)
    left, left_tracking = _query(theirs.query)
    return (
        (theirs.scheme, theirs.netloc) in places
        and mine.path == theirs.path
        and plain == left
        and left_tracking in ([], tracking)
        and theirs.fragment in ("", mine.fragment)
    )


def _query(query: str) -> tuple[list[str], list[str]]:
    """Return the parameters of a query in one order, and those for tracking apart."""
    pairs = sorted(filter(None, query.split("&")))
    tracking = [pair for pair in pairs if pair.lower().startswith(_TRACKING)]
    return [pair for pair in pairs if pair not in tracking], tracking


def _is_cut(wanted: str, shown: str, longest: int) -> bool:
    """Return True if it may end where the service cuts, or before a character of four bytes."""
    if unquote(shown) == _without_odd(wanted) != unquote(wanted):
        return True
    return wanted.startswith(shown) and len(shown) >= max(longest, LEAST_CUT)


def _without_odd(url: str) -> str:
    """Return the decoded part of a URL before its first character of four bytes."""
    return "".join(takewhile(lambda char: ord(char) < _FOUR_BYTES, unquote(url)))


def is_wrapped(wanted: str, shown: str) -> bool:
    """Return True if it is the address of a redirector that leads to the wanted one."""
    spellings = tuple(filter(None, (wanted, unquote(wanted))))
    return bool(spellings) and any(one.startswith(spellings) for one in _inner_texts(shown))


def _inner_texts(shown: str) -> Iterator[str]:
    """Yield the ends of a URL that may be another one. Its own host is not among them."""
    inside = unquote(shown)
    host = inside.find("://") + 3 if "://" in inside else 0
    return (inside[found.start() :] for found in _INNER.finditer(inside, host + 1))


class UrlIndex:
    """URLs that a service shows, by the ways in which it may have changed them.

    `longest` is the length of the longest one.
    """

    def __init__(self, urls: Iterable[str], longest: int) -> None:
        self._least = max(longest, LEAST_CUT)
        self._urls: dict[tuple[str, ...], list[str]] = {}
        inner: set[tuple[str, str]] = set()
        for url in urls:
            form = normal("url", url)
            for key in (("same", form), ("decoded", unquote(form)), *_parts(html.unescape(form))):
                self._urls.setdefault(key, []).append(url)
            inner |= {(end, url) for text in (form, url) for end in _inner_texts(text)}
        self._inner = sorted(inner)

    def may_show(self, wanted: str) -> set[str]:
        """Return the URLs that may be the wanted one, and some others."""
        form = normal("url", wanted)
        keys = [("same", form), ("decoded", _without_odd(form)), *_parts(form)]
        keys += [("same", form[:at]) for at in range(self._least, len(form))]
        found = {url for key in keys for url in self._urls.get(key, ())}
        for text in {wanted, form, unquote(wanted), unquote(form)} - {""}:
            at = bisect_left(self._inner, (text,))
            while at < len(self._inner) and self._inner[at][0].startswith(text):
                found.add(self._inner[at][1])
                at += 1
        return found


def _parts(url: str) -> list[tuple[str, ...]]:
    """Return the key of all that a service leaves as it is when it simplifies a URL."""
    parts = _split(url)
    return [] if parts is None else [("parts", parts.path, *_query(parts.query)[0])]
