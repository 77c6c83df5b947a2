"""What a command writes to: a pipe that closes, a disk that is full, an encoding without a sign."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from cronapi import cli
from cronapi.cli.output import CLOSED_PIPE, standard_output
from cronapi.cli.table import COMMANDS
from tests.support.console import CRONAPI, without_log

FULL = "Error: cannot write the output: No space left on device.\n"
HELP = ["--help", "--version", *(f"{name} --help" for name in COMMANDS)]


def start(command, stdout, **environment):
    return Popen(
        [*CRONAPI, *command.split()],
        stdout=stdout,
        stderr=PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def ended(process):
    errors = process.communicate()[1]
    return process.returncode, errors


def closed_pipe():
    """Return a stream whose reader is gone already."""
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w")


def full_disk():
    return Path("/dev/full").open("w", encoding="ascii")


PLACES = pytest.mark.parametrize(
    ("place", "expected"), [(closed_pipe, (CLOSED_PIPE, "")), (full_disk, (1, FULL))]
)
WORK = ("demo --speed 50", "pace --seconds 0.2", "emulator --port 0")


@pytest.mark.proof
@PLACES
def test_an_output_that_ends_ends_a_command_in_one_line_at_most(place, expected):
    """A command whose reader has gone ends with 141 and without a word. A full disk is one line
    and exit code 1.
    """
    with place() as output:
        processes = [start(command, output) for command in WORK]
    assert [ended(process) for process in processes] == [expected] * 3


@pytest.mark.parametrize("command", WORK)
@PLACES
def test_an_output_that_ends_ends_a_command_in_this_process(
    monkeypatch, tmp_path, command, place, expected
):
    """The same without a process of its own."""
    assert ended_here(monkeypatch, tmp_path, command, place) == expected


@pytest.mark.each_value
@pytest.mark.parametrize("command", HELP)
@PLACES
def test_the_help_ends_so_too(monkeypatch, tmp_path, command, place, expected):
    """The same for every help page and the version."""
    assert ended_here(monkeypatch, tmp_path, command, place) == expected


def ended_here(monkeypatch, tmp_path, command, place):
    """Run a command in this process, and return its exit code and what it wrote to stderr."""
    monkeypatch.setattr(sys, "argv", ["cronapi", *command.split()])
    with place() as output, (tmp_path / "errors").open("w", encoding="ascii") as errors:
        monkeypatch.setattr(sys, "stdout", output)
        monkeypatch.setattr(sys, "stderr", errors)
        with pytest.raises(SystemExit) as exit_:
            cli.main()
    return exit_.value.code, (tmp_path / "errors").read_text()


@pytest.mark.few(1)
@pytest.mark.parametrize("command", ["demo --speed 5", "pace --seconds 30"])
def test_a_reader_that_goes_away_ends_the_work(command):
    """After `head -1` has its line the command ends, though there is work left."""
    with start(command, PIPE) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.wait(), without_log(process.stderr.read())) == (CLOSED_PIPE, "")


def test_errors_are_written_too(monkeypatch, tmp_path):
    """A mistake in the command line is told as before, and silent where stderr takes no more."""
    monkeypatch.setattr(sys, "argv", ["cronapi", "nothing"])
    for place, expected in [((tmp_path / "errors").open, 64), (full_disk, 1)]:
        errors = place("w") if expected == 64 else place()
        with closed_pipe() as output, errors:
            monkeypatch.setattr(sys, "stdout", output)
            monkeypatch.setattr(sys, "stderr", errors)
            with pytest.raises(SystemExit) as exit_:
                cli.main()
        assert exit_.value.code == expected
    assert "No such command 'nothing'" in (tmp_path / "errors").read_text()


def test_a_table_fits_any_encoding_and_width(monkeypatch, tmp_path, capfd):
    """Narrow or plain, the table has every figure."""
    monkeypatch.setattr(sys, "argv", ["cronapi", "pace", "--seconds", "0.1"])
    for encoding, columns in [("ascii", 20), ("latin-1", 45), ("ascii", 70)]:
        monkeypatch.setenv("COLUMNS", str(columns))
        with (tmp_path / "out").open("w", encoding=encoding) as out:
            monkeypatch.setattr(sys, "stdout", out)
            with pytest.raises(SystemExit) as exit_:
                cli.main()
        shown = (tmp_path / "out").read_text(encoding=encoding)
        assert (exit_.value.code, capfd.readouterr().err) == (0, "")
        assert "No call failed." in shown
        table = shown[shown.index("What the") :]
        assert "?" not in table
        assert max(map(len, table.splitlines())) <= columns


def test_a_sign_that_the_encoding_lacks_is_replaced(monkeypatch, tmp_path):
    """A name in another script is written with question marks, and not a traceback."""
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        monkeypatch.setattr(sys, "stdout", out)
        with standard_output():
            sys.stdout.write("job 7: наряд café\n")
        assert sys.stdout is out
    assert (tmp_path / "out").read_text() == "job 7: ????? caf?\n"


@pytest.mark.parametrize("stream", [io.StringIO(), io.TextIOWrapper(io.BytesIO())])
def test_a_stream_that_is_no_file_is_left_alone(monkeypatch, stream):
    """With a stream of a test's own a command runs as it is."""
    monkeypatch.setattr(sys, "stdout", stream)
    with standard_output():
        assert sys.stdout is stream


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: ExceptionGroup("", [error])])
def test_other_errors_stay_as_they_are(wrap):
    """An error that is not the output's is raised, a full disk elsewhere too."""
    error = wrap(OSError(28, "No space left on device"))
    with pytest.raises(type(error)) as caught, standard_output():
        raise error
    assert caught.value is error
