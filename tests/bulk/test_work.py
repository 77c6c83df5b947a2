"""Whether the list is read before adds: a pure decision."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi.bulk.work import looks_around


@pytest.mark.parametrize(("total", "pages", "looks"), [(1, 1, False), (2, 1, True), (3, 2, False), (4, 2, True), (21, 11, False)])
def test_few_adds_to_a_long_list_are_made_one_by_one(total, pages, looks):
    """The list is read before adds where they are more than its pages, read down and up again."""
    assert looks_around(total, pages, journal=False) is looks


@given(total=st.none() | st.integers(1, 10_000), pages=st.integers(1, 100))
def test_with_a_journal_the_list_is_always_read_before(total, pages):
    """What an interrupted run left behind can only be told from what was there before where that is known."""
    assert looks_around(total, pages, journal=True)
    assert looks_around(None, pages, journal=False)


@given(total=st.integers(1, 100), pages=st.integers(1, 100))
def test_the_cheaper_way_is_taken(total, pages):
    """For as many adds as one batch has, the way that is chosen never takes more requests than the other."""
    batch, singly = 2 * pages - 1 + 1, total
    assert (batch if looks_around(total, pages, journal=False) else singly) <= max(min(batch, singly), 2 if total > 1 else 1)
