"""The notification that FastCron posts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from cronapi.errors import ResponseError
from cronapi.models import Notification
from cronapi.webhooks import read_notification

SAMPLES = sorted((Path(__file__).parents[1] / "samples" / "webhook").glob("*.json"))
BODY = next(file for file in SAMPLES if file.stem == "2026-07-failed").read_bytes()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda file: file.stem)
def test_every_recorded_notification_reads(sample: Path) -> None:
    """A notification of every era reads, and survives a round trip."""
    notification = read_notification(sample.read_bytes())
    assert notification.id == 16910124
    assert notification.time == datetime(2024, 7, 8, 3, 27, 50, tzinfo=UTC)
    assert read_notification(notification.to_wire()) == notification


def test_failure_is_told() -> None:
    """The notification of a failure has its HTTP status, error and message, and no success."""
    notification = read_notification(BODY)
    assert (notification.http_status, notification.error, notification.execution_time) == (
        404,
        "",
        0.02,
    )
    assert (notification.status, notification.succeeded, notification.message) == (
        1,
        False,
        "fails",
    )
    assert (notification.name, notification.group, notification.downloaded) == (None, "", 1256)


def test_recovery_is_told() -> None:
    """The notification of a recovery is a success."""
    recovered = next(file for file in SAMPLES if file.stem == "2026-07-recovered")
    assert read_notification(recovered.read_bytes()).succeeded is True


def test_silence_about_the_outcome_is_none() -> None:
    """Without a status, a notification claims no outcome."""
    assert read_notification({"id": 5}).succeeded is None


@pytest.mark.parametrize(
    "body",
    [BODY, BODY.decode(), json.loads(BODY), MappingProxyType(json.loads(BODY))],
    ids=lambda b: type(b).__name__,
)
def test_every_kind_of_body_reads(body: bytes | str | dict[str, object]) -> None:
    """The body may be bytes, text or a parsed object."""
    assert read_notification(body) == read_notification(BODY)


def test_former_members_are_kept() -> None:
    """Members that only the notification of 2024 had are kept in extra."""
    early = next(file for file in SAMPLES if file.stem == "2024-07-failed")
    assert read_notification(early.read_bytes()).extra == {
        "startTime": 1720409270.25,
        "ip": "192.0.2.10",
        "source_ip": "198.51.100.7",
        "redirect": 0,
    }


def test_a_job_number_of_the_group_is_not_its_name() -> None:
    """The former member groupId does not fill group, which is a name."""
    notification = read_notification({"id": 5, "groupId": 40})
    assert (notification.group, notification.extra) == (None, {"groupId": 40})


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"\xff\xfe\xfa", "{", b"[" * 200_000],
    ids=["empty", "text", "bytes", "cut", "deep"],
)
def test_what_is_not_json_is_refused(body: bytes | str) -> None:
    """A body that is not JSON raises a ResponseError that says so."""
    with pytest.raises(ResponseError, match="The notification is not JSON") as caught:
        read_notification(body)
    assert caught.value.problems == ()
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[]", "$: expected an object, got list of 0"),
        (b"5", "$: expected an object, got 5"),
        (b"null", "$: expected an object, got None"),
        (b"{}", "$.id: missing"),
        (b'{"id": 1, "time": "soon"}', "$.time: expected Unix seconds, got str of 4"),
        (b'{"id": 1, "httpStatus": []}', "$.httpStatus: expected a whole number, got list of 0"),
    ],
)
def test_what_is_no_notification_is_refused(body: bytes, problem: str) -> None:
    """JSON that is no notification raises a ResponseError with the path of each problem."""
    with pytest.raises(ResponseError, match="This is not a notification") as caught:
        read_notification(body)
    assert caught.value.problems == (problem,)


def test_output_is_not_in_the_repr() -> None:
    """The repr of a notification does not show the job's output."""
    assert "secret" not in repr(Notification(id=1, output="secret"))
