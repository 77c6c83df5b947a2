"""A report as text: what a hostile name, or a hostile error, does to each format."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi.health import FORMATS, DisabledBy, HealthReport, JobHealth, State, exit_code, write
from cronapi.health.report import in_order

NOW = datetime(2027, 1, 15, 8, 0, 0, 250_000, tzinfo=UTC)
HOSTILE = [
    "plain",
    "two\nlines",
    "\r\n::error::gone\n::stop-commands::x",
    "##[error]old::set-output name=x::y",
    "a | OK=1;;; b",
    'quote" back\\slash \\n end\\',
    'x"} 1\n# EOF\nup 1\n',
    "\x1b[2J\x1b]0;title\x07",
    "\u202egnirts\u202c \u2028 \u2066",
    "100% %0A,: %%",
    "half \ud800 pair",
    "\x00\x7f\x85",
    "漢字 \uff37 e\u0301 \U0001f600",
    "https://me:s3cret@example.com/",
    "x" * 5000,
    "",
    None,
]
LABEL = r'[a-z_]+="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"cronapi_health_[a-z_]+(?:\{{{LABEL}(?:,{LABEL})*\}})? -?[0-9.e+]+")
META = re.compile(r"# (?:TYPE|HELP|UNIT) cronapi_health_[a-z_]+ \S.*")
COMMAND = re.compile(r"::(?:error|warning|notice) title=[^\r\n:,]*::[^\r\n]*")
PLUGIN = re.compile(r"CRONAPI (?:OK|CRITICAL|UNKNOWN) - [^|\n]{1,1000} \| [a-z_]+=\d+;;;0.*")


def health(number, name, state=State.LATE, **more):
    return JobHealth(id=number, name=name, state=state, **more)


def report_of(*jobs, **more):
    return HealthReport(jobs=in_order(jobs), time=NOW, requests=34, seconds=36.0, **more)


def hostile():
    """Return a report with each text as the name of a job in each state, and as its evidence."""
    jobs = [
        health(100 * row + column, text, state, evidence=(text or "", "and more"))
        for row, state in enumerate(State, 1)
        for column, text in enumerate(HOSTILE)
    ]  # fmt: skip
    return report_of(*jobs)


def unescaped(label):
    return re.sub(r'\\(["\\n])', lambda found: {"n": "\n"}.get(found[1], found[1]), label)


def test_every_format_survives_hostile_names():
    """No name begins a line, a label, a command or a column of its own, in any format."""
    report = hostile()
    texts = {format: write(report, format) for format in FORMATS}
    assert all("s3cret" not in texts[format] for format in ("table", "nagios", "github"))
    for format, text in texts.items():
        text.encode()
        assert not text.endswith("\n")
        assert format == "openmetrics" or all(sign.isprintable() or sign == "\n" for sign in text)
    *table, summary = texts["table"].split("\n")
    assert summary == report.summary()
    assert len(table) == 8 * len(HOSTILE)
    for line in texts["github"].split("\n"):
        assert COMMAND.fullmatch(line), line
    assert PLUGIN.fullmatch(texts["nagios"]), texts["nagios"]
    *lines, end = texts["openmetrics"].split("\n")
    assert end == "# EOF"
    for line in lines:
        assert SAMPLE.fullmatch(line) or META.fullmatch(line), line


def test_openmetrics_gives_names_back_as_they_are():
    """A scraper that undoes the escapes has the name, but for half of a surrogate pair."""
    report = report_of(*(health(number, name) for number, name in enumerate(HOSTILE, 1)))
    states = re.findall(r'^cronapi_health_job_state\{id="\d+",name="(.*?)",state=',
                        write(report, "openmetrics"), re.MULTILINE)  # fmt: skip
    names = [(name or "").encode("utf-8", "replace").decode() for name in HOSTILE]
    assert [unescaped(label) for label in states] == names


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_is_one_line(name, error):
    """Whatever a service stores, each job has one line, and JSON gives it back."""
    report = report_of(health(1, name, State.FAILING, evidence=(error,), failures=3))
    assert write(report).count("\n") == 1
    assert write(report, "github").count("\n") == 1
    assert PLUGIN.fullmatch(write(report, "nagios"))
    assert all(
        SAMPLE.fullmatch(line) or META.fullmatch(line)
        for line in write(report, "openmetrics").split("\n")[:-1]
    )
    (told,) = json.loads(write(report, "json"))
    assert (told["job"]["name"], told["evidence"]) == (name, [error])


def test_the_table_is_for_people():
    """The most urgent job comes first, in columns, and what is well is counted."""
    report = report_of(
        health(16910124, "nightly report", evidence=("expected Wed 03:30, last run Tue 03:30",)),
        health(16910130, "invoice 漢字", State.FAILING, evidence=("3 in a row: 502 Bad Gateway",)),
        health(16910007, "import", State.DISABLED, disabled_by=DisabledBy.SERVICE,
               evidence=("by the service, after too many failures",)),
        health(16910300, None, State.PAUSED, certain=False, evidence=("by a user, or paused",)),
        *(health(number, "fine", State.HEALTHY) for number in range(30)),
        *(health(number, "fine", State.NOT_LOOKED_AT) for number in range(30, 60)),
    )  # fmt: skip
    counts = "1 failing, 1 late, 1 disabled, 1 paused, 30 not looked at, 30 healthy"
    assert write(report).split("\n") == [
        "FAILING   invoice 漢字    16910130  3 in a row: 502 Bad Gateway",
        "LATE      nightly report  16910124  expected Wed 03:30, last run Tue 03:30",
        "DISABLED  import          16910007  by the service, after too many failures",
        "PAUSED?   job 16910300    16910300  by a user, or paused",
        f"{counts} \N{MIDDLE DOT} 34 requests, 36 s",
    ]


def test_an_empty_account_is_a_report_too():
    """No jobs are no fault, in any format."""
    report = report_of()
    assert [exit_code(report, format) for format in FORMATS] == [0] * 5
    assert write(report) == "no jobs \N{MIDDLE DOT} 34 requests, 36 s"
    assert write(report, "json") == "[]"
    assert write(report, "nagios").startswith("CRONAPI OK - no jobs")


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [
        ("failing", 0),
        ("late", 2),
        ("failing,late", 2),
        ([State.LATE], 2),
        (["never ran", "cannot-tell"], 2),
        (["healthy"], 0),
        ([], 0),
    ],
)
def test_the_exit_code_is_about_the_states_that_were_named(fail_on, code):
    """2 says that a job is in one of them, and Nagios calls it critical."""
    report = report_of(health(1, "a"), health(2, "b", State.CANNOT_TELL))
    assert [exit_code(report, format, fail_on=fail_on) for format in FORMATS] == [code] * 5
    assert ("CRITICAL" in write(report, "nagios", fail_on=fail_on)) is bool(code)
    errors = write(report, "github", fail_on=fail_on).count("::error ")
    assert errors == len(report.faults(fail_on))
