"""The standard streams of a command that began without them, or with one that is no text."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cronapi import cli
from tests.support.console import CRONAPI
from tests.support.emulated import TOKEN
from tests.support.manifests import HEAD

CLOSED = "Error: Cannot read standard input: it is closed.\n"
READS = {
    "token": ["whoami", "--token-file", "-"],
    "rows": ["cron", "add", "--from", "-"],
    "ids": ["cron", "get", "--ids-from", "-"],
    "body": ["cron", "add", "--url", "https://example.com", "--post-data", "-"],
    "manifest": ["check", "-f", "-"],
    "parameter": ["call", "cron.get", "id=-"],
    "secret": ["account", "secret", "-"],
}
"""A command for each thing that is read from standard input."""


@pytest.mark.parametrize("line", READS.values(), ids=READS)
def test_a_closed_standard_input_is_told(shell_in_folder, monkeypatch, line):
    """Each command that reads it ends with 64, and sends nothing."""
    ended = run_here(shell_in_folder, monkeypatch, None, line)
    assert ended == (64, CLOSED)
    assert not shell_in_folder.sent


def test_nobody_is_asked_at_a_closed_standard_input(shell_in_folder, monkeypatch):
    """A question ends the command with 64, as where there is no terminal."""
    code, told = run_here(shell_in_folder, monkeypatch, None, ["cron", "delete", "7"])
    assert code == 64
    assert told.endswith("There is nobody to ask: give --yes.\n")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
@pytest.mark.parametrize("line", READS.values(), ids=READS)
def test_a_standard_input_that_is_no_text_is_told(
    shell_in_folder, monkeypatch, tmp_path, errors, line
):
    """Half surrogates, which Python makes of foreign bytes in some locales, are no text either."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\n\x80\n")
    with (tmp_path / "bytes").open(encoding="utf-8", errors=errors) as stream:
        ended = run_here(shell_in_folder, monkeypatch, stream, line)
    assert ended == (64, "Error: Cannot read standard input: it is not UTF-8.\n")


def test_a_standard_input_for_writing_is_told(shell_in_folder, monkeypatch, tmp_path):
    """As the shell's `0>FILE` opens it, or a program that calls the command line."""
    new = tmp_path / "new"
    by_shell = os.open(new, os.O_WRONLY | os.O_CREAT)
    with os.fdopen(by_shell, encoding="utf-8") as stream, new.open("w", encoding="utf-8") as other:
        for one in (stream, other):
            ended = run_here(shell_in_folder, monkeypatch, one, READS["ids"])
            assert ended == (64, "Error: Cannot read standard input: it is not for reading.\n")


def test_a_byte_order_mark_belongs_to_no_text(shell_in_folder, tmp_path):
    """Neither to a token nor to the name of a column, from a file or from standard input."""
    shell = shell_in_folder
    file = tmp_path / "token"
    file.write_text(f"\ufeff{TOKEN}\n", encoding="utf-8")
    file.chmod(0o600)
    given = {"FASTCRON_TOKEN": None, "CRONAPI_PROVIDER": "fastcron"}
    assert shell("whoami", "--token-file", file, **given).exit_code == 0
    assert shell("whoami", "--token-file", "-", stdin=f"\ufeff{TOKEN}\n", **given).exit_code == 0
    rows = "\ufeffname,url\nx,https://example.com/x\n"
    assert shell("cron", "add", "--from", "-", stdin=rows).exit_code == 0


def test_a_byte_order_mark_of_a_file_belongs_to_no_value(shell_in_folder, tmp_path):
    """Neither to the value of an option or parameter, nor to a profile or a saved plan."""
    shell = shell_in_folder
    shell.prepare()

    def marked(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"\ufeff{text}", encoding="utf-8")

    marked(".config/cronapi/config.toml", '[work]\nprovider = "fastcron"\n')
    marked("id", shell.jobs[0])
    done = shell("call", "cron.get", f"id=@{tmp_path / 'id'}", "--profile", "work")
    assert (done.exit_code, done.stderr) == (0, "")

    marked("cronjobs.toml", f'{HEAD}[job."new"]\nurl = "https://example.com"\n')
    assert shell("plan", "--out", "plan.json").exit_code == 2
    marked("plan.json", (tmp_path / "plan.json").read_text(encoding="utf-8"))
    assert shell("apply", "plan.json", "-y").exit_code == 0


def run_here(shell, monkeypatch, stream, line):
    """Run a command in this process with a standard input. Return its code and its stderr."""
    for name, value in shell.environment.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["cronapi", "--provider", "fastcron", *line])
    monkeypatch.setattr("sys.stdin", stream)
    told = shell.file.with_name("stderr")
    with told.open("w", encoding="utf-8") as errors:
        monkeypatch.setattr("sys.stderr", errors)
        with pytest.raises(SystemExit) as ending:
            cli.main()
    return ending.value.code, told.read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="closes descriptors by a shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_without_output_does_its_work(shell_in_folder, closed):
    """Its exit code is as with streams, and it tells nothing of what was not there."""
    shell = shell_in_folder
    shell.prepare()
    environ = {n: v for n, v in {**os.environ, **shell.environment}.items() if v is not None}
    for line, code in (["cron", "delete", str(shell.jobs[0]), "-y", "-v"], 0), (["nope"], 64):
        ended = subprocess.run(
            ["/bin/sh", "-c", f'"$@" {closed}', "sh", *CRONAPI, *line],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == code
        assert "Traceback" not in ended.stderr
    assert shell.jobs[0] not in [job["id"] for job in shell.emulator.jobs("fastcron")]
