"""Tell from two readings of a list, down and up, if rows that moved may have been missed.

Pure functions on pages of ids. A row can hide only between two neighbouring pages: a delete in
front of it moves it back over the end of a page as the reader goes down, and an insert in front of
it moves it on again as the reader goes up. Neither of them alone hides a row from both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

Page = Sequence[object]


def may_miss(down: Sequence[Page], up: Sequence[Page], *, ends_full: bool) -> bool:
    """Return True if rows changed their order, or both deletes and inserts may have hidden one.

    `down` and `up` are the pages of both ways, each from the first page to the last. `ends_full` is
    True if the last page may be full, so that a row may hide behind it.
    """
    first, second = in_order(down), in_order(up)
    new = second.keys() - first.keys()
    if [one for one in first if one in second] != [one for one in second if one in first]:
        return True
    return repeats(down) > len(new) or _may_hide(down, up, ends_full=ends_full)


def in_order(pages: Iterable[Page]) -> dict[object, None]:
    """Return the ids of all pages in the order of the list, each once.

    Of a row on two pages the later place counts: what stands before it there has come in between,
    or is gone meanwhile.
    """
    ids = [one for page in pages for one in page]
    return dict.fromkeys(reversed(dict.fromkeys(reversed(ids))))


def repeats(pages: Iterable[Page]) -> int:
    """Return how many rows stand on a later page again."""
    ids = [one for page in pages for one in dict.fromkeys(page)]
    return len(ids) - len(set(ids))


def _may_hide(down: Sequence[Page], up: Sequence[Page], *, ends_full: bool) -> bool:
    """Return True if a row may hide between two pages, behind a deleted and an inserted one.

    A row that is new on the way up between two pages of the way down may have been moved there by
    a delete, and a row that is gone between two pages of the way up may have been moved by an
    insert. Only other ones prove an insert and a delete.
    """
    first, second = in_order(down), in_order(up)
    if not _strangers(second, down) or not _strangers(first, up):
        return False
    page_of = _page_of(down)
    gone = min(page_of[one] for one in first if one not in second)
    first_end, ends = max(gone, _first_new(second, page_of)), len(down) - (not ends_full)
    return not _covered(down, up).issuperset(range(first_end, ends))


def _page_of(pages: Sequence[Page]) -> dict[object, int]:
    return {one: number for number, page in enumerate(pages) for one in page}


def _strangers(order: Iterable[object], pages: Sequence[Page]) -> set[object]:
    """Return ids that stand inside a page, by their neighbours, and are not on it."""
    page_of, found, pending, last = _page_of(pages), set[object](), list[object](), 0
    for one in order:
        number = page_of.get(one)
        if number is None:
            pending.append(one)
            continue
        if number == last:
            found.update(pending)
        pending, last = [], number
    return found


def _first_new(order: Iterable[object], page_of: dict[object, int]) -> int:
    """Return the page of the row in front of the first new one."""
    last = 0
    for one in order:
        if one not in page_of:
            return last
        last = page_of[one]
    return last


def _covered(down: Sequence[Page], up: Sequence[Page]) -> set[int]:
    """Return the ends of pages, by number from 0, at which no row can hide.

    One page shows rows of both sides.
    """
    page_of, covered = _page_of(down), set[int]()
    for page in up:
        numbers = [page_of[one] for one in page if one in page_of]
        covered.update(range(min(numbers, default=0), max(numbers, default=0)))
    for number, (page, following) in enumerate(pairwise(down)):
        if not set(page).isdisjoint(following):
            covered.add(number)
    return covered
