"""The result classes as values: equality, copies, pickles, secrets, open enums, and the way back to
the wire.
"""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from attrs import evolve, fields
from attrs.exceptions import FrozenInstanceError

from cronapi import models
from cronapi._names import wire_name
from cronapi.models import (
    Account,
    Attempt,
    CronJob,
    Execution,
    Group,
    JobStatus,
    Notification,
    Notify,
    OpenEnum,
    ServerAddress,
    former_names,
    wire_names,
)

MOMENT = datetime(2024, 7, 8, 3, 27, 50, tzinfo=UTC)
RESULTS: list[Any] = [
    CronJob(
        id=7,
        group=2,
        status=JobStatus(9),
        notify=Notify.NEVER,
        minute=("0", "30"),
        extra={"new": [1]},
    ),
    Attempt(
        time=MOMENT,
        http_status=200,
        status=0,
        start_time=MOMENT + timedelta(seconds=0.25),
        execution_time=0.5,
    ),
    Execution(job_id=7, no=1, attempts=(Attempt(status=1), Attempt(status=0, output="OK"))),
    Group(id=2, name="nightly", job_count=3, priority=1),
    Account(id=1, timezone="UTC", cron=40, expiry_date=date(2030, 5, 24)),
    ServerAddress(v4="192.0.2.1"),
    Notification(id=7, time=MOMENT, group="", status=1),
]
each_result = pytest.mark.parametrize("result", RESULTS, ids=lambda value: type(value).__name__)


@each_result
@pytest.mark.parametrize(
    "clone",
    [lambda r: pickle.loads(pickle.dumps(r)), copy.copy, copy.deepcopy, evolve],
    ids=["pickle", "copy", "deepcopy", "evolve"],
)
def test_a_clone_is_equal(result: Any, clone: Any) -> None:
    """A result that was pickled, copied or evolved is equal to the first and has its hash."""
    twin = clone(result)
    assert twin == result
    assert hash(twin) == hash(result)
    assert twin.to_wire() == result.to_wire()


@each_result
def test_a_result_cannot_be_changed(result: Any) -> None:
    """No field of a result can be set, and none can be invented."""
    for name in (fields(type(result))[0].name, "invented"):
        with pytest.raises((FrozenInstanceError, AttributeError)):
            setattr(result, name, 1)


@each_result
def test_results_take_names_only(result: Any) -> None:
    """Results are made by keyword: positions mean nothing, so new fields break nobody."""
    with pytest.raises(TypeError):
        type(result)(1)


@pytest.mark.parametrize("cls", [CronJob, Attempt, Group, Account, ServerAddress, Notification])
def test_all_but_the_id_may_be_missing(cls: Any) -> None:
    """A result needs its id, where it has one, and nothing else."""
    needed = {
        attribute.name
        for attribute in fields(cls)
        if attribute.default is None or attribute.name in ("id", "extra")
    }
    assert needed == {attribute.name for attribute in fields(cls)}
    bare = cls(id=1) if "id" in needed else cls()
    assert bare.to_wire() == ({"id": 1} if "id" in needed else {})


def test_results_with_other_unknown_members_differ() -> None:
    """What a service added counts in a comparison."""
    assert Group(id=1, extra={"a": 1}) != Group(id=1)


@pytest.mark.parametrize(
    ("result", "secret"),
    [
        (CronJob(id=1, password="hunter2"), "hunter2"),
        (CronJob(id=1, http_headers="Authorization: hunter2"), "hunter2"),
        (CronJob(id=1, post_data="key=hunter2"), "hunter2"),
        (CronJob(id=1, extra={"secret": "hunter2"}), "hunter2"),
        (Attempt(output="hunter2"), "hunter2"),
        (Execution(attempts=(Attempt(output="hunter2"),)), "hunter2"),
        (Account(id=1, extra={"secret": "hunter2"}), "hunter2"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_secrets_are_not_in_the_repr(result: object, secret: str) -> None:
    """Passwords, headers, bodies, outputs and unknown members are not in a repr."""
    assert secret not in repr(result)


# --- the way back --------------------------------------------------------------------------------


def test_a_job_goes_back_under_the_wire_names() -> None:
    """A job written back has the service's names and encodings,
    and its unknown members among them.
    """
    job = CronJob(
        id=7,
        http_method="POST",
        status=JobStatus.ACTIVE,
        notify=Notify(8),
        single=False,
        minute=("0",),
        extra={"new": 1},
    )
    wire = job.to_wire()
    assert wire == {
        "id": 7,
        "httpMethod": "POST",
        "status": 0,
        "notify": 8,
        "single": False,
        "minute": ["0"],
        "new": 1,
    }
    assert [type(wire[name]) for name in ("status", "notify", "single")] == [int, int, bool]


def test_times_go_back_as_unix_seconds() -> None:
    """A moment is written as whole seconds where it is whole, and with its fraction where it has
    one; a date as its text.
    """
    wire = Attempt(time=MOMENT, start_time=MOMENT + timedelta(seconds=0.25)).to_wire()
    assert wire == {"time": 1720409270, "startTime": 1720409270.25}
    assert type(wire["time"]) is int
    other_zone = Attempt(time=MOMENT.astimezone(timezone(timedelta(hours=5))))
    assert other_zone.to_wire() == {"time": 1720409270}
    assert Account(id=1, expiry_date=date(2030, 5, 24)).to_wire() == {
        "id": 1,
        "expiryDate": "2030-05-24",
    }


def test_writing_back_does_not_change_the_result() -> None:
    """What to_wire answers can be changed without changing the result."""
    job = CronJob(id=1, minute=("0",), extra={"new": 1})
    job.to_wire()["minute"].append("5")
    job.to_wire().clear()
    assert job == CronJob(id=1, minute=("0",), extra={"new": 1})


def test_an_execution_goes_back_with_a_list_of_attempts() -> None:
    """An execution is written as the row with a list of attempts, without the numbers it does not
    have.
    """
    assert Execution(attempts=(Attempt(status=1), Attempt(status=0))).to_wire() == {
        "result": [{"status": 1}, {"status": 0}]
    }
    assert Execution(job_id=7, no=0, attempts=(Attempt(),)).to_wire() == {
        "jobId": 7,
        "no": 0,
        "result": [{}],
    }


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("id", "id"),
        ("http_method", "httpMethod"),
        ("ignore_http_status", "ignoreHttpStatus"),
        ("for_", "for"),
    ],
)
def test_names_are_camel_case_on_the_wire(name: str, wire: str) -> None:
    """A Python name is the wire's camelCase, without the underscore that keeps it from being a
    keyword.
    """
    assert wire_name(name) == wire


def test_exceptional_names() -> None:
    """The few names that are not camelCase, or were others before, are known."""
    assert wire_names(Attempt)["source_ip"] == "source_ip"
    assert wire_names(Execution) == {"job_id": "jobId", "no": "no", "attempts": "result"}
    assert former_names(CronJob) == {"groupId": "group", "groupID": "group"}
    assert former_names(Notification) == {}


# --- what a result says --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "active"),
    [(None, None), (0, True), (1, False), (2, False), (3, False), (4, False), (77, False)],
)
def test_only_status_0_is_active(status: int | None, active: bool | None) -> None:
    """A job is active with status 0 only; without a status nobody knows."""
    assert CronJob(id=1, status=None if status is None else JobStatus(status)).is_active is active


@pytest.mark.parametrize(("status", "succeeded"), [(None, None), (0, True), (1, False), (9, False)])
@pytest.mark.parametrize(
    "make",
    [
        lambda status: Attempt(status=status),
        lambda status: Execution(attempts=(Attempt(status=5), Attempt(status=status))),
        lambda status: Notification(id=1, status=status),
    ],
    ids=["attempt", "execution", "notification"],
)
def test_only_status_0_is_success(make: Any, status: int | None, succeeded: bool | None) -> None:
    """A run succeeded with status 0 only; without a status nobody knows."""
    assert make(status).succeeded is succeeded


def test_an_execution_shows_its_last_attempt() -> None:
    """The facts of an execution are those of its last attempt."""
    last = Attempt(
        time=MOMENT, http_status=200, status=0, output="OK", error="", execution_time=0.5
    )
    run = Execution(
        attempts=(
            Attempt(http_status=500, status=1, output="oops", error="reset", execution_time=9.0),
            last,
        )
    )
    assert run.last is last
    facts = (
        run.time,
        run.http_status,
        run.status,
        run.succeeded,
        run.output,
        run.error,
        run.execution_time,
    )
    assert facts == (MOMENT, 200, 0, True, "OK", "", 0.5)


def test_an_execution_without_a_scheduled_time_has_its_start() -> None:
    """Where the service did not say when a run was scheduled, its time is its start."""
    assert Execution(attempts=(Attempt(start_time=MOMENT),)).time == MOMENT


# --- open enums ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [JobStatus, Notify])
def test_an_unknown_number_is_kept(kind: type[OpenEnum]) -> None:
    """A number that an enum does not know equals itself, has a name, pickles,
    and is no new member.
    """
    unknown = kind(42)
    assert unknown == 42
    assert (type(unknown), unknown.name, unknown.value) == (kind, "UNRECOGNISED_42", 42)
    assert {unknown: "found"}[kind(42)] == "found"
    for clone in (pickle.loads(pickle.dumps(unknown)), copy.copy(unknown), copy.deepcopy(unknown)):
        assert (clone, type(clone), clone.name) == (42, kind, "UNRECOGNISED_42")
    assert 42 not in list(kind)


def _pickled(protocol: int, value: object) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))


OPEN_ENUMS = OpenEnum.__subclasses__()
CLONES = {
    **{f"pickle {n}": partial(_pickled, n) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("kind", OPEN_ENUMS)
@pytest.mark.parametrize("clone", CLONES.values(), ids=CLONES)
@pytest.mark.parametrize("number", [-1, 0, 1, 42, 2**70])
def test_a_member_survives_pickle_and_copy(kind: type[OpenEnum], clone: Any, number: int) -> None:
    """A clone has number, name, type and hash of its member; a known one is the same object."""
    member = kind(number)
    twin = clone(member)
    assert (twin, type(twin), twin.name, twin.value) == (number, kind, member.name, number)
    assert hash(twin) == hash(member) == hash(number)
    known = number in [code.value for code in kind]
    assert (twin is member) or not known
    assert repr(twin) == repr(member)
    assert [twin] == clone([member])


@pytest.mark.parametrize("kind", OPEN_ENUMS)
@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy])
def test_a_copy_of_an_unknown_number_is_the_same_object(kind: type[OpenEnum], clone: Any) -> None:
    """A member never changes, so that a copy of it is the member itself."""
    unknown = kind(42)
    assert clone(unknown) is unknown


@pytest.mark.parametrize("value", ["1", 1.5, None])
def test_an_enum_refuses_what_is_no_number(value: object) -> None:
    """An open enum is open to numbers, not to anything."""
    with pytest.raises(ValueError, match="not a valid JobStatus"):
        JobStatus(value)  # type: ignore[arg-type]  # the point of the test


def test_codes_are_the_documented_ones() -> None:
    """The codes have the numbers of the services' data pages."""
    assert [(member.name, member.value) for member in JobStatus] == [
        ("ACTIVE", 0),
        ("DISABLED", 1),
        ("EXPIRED", 2),
        ("INACTIVE", 3),
        ("FAILED", 4),
    ]
    assert [
        int(code)
        for code in (Notify.NEVER, Notify.ON_FAILURE, Notify.EVERY_RUN, Notify.WHEN_DISABLED)
    ] == [0, 1, 2, 3]


def test_every_result_class_is_tested_here() -> None:
    """The list of results above has every result class of the module."""
    public = {
        value
        for value in vars(models).values()
        if isinstance(value, type) and hasattr(value, "to_wire")
    }
    assert public - {models.Wire} == {type(result) for result in RESULTS}


def test_the_password_of_a_url_is_not_shown() -> None:
    """A job whose URL carries user and password shows the user only."""
    job = CronJob(id=1, url="https://user:hunter22@example.com/x")
    assert "hunter22" not in repr(job)
    assert "https://user:***@example.com/x" in repr(job)
