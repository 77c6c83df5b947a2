"""Is a shown URL or name the wanted one in a spelling of the service's own?

Only what services do to a text counts, and only in the direction in which they do it: https for
http, no fragment, no tracking, a cut. The other way round is a change that somebody made.
"""

from __future__ import annotations

import html
from urllib.parse import SplitResult, unquote, urlsplit

from cronapi._calls.spelling import has_same_letters, normal

LEAST_CUT = 50
"""Characters. No service is known to cut a URL or a name sooner."""
_TRACKING = "utm_"
_FOUR_BYTES = 0x10000


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
    cut = next((at for at, char in enumerate(wanted) if ord(char) >= _FOUR_BYTES), None)
    in_ascii = "".join(char if char.isascii() else "?" for char in wanted)
    return bool(shown) and (
        has_same_letters(wanted, shown)
        or shown in (in_ascii, wanted[:cut].strip())
        or (wanted.startswith(shown) and len(shown) >= LEAST_CUT - 1)
        or (shown.startswith(wanted) and str(number) in shown[len(wanted) :])
    )


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
    odd = next(
        (at for at, char in enumerate(unquote(wanted)) if ord(char) >= _FOUR_BYTES), len(wanted)
    )
    if unquote(shown) == unquote(wanted)[:odd] and odd < len(unquote(wanted)):
        return True
    return wanted.startswith(shown) and len(shown) >= max(longest, LEAST_CUT)


def is_wrapped(wanted: str, shown: str) -> bool:
    """Return True if it is the address of a redirector that leads to the wanted one."""
    inside = unquote(shown)
    return any(inside.find(one) > 0 for one in (wanted, unquote(wanted)) if one)
