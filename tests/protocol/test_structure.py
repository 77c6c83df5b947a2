"""Data in, results out: what is tolerated, what is refused, and how the refusal reads."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime
from typing import Any

import pytest

from cronapi._protocol.json_text import parse_json
from cronapi._protocol.structure import StructureError, structure
from cronapi._protocol.values import shown, to_bool, to_date, to_datetime, to_float, to_int, to_text
from cronapi.models import Account, CronJob, Execution, Group, JobStatus, Notify, ServerAddress

MOMENT = datetime(2024, 7, 8, 3, 27, 50, tzinfo=UTC)


def problems(data: object, kind: Any, path: str = "$.data") -> tuple[str, ...]:
    """Return the problems of data that cannot be read."""
    with pytest.raises(StructureError) as caught:
        structure(data, kind, path)
    return caught.value.problems


# --- tolerated -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("group", "12", "group", 12),
        ("group", "", "group", None),
        ("group", None, "group", None),
        ("group", 12.0, "group", 12),
        ("fail", " 3 ", "fail", 3),
        ("name", 5, "name", "5"),
        ("name", "", "name", ""),
        ("name", None, "name", None),
        ("status", 0, "status", JobStatus.ACTIVE),
        ("status", "4", "status", JobStatus.FAILED),
        ("status", False, "status", JobStatus.ACTIVE),
        ("status", "", "status", None),
        ("notify", True, "notify", Notify.ON_FAILURE),
        ("notify", "3", "notify", Notify.WHEN_DISABLED),
        ("notify", 0, "notify", Notify.NEVER),
        ("single", "1", "single", True),
        ("single", 0, "single", False),
        ("single", "FALSE", "single", False),
        ("single", "", "single", None),
        ("minute", ["0", 30], "minute", ("0", "30")),
        ("minute", "0, 30", "minute", ("0", "30")),
        ("minute", 5, "minute", ("5",)),
        ("minute", [], "minute", ()),
        ("minute", "", "minute", None),
        ("minute", None, "minute", None),
        ("groupId", 40, "group", 40),
        ("groupID", "40", "group", 40),
        ("groupId", None, "group", None),
    ],
)
def test_values_in_their_many_spellings(
    name: str, value: object, field: str, expected: object
) -> None:
    """A member arrives as the same value in every spelling that the services have used."""
    job = structure({"id": 1, name: value}, CronJob)
    assert getattr(job, field) == expected
    assert type(getattr(job, field)) is type(expected)
    assert job.extra == {}


@pytest.mark.parametrize("group", [None, ""])
def test_a_former_name_fills_an_empty_group(group: object) -> None:
    """Where today's name has no value the former one counts."""
    assert structure({"id": 1, "group": group, "groupId": 40}, CronJob) == CronJob(id=1, group=40)


def test_a_former_name_does_not_override() -> None:
    """Where today's name has a value the former one is kept aside."""
    job = structure({"id": 1, "groupId": 40, "group": 12}, CronJob)
    assert (job.group, job.extra) == (12, {"groupId": 40})


def test_the_input_is_not_changed() -> None:
    """Reading leaves the data as it was, so that it can be read again."""
    row = {"id": "1", "groupId": "40", "new": {"a": 1}}
    assert structure(row, CronJob) == structure(row, CronJob)
    assert row == {"id": "1", "groupId": "40", "new": {"a": 1}}


@pytest.mark.parametrize("value", [5, None, {"a": 1}, [1]])
def test_a_member_called_extra_is_an_unknown_member(value: object) -> None:
    """A member that happens to be called extra is kept like any other."""
    assert structure({"id": 1, "extra": value}, CronJob).extra == {"extra": value}


def test_python_names_are_not_wire_names() -> None:
    """A member spelt in Python's way is unknown, not taken for the wire's."""
    job = structure({"id": 1, "http_method": "POST"}, CronJob)
    assert (job.http_method, job.extra) == (None, {"http_method": "POST"})


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("text", [("text", None)]),
        ({"output": "a", "status": 0}, [("a", 0)]),
        ([{"output": "a", "status": "1"}, {"output": "b", "status": "0"}], [("a", 1), ("b", 0)]),
        ([], [(None, None)]),
        (None, [(None, None)]),
    ],
    ids=["text", "object", "list", "empty", "null"],
)
def test_a_log_row_in_its_shapes(result: object, expected: list[tuple[str, int]]) -> None:
    """The result of a run reads as attempts in every shape, each with what stands outside it."""
    run = structure({"jobId": "7", "no": "", "downloaded": 5, "result": result}, Execution)
    assert [(attempt.output, attempt.status) for attempt in run.attempts] == expected
    assert {attempt.downloaded for attempt in run.attempts} == {5}
    assert (run.job_id, run.no) == (7, None)


def test_the_inner_member_of_a_log_row_wins() -> None:
    """Where a member stands outside and inside of a result, the attempt's own counts."""
    run = structure({"status": 1, "time": 0, "result": {"status": 0}}, Execution)
    assert (run.status, run.time) == (0, datetime(1970, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (["UTC", "Europe/London"], ["UTC", "Europe/London"]),
        (
            [{"name": "UTC"}, {"offset": 1, "name": "Europe/London", "label": "x"}],
            ["UTC", "Europe/London"],
        ),
        ({"UTC": 0, "Europe/London": {"offset": 1}}, ["UTC", "Europe/London"]),
        ([], []),
        ({}, []),
    ],
)
def test_time_zones_in_their_shapes(data: object, expected: list[str]) -> None:
    """Time zones read as names from a list of names, a list of objects, and an object."""
    assert structure(data, list[str]) == expected


@pytest.mark.parametrize(
    "data", [1720409270, "1720409270", 1720409270.0, {"time": 1720409270}, {"time": "1720409270"}]
)
def test_moments_in_their_shapes(data: object) -> None:
    """A moment reads from a number, its text, and an object with a time."""
    assert structure(data, datetime) == MOMENT


def test_moments_are_aware() -> None:
    """Every moment is in UTC and keeps its fraction."""
    moment = structure(0.25, datetime)
    assert (moment.tzinfo, moment.microsecond) == (UTC, 250_000)


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        ({}, CronJob, "$.data.id: missing"),
        ({"id": None}, CronJob, "$.data.id: expected a whole number, got None"),
        ({"id": True}, CronJob, "$.data.id: expected a whole number, got True"),
        ({"id": "abc"}, CronJob, "$.data.id: expected a whole number, got str of 3"),
        ({"id": 1, "fail": 1.5}, CronJob, "$.data.fail: expected a whole number, got 1.5"),
        (
            {"id": 1, "notifyEvery": {}},
            CronJob,
            "$.data.notifyEvery: expected a whole number, got dict of 0",
        ),
        ({"id": 1, "groupId": []}, CronJob, "$.data.group: expected a whole number, got list of 0"),
        ({"id": 1, "name": False}, CronJob, "$.data.name: expected text, got False"),
        ({"id": 1, "single": 2}, CronJob, "$.data.single: expected true or false, got 2"),
        (
            {"id": 1, "status": "paused"},
            CronJob,
            "$.data.status: expected a whole number, got str of 6",
        ),
        ({"id": 1, "minute": [None]}, CronJob, "$.data.minute: expected text, got None"),
        (
            {"id": 1, "expiryDate": "soon"},
            Account,
            "$.data.expiryDate: expected a date such as 2030-05-24, got str of 4",
        ),
        ([], CronJob, "$.data: expected an object, got list of 0"),
        (None, Group, "$.data: expected an object, got None"),
        ([{"id": 1}, 5], list[CronJob], "$.data[1]: expected an object, got 5"),
        ({"id": 1}, list[CronJob], "$.data: expected a list, got dict of 1"),
        ("[]", list[Execution], "$.data: expected a list, got str of 2"),
        (None, list[datetime], "$.data: expected a list, got None"),
        ([1, "soon"], list[datetime], "$.data[1]: expected Unix seconds, got str of 4"),
        ({"at": 5}, datetime, "$.data: expected Unix seconds, got dict of 1"),
        (True, datetime, "$.data: expected Unix seconds, got True"),
        (1e300, datetime, "$.data: expected Unix seconds, got 1e+300"),
        (None, str, "$.data: expected text, got None"),
        ("UTC", list[str], "$.data: expected a list, got str of 3"),
        (["UTC", None], list[str], "$.data[1]: expected text, got None"),
        ([{"offset": 5}], list[str], "$.data[0]: expected text, got dict of 1"),
        ([1], dict[str, ServerAddress], "$.data: expected an object, got list of 1"),
        ({"web1": 5}, dict[str, ServerAddress], "$.data['web1']: expected an object, got 5"),
        (
            {"web1": {"v4": []}},
            dict[str, ServerAddress],
            "$.data['web1'].v4: expected text, got list of 0",
        ),
        (5, Execution, "$.data: expected an object, got 5"),
        ({"jobId": []}, Execution, "$.data.jobId: expected a whole number, got list of 0"),
        ({"no": "x"}, Execution, "$.data.no: expected a whole number, got str of 1"),
        (
            {"result": [{}, {"time": "x"}]},
            Execution,
            "$.data.result[1].time: expected Unix seconds, got str of 1",
        ),
        (
            {"result": {"executionTime": 10**400}},
            Execution,
            f"$.data.result[0].executionTime: expected a number, got 1{'0' * 39}",
        ),
        (
            {"result": 5},
            Execution,
            "$.data: expected an object, a list of objects or text as result, got 5",
        ),
        (
            {"result": ["a"]},
            Execution,
            "$.data: expected an object, a list of objects or text as result, got list of 1",
        ),
    ],
)
def test_a_refusal_names_the_place(data: object, kind: Any, expected: str) -> None:
    """Data that cannot be read is refused with the path,
    the expectation and the kind of what came.
    """
    assert problems(data, kind) == (expected,)


def test_every_problem_is_told() -> None:
    """All that is wrong with a page is told at once, in the order of the rows."""
    rows = [{"id": "x", "fail": []}, {"id": 1}, {"url": "https://example.com/", "group": "y"}]
    assert problems(rows, list[CronJob], "$") == (
        "$[0].id: expected a whole number, got str of 1",
        "$[0].fail: expected a whole number, got list of 0",
        "$[2].id: missing",
        "$[2].group: expected a whole number, got str of 1",
    )


def test_many_problems_are_cut() -> None:
    """A page in which every row is wrong gives the first twenty problems, not a thousand."""
    found = problems([{}] * 1000, list[Group])
    assert found == tuple(f"$.data[{number}].id: missing" for number in range(20))


def test_a_refusal_does_not_repeat_what_came() -> None:
    """The text of a refusal has no value of text, since that may be a secret or a megabyte."""
    secret = "hunter2" * 100
    data = {
        "id": secret,
        "minute": [{secret: secret}],
        "single": secret,
        "status": secret,
        "expiryDate": secret,
    }
    for kind in (CronJob, Account):
        assert "hunter2" not in "".join(problems(data, kind))


def test_a_refusal_travels_and_reads_as_a_sentence() -> None:
    """A refusal is a ValueError whose text lists the problems, also after a pickle."""
    error = StructureError(("$.id: missing", "$.fail: expected a whole number, got None"))
    twin = pickle.loads(pickle.dumps(error))
    assert isinstance(error, ValueError)
    assert str(twin) == str(error) == "$.id: missing; $.fail: expected a whole number, got None"
    assert (twin.problems, twin.args) == (error.problems, error.args)


# --- single values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (to_int, "007", 7),
        (to_int, "-5", -5),
        (to_int, "+5", 5),
        (to_int, -0.0, 0),
        (to_float, "1.5", 1.5),
        (to_float, 2, 2.0),
        (to_bool, 1, True),
        (to_bool, "True", True),
        (to_bool, "", False),
        (to_text, 1.5, "1.5"),
        (to_date, "2030-05-24", date(2030, 5, 24)),
        (to_datetime, "1720409270.5", MOMENT.replace(microsecond=500_000)),
    ],
)
def test_single_values_read(read: Any, value: object, expected: object) -> None:
    """Each kind of value reads from the texts and numbers that mean it."""
    assert read(value) == expected
    assert type(read(value)) is type(expected)


REFUSED: list[tuple[Any, list[object]]] = [
    (
        to_int,
        [
            "",
            "1_0",
            "٣",
            "+-5",
            "--5",
            "0x5",
            "1.0",
            "1e3",
            "9" * 5000,
            1.5,
            float("nan"),
            float("inf"),
            None,
            [],
        ],
    ),
    (to_float, ["", "abc", "nan", float("inf"), "1e999", 10**400, True, None, {}]),
    (to_bool, [2, -1, "yes", 1.0, None, []]),
    (to_text, [True, None, [], {}]),
    (to_date, ["", "24.5.2030", "2030-13-01", "0000-00-00", None, []]),
    (to_datetime, [1e18, -1e18, 10**400, "soon", True, None, {}, {"time": None}]),
]
EXPECTED = (
    r"^expected (a whole number|a number|true or false|text|a date such as 2030-05-24"
    r"|Unix seconds), got "
)


@pytest.mark.parametrize(
    ("read", "value"), [(read, value) for read, values in REFUSED for value in values]
)
def test_single_values_are_refused(read: Any, value: object) -> None:
    """Each kind of value refuses what does not mean it, and says what it expected."""
    with pytest.raises(ValueError, match=EXPECTED):
        read(value)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("abc", "str of 3"),
        ([1], "list of 1"),
        ({}, "dict of 0"),
        (None, "None"),
        (True, "True"),
        (1.5, "1.5"),
        (b"x", "bytes"),
    ],
)
def test_values_are_named_not_repeated(value: object, name: str) -> None:
    """A value is named by its kind and size, a number by itself, cut to forty characters."""
    assert shown(value) == name
    assert len(shown(10**100)) == 40


# --- JSON ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "value"),
    [(b'{"a": "\\/"}', {"a": "/"}), ('["\u00e9"]', ["\u00e9"]), (b"5", 5), (b"null", None)],
)
def test_json_reads_from_bytes_and_text(body: bytes | str, value: object) -> None:
    """JSON reads from bytes and from text, escaped slashes too."""
    assert parse_json(body) == value


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"a": 1,,}', b'"\xff"', b"[" * 200_000, b"1" * 5000],
    ids=["empty", "html", "double comma", "not utf-8", "deep", "long number"],
)
def test_what_is_not_json_is_one_kind_of_error(body: bytes) -> None:
    """Whatever is wrong with JSON, it is a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        parse_json(body)


def test_php_writes_nothing_in_its_own_ways() -> None:
    """An empty array where an object is meant is an empty object, and a date of zeros is none."""
    assert structure([], dict[str, ServerAddress]) == {}
    assert structure({"id": 1, "expiryDate": "0000-00-00"}, Account).expiry_date is None
