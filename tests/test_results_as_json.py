"""The way of a result to JSON and back, and what a result says of itself in a repr."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any

import pytest
from attrs import evolve, fields, frozen
from fastapi import Body, FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError, create_model

from cronapi import ConfigurationError
from cronapi._protocol.json_text import MOST_DEPTH
from cronapi._protocol.structure import structure
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
    wire_names,
)
from cronapi.models.json_form import forms_of
from cronapi.models.wire import fields_of

MOMENT = datetime(2024, 7, 8, 3, 27, 50, 250000, tzinfo=UTC)
JOB = CronJob(
    id=7,
    name="ping",
    url="https://joe:hunter22@example.com/x",
    status=JobStatus(9),
    notify=Notify.EVERY_RUN,
    http_headers="X-Key: hunter22\r\nAccept: */*",
    post_data="key=hunter22",
    password="hunter22",
    single=False,
    minute=("0", "30"),
    extra={"lastRun": {"time": [1]}, "secret": "hunter22"},
)
RUN = Execution(
    job_id=7,
    no=0,
    attempts=(
        Attempt(status=1, output="hunter22", error=""),
        Attempt(time=MOMENT, start_time=MOMENT, execution_time=0.5, extra={"new": 1}),
    ),
)
RESULTS: list[Any] = [
    JOB,
    RUN,
    Group(id=2, name="", job_count=0),
    Account(id=1, expiry_date=date(2030, 5, 24)),
    ServerAddress(v4="192.0.2.1"),
    Notification(id=7, time=MOMENT, status=0, output="hunter22"),
]
CLASSES = (*map(type, RESULTS), Attempt)
by_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)

leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=4)
leaves |= st.floats(allow_nan=False) | st.sampled_from(
    ["0", "17", "", "2030-05-24", "1.5", 1720409270]
)
json_values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=2), max_leaves=4)


def rows_of(cls: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return rows with members of a class and others."""
    known = st.sampled_from([*wire_names(cls).values(), "extra", "groupId"])
    return st.dictionaries(known | st.text(max_size=4), json_values, max_size=8)


# --- JSON ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)
def test_a_result_comes_back_from_json(result: Any) -> None:
    """Unknown codes, unknown members, times and attempts survive JSON."""
    data = result.to_dict()
    back = type(result).from_dict(json.loads(json.dumps(data)))
    assert back == result
    assert back.to_dict() == data


@by_class
@given(data=st.data())
def test_every_row_that_can_be_read_survives_json(cls: Any, data: st.DataObject) -> None:
    """Whatever a service sends and cronapi reads is equal after the way to JSON and back."""
    row = data.draw(rows_of(cls)) | (
        {"id": data.draw(st.integers())} if "id" in wire_names(cls) else {}
    )
    try:
        result = structure(row, cls)
    except ValueError:
        return
    written = result.to_dict()
    back = cls.from_dict(json.loads(json.dumps(written)))
    assert (back, back.to_dict()) == (result, written)
    assert repr(back) == repr(result)
    assert "=None" not in repr(result)


def test_json_has_pythons_names_and_iso_times() -> None:
    """Names are those of the attributes, times are ISO 8601, codes numbers; None is left out."""
    assert JOB.to_dict() == {
        "id": 7,
        "name": "ping",
        "url": "https://joe:hunter22@example.com/x",
        "status": 9,
        "notify": 2,
        "http_headers": "X-Key: hunter22\r\nAccept: */*",
        "post_data": "key=hunter22",
        "password": "hunter22",
        "single": False,
        "minute": ["0", "30"],
        "extra": {"lastRun": {"time": [1]}, "secret": "hunter22"},
    }
    assert [type(JOB.to_dict()[name]) for name in ("status", "notify", "single")] == [
        int,
        int,
        bool,
    ]
    assert RUN.to_dict()["attempts"][1]["time"] == "2024-07-08T03:27:50.250000+00:00"
    assert Account(id=1, expiry_date=date(2030, 5, 24)).to_dict()["expiry_date"] == "2030-05-24"
    assert CronJob(id=7).to_dict() == {"id": 7}


def test_an_unknown_member_cannot_take_a_fields_name() -> None:
    """Members that a service added stand apart, whatever they are called."""
    job = structure({"id": 1, "http_method": "GET", "extra": 2, "httpMethod": "PUT"}, CronJob)
    assert job.to_dict() == {
        "id": 1,
        "http_method": "PUT",
        "extra": {"http_method": "GET", "extra": 2},
    }
    assert CronJob.from_dict(job.to_dict()) == job


def test_a_changed_dict_changes_no_result() -> None:
    """What is written shares nothing with the result, and neither does what is read."""
    data = JOB.to_dict()
    back = CronJob.from_dict(data)
    data["extra"]["lastRun"]["time"].append(2)
    data["minute"].clear()
    assert back == JOB == CronJob.from_dict(JOB.to_dict())


def test_times_may_have_any_offset_but_must_have_one() -> None:
    """A time of another zone is the same moment in UTC; one without a zone names no moment."""
    assert Attempt.from_dict({"time": "2024-07-08T05:27:50.25+02:00"}).time == MOMENT
    assert Attempt.from_dict({"time": "2024-07-08T03:27:50.25Z"}).time == MOMENT
    zoned = Attempt(time=MOMENT.astimezone(timezone(timedelta(hours=5))))
    assert Attempt.from_dict(zoned.to_dict()) == zoned


BAD: list[tuple[Any, Any, str]] = [
    (CronJob, None, "CronJob.from_dict takes a mapping of its fields, not a NoneType"),
    (CronJob, [1], "not a list"),
    (CronJob, {}, "CronJob needs id"),
    (CronJob, {"id": None}, "CronJob needs id"),
    (Execution, {"job_id": 1}, "Execution needs attempts"),
    (CronJob, {"id": "7"}, r"CronJob\.id takes a whole number, and this str is none"),
    (CronJob, {"id": True}, "CronJob.id"),
    (CronJob, {"id": 1, "httpMethod": "hunter22"}, r"no field 'httpMethod' \(did you mean 'http_m"),
    (CronJob, {"id": 1, 5: 1}, "no field of type int"),
    (CronJob, {"id": 1, "password": ["hunter22"]}, "CronJob.password takes text, and this list"),
    (CronJob, {"id": 1, "status": "hunter22"}, "CronJob.status takes a whole number"),
    (CronJob, {"id": 1, "minute": "0,30"}, "CronJob.minute takes a list of texts"),
    (CronJob, {"id": 1, "minute": [0]}, "CronJob.minute takes a list of texts"),
    (CronJob, {"id": 1, "single": 1}, "CronJob.single takes true or false"),
    (CronJob, {"id": 1, "extra": []}, "CronJob.extra takes an object"),
    (Attempt, {"time": "2024-07-08T03:27:50"}, "Attempt.time takes an ISO time with its offset"),
    (Attempt, {"time": "9999-12-31T23:59:59-23:00"}, "Attempt.time"),
    (Attempt, {"time": 1720409270}, "Attempt.time"),
    (Attempt, {"execution_time": "0.5"}, "Attempt.execution_time takes a number"),
    (
        Account,
        {"id": 1, "expiry_date": "2030-05-24T00:00"},
        "Account.expiry_date takes an ISO date",
    ),
    (Execution, {"attempts": [{"status": "hunter22"}]}, "Attempt.status takes a whole number"),
    (Execution, {"attempts": {}}, "Execution.attempts takes a list of attempts"),
    (Execution, {"attempts": []}, "Execution.attempts needs at least one attempt"),
    (Execution, {"job_id": 1, "attempts": ()}, "Execution.attempts needs at least one attempt"),
    (Notification, {"id": 1, "verified": True}, "Notification has no field 'verified'"),
    (Notification, {"id": 1, "verified": None}, "Notification has no field 'verified'"),
    (CronJob, {"id": 10**5000}, "CronJob.id takes a whole number"),
    (CronJob, {"id": 1, "status": -(10**5000)}, "CronJob.status takes a whole number"),
    (Attempt, {"execution_time": float("inf")}, "Attempt.execution_time takes a number"),
    (Attempt, {"execution_time": 10**400}, "Attempt.execution_time takes a number"),
]


@pytest.mark.parametrize(("cls", "data", "said"), BAD)
def test_what_no_result_has_written_is_refused(cls: Any, data: Any, said: str) -> None:
    """The error names the field and never repeats its value: it may be a secret."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        cls.from_dict(data)
    assert "hunter" not in f"{caught.value!r} {caught.value.__context__!r}"


@by_class
def test_every_field_has_a_form_in_json(cls: Any) -> None:
    """A new field of a new type fails here until JSON has a form for it."""
    assert forms_of(cls).keys() == {a.name for a in fields(cls) if a.init}


@frozen(kw_only=True, repr=False)
class OwnedJob(CronJob):
    """A job of a user's own class, with fields of types that the services have."""

    owner: str | None = None
    tags: tuple[str, ...] | None = None


@frozen(kw_only=True, repr=False)
class MarkedJob(CronJob):
    """A job of a user's own class, with a field of a type that JSON has not."""

    marks: set[str] | None = None


@frozen(kw_only=True, repr=False)
class LostJob(CronJob):
    """A job of a user's own class, with a field of a type that is not there."""

    marks: Nowhere | None = None  # type: ignore[name-defined]  # noqa: F821 -- the point


def test_a_class_of_the_users_own_goes_to_json_by_the_types_of_its_fields() -> None:
    """A field of another type is named, and not a KeyError of the library's inside."""
    one = OwnedJob(id=7, owner="ann", tags=("a", "b"), extra={"x": 1})
    assert OwnedJob.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert one.to_wire() == {"id": 7, "owner": "ann", "tags": ["a", "b"], "x": 1}
    for cls, said in ((MarkedJob, "MarkedJob.marks"), (LostJob, "LostJob")):
        with pytest.raises(ConfigurationError, match=f"{said} .*no form in JSON"):
            cls(id=7).to_dict()
        with pytest.raises(ConfigurationError, match=f"{said} .*no form in JSON"):
            cls.from_dict({"id": 7})


def nested(levels: int, outer: Any = None) -> Any:
    """Return lists inside of each other, or what `outer` makes of each level."""
    value: Any = []
    for _ in range(levels - 1):
        value = [value] if outer is None else outer(value)
    return value


def endless() -> dict[str, Any]:
    """Return an object that holds itself."""
    members: dict[str, Any] = {}
    members["self"] = members
    return members


TOO_DEEP: list[tuple[Any, dict[str, Any]]] = [
    (CronJob, {"id": 1, "extra": {"a": nested(MOST_DEPTH)}}),
    (CronJob, {"id": 1, "extra": {"a": nested(600)}}),
    (Group, {"id": 1, "extra": nested(20_000, lambda inner: {"a": inner})}),
    (Account, {"id": 1, "extra": {"a": nested(600, lambda inner: (inner,))}}),
    (ServerAddress, {"extra": {"a": nested(600, lambda inner: [{"b": inner}])}}),
    (Notification, {"id": 1, "extra": endless()}),
    (Attempt, {"extra": {"a": [1, {"b": nested(5000)}]}}),
]


@pytest.mark.parametrize(
    ("cls", "data"), TOO_DEEP, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_is_nested_too_deep_is_refused_by_all_ways(cls: Any, data: dict[str, Any]) -> None:
    """`from_dict`, `to_dict` and pydantic name the field. None of them exhausts the stack."""
    said = f"{cls.__name__}.extra is nested too deep: {MOST_DEPTH} lists and objects"
    run = {"attempts": [data]}
    ways: list[Any] = [lambda: cls.from_dict(data), lambda: cls(**data).to_dict()]
    if cls is Attempt:
        ways += [lambda: Execution.from_dict(run), Execution(attempts=(cls(**data),)).to_dict]
    for way in ways:
        with pytest.raises(ConfigurationError, match=said):
            way()
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(cls).validate_python(data)


def test_what_is_nested_as_deep_as_an_answer_may_be_is_taken() -> None:
    """The bound is that of answers, and what is written shares nothing with the result."""
    job = CronJob(id=1, extra={"a": nested(MOST_DEPTH - 1)})
    data = job.to_dict()
    assert CronJob.from_dict(json.loads(json.dumps(data))) == job
    data["extra"]["a"].append(1)
    assert CronJob.from_dict(job.to_dict()) == job


UNREADABLE: list[Any] = [
    (Attempt(execution_time=float("inf")), "Attempt.execution_time takes a number"),
    (Attempt(execution_time=float("nan")), "Attempt.execution_time takes a number"),
    (Attempt(execution_time=float("-inf")), "Attempt.execution_time takes a number"),
    (Execution(attempts=(Attempt(execution_time=float("inf")),)), "Attempt.execution_time takes"),
    (Attempt(downloaded=2**20_000), "Attempt.downloaded takes a whole number"),
    (Attempt(time=datetime(2024, 7, 8)), "Attempt.time takes an ISO time with its offset"),  # noqa: DTZ001 -- without one
    (CronJob(id="hunter22"), "CronJob.id takes a whole number, and this str is none"),  # type: ignore[arg-type]
    (CronJob(id=1, name=b"hunter22"), "CronJob.name takes text, and this bytes is none"),  # type: ignore[arg-type]
    (CronJob(id=1, single=1), "CronJob.single takes true or false"),  # type: ignore[arg-type]
    (Group(id=1, job_count=float("inf")), "Group.job_count takes a whole number"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("result", "said"), UNREADABLE)
def test_what_could_not_be_read_back_is_not_written(result: Any, said: str) -> None:
    """JSON has no infinity, and a time without an offset is no time. The error names the field."""
    for way in (result.to_dict, lambda: TypeAdapter(type(result)).dump_json(result)):
        with pytest.raises(Exception, match=said) as caught:
            way()
        assert "hunter" not in str(caught.value)


def test_unknown_members_are_written_as_json_has_them() -> None:
    """Those of a result made by hand too, whatever they are."""
    members = {"at": MOMENT, "pair": (1, [2]), "code": JobStatus.FAILED, "run": RUN.last}
    assert json.loads(json.dumps(CronJob(id=1, extra=members).to_dict()))["extra"] == {
        "at": MOMENT.isoformat(),
        "pair": [1, [2]],
        "code": 4,
        "run": RUN.last.to_dict(),
    }


def test_a_run_has_an_attempt() -> None:
    """So its properties, which are those of the last one, can be read."""
    for make in (lambda: Execution(attempts=()), lambda: evolve(RUN, attempts=())):
        with pytest.raises(ConfigurationError, match="at least one attempt"):
            make()


# --- reprs ---------------------------------------------------------------------------------------


def test_a_repr_has_the_fields_that_are_set() -> None:
    """None and empty texts are left out, secrets are masked, and headers are counted."""
    assert repr(JOB) == (
        "CronJob(id=7, name='ping', url='https://joe:***@example.com/x', status=unrecognised_9, "
        "notify=every_run, http_headers=<2 headers>, post_data=***, password=***, single=False, "
        "minute=('0', '30'), extra=<2 unknown>)"
    )
    assert repr(RUN) == (
        "Execution(job_id=7, no=0, attempts=(Attempt(status=1, output=<8 characters>), "
        "Attempt(time=2024-07-08T03:27:50.250000+00:00, "
        "start_time=2024-07-08T03:27:50.250000+00:00, execution_time=0.5, extra=<1 unknown>)))"
    )
    assert (
        repr(CronJob(id=7, name="", http_headers="", post_data="", password="")) == "CronJob(id=7)"
    )
    assert repr(CronJob(id=7, http_headers="broken")) == "CronJob(id=7, http_headers=<1 header>)"
    assert (
        repr(Account(id=1, expiry_date=date(2030, 5, 24)))
        == "Account(id=1, expiry_date=2030-05-24)"
    )


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)
def test_no_secret_is_in_a_repr(result: Any) -> None:
    """Passwords, also those of addresses, headers, bodies and outputs are not shown."""
    assert "hunter22" not in f"{result!r} {result}"


def test_a_url_with_a_password_is_masked_wherever_it_stands() -> None:
    """A message that quotes an address does not show its password."""
    attempt = Attempt(message="no host in ftp://joe:hunter22@x", url="http://a:hunter22@b")
    assert "hunter22" not in repr(attempt)


WORDS: list[tuple[OpenEnum, str]] = [
    (JobStatus.ACTIVE, "active"),
    (JobStatus.DISABLED, "disabled"),
    (JobStatus(4), "failed"),
    (JobStatus(9), "unrecognised_9"),
    (Notify.ON_FAILURE, "on_failure"),
    (Notify(-1), "unrecognised_-1"),
]


@pytest.mark.parametrize(("code", "word"), WORDS)
def test_a_code_is_a_word_as_text_and_a_number_as_a_number(code: OpenEnum, word: str) -> None:
    """Prints, f-strings and logs show the word; JSON, arithmetic and number formats the number."""
    assert (str(code), f"{code}", f"{code:>20}") == (word, word, f"{word:>20}")
    assert (f"{code:d}", f"{code:+.1f}") == (f"{int(code):d}", f"{int(code):+.1f}")
    assert json.dumps({"code": code}) == f'{{"code": {int(code)}}}'
    assert code + 1 == int(code) + 1


# --- FastAPI -------------------------------------------------------------------------------------


def application() -> TestClient:
    """Return a client of an application whose types are result classes."""
    app = FastAPI()

    @app.get("/job")
    async def job() -> CronJob:
        return JOB

    @app.get("/jobs", response_model_exclude={"__all__": {"http_headers", "post_data", "password"}})
    async def jobs() -> list[CronJob]:
        return [JOB]

    @app.get("/short", response_model_include={"id", "name"})
    async def short() -> CronJob:
        return JOB

    @app.get("/run")
    async def run() -> Execution | None:
        return RUN

    @app.post("/echo")
    async def echo(job: Annotated[CronJob, Body()]) -> dict[str, CronJob]:
        return {job.name or "": job}

    return TestClient(app)


def test_a_result_class_is_a_response_type_of_fastapi() -> None:
    """What an endpoint answers is what `to_dict` writes, alone, in lists, and without fields."""
    web = application()
    assert web.get("/job").json() == JOB.to_dict()
    assert web.get("/run").json() == RUN.to_dict()
    assert web.get("/short").json() == {"id": 7, "name": "ping"}
    (job,) = web.get("/jobs").json()
    assert job.keys() == JOB.to_dict().keys() - {"http_headers", "post_data", "password"}
    assert web.post("/echo", json=JOB.to_dict()).json() == {"ping": JOB.to_dict()}
    refused = web.post("/echo", json={"id": "7"})
    assert (refused.status_code, "CronJob.id takes a whole number" in refused.text) == (422, True)


def test_the_schema_of_an_application_has_the_fields() -> None:
    """OpenAPI tells a front end the names and types of a job's fields."""
    schema = application().get("/openapi.json").json()
    answer = schema["paths"]["/job"]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    assert answer["required"] == ["id"]
    assert answer["properties"].keys() == {a.name for a in fields(CronJob)}
    assert answer["properties"]["status"] == {"type": "integer"}


@by_class
def test_pydantic_reads_what_it_writes(cls: Any) -> None:
    """A result inside of a pydantic type comes back from its JSON."""
    adapter: TypeAdapter[Any] = TypeAdapter(list[cls])
    results = [result for result in (*RESULTS, *RUN.attempts) if type(result) is cls]
    assert adapter.validate_json(adapter.dump_json(results)) == results
    adapter.json_schema()
    with pytest.raises(ValidationError):
        adapter.validate_python([5])


@by_class
def test_a_schema_offers_what_can_be_read(cls: Any) -> None:
    """Each property is a field that `from_dict` takes, and a run has one attempt at least."""
    schema = TypeAdapter(cls).json_schema()
    assert schema["properties"].keys() == {a.name for a in fields_of(cls)}
    assert schema == TypeAdapter(cls).json_schema(mode="serialization")
    if cls is Execution:
        assert schema["properties"]["attempts"]["minItems"] == 1


SECRETS: list[tuple[Any, Any]] = [
    (CronJob, {"id": 1, "password": "hunter22", "name": 5}),
    (CronJob, {"password": "hunter22"}),
    (CronJob, {"id": 1, "hunter": 5, "post_data": "key=hunter22"}),
    (CronJob, "hunter22"),
    (CronJob, ["hunter22"]),
    (Execution, {"attempts": [{"output": "hunter22", "status": "x"}]}),
    (Notification, {"id": 1, "output": "hunter22", "verified": True}),
    (Group, {"id": 1, "extra": {"token": "hunter22", "deep": nested(150)}}),
]


@pytest.mark.parametrize(("cls", "value"), SECRETS)
def test_a_refusal_of_pydantic_has_no_value(cls: Any, value: Any) -> None:
    """Neither its text nor its details have more than the type that came, where a field is one."""
    model = create_model("Order", jobs=(list[cls], ...))
    for check in (
        lambda: model.model_validate({"jobs": [value]}),
        lambda: model.model_validate_json(json.dumps({"jobs": [value]})),
    ):
        with pytest.raises(ValidationError) as caught:
            check()
        (detail,) = caught.value.errors()
        assert (detail["type"], detail["loc"]) == ("value_error", ("jobs", 0))
        assert detail["input"] == type(value).__name__
        shown = f"{caught.value} {caught.value!r} {caught.value.json()}{detail}"
        shown += "".join(traceback.format_exception(caught.value))
        assert "hunter22" not in shown


def test_a_refused_request_is_not_repeated_in_the_answer() -> None:
    """FastAPI answers with the details of the refusal, which may reach a log."""
    refused = application().post("/echo", json={"id": 1, "password": "hunter22", "name": 5})
    assert (refused.status_code, "CronJob.name takes text" in refused.text) == (422, True)
    assert "hunter22" not in refused.text
