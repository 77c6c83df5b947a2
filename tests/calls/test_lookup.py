"""Whether a listed job is the one that was sent: pure comparison, and reading every page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import ResponseError
from cronapi._calls.absence import every_id
from cronapi._calls.lookup import RECOVERY, UNCLEAR, Look, choose, find_time
from cronapi._calls.matching import is_match
from cronapi._calls.memory import Memory, ids_of, learn
from cronapi._calls.pages import Paging, every_job
from cronapi._functions import PAGE

SENT = {"url": "https://example.com/a", "name": "a", "timeout": 30, "notify": True}
ROW = {
    "id": 7,
    "url": "https://example.com/a",
    "name": "a",
    "timeout": "30",
    "notify": 1,
    "fail": 0,
}


class Asking:
    """A way to make reads from a function."""

    def __init__(self, read):
        self.read, self.paging = read, Paging()

    async def __call__(self, function, sent):
        return await self.read(function, sent)


@pytest.mark.parametrize(
    ("sent", "row"),
    [
        (SENT, ROW),
        ({"url": "example.com/a"}, {"url": "http://example.com/a"}),
        (
            {"url": "u://x", "httpHeaders": "A: 1\r\nB: 2"},
            {"url": "u://x", "httpHeaders": "A: 1\nB: 2"},
        ),
        ({"url": "u://x", "minute": ["0", "30"]}, {"url": "u://x", "minute": "0,30"}),
        ({"url": "u://x", "group": ""}, {"url": "u://x", "group": None}),
        ({"url": "u://x", "password": "hunter22"}, {"url": "u://x", "password": None}),
        ({"url": "u://x", "unheard": 1}, {"url": "u://x"}),
    ],
)
def test_the_same_job_in_the_services_spelling_matches(sent, row):
    """What the services respell (numbers as text, line ends, the scheme, lists) is the same job."""
    assert is_match(sent, row)


@pytest.mark.parametrize(
    "change", [{"url": "https://example.com/b"}, {"name": "b"}, {"timeout": 31}, {"notify": False}]
)
def test_a_job_that_differs_in_a_field_does_not_match(change):
    """A job that differs in any field that was sent is another job."""
    assert not is_match(SENT, ROW | change)


def test_a_row_without_name_and_url_never_matches():
    """Nothing is adopted by a number alone."""
    assert not is_match({"timeout": 30}, {"id": 1, "timeout": 30})


def test_a_job_with_the_same_name_and_url_but_other_fields_makes_it_unclear():
    """It may be the one that was sent, normalised by the service: nobody can tell, so nothing is
    sent again.
    """
    assert choose([SENT], [ROW | {"timeout": 60}]) == UNCLEAR


def test_several_specs_match_each_a_row_of_its_own():
    """Two identical specs are two jobs, matched in order of ids."""
    finding = choose([SENT, SENT], [ROW | {"id": 9}, ROW | {"id": 8}])
    assert finding.happened
    assert [row["id"] for row in finding.data] == [8, 9]


@given(arrived=st.integers(0, 6), sent=st.integers(1, 6))
def test_a_create_counts_as_done_only_when_everything_arrived_and_nothing_more(arrived, sent):
    """All arrived: done. None arrived: not done. Anything else is unclear."""
    rows = [ROW | {"id": number} for number in range(1, arrived + 1)]
    expected = True if arrived == sent else (False if arrived == 0 else None)
    assert choose([SENT] * sent, rows).happened is expected


def test_the_memory_tells_old_from_new():
    """An id seen before a create was sent is older, one seen later is not, and one that another
    create made is never free.
    """
    memory = Memory()
    learn(memory, "group.items", [{"id": 1}], {})
    moment = memory.new_epoch()
    learn(memory, "cron.list", [{"id": 2}, {"id": "1"}], {})
    learn(memory, "cron.add", {"id": 3}, {})
    learn(memory, "cron.logs", [{"id": 4}], {})
    learn(memory, "group.list", [{"id": 5}], {})
    assert [memory.is_older("cron", number, moment) for number in (1, 2, 3, 4, 5)] == [
        True,
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("data", [None, 5, "x", [None, {"id": None}, {"id": "x"}, {}]])
def test_answers_without_ids_have_none(data):
    """Nothing is learnt from an answer that names no job."""
    assert ids_of(data) == []


async def test_every_page_is_read():
    """Reading ends at a page shorter than an earlier one, and the earlier ones are read again."""
    pages = {1: [{"id": n} for n in range(PAGE)], 2: [{"id": n} for n in range(PAGE, PAGE + 3)]}
    asked = []

    @Asking
    async def ask(row, wire):
        asked.append(wire)
        return pages[wire["page"]]

    assert len(await every_job(ask, "ping")) == PAGE + 3
    assert [search["page"] for search in asked] == [
        1,
        2,
        1,
    ]  # and up again, past which no delete can move a job


@pytest.mark.parametrize("answer", [None, {}, "x"])
@pytest.mark.parametrize("function", ["group.delete", "cron.delete"])
async def test_a_listing_that_is_no_list_proves_nothing_gone(function, answer):
    """An answer of another shape is not taken for an empty listing."""

    @Asking
    async def ask(row, wire):
        return answer

    with pytest.raises(ResponseError):
        await every_id(ask, function)


@pytest.mark.parametrize("recover", RECOVERY)
async def test_a_look_up_whose_answer_is_no_list_proves_nothing(recover):
    """A create is not sent again on the strength of a listing that is none."""

    @Asking
    async def ask(row, wire):
        return {"error": "maintenance"}

    sent, memory = (
        {"id": 1, "url": "u://x", "name": "a", "time": 4_000_000_000, "data": [{"url": "u://x"}]},
        Memory(),
    )
    with pytest.raises(ResponseError):
        await RECOVERY[recover](Look(ask, memory, memory.new_epoch()), sent)


EVERY_FIVE = list(range(1_800_000_000, 1_800_000_000 + 300 * 20, 300))


@pytest.mark.parametrize(
    ("wanted", "queued", "happened"),
    [
        (1_800_000_017, [], False),
        (1_800_000_017, [1_800_000_017], True),
        (1_800_000_017, sorted([*EVERY_FIVE, 1_800_000_017]), True),
        (1_800_000_017, EVERY_FIVE, False),
        (EVERY_FIVE[3], EVERY_FIVE, None),
        (EVERY_FIVE[3], sorted([*EVERY_FIVE, EVERY_FIVE[3]]), True),
        (1_900_000_000, EVERY_FIVE * 5, None),
        (1_900_000_000, EVERY_FIVE, False),
    ],
)
def test_a_run_beside_the_schedule_is_told_from_the_schedules_own(wanted, queued, happened):
    """A time that is there twice, or out of step with the others, was added; one in step may be the
    schedule's own.
    """
    assert find_time(wanted, queued).happened is happened


async def test_a_run_that_is_due_soon_or_past_is_not_looked_for():
    """The services move such runs, so that not finding the time proves nothing."""

    @Asking
    async def ask(row, wire):
        return []

    memory = Memory()
    assert (
        await RECOVERY["cron.run"](
            Look(ask, memory, memory.new_epoch()), {"id": 1, "time": 1_700_000_000}
        )
        == UNCLEAR
    )


async def test_a_service_that_knows_no_pages_is_listed_once():
    """A full first page that comes back for every page ends the look-up after the second."""
    rows = [{"id": number} for number in range(PAGE)]

    @Asking
    async def ask(row, wire):
        return rows

    assert len(await every_job(ask)) == PAGE
