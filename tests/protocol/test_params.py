"""What a caller may give: job parameters, headers, times and spans, and how each travels."""

from __future__ import annotations

import copy
import enum
import http
import math
import pickle
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest

from cronapi._names import wire_name
from cronapi._protocol import declared as table
from cronapi._protocol import kinds
from cronapi._protocol.declared import JobParams
from cronapi._protocol.encoding import encode_params
from cronapi._protocol.params import JobSpec, as_params, check_names
from cronapi.errors import ConfigurationError
from cronapi.models import CronJob, Group, Notify
from cronapi.providers import FASTCRON, SETCRONJOB

URL = "https://example.com/ping"
header_lines = partial(kinds.header_lines, "http_headers")
unix_seconds = partial(kinds.unix_seconds, "time")
span = partial(kinds.span, "for_")
SECRETS = {
    "password": "hunter2",
    "http_headers": {"X-Key": "hunter2"},
    "post_data": "hunter2",
    "payload": "hunter2",
}


def encode(provider: Any = FASTCRON, *, clear: bool = False, **params: Any) -> dict[str, Any]:
    """Return parameters as they travel."""
    return encode_params(params, provider, clear=clear)


# --- JobSpec -------------------------------------------------------------------------------------


def test_a_spec_keeps_its_parameters() -> None:
    """A spec holds exactly the parameters it was given."""
    assert JobSpec(url=URL, name="ping", group=None).params == {
        "url": URL,
        "name": "ping",
        "group": None,
    }


def test_a_spec_does_not_follow_its_source() -> None:
    """What is done to the mapping a spec was made of does not reach the spec, and its own cannot be
    changed.
    """
    source: dict[str, Any] = {"url": URL}
    spec = JobSpec(**source)
    source["name"] = "later"
    assert spec.params == {"url": URL}
    with pytest.raises(TypeError):
        spec.params["name"] = "later"  # type: ignore[index]  # the point of the test


def test_equal_specs_are_equal() -> None:
    """Specs of the same parameters are one value, whatever their order; of others they are not."""
    spec = JobSpec(url=URL, name="ping")
    assert spec == JobSpec(name="ping", url=URL)
    assert len({spec, JobSpec(name="ping", url=URL)}) == 1
    assert spec != JobSpec(url=URL, name="pong")
    assert spec != {"url": URL, "name": "ping"}


@pytest.mark.parametrize(
    "clone",
    [lambda s: pickle.loads(pickle.dumps(s)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
def test_a_spec_travels_between_processes(clone: Any) -> None:
    """A spec pickles and copies with everything it holds, secrets too."""
    spec = JobSpec(
        url=URL,
        run=datetime(2030, 5, 24, tzinfo=UTC),
        minute=["0", "30"],
        http_headers={"X-Key": "v"},
        password="hunter2",
    )
    assert clone(spec) == spec


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_not_in_the_repr(name: str) -> None:
    """A spec's repr names its secrets without showing them."""
    shown = repr(JobSpec(url=URL, **{name: SECRETS[name]}))  # type: ignore[arg-type]  # one of four types
    assert shown == f"JobSpec(url={URL!r}, {name}=***)"


@pytest.mark.parametrize("params", [{}, {"name": "ping"}, {"url": ""}, {"url": None}])
def test_a_spec_needs_a_url(params: dict[str, Any]) -> None:
    """A job without a url is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match="A job needs a url"):
        JobSpec(**params)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("httpMethod", "did you mean 'http_method'?"),
        ("expresion", "did you mean 'expression'?"),
        ("timezones", "did you mean 'timezone'?"),
        ("zzzz", "A job has no parameter 'zzzz'."),
    ],
)
def test_an_unknown_parameter_is_refused_with_a_hint(name: str, hint: str) -> None:
    """A parameter that does not exist is refused, and the nearest one that does is named."""
    with pytest.raises(ConfigurationError) as caught:
        JobSpec(**{"url": URL, name: 1})  # type: ignore[arg-type]  # the point of the test
    assert str(caught.value).endswith(hint)


def test_the_refusal_names_the_function() -> None:
    """The refusal says which function has no such parameter, and known names pass."""
    check_names({"url": URL, "name": "ping"}, "cron.edit")
    with pytest.raises(
        ConfigurationError, match=r"cron\.edit has no parameter 'nme'; did you mean 'name'\?"
    ):
        check_names({"nme": "ping"}, "cron.edit")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("cron", "expression"),
        ("schedule", "expression"),
        ("crontab", "expression"),
        ("headers", "http_headers"),
        ("method", "http_method"),
        ("body", "post_data"),
        ("data", "post_data"),
    ],
)
def test_what_others_call_a_parameter_is_understood_and_not_accepted(name: str, meant: str) -> None:
    """A name that other services have for a parameter is refused with the name that it has here."""
    with pytest.raises(
        ConfigurationError, match=rf"cron\.add has no parameter '{name}'; did you mean '{meant}'\?$"
    ):
        check_names({"url": URL, name: "x"}, "cron.add")


def test_specs_of_a_bulk_call_may_be_mappings() -> None:
    """A bulk call takes specs and mappings of the same names."""
    mapping = MappingProxyType({"url": URL})
    assert as_params(JobSpec(url=URL)) == as_params(mapping) == {"url": URL}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (URL, "A job is a JobSpec, a CronJob or a mapping, not a str."),
        (None, "A job is a JobSpec, a CronJob or a mapping, not a NoneType."),
        ({"name": "ping"}, "A job needs a url."),
        ({"url": URL, "nme": "ping"}, "A job has no parameter 'nme'; did you mean 'name'?"),
    ],
)
def test_a_bad_spec_of_a_bulk_call_is_refused(spec: Any, message: str) -> None:
    """A spec that cannot be used is refused, and why is said."""
    with pytest.raises(ConfigurationError) as caught:
        as_params(spec)
    assert str(caught.value) == message


# --- times and spans -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        (datetime(2030, 5, 24, 2, 44, 25, tzinfo=UTC), 1905821065),
        (datetime(2030, 5, 24, 4, 44, 25, tzinfo=timezone(timedelta(hours=2))), 1905821065),
        (datetime(2030, 5, 24, 2, 44, 25, 999_999, tzinfo=UTC), 1905821065),
        (1905821065, 1905821065),
        (1905821065.9, 1905821065),
        (0, 0),
    ],
)
def test_moments_travel_as_whole_unix_seconds(moment: Any, seconds: int) -> None:
    """A moment is sent as whole Unix seconds, rounded down, whatever its zone."""
    assert unix_seconds(moment) == seconds
    assert type(unix_seconds(moment)) is int


@pytest.mark.parametrize(
    "send", [unix_seconds, lambda moment: encode(url=URL, run=moment)], ids=["time", "run"]
)
def test_a_naive_datetime_is_refused(send: Any) -> None:
    """A datetime without a zone names no moment and is refused,
    as an argument and as a parameter.
    """
    with pytest.raises(ConfigurationError, match="with a time zone"):
        send(datetime(2030, 5, 24, 2, 44, 25))  # noqa: DTZ001 -- the point of the test


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    "send", [unix_seconds, lambda value: encode(timeout=value)], ids=["time", "parameter"]
)
def test_a_number_without_an_end_is_refused(send: Any, value: float) -> None:
    """NaN and infinity, which JSON does not have, are refused."""
    with pytest.raises(ConfigurationError, match="not a finite number"):
        send(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2 weeks Friday 17:05", "2 weeks Friday 17:05"),
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(seconds=59.6), "1 minute"),
    ],
)
def test_spans_travel_as_english(value: str | timedelta, text: str) -> None:
    """A span of time is sent in the greatest unit that counts it whole; text is sent as it is."""
    assert span(value) == text


@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=-5), timedelta(seconds=0.4)])
def test_an_empty_span_is_refused(value: timedelta) -> None:
    """A span of less than a second is refused."""
    with pytest.raises(ConfigurationError, match="at least one second"):
        span(value)


# --- headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "lines"),
    [
        ({}, ""),
        ({"X-Key": "v"}, "X-Key: v"),
        ({"X-A": "1", "X-B": "2: 3"}, "X-A: 1\r\nX-B: 2: 3"),
        ({"X-Empty": ""}, "X-Empty: "),
        ("X-A: 1\nX-B:2", "X-A: 1\r\nX-B: 2"),
        ("X-A: 1\r\n\r\nX-B : http://example.com\r\n", "X-A: 1\r\nX-B: http://example.com"),
        ("", ""),
    ],
)
def test_headers_travel_as_lines(headers: Any, lines: str) -> None:
    """Headers are sent as lines joined with CRLF, given as a mapping or as lines."""
    assert header_lines(headers) == lines
    assert encode(http_headers=headers) == {"httpHeaders": lines}


@pytest.mark.parametrize("break_", ["\r", "\n", "\r\n", "\0"])
@pytest.mark.parametrize(
    "make",
    [lambda text: {"X-A": f"1{text}X-B: 2"}, lambda text: {f"X-A: 1{text}X-B": "2"}],
    ids=["value", "name"],
)
def test_a_header_cannot_break_out_of_its_line(make: Any, break_: str) -> None:
    """A CR, LF or NUL inside a header, which could smuggle in another, is refused."""
    with pytest.raises(ConfigurationError):
        header_lines(make(break_))


@pytest.mark.parametrize("name", ["", "X Key", "X:Key", "X-Ké", " X", 5])
def test_a_bad_header_name_is_refused(name: Any) -> None:
    """A header's name is a token, as HTTP has it."""
    with pytest.raises(ConfigurationError, match="is not a header name"):
        header_lines({name: "v"})


@pytest.mark.parametrize("value", [None, 5, b"v"])
def test_a_header_value_is_text(value: Any) -> None:
    """A header's value that is not text is refused."""
    with pytest.raises(ConfigurationError, match="must be text"):
        header_lines({"X-Key": value})


def test_a_header_line_needs_a_colon() -> None:
    """A line of headers without a colon is refused, and not repeated."""
    with pytest.raises(ConfigurationError, match="has no colon") as caught:
        header_lines("X-A: 1\nhunter2")
    assert "hunter2" not in str(caught.value)


NO_LINE_ENDS = ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\xa0", "\u2028", "\u2029"]


@pytest.mark.parametrize("char", NO_LINE_ENDS, ids=ascii)
def test_only_cr_and_lf_end_a_header(char: str) -> None:
    """What Python's splitlines and strip take for a line's end or a blank belongs to the value, so
    headers that were read from a job can be sent to another one.
    """
    for value in (f"caf{char}X-Admin: 1", f"{char}x{char}"):
        lines = header_lines({"X-Note": value, "X-B": "2"})
        assert lines == f"X-Note: {value}\r\nX-B: 2"
        assert header_lines(lines) == lines
    assert header_lines(f"X-Note: \t a{char} \r\n \t\r\rX-B: 2\r") == f"X-Note: a{char}\r\nX-B: 2"


def test_a_refused_header_is_counted_and_not_named() -> None:
    """Not even a header's name is repeated, since someone may have mixed it up with the value."""
    for headers in ({"X-A": "1", "hunter 2": "x"}, {"X-A": "1", "hunter2": "\0"}):
        with pytest.raises(ConfigurationError, match="Header 2 of http_headers") as caught:
            header_lines(headers)
        assert "hunter" not in str(caught.value)


def test_a_refused_header_value_is_not_repeated() -> None:
    """A refused value of a header is not in the error, since it may be a secret."""
    with pytest.raises(ConfigurationError) as caught:
        header_lines({"Authorization": "hunter2\n"})
    assert "hunter2" not in str(caught.value)


# --- encoding ------------------------------------------------------------------------------------


def test_parameters_travel_under_the_wire_names() -> None:
    """Parameters are sent in camelCase, and what was not given is not sent."""
    assert encode(url=URL, http_method="POST", ignore_http_status=False, timeout=30) == {
        "url": URL,
        "httpMethod": "POST",
        "ignoreHttpStatus": False,
        "timeout": 30,
    }
    assert encode() == {}


@pytest.mark.parametrize(
    ("provider", "value", "sent"),
    [
        (FASTCRON, True, True),
        (FASTCRON, False, False),
        (FASTCRON, Notify.ON_FAILURE, True),
        (FASTCRON, Notify.NEVER, False),
        (FASTCRON, 1, True),
        (FASTCRON, 0, False),
        (SETCRONJOB, True, 1),
        (SETCRONJOB, False, 0),
        (SETCRONJOB, Notify.EVERY_RUN, 2),
        (SETCRONJOB, Notify.WHEN_DISABLED, 3),
        (SETCRONJOB, 2, 2),
    ],
)
def test_notify_travels_as_its_service_has_it(provider: Any, value: Any, sent: object) -> None:
    """Notify is sent as a boolean to FastCron and as a plain code to SetCronJob."""
    wire = encode(provider, notify=value)
    assert wire == {"notify": sent}
    assert type(wire["notify"]) is type(sent)


@pytest.mark.parametrize("value", [Notify.EVERY_RUN, 3])
def test_fastcron_has_no_other_notify_codes(value: int) -> None:
    """A code that FastCron cannot express is refused, not bent to a boolean."""
    with pytest.raises(ConfigurationError, match=f"fastcron has no notify code {int(value)}"):
        encode(notify=value)


@pytest.mark.parametrize("value", ["7", 7, 2.5, -1, Notify(9)])
def test_what_is_no_notify_code_is_refused_by_both(value: Any) -> None:
    """Anything but a boolean or a code from 0 to 3 is refused, wherever it would go."""
    for provider in (FASTCRON, SETCRONJOB):
        with pytest.raises(ConfigurationError, match="codes 0 to 3"):
            encode(provider, notify=value)


@pytest.mark.parametrize("params", [{"http_headers": ["a: b"]}, {"run": "soon"}, {"time": "x"}])
def test_a_value_of_the_wrong_kind_is_refused(params: dict[str, Any]) -> None:
    """Headers that are no mapping and times that are no times are refused before anything is
    sent.
    """
    with pytest.raises(ConfigurationError):
        encode(**params)


def test_run_travels_as_a_whole_number() -> None:
    """True is 1, and a fraction of a second is cut."""
    assert encode(run=True) == {"run": 1}
    assert encode(run=1905821065.7) == {"run": 1905821065}


def test_values_travel_as_json_has_them() -> None:
    """Moments, enums and sequences become numbers and lists."""
    assert encode(
        SETCRONJOB,
        run=datetime(2030, 5, 24, 2, 44, 25, tzinfo=UTC),
        minute=("0", "30"),
        hour="0,12",
        group=Notify(5),
    ) == {
        "run": 1905821065,
        "minute": ["0", "30"],
        "hour": "0,12",
        "group": 5,
    }


@pytest.mark.parametrize(
    "value",
    [b"a=1", bytearray(b"a"), {"a": 1}, {"a"}, object(), [b"a"]],
    ids=lambda value: type(value).__name__,
)
def test_what_json_has_not_is_refused(value: object) -> None:
    """A body given as bytes or as an object is refused: the services take text."""
    with pytest.raises(
        ConfigurationError, match=r"post_data cannot be a .*; bodies and payloads are text"
    ):
        encode(post_data=value)


@pytest.mark.parametrize(
    ("name", "thing", "hint"), [("id", CronJob(id=7), "job.id"), ("group", Group(id=7), "group.id")]
)
def test_a_thing_in_the_place_of_its_number_is_refused(name: str, thing: object, hint: str) -> None:
    """Who gives a job or a group where its id belongs is told so."""
    with pytest.raises(
        ConfigurationError, match=f"{name} cannot be a {type(thing).__name__}; .* such as {hint}"
    ):
        encode(**{name: thing})


def test_none_is_left_out_of_a_new_job() -> None:
    """A parameter of None is not sent where there is nothing to clear."""
    assert encode(url=URL, name=None, timezone=None, notify=None, http_headers=None) == {"url": URL}


CLEARABLE = [
    "name",
    "group",
    "filter",
    "http_headers",
    "post_data",
    "user_agent",
    "username",
    "password",
]
CLEARABLE += ["notify_match", "pattern", "keyword", "payload"]


@pytest.mark.parametrize("name", CLEARABLE)
def test_none_clears_on_an_edit(name: str) -> None:
    """None clears a field of a job that exists, which the services take as empty text."""
    assert encode(clear=True, url=URL, **{name: None}) == {"url": URL, wire_name(name): ""}


@pytest.mark.parametrize("name", sorted(JobParams.__annotations__.keys() - set(CLEARABLE)))
def test_what_cannot_be_cleared_is_refused(name: str) -> None:
    """None for a field that always has a value is refused, with the name."""
    with pytest.raises(ConfigurationError, match=f"^{name} cannot be cleared; leave it out"):
        encode(clear=True, **{name: None})


def test_a_raw_batch_is_encoded_job_by_job() -> None:
    """The jobs of a raw batch call take the names and values of cron.add, in snake_case or
    camelCase.
    """
    data = [
        {"url": "https://example.com/1", "http_headers": {"A": "b"}},
        {"url": "https://example.com/2", "httpHeaders": {"C": "d"}},
    ]
    assert encode(data=data) == {
        "data": [
            {"url": "https://example.com/1", "httpHeaders": "A: b"},
            {"url": "https://example.com/2", "httpHeaders": "C: d"},
        ]
    }


@pytest.mark.parametrize("data", ["x", 5, ["a", "b"], []])
def test_other_data_of_a_raw_call_travels_as_it_is(data: Any) -> None:
    """A function that cronapi does not know may mean something else by data."""
    assert encode(data=data) == {"data": data}


# --- declared types ------------------------------------------------------------------------------

HALF = "caf\udce9"
"""What os.environ has for bytes that are not UTF-8."""
BY_TYPE: dict[str, tuple[list[Any], list[Any]]] = {
    "str": (["x", "", "0"], [1, 0, 1.5, True, False, b"x", ["x"], {"a": 1}, object(), HALF]),
    "int": (
        [0, 7, -1, Notify(2), "7", " -7 ", "7.0"],
        [
            *("x", True, False, 1.5, 3.0, b"7", [7], 2**70, math.inf, HALF, "9" * 20, "9" * 5000),
            *("", "7.5", "1e3", "0x7", "7 7", "1_000", "1,000", "1.000", "\u0667"),
        ],
    ),
    "bool": (
        [True, False, "true", "No", " ON ", "0"],
        [0, 1, "tru", "", [], 1.0, "2", "y", HALF],
    ),
    "bool | int": (
        [True, False, 0, 1, "1", "off", "0.0"],
        ["9", 9, -1, 10**5000, 1.0, [], "", "often", HALF],
    ),
    "bool | int | datetime": (
        [True, 1, 1.5, datetime.now(UTC), "yes", "1905821065", "2030-05-24T02:44:25Z"],
        ["now", [1], timedelta(1), HALF, "", "2030-05-24", "2030-05-24T02:44:25", "20300524", "2"],
    ),
    "datetime | int": (
        [1, 1.5, datetime.now(UTC), "1905821065", "1905821065.0", "2030-05-24 02:44:25+02:00"],
        [True, False, "true", math.nan, 1e300, "", "9" * 5000, "2030-05-24 02:44:25"],
    ),
    "str | timedelta": (["1 day", timedelta(1)], [60, 1.5, True, HALF, timedelta(0), ["1 day"]]),
    "Mapping[str, str] | str": (
        [{"A": "b"}, "A: b", ""],
        [5, True, [("A", "b")], b"A: b", {"A": 1}, {1: "b"}, {"A": HALF}, f"A: {HALF}"],
    ),
    "Sequence[str] | str": (
        [["1", "2"], ("1",), "1,2", []],
        [5, ["1", 2], [None], [["1"]], {"1": 1}, {"1"}, b"1", [HALF], HALF, True],
    ),
    "Sequence[int] | int": (
        [5, [5, 6], (7,), "5", [5, "6"]],
        ["5,6", [5, "x"], [True], True, 1.5, {5: 1}, [[5]], "", [""]],
    ),
    "int | str": ([7, "100001"], ["", "x", "7 ", "-7", "٣", True, 1.5, [7], HALF]),
}
"""Values of each declared type, and others."""
DECLARED = {name: hint.removesuffix(" | None") for name, hint in table.DECLARED.items()}


@pytest.mark.parametrize("name", DECLARED)
def test_a_parameter_is_of_its_declared_type(name: str) -> None:
    """What is declared travels. Anything else is refused by name, and never repeated."""
    good, bad = BY_TYPE[DECLARED[name]]
    for value in good:
        assert wire_name(name) in encode(**{name: value})
    for value in bad:
        with pytest.raises(ConfigurationError) as caught:
            encode(**{name: value})
        assert name in str(caught.value), value
        assert "caf" not in repr(caught.value)
        assert caught.value.__cause__ is caught.value.__context__ is None


def test_every_declared_type_has_a_kind() -> None:
    """The declared types, the kinds and the table above are the same."""
    assert set(DECLARED.values()) == BY_TYPE.keys() == kinds.KINDS.keys()


def test_a_text_of_its_own_class_travels_as_plain_text() -> None:
    """A StrEnum or another subclass of str arrives as its text in every format."""

    class Method(enum.Enum):
        POST = "POST"

    class Odd(str):
        __slots__ = ()

        def __str__(self) -> str:
            raise RuntimeError

    for value in (Method.POST, http.HTTPMethod.POST, Odd("POST")):
        sent = encode(http_method=value)["httpMethod"]
        assert (sent, type(sent)) == ("POST", str)


@pytest.mark.parametrize("name", ["name", "password", "minute", "http_headers", "group"])
def test_a_spec_is_checked_when_it_is_made(name: str) -> None:
    """A JobSpec refuses a value of another type at once."""
    wrong: Any = BY_TYPE[DECLARED[name]][1][0]
    with pytest.raises(ConfigurationError, match=name):
        JobSpec(**{"url": URL, name: wrong})  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize(
    "value", [HALF, [HALF], [[1, [HALF]]], b"x", {"a": 1}, memoryview(b"x"), math.nan, 10**30]
)
def test_a_parameter_that_cronapi_does_not_know_must_travel(value: Any) -> None:
    """A raw call may give anything that JSON has, if its text can be sent."""
    assert encode(odd=["a", 1, 1.5, True, None, ["b"]]) == {"odd": ["a", 1, 1.5, True, None, ["b"]]}
    with pytest.raises(ConfigurationError, match="odd"):
        encode(odd=value)


def test_what_refers_to_itself_is_refused() -> None:
    """A list in itself, or a batch in one of its jobs, has no end."""
    rows: list[Any] = []
    rows.append(rows)
    job: dict[str, Any] = {"url": URL}
    job["data"] = [job]
    for value in ({"odd": rows}, {"data": rows}, {"data": [job]}):
        with pytest.raises(ConfigurationError):
            encode(**value)
