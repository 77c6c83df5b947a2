"""Command lines that nobody would write: each ends in a known exit code, and none in a trace."""

from __future__ import annotations

import json
import random

import pytest

from cronapi.cli.exit_codes import CODES
from tests.support.emulated import TOKEN
from tests.support.manifests import HEAD
from tests.support.shell import EVERY, shell_at

DIGITS = "9" * 5_000
DEEP = "[" * 100_000
PLAIN = [
    *("", " ", "-", "--", "-1", "0", "٣", "nan", "inf", "1e400", "1e-320", "9" * 20, "9" * 400),
    *(DIGITS, f"{DIGITS}d", f"+{DIGITS}s", "365001d", "\udcff", "\x1b[31m", "a\r\nb", "\ufeff"),
]
ODD = [
    *PLAIN,
    *("\ud800", "@/", "@/nowhere", "/", "~nobody-of-this-name/x", "${NOBODY}", "$${", "*" * 99),
    *("http://[::1", "file:///etc/passwd", "http://u:p@127.0.0.1:1/", "{}", DEEP, "x:=1"),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "x=\udcff", "x" * 100_000),
    *(f"x:={DIGITS}", f"x:={DEEP}"),
]
"""Values for any argument or option. A variable may have the plain ones."""
OPTIONS = [
    *("--provider", "--profile", "--base-url", "--token-file", "--output", "--fields", "--redis"),
    *("--time-format", "--max-wait", "--timeout", "--retries", "--rate", "--color", "--name"),
    *("--url", "--group", "--match", "--ids-from", "--from", "--for", "--since", "--time"),
    *("--status", "--json", "--show-secrets", "--spreadsheet", "-n", "-y", "-q", "-v", "-vv"),
]
VARIABLES = ["CRONAPI_OUTPUT", "CRONAPI_PROVIDER", "CRONAPI_PROFILE", "CRONAPI_RATE", "COLUMNS"]
KNOWN = {row.code for row in CODES}


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        yield shell


def check(shell, line, stdin=None, **environment):
    """Run a command line. It ends in a known code, and shows neither a trace nor the token."""
    done = shell(*line, stdin=stdin, **environment)
    where = [word[:60] for word in line], environment
    assert done.exception is None or isinstance(done.exception, SystemExit), (where, done.exception)
    assert done.exit_code in KNOWN, where
    assert TOKEN not in done.output, where
    return done


def lines(shell, count, seed):
    """Return good command lines with odd words put in, left out or in place of others."""
    chance = random.Random(seed)
    for _ in range(count):
        line, tokens = shell.line_of(chance.choice([*EVERY]))
        for _ in range(chance.randint(1, 3)):
            place = chance.randint(1, len(line))
            kind = chance.randrange(4)
            if kind < 2:
                line[place:place] = [chance.choice(OPTIONS), chance.choice(ODD)][: 2 - kind]
            else:
                line[place : place + 1] = [chance.choice(ODD)] if kind == 2 else []
        if chance.random() < 0.2:
            tokens[chance.choice(VARIABLES)] = chance.choice(PLAIN)
        yield ["--no-input", *line], tokens, chance.choice([None, "", b"\xff\xfe", "7\n", DEEP])


def judge(shell, count, seed):
    shell.prepare()
    return {
        check(shell, line, stdin, **tokens).exit_code
        for line, tokens, stdin in lines(shell, count, seed)
    }


def test_odd_command_lines_end_in_a_known_code(shell):
    """A sample of commands, options, variables and standard inputs."""
    assert judge(shell, 60, seed=1) >= {0, 64}


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_odd_command_lines_end_in_a_known_code(shell, seed):
    """A thousand of them."""
    judge(shell, 250, seed)


FILES = {
    "deep": DEEP,
    "digits": f'[{{"url": "https://e.com", "timeout": {DIGITS}}}]',
    "no list": '{"url": [{}]}',
    "NUL": '[{"url": "https://e.com", "group": "\\u0000", "name": {}}]',
    "no text": "\udcff",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
@pytest.mark.parametrize("ending", ["json", "jsonl", "csv", "toml", "txt"])
def test_odd_files_are_wrong_input(shell, tmp_path, text, ending):
    """As rows, as ids, as a manifest, as a saved plan, as a token and as jobs for an emulator."""
    file = tmp_path / f"file.{ending}"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    (tmp_path / "cronjobs.toml").write_text(HEAD)
    for line in (
        ["cron", "add", "--no-journal", "--from", file],
        ["cron", "get", "--ids-from", file],
        ["plan", "-f", file],
        ["apply", "-f", tmp_path / "cronjobs.toml", file],
        ["call", "cron.get", f"id:=@{file}"],
    ):
        done = check(shell, list(map(str, line)), CRONAPI_PROVIDER="fastcron")
        assert done.exit_code == 64, (line, done.output)
    assert check(shell, ["emulator", "--port", "0", "--seed-data", str(file)]).exit_code == 1


@pytest.mark.parametrize(
    "options", [{"resend_hidden": 5}, {"max_deletes": "x"}, {"prune": []}, {"resend_hidden": [{}]}]
)
def test_a_saved_plan_with_odd_options_is_wrong_input(shell, tmp_path, options):
    """It is no plan of these jobs in any case."""
    plan, file = tmp_path / "plan.json", tmp_path / "cronjobs.toml"
    plan.write_text(json.dumps({"options": options}))
    file.write_text(HEAD)
    done = check(shell, ["apply", "-f", str(file), str(plan)], CRONAPI_PROVIDER="fastcron")
    assert done.exit_code in {3, 64}, done.output


@pytest.mark.parametrize(
    "line",
    [
        ["call", "cron.get", f"id:={DIGITS}"],
        ["call", "cron.get", f"id:={DEEP}"],
        ["cron", "pause", "7", "--for", f"{DIGITS}d"],
        ["cron", "pause", "7", "--for", f"{'9' * 20}d"],
        ["cron", "run", "7", "--time", f"+{DIGITS}d"],
        ["cron", "run", "7", "--time", DIGITS],
        ["cron", "get", "--ids-from", "-"],
    ],
)
def test_a_number_that_is_too_long_is_wrong_input(shell, line):
    """Python refuses to read thousands of digits, and no date is that far away."""
    done = check(shell, line, stdin=DIGITS, CRONAPI_PROVIDER="fastcron")
    assert done.exit_code == 64, done.output


@pytest.mark.parametrize("line", [["cron", "list"], ["health"]])
def test_a_group_of_a_number_that_is_too_long_is_not_there(shell, line):
    """It may be a name."""
    line = [*line, "--group", DIGITS]
    assert check(shell, line, CRONAPI_PROVIDER="fastcron").exit_code == 5
