"""docs/shell.md: each command runs at an emulator and prints what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.console import Console, commands_of, program
from tests.support.emulated import START, TOKEN
from tests.support.shell import shell_at

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "shell.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
ROWS = next(text for language, text in BLOCKS if language == "text")
SCRIPTS = [text for language, text in BLOCKS if language == "sh"]
CRONTAB = re.compile(r"^(?:\S+ ){5}(?=umask)")


class StillClock:
    """A clock that stands, and is put forward."""

    time = START

    def now(self):
        return self.time

    def ticks(self):
        return time.monotonic()


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A shell in a folder with `jobs.csv`."""
    monkeypatch.chdir(tmp_path)
    clock = StillClock()
    with shell_at(tmp_path, clock=clock) as shell:
        Path("jobs.csv").write_text(ROWS)
        shell.clock = clock
        yield shell


def ran(shell):
    """Return the console blocks with what their commands print now."""
    console, blocks = Console(shell), []
    for language, text in BLOCKS:
        if language == "console":
            blocks.append([(line, console(line)) for line, _ in commands_of(text)])
            shell.clock.time = START + 3600  # the jobs have run
    return blocks


def test_each_command_prints_what_the_page_shows(shell):
    """Read from the top, at an emulator whose jobs have run for an hour."""
    told = [commands_of(text) for language, text in BLOCKS if language == "console"]
    assert ran(shell) == told


def test_each_script_runs(shell):
    """The check, the line of a crontab and xargs run in a real shell, and share a pace file."""
    assert shell("cron", "add", "--from", "jobs.csv").exit_code == 0
    token = Path(".cronapi-token")
    token.write_text(TOKEN)
    token.chmod(0o600)
    outputs = [run(shell, CRONTAB.sub("", text)) for text in SCRIPTS]
    assert outputs[:2] == ["", ""]
    assert Path("backup.csv").read_text().count("https://") == 5
    assert outputs[2].count("time\n") == 2
    assert Path("pace.sqlite3").exists()


def test_the_check_fails_with_a_job(shell):
    """It prints the job and ends with 1; where the list cannot be read, with the code of that."""
    shell("cron", "add", "--url", "https://example.com/500", "--expression", "5 minutes")
    shell("cron", "edit", "--match", "*", "--name", "report 9")
    shell.clock.time += 3600
    assert "report 9" in run(shell, SCRIPTS[0], code=1)
    assert run(shell, SCRIPTS[0], code=4, FASTCRON_TOKEN="wrong-token") == ""


def run(shell, script, code=0, **environment):
    """Run a script by sh, and return its stdout."""
    folder = Path.cwd()
    given = {
        **os.environ,
        **shell.environment,
        "PATH": program(folder, sys.executable),
        "PYTHONPATH": str(ROOT),
    }
    given |= {"CRONAPI_PACE_FILE": str(folder / "pace.sqlite3"), **environment}
    ended = subprocess.run(
        ["/bin/sh", "-c", script.replace("/srv/venv/bin/python", sys.executable)],
        capture_output=True,
        text=True,
        env={name: value for name, value in given.items() if value is not None},
        timeout=50,
        check=False,
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout
