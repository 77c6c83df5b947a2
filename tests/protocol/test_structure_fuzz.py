"""Arbitrary data, in every result type: a value of the type or a StructureError, nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from cronapi._functions import TABLE
from cronapi._protocol.structure import StructureError, structure
from cronapi._protocol.values import to_bool, to_datetime, to_int
from cronapi.models import (
    Account,
    Attempt,
    CronJob,
    Execution,
    Group,
    Notification,
    ServerAddress,
    wire_names,
)

KINDS: dict[str, Any] = {str(row.result): row.result for row in TABLE.values()} | {
    "Notification": Notification
}
CLASSES = (CronJob, Attempt, Group, Account, ServerAddress, Notification)
ROWS: tuple[Any, ...] = (CronJob, Execution, Group, Account, ServerAddress, Notification)

NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.integers(-(10**400), 10**400),
    st.sampled_from([10**400, 1e308, -0.0]),
)
TEXTS = st.one_of(
    st.text(max_size=8),
    st.text("0123456789+-_. e", max_size=6),
    st.sampled_from(
        ["true", "False", "0", "1", "", "0,12", "2030-05-24", "1720409270", "9" * 5000, "\ud800"]
    ),
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
NAMES = st.one_of(
    st.sampled_from(
        sorted(
            {wire for cls in CLASSES for wire in wire_names(cls).values()}
            | {"jobId", "no", "result", "groupId", "extra"}
        )
    ),
    st.text(max_size=4),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
ROW: dict[str, Any] = {
    "id": 7,
    "group": None,
    "groupId": 40,
    "jobId": 7,
    "no": 1,
    "result": {"time": 1720409270, "status": 0, "output": "OK", "executionTime": 0.5},
    "status": "0",
    "notify": True,
    "name": "ping",
    "url": "https://example.com/",
    "minute": ["0", "30"],
    "time": 1720409270,
    "startTime": 1720409270.25,
    "expiryDate": "2030-05-24",
    "new": [1],
}


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """Return a good row of which some members are gone or are something else."""
    row = dict(ROW)
    for name in draw(st.lists(st.sampled_from(sorted(ROW)), max_size=3)):
        row.pop(name, None)
    for name in draw(st.lists(NAMES, max_size=3)):
        row[name] = draw(JSON)
    return row


def fits(value: Any, kind: Any) -> bool:
    """Say whether a value is of a result type, down to the fields of the result classes."""
    origin = getattr(kind, "__origin__", kind)
    if origin is list:
        return type(value) is list and all(fits(item, kind.__args__[0]) for item in value)
    if origin is dict:
        return type(value) is dict and all(
            type(name) is str and fits(item, kind.__args__[1]) for name, item in value.items()
        )
    if kind is Execution:
        return (
            type(value) is Execution
            and len(value.attempts) > 0
            and all(fits(one, Attempt) for one in value.attempts)
        )
    if kind in CLASSES:
        return type(value) is kind and all(
            type(getattr(value, one.name)).__name__ in str(one.type)
            or getattr(value, one.name) is None
            for one in fields(kind)
        )
    return type(value) is kind and (kind is not datetime or value.tzinfo is UTC)


def check(data: object, kind: Any) -> bool:
    """Return whether data reads as a kind; a refusal has readable problems, anything else is a
    failure.
    """
    try:
        value = structure(data, kind)
    except StructureError as error:
        problems = error.problems
    else:
        assert fits(value, kind)
        return True
    assert problems
    assert all(problem.startswith("$.data") and ": " in problem for problem in problems)
    return False


@given(data=JSON)
def test_arbitrary_json_is_read_or_refused(data: object) -> None:
    """Whatever JSON a service answers to any function, it is a result of the promised type or a
    StructureError.
    """
    for kind in KINDS.values():
        check(data, kind)


@given(row=rows())
def test_mutated_rows_are_read_or_refused(row: dict[str, Any]) -> None:
    """A row of any class with members that went wrong is read or refused, alone as in a list; the
    list refuses when the row does.
    """
    for kind in ROWS:
        assert check(row, kind) == check([row], list[kind]), kind


@given(row=rows())
def test_what_reads_once_reads_again(row: dict[str, Any]) -> None:
    """A result of any class, written back and read again, writes the same, whatever the row had."""
    for kind in ROWS:
        try:
            first = structure(row, kind).to_wire()
        except StructureError:
            first = structure({"id": 1}, kind).to_wire()
        again = structure(first, kind).to_wire()
        assert repr(again) == repr(first) or close(again, first), kind


def close(one: Any, other: Any) -> bool:
    """Compare wire values; times far from today lose a fraction of a second to the float that
    carries them.
    """
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, float | int) and isinstance(other, float | int):
        return one == other or math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-3)
    return bool(one == other)


# --- plain restatements --------------------------------------------------------------------------


def agree(read: Callable[[Any], object], value: object, expected: object) -> None:
    """Compare a reader with its restatement, where None stands for a refusal."""
    if expected is None:
        with pytest.raises(ValueError, match=r"^expected "):
            read(value)
    else:
        assert read(value) == expected
        assert type(read(value)) is type(expected)


@given(value=JSON)
def test_whole_numbers_by_restatement(value: object) -> None:
    """A whole number is an int, a float without a fraction,
    or ASCII digits with at most one sign.
    """
    expected = None
    if isinstance(value, int) and not isinstance(value, bool):
        expected = value
    elif isinstance(value, float) and math.isfinite(value) and math.floor(value) == value:
        expected = math.floor(value)
    elif isinstance(value, str):
        text = value.strip(" \t\n\r\f\v")
        digits = text[1:] if text[:1] in ("+", "-") else text
        if digits and set(digits) <= set("0123456789") and len(digits) <= 4300:
            expected = sum(
                int(digit) * 10**power for power, digit in enumerate(reversed(digits))
            ) * (-1 if text[0] == "-" else 1)
    agree(to_int, value, expected)


@given(value=JSON)
def test_booleans_by_restatement(value: object) -> None:
    """A boolean is true, false, 0, 1, the text of one of them in any case,
    or empty text for false.
    """
    expected = None
    if (
        value is True
        or (type(value) is int and value == 1)
        or (isinstance(value, str) and value.lower() in ("true", "1"))
    ):
        expected = True
    elif (
        value is False
        or (type(value) is int and value == 0)
        or (isinstance(value, str) and value.lower() in ("false", "0", ""))
    ):
        expected = False
    agree(to_bool, value, expected)


@given(
    seconds=st.integers(-62_135_596_800, 253_402_300_799),
    milliseconds=st.integers(0, 999),
    spell=st.sampled_from([float, str, lambda s: {"time": s}]),
)
def test_moments_by_restatement(
    seconds: int, milliseconds: int, spell: Callable[[float], object]
) -> None:
    """A moment is that many seconds after 1970, as a number, as text or in an object, to the
    precision of a float.
    """
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        seconds=seconds, milliseconds=milliseconds
    )
    moment = to_datetime(spell(seconds + milliseconds / 1000))
    assert abs(moment - expected) < timedelta(milliseconds=1)
    assert moment.tzinfo is UTC


@given(
    value=st.one_of(
        st.integers(min_value=253_402_300_800),
        st.integers(max_value=-62_135_596_801),
        st.booleans(),
        st.none(),
        st.lists(LEAVES),
    )
)
def test_what_is_no_moment_is_refused(value: object) -> None:
    """Seconds beyond the calendar, and what is no number, are refused."""
    agree(to_datetime, value, None)
