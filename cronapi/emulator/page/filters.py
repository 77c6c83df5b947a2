"""The part of the page's address that chooses its contents."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from cronapi.emulator.control.jobs import STATES
from cronapi.emulator.page.markup import Html, element, joined
from cronapi.emulator.request_log import VERDICTS
from cronapi.emulator.service import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cronapi.emulator.page.markup import Shown

CHOICES: Mapping[str, Collection[str]] = {
    "provider": PROVIDERS,
    "state": STATES,
    "verdict": VERDICTS,
}
"""The filters with their values."""
_MOST_FIELDS, _LONGEST = 20, 200


def read_fields(text: str) -> dict[str, str]:
    """Return the fields of an address or a form. Of a name given twice the last counts.

    Raises `ValueError` for more than 20 fields.
    """
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))


def read_filters(fields: Mapping[str, str], shown: Shown) -> dict[str, str]:
    """Return the filters among the fields of an address, without those that filter nothing.

    What is searched for is shown again, so a token in it is left out.
    """
    found = {name: fields[name] for name in CHOICES if fields.get(name) in CHOICES[name]}
    if fields.get("search"):
        found["search"] = shown(fields["search"], _LONGEST)
    number = fields.get("request", "")
    if number.isascii() and number.isdigit():
        found["request"] = number[:_LONGEST]
    return found


def link(filters: Mapping[str, str], **changes: str | None) -> str:
    """Return the address of the page with these filters, some of them changed or dropped."""
    changed = {name: value for name, value in {**filters, **changes}.items() if value is not None}
    # A lone surrogate, which a browser cannot send either, has no place in an address.
    return f"./?{urlencode(changed, errors='replace')}" if changed else "./"


def options(name: str, filters: Mapping[str, str], titles: Mapping[str, str]) -> Html:
    """Return the options of a filter, the one in use selected."""
    return joined(
        element(
            "option", titles.get(value, value), value=value, selected=filters.get(name) == value
        )
        for value in CHOICES[name]
    )
