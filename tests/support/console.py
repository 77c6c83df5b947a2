"""A shell for the blocks of a page: `cronapi` in process, all other programs as they are."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

# As `slow_steps` has it, but from any folder.
MAIN = """
import logging
logging.getLogger("asyncio").addFilter(lambda one: not str(one.msg).startswith("Executing "))
from cronapi.cli import main
main()
"""
CRONAPI = [sys.executable, "-c", MAIN]
"""The command line in a process of its own, which writes nothing but its own words to stderr."""
COMMAND = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def commands_of(text):
    """Return the command lines of a console block, each with the output that the page shows."""
    return COMMAND.findall(text)


class Console:
    """Runs command lines with pipes, `> FILE`, `export` and `echo $?`, as on a terminal."""

    def __init__(self, shell):
        self._shell = shell
        self._variables = {"COLUMNS": "100"}
        self._code = 0

    def __call__(self, line):
        """Run a command line and return what a terminal shows of it: stdout, then stderr."""
        if line == "echo $?":
            return f"{self._code}\n"
        reader = shlex.shlex(line, posix=True, punctuation_chars="|>")
        reader.whitespace_split = True
        words = list(reader)
        if words[0] == "export":
            name, _, value = "".join(words[1:]).partition("=")
            self._variables[name] = value
            return ""
        return self._pipe(words)

    def _pipe(self, words):
        *rest, last = split(words, "|")
        last, *files = split(last, ">")
        data, told = None, ""
        for first in rest:
            data, error = self._run(first, data, output="")
            told += error
        data, error = self._run(last, data, output="" if files else "table")
        for (name,) in files:
            Path(name).write_text(data)
            data = ""
        return data + told + error

    def _run(self, words, data, output):
        if words[0] == "cronapi":
            variables = {**self._variables, "CRONAPI_OUTPUT": output or None}
            if "--dry-run" in words:  # which tells the time at the service's own rate
                variables["CRONAPI_RATE"] = None
            done = self._shell(*words[1:], stdin=data, **variables)
            self._code = done.exit_code
            return done.stdout, done.stderr
        ended = subprocess.run(words, input=data, capture_output=True, text=True, check=False)
        self._code = ended.returncode
        return ended.stdout, ended.stderr


def split(words, mark):
    """Return the parts of a list between marks."""
    parts = [[]]
    for word in words:
        if word == mark:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def program(folder, python):
    """Write a `cronapi` into a folder that is this checkout's, and return the folder's PATH."""
    path = folder / "cronapi"
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(python)} -m cronapi "$@"\n')
    path.chmod(0o700)
    return os.pathsep.join([str(folder), os.environ["PATH"]])


def without_log(errors):
    """Return what a demo wrote to stderr, without the lines of the log.

    A refusal that comes late is looked up, and that is told: where the machine is busy, some are.
    """
    lines = errors.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("fastcron ", "setcronjob ")))


def no_receiver(*_):
    """Stand for `anyio.open_signal_receiver` on an event loop of Windows."""
    raise NotImplementedError
