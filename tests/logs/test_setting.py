"""`CRONAPI_LOG`: lines without a line of code, and nobody else's logging is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

FORKING = """
import json, logging, os, sys
from cronapi import FastCron, Scheduler

for line in sys.stdin:
    setting, program = json.loads(line)
    ours, theirs = os.pipe()
    if not os.fork():
        os.dup2(theirs, 2)
        if setting is not None:
            os.environ["CRONAPI_LOG"] = setting
        try:
            exec(program)
        except BaseException as error:
            print("the program failed:", repr(error), file=sys.__stderr__)
        os._exit(0)
    os.close(theirs)
    with open(ours) as written:
        print(json.dumps(written.read()), flush=True)
    os.wait()
"""
"""Runs programs in forks of a process that has imported cronapi, and has not used it."""
MAKE = "FastCron('t', base_url='http://127.0.0.1:9/')\n"
SPEAK = (
    "for level in ('debug', 'info', 'warning'):\n"
    "    getattr(logging.getLogger('cronapi'), level)('own %s', level)\n"
    "    getattr(logging.getLogger('httpx'), level)('other %s', level)\n"
    "logging.getLogger('cronapi.scheduler').info('hold')\n"
)


@pytest.fixture(scope="module")
def written():
    """Return a function that runs a program with a value of CRONAPI_LOG, and returns the lines that
    it writes to standard error.
    """
    environ = {name: value for name, value in os.environ.items() if name != "CRONAPI_LOG"}
    command = [sys.executable, "-W", "error", "-c", FORKING]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environ) as process:

        def run(setting, *program):
            print(json.dumps([setting, "".join(program)]), file=process.stdin, flush=True)
            text = json.loads(process.stdout.readline())
            assert "failed" not in text, text
            return text.splitlines()

        yield run
        process.stdin.close()


def own(lines):
    return [line.rpartition("own ")[2] for line in lines if "own " in line]


LEVELS = ["debug", "info", "warning"]


@pytest.mark.parametrize("setting", ["debug", " Info ", "WARNING"])
def test_the_variable_shows_our_lines_and_nobody_elses(written, setting):
    """In a program that has not configured logging, lines from that level on come with time, level
    and logger. Those of httpx stay as they were: only its warning.
    """
    lines = written(setting, MAKE, SPEAK)
    wanted = LEVELS[LEVELS.index(setting.strip().lower()) :]
    assert own(lines) == wanted
    assert [line for line in lines if "other" in line] == ["other warning"]
    assert any(" INFO cronapi.scheduler: hold" in line for line in lines) == ("info" in wanted)
    assert any(line.endswith(" WARNING cronapi: own warning") for line in lines)


CONFIGURED = {
    "before": "logging.basicConfig(level=logging.INFO)\n" + MAKE,
    "after": MAKE + "logging.basicConfig(level=logging.INFO)\n",
    "on our logger": "logging.getLogger('cronapi').addHandler(logging.StreamHandler())\n" + MAKE,
    "on a child": "logging.getLogger('cronapi').propagate = False\n"
    "logging.getLogger('cronapi').addHandler(logging.StreamHandler())\n" + MAKE,
    "clients": MAKE + "Scheduler(1.0)\n" + MAKE,
}


@pytest.mark.parametrize("name", CONFIGURED)
def test_no_line_is_doubled(written, name):
    """Whether logging is configured before or after the client is made, or several are made, a
    line is written once.
    """
    assert own(written("debug", CONFIGURED[name], SPEAK)) == LEVELS


@pytest.mark.parametrize("setting", ["trace", "5", "debug,info", "\u00fcber"])
def test_an_unknown_value_warns_once_and_breaks_nothing(written, setting):
    """The program goes on, and reads once which values there are."""
    lines = written(setting, MAKE, MAKE, "Scheduler(1.0)\n", SPEAK)
    (warning,) = [line for line in lines if "CRONAPI_LOG" in line]
    assert "set it to debug, info or warning" in warning
    assert own(lines) == ["warning"]


@pytest.mark.parametrize("setting", [None, "", "  "])
def test_without_the_variable_nothing_is_changed(written, setting):
    """Python's own rule holds: warnings alone, bare. There is no handler of ours."""
    handlers = "print(len(logging.getLogger('cronapi').handlers), file=sys.stderr)\n"
    assert written(setting, MAKE, handlers, SPEAK)[0] == "0"
    assert own(written(setting, MAKE, SPEAK)) == ["warning"]


def test_a_level_that_the_program_sets_later_stays(written):
    """The variable is followed when the first client is made, and not again."""
    later = "logging.getLogger('cronapi').setLevel(logging.WARNING)\n"
    assert own(written("debug", MAKE, later, MAKE, SPEAK)) == ["warning"]


def test_a_null_handler_silences_nothing(written):
    """Another library's NullHandler is no handler that would write our lines."""
    null = "logging.getLogger('cronapi').addHandler(logging.NullHandler())\n"
    assert own(written("info", null, MAKE, SPEAK)) == ["info", "warning"]


def test_a_program_without_standard_error_goes_on(written):
    """`sys.stderr` is None under pythonw, and another stream later."""
    script = "import io\nsys.stderr = None\n" + MAKE + SPEAK
    later = "sys.stderr = io.StringIO()\n" + SPEAK + "text = sys.stderr.getvalue()\n"
    show = "sys.stderr = sys.__stderr__\nprint(text, file=sys.stderr)\n"
    assert own(written("info", script, later, show)) == ["info", "warning"]


def test_importing_the_package_looks_at_nothing():
    """`import cronapi` neither loads logging nor changes it: the first client or scheduler does."""
    script = "import sys, cronapi\nprint('logging' in sys.modules)"
    environ = {**os.environ, "CRONAPI_LOG": "debug"}
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environ, check=True
    )
    assert ran.stdout.strip() == "False"
