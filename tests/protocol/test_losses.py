"""What a new job takes over from a job that a service has shown, and the losses that are named."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st

from cronapi import (
    FASTCRON,
    SETCRONJOB,
    ConfigurationError,
    CronJob,
    JobParams,
    JobSpec,
    JobStatus,
    Notify,
    Provider,
)
from cronapi._names import wire_name
from cronapi._protocol.encoding import encode_params
from cronapi._protocol.losses import FROM_EXTRA, NOT_SETTINGS
from cronapi._protocol.structure import structure
from cronapi.emulator.eras import RULES
from cronapi.emulator.parameters import JOB_PARAMETERS

URL = "https://example.com/ping"
BOTH = (FASTCRON, SETCRONJOB)


def job(**changes: Any) -> CronJob:
    """Return a job as FastCron shows one, with changes."""
    shown: dict[str, Any] = {
        "id": 7,
        "name": "ping",
        "url": URL,
        "expression": "*/5 * * * *",
        "timezone": "UTC",
        "status": JobStatus.ACTIVE,
        "fail": 3,
        "points": 288,
        "http_headers": "X-A: 1\r\nx-a: 2",
        "post_data": "",
        "notify": Notify.ON_FAILURE,
        "instances": 0,
    }
    return CronJob(**shown | changes)


def lost(changed: CronJob, provider: Provider | None = None) -> list[str]:
    """Return the names of what a new job would lose."""
    return [loss.field for loss in JobSpec.from_job(changed, provider=provider).losses]


def test_a_job_becomes_the_spec_of_one_like_it() -> None:
    """Everything that a parameter can set is carried over, empty texts and facts are not."""
    spec = JobSpec.from_job(job(group=5, timeout=30, ignore_http_status=False))
    assert spec.losses == ()
    assert spec == JobSpec(
        url=URL,
        name="ping",
        expression="*/5 * * * *",
        timezone="UTC",
        http_headers="X-A: 1\r\nx-a: 2",
        notify=1,
        instances=0,
        group=5,
        timeout=30,
        ignore_http_status=False,
    )


HERE: list[tuple[dict[str, Any], list[str]]] = [
    ({"username": "joe"}, ["password"]),
    ({"username": "joe", "password": ""}, ["password"]),
    ({"username": "joe", "password": "********"}, ["password"]),
    ({"username": "joe", "password": "hunter22"}, []),
    ({"username": "", "password": ""}, []),
    ({"status": JobStatus.DISABLED}, ["status"]),
    ({"status": JobStatus.EXPIRED}, ["status"]),
    ({"status": JobStatus(9)}, ["status"]),
    ({"status": None}, []),
    ({"priority": 0}, []),
    ({"priority": 2}, ["priority"]),
    ({"notify": Notify(9)}, ["notify"]),
    ({"notify": Notify.EVERY_RUN}, []),
    ({"http_headers": "broken"}, ["http_headers"]),
    ({"post_data": "\ud800"}, ["post_data"]),
    ({"extra": {"lastRun": {"time": 1}, "autoDelete": 0}}, ["lastRun"]),
    ({"extra": {"retry": "3", "retryAfter": 5, "notifyMatch": None}}, []),
    ({"extra": {"retry": [3]}}, ["retry"]),
    ({"extra": {"run": 1}}, ["run"]),
    ({"group": 5, "minute": ("0", "30"), "second": ("0", "30"), "single": True}, []),
    ({"timezone": None}, []),
    ({"post_data": "__secret__"}, []),
]


@pytest.mark.parametrize(("changes", "expected"), HERE)
def test_what_a_copy_on_the_same_account_loses(
    changes: dict[str, Any], expected: list[str]
) -> None:
    """A hidden password, being disabled, and what no parameter sets: named, each once."""
    assert lost(job(**changes)) == expected


TO_FASTCRON: list[tuple[dict[str, Any], list[str], dict[str, Any]]] = [
    ({"group": 5}, ["group"], {"group": None}),
    ({"timezone": ""}, ["timezone"], {}),
    ({"notify": Notify.NEVER}, [], {"notify": 0}),
    ({"notify": Notify.EVERY_RUN}, ["notify"], {"notify": 1}),
    ({"notify": Notify.WHEN_DISABLED}, ["notify"], {"notify": 1}),
    ({"single": True}, [], {"instances": 1, "single": None}),
    ({"single": False}, [], {"instances": 0, "single": None}),
    ({"retry_failed": True, "ignore_http_status": True}, [], {"retry_failed": None}),
    ({"retry_failed": False, "pattern": "error"}, ["pattern", "retry_failed"], {"pattern": None}),
    ({"dns_cache": True}, ["dns_cache"], {"dns_cache": None}),
    ({"extra": {"retry": 3, "retryAfter": 5}}, ["retry", "retry_after"], {"retry": None}),
    ({"extra": {"retry": 0}}, [], {"retry": None}),
    ({"second": ("0",)}, [], {"second": None}),
    ({"second": ("0", "30")}, ["second"], {"second": None}),
    (
        {"expression": None, "second": ("0",), "minute": ("0", "30"), "hour": ("7",)},
        [],
        {"expression": "0,30 7 * * *", "minute": None},
    ),
    (
        {"expression": "0,30 * * * *", "minute": ("0", "30"), "weekday": ()},
        [],
        {"expression": "0,30 * * * *"},
    ),
    (
        {"minute": ("0",), "hour": ("7",)},
        ["minute", "hour"],
        {"expression": "*/5 * * * *", "minute": None, "hour": None},
    ),
    (
        {"expression": "", "minute": ("0",), "day": ("1",), "weekday": ("1", "5")},
        ["weekday"],
        {"expression": "0 * 1 * 1,5"},
    ),
    (
        {"expression": "", "minute": ("0",), "day": ("*",), "weekday": ("1", "5")},
        [],
        {"expression": "0 * * * 1,5"},
    ),
    ({"post_data": "k=__secret__"}, ["post_data"], {"post_data": "k=__secret__"}),
    ({"url": f"{URL}?n=__random__"}, ["url"], {"url": f"{URL}?n=__random__"}),
    ({"username": "joe", "status": JobStatus.FAILED}, ["status", "password"], {"username": "joe"}),
]


@pytest.mark.parametrize(("changes", "expected", "carried"), TO_FASTCRON)
def test_what_a_job_loses_on_its_way_to_fastcron(
    changes: dict[str, Any], expected: list[str], carried: dict[str, Any]
) -> None:
    """Codes, groups, lists and SetCronJob's own fields are carried, written anew, or named."""
    spec = JobSpec.from_job(job(**changes), provider=FASTCRON)
    assert sorted(loss.field for loss in spec.losses) == sorted(expected)
    assert {name: spec.params.get(name) for name in carried} == carried
    assert encode_params(spec.params, FASTCRON, clear=False)["url"] == spec.params["url"]


TO_SETCRONJOB: list[tuple[dict[str, Any], list[str]]] = [
    ({"filter": "weekday == 'Mon'"}, ["filter"]),
    ({"delay": 20, "user_agent": "cron", "keyword": "done"}, ["delay", "keyword", "user_agent"]),
    ({"delay": 0}, []),
    ({"extra": {"notifyMatch": "x", "notifyTime": 5}}, ["notify_match", "notify_time"]),
    ({"pattern": "error", "retry_failed": False, "single": True, "dns_cache": True}, []),
    ({"second": ("0", "30"), "minute": ("0",), "notify": Notify.WHEN_DISABLED}, []),
    ({"group": 5}, ["group"]),
]


@pytest.mark.parametrize(("changes", "expected"), TO_SETCRONJOB)
def test_what_a_job_loses_on_its_way_to_setcronjob(
    changes: dict[str, Any], expected: list[str]
) -> None:
    """What FastCron has alone is named; the rest is carried over."""
    assert sorted(lost(job(**changes), SETCRONJOB)) == expected


def test_a_loss_says_what_is_lost_and_why_and_hides_it() -> None:
    """Field, reason and value are there; texts show no value."""
    (loss,) = JobSpec.from_job(job(pattern="hunter22"), provider=FASTCRON).losses
    assert (loss.field, loss.value) == ("pattern", "hunter22")
    assert str(loss) == "pattern (fastcron does not take it, and its keyword means the opposite)"
    assert "hunter22" not in f"{loss!r} {loss}"


def test_a_spec_shows_and_keeps_its_losses() -> None:
    """The repr names them, pickles and copies keep them, and a comparison leaves them out."""
    spec = JobSpec.from_job(CronJob(id=7, url=URL, username="joe", status=JobStatus.DISABLED))
    assert repr(spec) == f"JobSpec(url={URL!r}, username='joe' <lost: status, password>)"
    for clone in (pickle.loads(pickle.dumps(spec)), copy.copy(spec), copy.deepcopy(spec)):
        assert (clone, clone.losses) == (spec, spec.losses)
    assert spec == JobSpec(url=URL, username="joe")
    assert JobSpec(url=URL).losses == ()


@pytest.mark.parametrize("shown", [CronJob(id=7), CronJob(id=7, url=""), {"url": URL}, 7, None])
def test_only_a_job_with_a_url_can_be_carried_over(shown: Any) -> None:
    """Anything else is refused when the spec is made."""
    with pytest.raises(ConfigurationError):
        JobSpec.from_job(shown)
    with pytest.raises(ConfigurationError, match="provider must be a Provider"):
        JobSpec.from_job(job(), provider="fastcron")  # type: ignore[arg-type]  # the point of it


def test_a_service_of_ones_own_says_what_it_lacks() -> None:
    """A third service is described by its Provider, and the table follows."""
    other = evolve(FASTCRON, name="other", lacks=frozenset({"timeout"}), notify_codes=True)
    changed = job(timeout=30, notify=Notify.EVERY_RUN, pattern="x", minute=("0",))
    (loss,) = JobSpec.from_job(changed, provider=other).losses
    assert str(loss) == "timeout (other does not take it)"
    for bad in ({"timeout"}, ["timeout"], frozenset({5}), None):
        with pytest.raises(ConfigurationError, match="lacks of a provider"):
            evolve(FASTCRON, lacks=bad)


def test_every_field_of_a_job_is_a_parameter_or_known_to_be_none() -> None:
    """A new field or parameter fails here until the table of losses has a place for it."""
    shown = {a.name for a in fields(CronJob)}
    params = set(JobParams.__annotations__)
    assert shown - params == NOT_SETTINGS
    assert params - shown == {*FROM_EXTRA, "run", "payload"}


@pytest.mark.parametrize("provider", BOTH, ids=lambda provider: provider.name)
def test_the_services_lack_what_the_emulator_refuses(provider: Provider) -> None:
    """Client and emulator agree, but for what FastCron's documentation dropped after 2024-05."""
    dropped = {"retry_failed", "ignore_http_status", "pattern"} if provider is FASTCRON else set()
    taken = JOB_PARAMETERS[provider.name]
    lacking = {name for name in JobParams.__annotations__ if wire_name(name) not in taken}
    assert provider.lacks == lacking | dropped


@pytest.mark.parametrize("provider", BOTH, ids=lambda provider: provider.name)
def test_the_services_hide_what_the_emulator_takes_and_does_not_show(provider: Provider) -> None:
    """By the documentation of its newest era, with the lists of SetCronJob's first schedule.

    A job may have what FastCron took until then, and showed in no answer of any era.
    """
    shown = {*RULES["latest"].job, "second", "minute", "hour", "day", "month", "weekday"}
    if provider is SETCRONJOB:
        shown |= {*RULES["seed"].job}  # the page of 2023, which has notifyEvery
    taken = set(JobParams.__annotations__) - provider.lacks - {"run", "payload"}
    taken |= {"retry_failed", "ignore_http_status", "pattern"}
    assert {"retryFailed", "ignoreHttpStatus", "pattern"} <= JOB_PARAMETERS[provider.name].keys()
    assert not {"retryFailed", "ignoreHttpStatus", "pattern"} & {
        name for rules in RULES.values() for name in rules.job
    }
    assert provider.hides == {name for name in taken if wire_name(name) not in shown}


leaves = (
    st.none()
    | st.booleans()
    | st.integers(0, 9)
    | st.sampled_from(["", "0", "a", "\ud800", "a: b"])
)
rows = st.dictionaries(
    st.sampled_from([wire_name(a.name) for a in fields(CronJob)] + ["retry", "notifyTime", "new"]),
    leaves | st.lists(leaves, max_size=2),
    max_size=12,
)


@given(rows, st.sampled_from([None, *BOTH]))
def test_every_row_can_be_carried_over_or_loses_what_is_named(
    row: dict[str, Any], provider: Provider | None
) -> None:
    """Nothing that a row shows vanishes: it is a parameter, a default, a fact, or a loss."""
    try:
        shown = structure(row | {"id": 1, "url": URL}, CronJob)
    except ValueError:
        return
    spec = JobSpec.from_job(shown, provider=provider)
    encode_params(spec.params, provider or SETCRONJOB, clear=False)
    named = {loss.field for loss in spec.losses}
    accounted = spec.params.keys() | named | NOT_SETTINGS | {"second", "single"}
    if provider is FASTCRON and "expression" in accounted:  # in which they are written
        accounted |= {"minute", "hour", "day", "month", "weekday"}
    defaults = {"retry_failed", "ignore_http_status"}
    for name, value in shown.to_dict().items():
        is_default = value in ("", 0, False, []) or (name in defaults and value is True)
        assert name in accounted or is_default, name


def test_a_number_of_thousands_of_digits_is_a_loss_and_no_error():
    """Python refuses to read such a text, which a service or a proxy may show."""
    job = CronJob(id=1, url="https://example.com/", extra={"retry": "9" * 5000})
    assert [loss.field for loss in JobSpec.from_job(job).losses] == ["retry"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("notify", [1]), ("notify", {}), ("minute", (5,)), ("hour", [None]), ("day", "15")],
)
def test_a_value_that_no_parameter_has_is_a_loss_and_no_error(field: str, value: Any) -> None:
    """A job made by hand may have anything in a field."""
    job = evolve(CronJob(id=1, url="https://example.com/"), **{field: value})
    assert field in [loss.field for loss in JobSpec.from_job(job, provider=FASTCRON).losses]
