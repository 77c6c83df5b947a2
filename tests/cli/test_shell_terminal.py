"""Commands on a real terminal: its width, its colors, questions, Ctrl-C and progress."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from cronapi.cli.work.progress import progress_text
from cronapi.emulator import ManualClock
from tests.support.console import MAIN
from tests.support.emulated import START, fill
from tests.support.shell import shell_at

SCRIPT = f"""
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
{MAIN}"""
ESCAPES = re.compile(r"\x1b\[[0-9;]*[mK]")
HOSTILE = ["[red]x", "\x1b]0;owned\x07", "abc\u202edcba", "two\nlines", "日本語" * 40, "x" * 10_000]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell"), strict=False) as shell:
        shell.prepare()
        rows = [{"url": "https://example.com/", "name": name} for name in HOSTILE]
        file = shell.file.with_name("hostile.json")
        file.write_text(json.dumps(rows))
        assert shell("cron", "add", "--from", file).exit_code == 0
        yield shell


@pytest.fixture(scope="module")
def hour(tmp_path_factory):
    """Give a shell at an account with odd names, whose jobs have failed for an hour."""
    clock = ManualClock(START)
    with shell_at(tmp_path_factory.mktemp("shell"), strict=False, clock=clock) as shell:
        shell.prepare()
        failing = {"url": "https://example.com/500", "expression": "*/5 * * * *"}
        rows = [{**failing, "failure_threshold": 100, "name": name} for name in HOSTILE]
        done = shell("cron", "add", "--from", "-", "-o", "ids", stdin=json.dumps(rows))
        assert done.exit_code == 0, done.output
        for name in HOSTILE[:4]:
            assert shell("group", "add", name).exit_code == 0
        shell.failing = done.stdout.split()[-1]
        clock.advance(3600)
        yield shell


def is_waiting(process):
    """Whether a process sleeps: Python misses a Ctrl-C between its prompt and its reading."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def on_terminal(shell, *arguments, columns=80, answers=(), **environment):
    """Run a command on a terminal, type each answer after its prompt, return code and text."""
    main, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {**os.environ, "TERM": "xterm", **shell.environment, "COLUMNS": None, **environment}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        stdin=child,
        stdout=child,
        stderr=child,
        env={name: value for name, value in given.items() if value is not None},
        start_new_session=True,
    )
    os.close(child)
    text, waiting, end = "", list(answers), time.monotonic() + 30
    while time.monotonic() < end:
        if waiting and waiting[0][0] in text and is_waiting(process):
            os.write(main, waiting.pop(0)[1])
        if select.select([main], [], [], 0.05)[0]:
            try:
                text += os.read(main, 65536).decode()
            except OSError:
                break
    try:
        code = process.wait(10)  # first, since a terminal that is closed hangs its processes up
    finally:
        process.kill()
        process.wait()
        os.close(main)
    return code, text.replace("\r\n", "\n")


def check_table(shell, columns, **environment):
    code, text = on_terminal(shell, "cron", "list", columns=columns, **environment)
    assert code == 0
    plain = ESCAPES.sub("", text)
    assert not {*"\x1b\x07\x9b\u202e"} & {*plain}
    lines = plain.splitlines()
    assert lines[0].startswith("ID")
    assert lines[-1] == f"{len(HOSTILE) + 2} jobs"
    assert len(lines) == len(HOSTILE) + 4
    assert max(map(cell_len, lines)) <= columns
    return text


def test_a_table_on_a_narrow_terminal(shell):
    """A terminal of 40 columns gets a table that fits, in color, with harmless names."""
    assert "\x1b[1m" in check_table(shell, 40)


DRAWING = {
    "cron logs {job} --last 3": "TIME",
    "cron failures {job} --last 3": "JOB",
    "cron failures --last 3": "TIME",
    "cron get {job}": "id ",
    "cron find [red]x": "id ",
    "cron next {job}": "TIME",
    "cron run --match *": "ID",
    "group list": "ID",
    "group lookup [red]x": "ID",
    "group get 1001": "id ",
    "health": "FAILING",
    "account get": "id ",
    "whoami": "provider",
}
"""Each command that draws, with the beginning of a line that it draws."""


def check_drawing(lines, columns, begin):
    assert any(line.startswith(begin) for line in lines), lines
    for line in lines:
        assert cell_len(line) <= columns, line
        assert not {*"\x1b\x07\x9b\u202e\t"} & {*line}
    times = [word for line in lines for word in re.findall(r"20\d\d-\d\d-\d\d.{9}", line)]
    assert not [time for time in times if "…" in time]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_every_command_draws_what_fits(hour, columns):
    """No line is wrapped, no time is cut, and no name steers the terminal."""
    for line, begin in DRAWING.items():
        words = line.format(job=hour.failing).split()
        done = hour(*words, "-o", "table", COLUMNS=str(columns))
        assert done.exit_code in {0, 2}, done.output
        if words[0] != "health":  # which looks at a terminal alone
            check_drawing(done.stdout.splitlines(), columns, begin)


def test_a_column_without_a_value_is_left_out(hour):
    """What a service does not tell takes no room, unless it was asked for."""
    runs = hour("cron", "logs", hour.failing, "-o", "table").stdout
    assert "RUN NO" not in runs.splitlines()[0]
    assert "HTTP error 500" in runs
    assert hour("cron", "failures", hour.failing, "-o", "table").stdout.startswith("JOB ")
    chosen = hour("cron", "logs", hour.failing, "-o", "table", "--fields", "no,time").stdout
    assert chosen.startswith("RUN NO  TIME")
    assert hour("group", "list", "-o", "table").stdout.splitlines()[0].split() == ["ID", "NAME"]


def test_a_long_name_leaves_room_for_the_rest(hour):
    """Schedules are whole on 40 columns, and addresses can be told from each other on 80."""
    narrow = hour("cron", "list", "-o", "table", COLUMNS="40").stdout.splitlines()
    assert all("*/5 * * * *" in line or "1 hour" in line for line in narrow[1:])
    wide = hour("cron", "list", "-o", "table", COLUMNS="80").stdout.splitlines()
    assert all(" https://example.co" in line for line in wide[1:])


def test_a_long_name_widens_no_line_of_health(hour):
    """The evidence stands beside the name, in each line."""
    lines = hour("health").stdout.splitlines()[:-1]
    assert len(lines) == len(HOSTILE)
    assert all(line.endswith("12 in a row") and cell_len(line) <= 80 for line in lines)


def test_progress_on_a_narrow_terminal_has_whole_words():
    """Parts that do not fit are left out, the count last."""
    shown = [progress_text("disabling", 6, 12, 2.0, 0, width) for width in (80, 45, 40, 25, 9, 4)]
    assert shown == [
        "disabling  █████░░░░░  6 of 12 · 2 s left · 0 failed",
        "disabling  6 of 12 · 2 s left · 0 failed",
        "6 of 12 · 2 s left · 0 failed",
        "6 of 12 · 0 failed",
        "6 of 12",
        "6 o",
    ]


@pytest.mark.proof
@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_every_command_draws_on_every_terminal(hour, columns, environment):
    """The same on a real terminal, where NO_COLOR and a dumb terminal get no escape."""
    for line, begin in DRAWING.items():
        words = line.format(job=hour.failing).split()
        code, text = on_terminal(hour, *words, columns=columns, **environment)
        assert code in {0, 2}, text
        assert not (environment and "\x1b" in text)
        lines = ESCAPES.sub("", text).splitlines()
        drawn = [one for one in lines if not one.endswith(" a second") and " · " not in one]
        check_drawing(drawn, columns, begin)


@pytest.mark.proof
@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_table_on_every_terminal(shell, columns, environment):
    """The same on wider ones; a dumb terminal, or one with NO_COLOR, gets no color."""
    text = check_table(shell, columns, **environment)
    assert ("\x1b" in text) == (not environment)


def test_a_question_is_answered_on_the_terminal(shell):
    """It shows names and cost. A yes goes on; a no ends with 1; Ctrl-C ends with 130."""
    fill(shell.app, "fastcron", 2, "doomed")
    line = ["cron", "delete", "--match", "doomed*"]
    asks = "[y/N]:"
    code, text = on_terminal(shell, *line, columns=200, answers=[(asks, b"\x03")])
    assert (code, "Delete 2 jobs: doomed0 (" in text, "request" in text) == (130, True, True)
    assert on_terminal(shell, *line, answers=[(asks, b"n\n")])[0] == 1
    assert len([job for job in shell.emulator.jobs("fastcron") if "doomed" in job["name"]]) == 2
    code, text = on_terminal(shell, *line, answers=[(asks, b"y\n")])
    assert (code, "2 done" in text) == (0, True)


@pytest.mark.proof
def test_a_long_command_tells_its_progress(shell):
    """After two seconds there is one line that is written over, and it is gone at the end."""
    fill(shell.app, "fastcron", 9, "slow")
    line = ["cron", "disable", "--match", "slow*", "--rate", "3"]
    code, text = on_terminal(shell, *line)
    assert (code, "disabling  " in text, " left · 0 failed" in text) == (0, True, True)
    assert text.count("\n") == 11
    code, text = on_terminal(shell, *line, TERM="dumb")
    assert (code, "left" in text) == (0, False)


@pytest.mark.proof
def test_a_group_is_emptied_after_its_name_was_typed(shell):
    """Another name changes nothing."""
    line = ["group", "empty", shell.group]
    asks = "group's name"
    assert on_terminal(shell, *line, answers=[(asks, b"other\n")])[0] == 64
    assert on_terminal(shell, *line, answers=[(asks, f"{shell.name}\n".encode())])[0] == 0


@pytest.mark.proof
def test_the_questions_of_apply_and_rotate_name_what_they_are_about_to_do(tmp_path):
    """Each kind of change with its number, and the jobs of a rotation. A no changes none."""
    with shell_at(tmp_path) as shell:
        shell.prepare()
        shell("cron", "edit", *map(str, shell.jobs), "--header", "X-Key: canary-key-1")
        file = tmp_path / "jobs.toml"
        head = 'version = 1\n[scope]\nprefix = "n"\nmax_deletes = 1\n'
        file.write_text(f'{head}[job."n0"]\nurl = "https://example.com/ping/0"\n')
        before = shell.emulator.jobs("fastcron")
        answers = [("[y/N]", b"n\n")]
        apply = ["apply", "-f", file, "--prune"]
        code, text = on_terminal(shell, *apply, columns=200, answers=answers)
        assert code == 1
        assert re.search(r"Make 1 change \(delete 1\) with \d requests\?", text), text
        rotate = ["rotate", "--old-env", "OLD", "--new-env", "NEW", "--everywhere"]
        values = {"OLD": "canary-key-1", "NEW": "canary-key-2"}
        code, text = on_terminal(shell, *rotate, columns=200, answers=answers, **values)
        assert code == 1
        assert "Put the new secret into 2 jobs?" in text
        assert "n0" in text
        assert shell.emulator.jobs("fastcron") == before
        values = {"OLD": "canary-key-9", "NEW": "canary-key-2"}
        code, text = on_terminal(shell, *rotate, columns=200, **values)
        assert (code, "?" in text) == (0, False)
