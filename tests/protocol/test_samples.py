"""The recorded answers of both services, over the years, read by the client's own code."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cronapi._functions import TABLE, Repeat
from cronapi._protocol.response import read_response
from cronapi._protocol.structure import structure
from cronapi.errors import APIError, AuthenticationError
from cronapi.models import JobStatus, Notify, ServerAddress
from cronapi.providers import FASTCRON, SETCRONJOB

SAMPLES = Path(__file__).parents[1] / "samples"
PROVIDERS = {provider.name: provider for provider in (FASTCRON, SETCRONJOB)}
ANSWERS = sorted(
    str(file.relative_to(SAMPLES).with_suffix(""))
    for name in PROVIDERS
    for file in (SAMPLES / name).glob("*/*.json")
    if file.parent.name != "errors"
)
ERRORS = sorted(
    str(file.relative_to(SAMPLES).with_suffix(""))
    for name in PROVIDERS
    for file in (SAMPLES / name / "errors").glob("*.json")
)


def read(sample: str) -> Any:
    """Return a sample as the client does: the envelope opened, lost ids put back, the data
    structured.
    """
    row = TABLE[sample.split("/")[1]]
    data = read_response(200, {}, (SAMPLES / f"{sample}.json").read_bytes()).data
    if row.repeat is Repeat.GONE:
        ids = count(1)
        data = (
            [one | {"id": next(ids)} for one in data]
            if isinstance(data, list)
            else data | {"id": next(ids)}
        )
    return structure(data, row.result)


def wire(value: Any) -> Any:
    """Return a result of any function as the wire's value."""
    if isinstance(value, list):
        return [wire(item) for item in value]
    if isinstance(value, dict):
        return {name: wire(item) for name, item in value.items()}
    if isinstance(value, datetime):
        return value.timestamp()
    return value if isinstance(value, str) else value.to_wire()


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_each_function_has_a_sample(provider: Any) -> None:
    """Every function that a service offers has recorded answers, and nothing else has."""
    folders = {
        folder.name for folder in (SAMPLES / provider.name).iterdir() if list(folder.glob("*.json"))
    }
    assert folders == provider.functions | {"errors"}


@pytest.mark.parametrize("sample", ANSWERS)
def test_an_answer_becomes_the_type_its_function_promises(sample: str) -> None:
    """Whatever a service has answered over the years arrives as the documented type."""
    promised, result = TABLE[sample.split("/")[1]].result, read(sample)
    assert type(result) is getattr(promised, "__origin__", promised)
    if isinstance(result, list):
        assert {type(item) for item in result} <= {promised.__args__[0]}
    if isinstance(result, dict):
        assert {type(item) for item in result.values()} == {promised.__args__[1]}


@pytest.mark.parametrize("sample", ANSWERS)
def test_a_result_written_back_reads_the_same(sample: str) -> None:
    """A result turned back into the wire's form and read again is equal to the first."""
    result = read(sample)
    assert structure(wire(result), TABLE[sample.split("/")[1]].result) == result


@pytest.mark.parametrize("sample", ERRORS)
def test_an_error_envelope_is_an_api_error(sample: str) -> None:
    """An error envelope becomes an APIError with its code and message, and code 11 an
    AuthenticationError.
    """
    error = read_response(200, {}, (SAMPLES / f"{sample}.json").read_bytes()).error
    code = 11 if "code-11" in sample else 1
    assert isinstance(error, AuthenticationError if code == 11 else APIError)
    assert error.code == code
    assert ("Invalid API token, user not found." if code == 11 else "not") in error.message


# --- single values -------------------------------------------------------------------------------


def test_value_lists_of_2013_are_kept() -> None:
    """SetCronJob's original schedule arrives as tuples of text, whatever spelling it came in."""
    (job,) = read("setcronjob/cron.list/2013-value-lists")
    assert (job.second, job.minute, job.hour) == (("0",), ("0", "30"), ("0", "12"))
    assert (job.day, job.month, job.weekday) == (("1",), ("1", "7"), ("1", "2", "3", "4", "5"))
    assert job.url == "http://example.com/cron_php"
    (job,) = read("setcronjob/cron.list/2013-value-texts")
    assert (job.second, job.minute, job.hour, job.weekday) == (("0",), ("0", "30"), ("7",), None)


def test_group_id_of_2015_is_the_group() -> None:
    """The group is found under the name it had in 2015, also when that is null."""
    (job,) = read("setcronjob/cron.list/2015-group-id")
    assert (job.id, job.group, job.extra) == (4711, 40, {})
    job = read("setcronjob/cron.get/2015-group-id-null")
    assert (job.id, job.group, job.extra) == (4711, None, {})


def test_digit_strings_are_numbers() -> None:
    """Numbers and booleans that a service sends as text arrive as numbers and booleans."""
    (job,) = read("setcronjob/cron.list/digit-strings")
    assert (job.id, job.group, job.fail, job.timeout, job.instances, job.points) == (
        132,
        40,
        0,
        30,
        1,
        60,
    )
    assert (job.status, job.notify) == (JobStatus.EXPIRED, Notify.WHEN_DISABLED)
    assert (job.dns_cache, job.ignore_http_status, job.retry_failed, job.single) == (
        True,
        False,
        False,
        True,
    )


def test_notify_means_the_same_in_both_services() -> None:
    """FastCron's booleans and SetCronJob's codes arrive as the one enum."""
    assert [job.notify for job in read("fastcron/cron.list/2024-05")] == [
        Notify.ON_FAILURE,
        Notify.NEVER,
    ]
    assert read("fastcron/cron.get/2023-notify-0").notify is Notify.NEVER
    assert [job.notify for job in read("setcronjob/cron.list/2023-notify-boolean")] == [
        Notify.ON_FAILURE,
        Notify.NEVER,
    ]
    assert [job.notify for job in read("setcronjob/cron.list/2023")] == [
        Notify.NEVER,
        Notify.EVERY_RUN,
        Notify.WHEN_DISABLED,
    ]


def test_unknown_status_is_kept() -> None:
    """A status that nobody documented still equals its number and means that the job does not
    run.
    """
    unknown, failed = read("fastcron/cron.list/unknown-status")
    assert (unknown.status, unknown.status.name, unknown.is_active) == (7, "UNRECOGNISED_7", False)
    assert (failed.status, failed.is_active) == (JobStatus.FAILED, False)


def test_unknown_members_are_kept() -> None:
    """Members that a service adds are kept in extra, and members of the envelope do not disturb."""
    (job,) = read("fastcron/cron.list/unknown-members")
    assert job.extra == {
        "successStatuses": [504, 524],
        "lastRun": {"time": 1720409270},
        "successRate": 0.98,
    }
    assert read("setcronjob/group.get/unknown-members").extra == {
        "autoDelete": 30,
        "contacts": [5, 6],
    }


def test_missing_members_are_none() -> None:
    """A job of which only the id is known says None for the rest."""
    bare, with_url = read("fastcron/cron.list/missing-members")
    assert bare.to_wire() == {"id": 16910124}
    assert (with_url.url, with_url.name, with_url.is_active) == (
        "http://example.com/cron_php",
        None,
        None,
    )


def test_escaped_slashes_are_slashes() -> None:
    """An answer with escaped slashes reads like the one without."""
    assert read("fastcron/cron.list/2024-05-escaped-slashes") == read("fastcron/cron.list/2024-05")


def test_log_row_of_2013_is_flat() -> None:
    """A flat row of 2013 is an execution whose output is the text in result."""
    (run,) = read("setcronjob/cron.logs/2013-flat")
    assert (run.job_id, run.no, len(run.attempts)) == (132, 17, 1)
    assert run.time == datetime(2013, 9, 5, 12, 6, 40, tzinfo=UTC)
    assert (run.succeeded, run.last.ip, run.last.downloaded) == (True, "192.0.2.10", 2)
    assert run.output == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nOK"
    assert read("setcronjob/cron.logs/digit-strings") == [run]


def test_log_row_of_2019_holds_a_list() -> None:
    """A row of 2019 has one attempt with the members of both levels; what is not known is kept."""
    (run,) = read("setcronjob/cron.logs/2019-list")
    assert (run.job_id, run.no, run.http_status, run.status, run.succeeded) == (
        132,
        5,
        500,
        1,
        False,
    )
    assert run.time == datetime(2019, 7, 22, tzinfo=UTC)
    assert run.last.start_time == datetime(2019, 7, 22, 0, 0, 0, 500_000, tzinfo=UTC)
    assert (run.execution_time, run.last.source_ip, run.last.extra["connectTime"]) == (
        1.5,
        "198.51.100.7",
        0.1,
    )


def test_log_row_of_2024_holds_an_object() -> None:
    """A row of 2024 has one attempt, and no job number."""
    (run,) = read("fastcron/cron.logs/2024-05")
    assert (run.job_id, run.no, run.http_status, run.error, run.execution_time) == (
        None,
        None,
        404,
        "",
        0.02,
    )
    assert run.time == datetime(2024, 7, 8, 3, 27, 50, tzinfo=UTC)
    assert (run.last.message, run.last.url) == ("HTTP error 404", "https://example.com/404")


def test_last_attempt_decides() -> None:
    """A run that was retried shows its last attempt as its own and keeps the first."""
    (run,) = read("fastcron/cron.logs/2026-07-two-attempts")
    assert [attempt.succeeded for attempt in run.attempts] == [False, True]
    assert (run.succeeded, run.output, run.http_status, run.attempts[0].error) == (
        True,
        "OK",
        200,
        "Connection timed out",
    )


def test_run_without_attempts_says_nothing() -> None:
    """A run of which nothing was recorded has one attempt that knows nothing."""
    empty, missing = read("fastcron/cron.logs/no-attempts")
    assert (empty.job_id, empty.no, empty.succeeded, empty.time) == (132, 4, None, None)
    assert (missing.no, missing.attempts) == (3, empty.attempts)


@pytest.mark.parametrize("case", ["2024-06", "digit-string", "object"])
def test_run_answers_the_moment(case: str) -> None:
    """The time of a queued run is the same moment in each of its spellings."""
    assert read(f"fastcron/cron.run/{case}") == datetime(2024, 7, 8, 3, 28, tzinfo=UTC)


def test_next_runs_are_moments() -> None:
    """The next runs arrive as aware times, in their order."""
    assert read("fastcron/cron.next/2024-08-status-first") == [
        datetime(2024, 8, 9, 10, m, tzinfo=UTC) for m in (40, 45, 50)
    ]


def test_account_eras() -> None:
    """An account of each era reads: the daily limit of early 2024, the number of jobs since, no end
    for a free plan.
    """
    early, later = read("fastcron/account.get/2024-05"), read("fastcron/account.get/2024-06")
    assert (early.daily_exec, early.member_limit, early.cron, early.expiry_date) == (
        50000,
        5,
        None,
        date(2023, 10, 14),
    )
    assert (later.daily_exec, later.cron, later.plan) == (None, 40, "Pro")
    assert [
        read(f"fastcron/account.get/{case}").expiry_date for case in ("free-plan", "digit-strings")
    ] == [None, None]


@pytest.mark.parametrize("case", ["list-of-objects", "object"])
def test_time_zones_are_names(case: str) -> None:
    """Time zones arrive as their names, whatever holds them."""
    assert read(f"setcronjob/server.timezones/{case}") == ["Europe/London", "America/New_York"]


def test_server_addresses() -> None:
    """Each of SetCronJob's servers has its addresses, and None for a missing one."""
    assert read("setcronjob/server.ip/2016") == {
        "web1": ServerAddress(v4="192.0.2.1", v6="2001:db8::1"),
        "web2": ServerAddress(v4="192.0.2.2"),
    }


def test_deleted_job_keeps_its_id() -> None:
    """A deleted job, whose id the service answers as null, reads once its id is put back."""
    assert [job.id for job in read("fastcron/cron.batch_delete/2024-05")] == [1, 2]
    assert read("setcronjob/cron.delete/2023").id == 1
