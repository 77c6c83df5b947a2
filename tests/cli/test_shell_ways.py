"""Ways to name jobs and values, what a dry run tells, and what several jobs come to."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cronapi.cli.exit_codes import CODES
from cronapi.cli.frame.values import MOMENT, SPAN, expand
from cronapi.cli.help.command import exit_code_lines
from cronapi.cli.root import cronapi
from tests.support.emulated import fill
from tests.support.shell import ABSENT, plan, shell_at


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        shell.prepare()
        yield shell


def ids(shell, *more, **environment):
    done = shell("cron", "get", *more, "-o", "ids", **environment)
    assert done.exit_code == 0, done.output
    return [int(line) for line in done.stdout.split()]


def test_jobs_are_named_in_five_ways(shell):
    """By id, name, pattern, group and file; each once, however often it was named."""
    first, second = shell.jobs
    assert shell.json("cron", "edit", first, "--group", shell.group)["id"] == first
    file = shell.file.with_name("ids")
    file.write_text(f"id\tname\n{first}\tn0\n\n{second},n1\n{first}\n")
    assert ids(shell, first, second, first) == [first, second]
    assert ids(shell, "--name", "n1") == [second]
    assert ids(shell, "--match", "n[01]") == [first, second]
    assert ids(shell, "--group", shell.group) == ids(shell, "--group", shell.name) == [first]
    assert ids(shell, "--ids-from", file) == [first, second]
    assert ids(shell, "--ids-from", "-", stdin=file.read_text()) == [first, second]
    assert shell("cron", "get", "--name", "nobody").exit_code == 5
    assert shell("cron", "next", "--name", "n1").exit_code == 0
    assert shell("cron", "list", "--page", "2").stdout.count("\n") == 1
    assert [job["name"] for job in shell.json("group", "items", "--name", shell.name)] == ["n0"]


def test_two_groups_of_one_name_are_not_guessed(shell):
    """The ids are told, and nothing is changed."""
    made = [shell.json("group", "add", "twin")["id"] for _ in range(2)]
    done = shell("group", "delete", "--name", "twin", "-y")
    assert (done.exit_code, all(str(id) in done.stderr for id in made)) == (64, True)
    assert shell("group", "delete", made[0], "-y").exit_code == 0
    assert shell("group", "delete", "--name", "twin", "-y").exit_code == 0


def test_nothing_that_fits_is_nothing_to_do(shell):
    """A pattern without a job is exit code 0, with an empty result in each format."""
    line = ["cron", "delete", "--match", "nobody*", "-y"]
    assert json.loads(shell(*line, "--json").stdout)["outcomes"] == []
    assert shell(*line, "-o", "ids").stdout == shell(*line, "-o", "ndjson").stdout == ""
    assert shell(*line).stderr == "--match 'nobody*' fits no job.\nNothing to delete.\n"


def test_a_dry_run_tells_names_and_cost_in_words(shell):
    """It names three jobs, counts the rest, and says which function would be sent."""
    made = fill(shell.app, "fastcron", 5, "tmp")
    done = shell("cron", "delete", "--match", "tmp*", "-n", CRONAPI_RATE="1")
    named = ", ".join(f"tmp{number} ({id})" for number, id in enumerate(made[:3]))
    assert done.stdout.splitlines() == [
        f"would delete 5 jobs: {named}, ... and 2 more",
        "1 request (cron.batch_delete), about 1 s at 1 request a second",
        "nothing was sent",
    ]
    told = shell("cron", "disable", *made, "-n", "--rate", "0.02").stdout
    assert "5 requests (cron.disable), about 4 min 10 s at 0.02 requests a second" in told
    told = shell("cron", "add", "--from", shell.file, "-n", "--timeout", "20").stdout
    assert told.startswith(f"would add 2 jobs from {shell.file}\ncron.add: timeout=20\n")
    told = shell.json("group", "empty", "--name", shell.name, "-n")["dry_run"]
    assert (told["parameters"], told["asks"]) == ({"id": shell.group}, True)
    assert len(shell.emulator.jobs("fastcron")) >= 7


def test_a_deletion_is_undone(shell):
    """Deleted jobs are printed as they were, and as csv they can be created again."""
    rows = [
        {"name": f"undo {n}", "url": f"https://example.com/{n}?key=abc", "expression": "0 5 * * 1"}
        for n in range(3)
    ]
    rows[0] |= {"http_headers": {"X-Key": "s3cret", "X-Note": "a, b"}, "timeout": 20}
    file = shell.file.with_name("undo.json")
    file.write_text(json.dumps(rows))
    made = shell.json("cron", "add", "--from", file, "--show-secrets")["outcomes"]
    line = ["cron", "delete", "--match", "undo*", "-y", "-o", "csv"]
    deleted = shell(*line, "--show-secrets").stdout
    again = shell.json("cron", "add", "--from", "-", "--show-secrets", stdin=deleted)["outcomes"]
    assert [{**one["value"], "id": 0} for one in again] == [
        {**one["value"], "id": 0} for one in made
    ]
    masked = shell(*line).stdout
    done = shell("cron", "add", "--from", "-", stdin=masked)
    assert (done.exit_code, "--show-secrets" in done.stderr) == (64, True)


def test_the_failures_of_a_bulk_are_told(shell):
    """The first twenty in lines of their own; done jobs are on stdout, and the code is 1."""
    line = ["cron", "disable", shell.jobs[0], *range(ABSENT, ABSENT + 25)]
    done = shell(*line, "-o", "ids")
    assert (done.exit_code, done.stdout) == (1, f"{shell.jobs[0]}\n")
    lines = done.stderr.splitlines()
    assert [one.startswith("failed: ") for one in lines] == [True] * 20 + [False] * 2
    assert lines[-2] == "... and 5 more"
    assert lines[-1].startswith("Error: cron.disable: 1 done, 25 failed")
    report = json.loads(shell(*line, "--json").stdout)
    assert (report["done"], report["failed"], report["not_tried"]) == (1, 25, 0)
    outcomes = shell(*line, "-o", "ndjson").stdout.splitlines()
    assert {json.loads(one)["status"] for one in outcomes} == {"done", "failed"}


def test_a_bulk_that_is_stopped_ends_with_the_code_of_the_cause(shell):
    """A wrong token is 4, an outage 7, and a lost answer 6: it outweighs the rest."""
    shell.prepare()
    line = ["cron", "disable", *shell.jobs, "--json", "--retries", "0"]
    assert shell(*line, FASTCRON_TOKEN="wrong-token").exit_code == 4
    for kind, code in (("outage", 7), ("lose", 6)):
        plan(shell.emulator, kind)
        done = shell(*line)
        assert done.exit_code == code, done.output
        assert json.loads(done.stderr.splitlines()[-1])["error"]["exit_code"] == code
        shell.emulator.faults.clear()


def test_the_output_of_one_run_is_printed_whole(shell):
    """`logs --output-of` is the text as it is; a number that is not there is exit code 5."""
    job = shell.jobs[0]
    shell("cron", "edit", job, "--expression", "1 minute")
    runs = shell.json("cron", "logs", job, "--since", "1d", "--last", "3")
    assert len(runs) <= 3
    assert shell("cron", "logs", job, "--output-of", "987654").exit_code == 5
    if runs:
        done = shell("cron", "logs", job, "--output-of", runs[0]["no"])
        assert (done.exit_code, done.stdout) == (0, runs[0]["output"])
    assert shell("cron", "failures", "--last", "1").exit_code == 0
    assert shell.json("cron", "logs", "--name", "n1", "--failed", "--search", "x") == []


def test_values_come_from_the_command_line_the_environment_and_files(tmp_path):
    """`$${NAME}` is a text; a file's last line break is none of its value."""
    file = tmp_path / "value"
    file.write_bytes(b"two\nlines\r\n")
    environ = {"NAME": "value"}
    cases = {
        "plain": "plain",
        "@": "@",
        "a ${NAME} b": "a value b",
        "$${NAME}": "${NAME}",
        "$NAME": "$NAME",
        f"@{file}": "two\nlines",
    }
    for text, value in cases.items():
        assert expand(text, "--name", environ) == value, text
    assert repr(expand("${NAME}", "--name", environ)) == "'(secret NAME)'"


def test_durations_and_times():
    """Numbers with a unit are seconds, and times are Unix seconds."""
    spans = {"90": 90, "90s": 90, "15m": 900, "15 min": 900, "2h": 7200, "1.5d": 129_600}
    assert {text: SPAN.convert(text, None, None) for text in spans} == spans
    times = {"1800000000": 1_800_000_000, "2027-01-15T08:00:00Z": 1_800_000_000}
    assert {text: MOMENT.convert(text, None, None) for text in times} == times
    assert MOMENT.convert("+15m", None, None) > 1_700_000_000


def test_the_exit_codes_are_printed():
    """`help exit-codes` has a line for each, with its errors."""
    out = CliRunner().invoke(cronapi, ["help", "exit-codes"]).output
    for row in CODES:
        assert f"{row.code:>3}  {row.meaning}" in out
        assert ", ".join(row.errors) in out


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_exit_codes_fit_a_terminal(columns):
    """Lines are wrapped between words, under the text. Elsewhere each code has one line."""
    lines = exit_code_lines(columns)
    assert max(map(len, lines)) <= columns
    joined = " ".join(" ".join(lines).split())
    for row in CODES:
        assert f"{row.code} {row.meaning}" in joined
        assert ", ".join(row.errors) in joined
    assert not [line for line in lines if not line.startswith((" ", "130", "143"))]


def test_a_redis_that_cannot_be_reached_is_7(shell):
    """Nothing was sent, and a later try is safe."""
    before = shell.sent
    line = ["cron", "list", "--redis", "redis://127.0.0.1:1", "--json"]
    done = shell(*line, "--max-wait", "0")
    assert (done.exit_code, done.stdout, shell.sent) == (7, "", before)
