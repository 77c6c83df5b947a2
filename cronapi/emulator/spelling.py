"""Services that store a name or a URL in a spelling of their own.

The documentation of either service does not say that it does so. The kinds are those of PHP and
MySQL back ends, of HTML sanitizers and of URL parsers, and a few that a client cannot foresee.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from cronapi.emulator import names, urls

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cronapi.emulator.store import Document

    Respell = Callable[[Document], str]


@frozen
class _Kind:
    """A spelling: its description, and what it makes of a document for each text that it alters."""

    description: str
    respell: Mapping[str, Respell]


def _name(description: str, respell: Callable[[str], str]) -> _Kind:
    return _Kind(description, {"name": lambda document: respell(document["name"])})


def _url(description: str, respell: Callable[[str], str]) -> _Kind:
    return _Kind(description, {"url": lambda document: respell(document["url"])})


def _both(description: str, respell: Callable[[str], str]) -> _Kind:
    texts = [_name(description, respell).respell, _url(description, respell).respell]
    return _Kind(description, {**texts[0], **texts[1]})


def _or_host(document: Document) -> str:
    return document["name"] or urls.host_of(document.get("url", ""))


def _numbered(document: Document) -> str:
    return names.numbered(document["name"], document["id"])


def _replaced(document: Document) -> str:
    return f"Job {document['id']}"


def _redirected(document: Document) -> str:
    return urls.redirected(document["url"], document["id"])


# Kinds that a careful client can foresee, from what back ends and parsers commonly do.
_COMMON: dict[str, _Kind] = {
    "url_spaces": _url(
        "A url with spaces is accepted, and each is stored as %20.", urls.with_encoded_spaces
    ),
    "url_lower_host": _url("The host of the url is lower-cased.", urls.lower_host),
    "url_default_port": _url(
        "Port 80 of http and 443 of https are dropped.", urls.without_default_port
    ),
    "url_slash": _url("An empty path of the url becomes a slash.", urls.with_slash),
    "url_punycode": _url("An international host is stored as punycode.", urls.with_punycode),
    "url_unicode": _url("A host of punycode is stored in Unicode.", urls.with_unicode_host),
    "url_encoded": _url(
        "Path and query of the url are percent-encoded outside ASCII.", urls.with_encoded_text
    ),
    "url_upper_escapes": _url(
        "Percent-encoded bytes of the url get upper-case digits.", urls.with_upper_escapes
    ),
    "url_no_fragment": _url("The fragment of the url is dropped.", urls.without_fragment),
    "url_https": _url("A url of http becomes one of https.", urls.with_https),
    "url_no_tracking": _url("The utm_ parameters of the url are dropped.", urls.without_tracking),
    "name_nfc": _name("The name is stored in Unicode's composed form, NFC.", names.composed),
    "name_nfd": _name("The name is stored in Unicode's decomposed form, NFD.", names.decomposed),
    "name_no_tags": _name("HTML tags are dropped from the name.", names.without_tags),
    "name_no_controls": _name(
        "Control characters are dropped from the name.", names.without_controls
    ),
    "name_strip": _name("Blanks around the name are dropped.", names.stripped),
    "name_collapse": _name("Blanks inside the name become single spaces.", names.collapsed),
    "name_quotes": _name(
        "Typographic quotes in the name become straight.", names.with_straight_quotes
    ),
    "name_slashes": _name("Quotes in the name get a backslash.", names.with_slashes),
    "name_escaped": _name("The name is HTML-escaped.", names.escaped),
    "name_ascii": _name("Each character outside ASCII becomes a question mark.", names.in_ascii),
    "name_lower": _name("The name is lower-cased.", names.lowered),
    "name_default": _Kind("A job without a name gets the host of its url.", {"name": _or_host}),
    "no_emoji": _both("Name and url end before a character of four bytes.", names.up_to_four_bytes),
    "name_cut": _name("The name is cut at 50 characters.", names.cut),
    "url_cut": _url("The url is cut at 100 characters.", urls.cut),
}
_UNFORESEEN: dict[str, _Kind] = {
    "name_reversed": _name("The name is reversed.", names.backwards),
    "name_censored": _name("Every second vowel of the name becomes an asterisk.", names.censored),
    "name_numbered": _Kind(
        "The id is appended to the name, as in `ping (100017)`.", {"name": _numbered}
    ),
    "name_replaced": _Kind("The name becomes `Job` and the id.", {"name": _replaced}),
    "url_sorted_query": _url("The parameters of the url are sorted.", urls.with_sorted_query),
    "url_ampersands": _url("Each ampersand of the url becomes &amp;.", urls.with_html_ampersands),
    "url_redirector": _Kind(
        "The url becomes that of a redirector of the service, with the id.", {"url": _redirected}
    ),
}
_KINDS = _COMMON | _UNFORESEEN

NORMALISE: dict[str, str] = {name: kind.description for name, kind in _KINDS.items()}
"""The spellings of `create_app(normalise=...)`, in the order in which they are applied."""
ALTERS: dict[str, frozenset[str]] = {name: frozenset(kind.respell) for name, kind in _KINDS.items()}
"""The texts that each spelling alters: `name`, `url` or both."""
UNFORESEEN = frozenset(_UNFORESEEN)
"""The spellings that a client cannot foresee, since no common back end has them."""


def spell(document: Document, sent: Mapping[str, Any], kinds: Collection[str]) -> Document:
    """Return a job or group with the texts that were sent as the service stores them.

    `document` has its id. `sent` are the texts of the call, `name` and `url`, and a text that is
    left out stays as it is stored. The sent texts are kept under `sent`, which no answer shows.
    """
    texts = {name: sent[name] for name in ("name", "url") if name in sent}
    if not kinds or not texts:
        return document
    spelt = {**document, **texts, "sent": {**document.get("sent", {}), **texts}}
    for name, kind in _KINDS.items():
        if name in kinds:
            changed = {
                text: respell(spelt) for text, respell in kind.respell.items() if text in texts
            }
            spelt |= changed
    return spelt
