"""The errors of a bulk as text: one line for each reason, with the items that have it."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import shorten

from cronapi._protocol.facts import copied
from cronapi.errors import CronAPIError

LONGEST = 100
"""Characters of an error's text in a line."""
_MOST = 5
"""Lines, and items in a line."""


def noted(error: CronAPIError, index: int) -> CronAPIError:
    """Return a copy that names the item, because the items of one request share an error."""
    twin = copied(error).with_traceback(error.__traceback__)
    twin.add_note(f"item {index}")
    return twin


def reasons(errors: Iterable[BaseException]) -> list[str]:
    """Return a line for each message of noted errors, the most frequent first."""
    items: dict[str, list[str]] = {}
    for error in errors:
        if isinstance(error, CronAPIError):
            text = shorten(error._text(), LONGEST, placeholder=" ...")  # noqa: SLF001 -- ours
            items.setdefault(text, []).extend(getattr(error, "__notes__", ()))
    texts = sorted((text for text in items if items[text]), key=lambda text: -len(items[text]))
    lines = [f"  {', '.join(_few(items[text]))}: {text}" for text in texts]
    return _few(lines, "  ")


def _few(texts: list[str], start: str = "") -> list[str]:
    more = len(texts) - _MOST
    return [*texts[:_MOST], *([f"{start}and {more} more"] if more > 0 else [])]
