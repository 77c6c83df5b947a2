"""Rows of CSV and YAML: text that stands for a boolean, a number or a time, and empty cells."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cronapi import ConfigurationError, JobSpec
from cronapi._protocol.declared import JobParams
from tests.support.any_value import HINTS, Service, body_of, everything_of
from tests.support.emulated import BOTH, URL, Hurry, client_of, emulator, paced

CSV = """\
url,name,expression,group,timeout,notify,retry_failed,post_data,minute,run
https://example.com/1,2024,,,30,true,FALSE,0,"0,30",
https://example.com/2,true, ,  , 30.0 ,0,off,,,2030-05-24T02:44:25Z
"""
SENT = [
    {"url": "https://example.com/1", "name": "2024", "timeout": 30, "notify": True}
    | {"retryFailed": False, "postData": "0", "minute": "0,30"},
    {"url": "https://example.com/2", "name": "true", "expression": " ", "timeout": 30}
    | {"notify": False, "retryFailed": False, "run": 1905821065},
]


async def members_of(call, provider="fastcron", request_format="json"):
    """Return the parameters that a call sends for jobs, one dict for each job."""
    service = Service()
    options = {"transport": httpx.MockTransport(service), "request_format": request_format}
    async with client_of(None, provider, scheduler=Hurry(10_000.0), **options) as api:
        await call(api)
    bodies = [
        body_of(one) for one in service.sent if not one.url.path.replace("_", ".").endswith(".list")
    ]
    jobs = [job for body in bodies for job in body.get("data", [body])]
    return [{k: v for k, v in job.items() if k not in ("token", "id")} for job in jobs]


DOORS = {
    "add_many": lambda api, rows: api.cron.add_many(rows),
    "add_many of an iterator": lambda api, rows: api.cron.add_many(iter(rows)),
    "batch_add": lambda api, rows: api.cron.batch_add(rows),
    "edit_many": lambda api, rows: api.cron.edit_many(list(enumerate(rows, 1))),
    "edit_many of a mapping": lambda api, rows: api.cron.edit_many(dict(enumerate(rows, 1))),
}


async def through(door, rows):
    async def call(api):
        await DOORS[door](api, rows)

    return await members_of(call)


# --- the usual spellings -------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["add_many", "add_many of an iterator", "batch_add"])
async def test_rows_of_csv_make_jobs_as_they_are(door):
    """Numbers, booleans and times of a CSV file travel with their types, texts as they are written,
    and empty cells not at all.
    """
    assert await through(door, csv.DictReader(io.StringIO(CSV))) == SENT


@pytest.mark.parametrize("door", ["edit_many", "edit_many of a mapping"])
async def test_rows_of_csv_change_jobs_as_they_are(door):
    """In an edit an empty text clears, and any other empty cell leaves the job as it is."""
    rows = list(csv.DictReader(io.StringIO(CSV)))
    changes = await through(door, rows)
    assert changes == [SENT[0] | {"expression": ""}, SENT[1] | {"postData": ""}]


async def test_rows_of_yaml_make_jobs_as_they_are():
    """Values that YAML has read keep their types, and text between them is read."""
    rows = [{"url": URL, "timeout": 30, "retry_failed": "no", "notify": False, "name": None}]
    assert await through("add_many", rows) == [
        {"url": URL, "timeout": 30, "retryFailed": False, "notify": False}
    ]
    assert await through("edit_many", rows) == [
        {"url": URL, "timeout": 30, "retryFailed": False, "notify": False, "name": ""}
    ]


async def test_text_is_read_wherever_a_parameter_is_given():
    """A form's text in `add`, `edit` and `JobSpec` means the same as in a row. Only rows may have
    empty cells.
    """

    async def bulk(api):
        await api.cron.add_many([JobSpec(url=URL, retry_failed="0", timeout="30.0")])

    for call in (
        lambda api: api.cron.add(url=URL, retry_failed="false", timeout="30"),
        lambda api: api.cron.edit(1, url=URL, retry_failed="Off", timeout=" 30"),
        lambda api: api.call("cron.add", url=URL, retryFailed="no", timeout="30"),
        bulk,
    ):
        assert await members_of(call) == [{"url": URL, "retryFailed": False, "timeout": 30}]
    for make in (
        lambda: JobSpec(url=URL, timeout=" "),
        lambda: members_of(lambda api: api.cron.edit(1, timeout="")),
        lambda: members_of(lambda api: api.cron.add(url=URL, notify="")),
    ):
        with pytest.raises(ConfigurationError, match=r"(timeout|notify) is an empty text, which"):
            await make()


# --- any row -------------------------------------------------------------------------------------

WORDS = {True: ("true", "yes", "on", "1"), False: ("false", "no", "off", "0")}
CASES = st.sampled_from([str.lower, str.upper, str.title])
BLANKS = st.sampled_from(["", " ", "\t ", "\u00a0"])


@st.composite
def booleans(draw):
    """Draw a boolean and a spelling of it."""
    value = draw(st.booleans())
    word = draw(CASES)(draw(st.sampled_from(WORDS[value])))
    return value, draw(BLANKS) + word + draw(BLANKS)


@st.composite
def numbers(draw, least=-(2**63), most=2**63):
    """Draw a number and a spelling of it."""
    value = draw(st.integers(least, most))
    text = f"{value}{draw(st.sampled_from(['', '.0', '.', '.00']))}"
    return value, draw(BLANKS) + text + draw(BLANKS)


@st.composite
def times(draw):
    """Draw a time and a spelling of it."""
    zones = st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=30))])
    value = draw(st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1), timezones=zones))  # noqa: DTZ001 -- bounds
    return value, value.isoformat(sep=draw(st.sampled_from("T ")))


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)
NUMBER_LIKE = st.one_of(TEXTS, numbers().map(lambda pair: pair[1]))
SPELT = {
    "bool": booleans(),
    "int": numbers(),
    "bool | int": booleans(),
    "bool | int | datetime": st.one_of(booleans(), numbers(10**8, 10**11 - 1), times()),
    "str": NUMBER_LIKE.map(lambda text: (text, text)),
    "Sequence[str] | str": NUMBER_LIKE.filter(str.strip).map(lambda text: (text, text)),
    "Mapping[str, str] | str": TEXTS.map(lambda _: ("X-A: 1", "X-A: 1")),
}
"""For each declared type pairs of a value and the text that a file has for it."""
DECLARED = {
    name: str(hint.__forward_arg__).removesuffix(" | None")
    for name, hint in JobParams.__annotations__.items()
}
ROWS = st.fixed_dictionaries(
    {}, optional={name: SPELT[kind] for name, kind in DECLARED.items() if name != "url"}
)


@given(
    row=ROWS,
    door=st.sampled_from(sorted(DOORS)),
    provider=st.sampled_from(["fastcron", "setcronjob"]),
    request_format=st.sampled_from(["json", "form", "query"]),
    backend=st.sampled_from(["asyncio", "trio"]),
)
@example({"retry_failed": (False, "false")}, "edit_many", "fastcron", "json", "asyncio")
@settings(suppress_health_check=list(HealthCheck))
def test_any_row_of_text_is_sent_like_its_values(row, door, provider, request_format, backend):
    """A row whose values are spelt as text sends exactly what the values themselves do, through
    every way in for rows, in every format.
    """
    door = "add_many" if (door, provider) == ("batch_add", "setcronjob") else door
    typed = {"url": URL, **{name: value for name, (value, _) in row.items()}}
    spelt = {"url": URL, **{name: text for name, (_, text) in row.items()}}

    async def sent(row):
        async def call(api):
            await DOORS[door](api, [row])

        return await members_of(call, provider, request_format)

    assert anyio.run(sent, spelt, backend=backend) == anyio.run(sent, typed, backend=backend)


def test_every_declared_type_is_in_the_rows_above():
    """A parameter of a new type has to say how a file spells it."""
    assert set(DECLARED.values()) == SPELT.keys()
    assert DECLARED.keys() <= HINTS.keys()


# --- empty cells ---------------------------------------------------------------------------------


@BOTH
@pytest.mark.virtual_clock
async def test_a_file_with_many_empty_cells_is_taken_by_the_services(provider):
    """Rows in which only the url is set make jobs with the service's defaults."""
    app = emulator()
    row = dict.fromkeys(JobParams.__annotations__, "") | {"url": URL}
    async with paced(app, provider) as api:
        report = await api.cron.add_many([row, {"url": URL}])
        first, second = report.values
        assert report.summary() == "cron.add_many: 2 done"
        assert (first.expression, first.timeout) == (second.expression, second.timeout)


async def test_an_empty_group_is_kept_and_none_leaves_it():
    """A group is a number: an empty cell keeps it, and None takes the job out."""
    assert await through("edit_many", [{"group": ""}, {"group": None}, {"group": " 7"}]) == [
        {},
        {"group": ""},
        {"group": 7},
    ]


# --- what cannot be read -------------------------------------------------------------------------

UNREADABLE = {
    "timeout": ("half a minute", r"timeout is a text that cannot be read; it takes a whole number"),
    "delay": ("1.5", "delay is a text that cannot be read"),
    "retry_failed": ("ture", "retry_failed is a text that cannot be read; it takes true, yes"),
    "notify": ("5", "notify is a text that cannot be read; it takes .* codes 0 to 3"),
    "run": ("tomorrow", "run is a text that cannot be read; it takes .* time with its offset"),
    "group": ("ops", r"group is a text that cannot be read; a group is given by its number"),
    "name": (2024, "name cannot be a int; it takes text"),
    "single": (1, "single cannot be a int; it takes True or False"),
    "timout": ("30", "A job has no parameter 'timout'; did you mean 'timeout'"),
    "URL": ("x", "A job has no parameter 'URL'; did you mean 'url'"),
    "Retry failed ": ("on", "A job has no parameter 'Retry failed '; did you mean 'retry_failed'"),
    "\ufeffname": ("x", r"A job has no parameter '\\ufeffname'; did you mean 'name'"),
    None: (["x"], "A job has more cells than its table has columns"),
}


@pytest.mark.parametrize("door", DOORS)
async def test_what_cannot_be_read_is_named_by_row_and_column(door):
    """The error names the row, the column, the texts that it takes or the nearest column. It does
    not repeat the value.
    """
    for column, (value, said) in UNREADABLE.items():
        with pytest.raises(ConfigurationError, match=rf"^cron\.\w+: item 1: {said}") as refused:
            await through(door, [{"url": URL}, {"url": URL, column: value}, {"url": URL}])
        assert f" {value}" not in str(refused.value).partition(": item 1: ")[2], column


@pytest.mark.parametrize("column", ["timeout", "retry_failed", "notify", "run", "group"])
async def test_a_value_in_the_wrong_column_is_not_repeated(column):
    """A password that has slipped into another column is in no error."""
    for secret in ("hunter2", "481516.5", "9" * 30):
        with pytest.raises(ConfigurationError) as refused:
            await through("edit_many", [{column: secret}])
        assert secret not in everything_of(refused.value)


@pytest.mark.virtual_clock
async def test_a_resumed_bulk_takes_the_same_values_from_another_file(tmp_path):
    """A journal knows a row by what was sent: text and values of one meaning are the same item."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        await api.cron.add_many([{"url": URL, "timeout": "30", "notify": ""}], journal=journal)
        report = await api.cron.add_many([{"url": URL, "timeout": 30}], journal=journal)
    assert report.summary() == "cron.add_many: 1 done"
    assert len(app.emulator.jobs("fastcron")) == 1
