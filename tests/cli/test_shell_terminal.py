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

from tests.support.emulated import fill
from tests.support.shell import shell_at

SCRIPT = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from cronapi.cli import main
main()
"""
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
