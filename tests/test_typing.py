"""What type checkers know of cronapi: the files in `typing/`, read by mypy and basedpyright."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import get_args

import pytest

import cronapi
from cronapi import EnsureParams, JobParams, NewJobParams
from cronapi._protocol.declared import FunctionParams
from cronapi.emulator import KINDS, Era, FaultKind, call, executions, limiter, pages, search
from cronapi.emulator.words import FrontPage, LimiterMethod, LogShape, Moves, Search
from cronapi.scheduler import Lane
from cronapi.scheduler.slot import LANES

FOLDER = Path(__file__).parent / "typing"
FILES = sorted(FOLDER.glob("*.py"))
MARK = "  # error: "


def expected():
    """Return the word of the error that each marked line has, by file and line."""
    return {
        (path.name, number): line.partition(MARK)[2]
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MARK in line
    }


def run(*command):
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)  # noqa: PLW1510 -- they fail on purpose
    assert not done.stderr, done.stderr
    return done.stdout


def by_mypy(cache):
    """Yield file, line and text of each error that mypy finds."""
    options = ("--strict", "--no-error-summary", "--follow-imports=silent", "--show-absolute-path")
    for line in run("mypy", "--cache-dir", str(cache), *options, *map(str, FILES)).splitlines():
        path, number, text = re.fullmatch(r"(.*?):(\d+): (?:error|note): (.*)", line).groups()
        yield Path(path).name, int(number), text


def by_basedpyright(_):
    """Yield file, line and text of each error that basedpyright finds."""
    options = ("--outputjson", "--level", "error", "--pythonpath", sys.executable)
    report = json.loads(run("basedpyright", *options, *map(str, FILES)))
    for found in report["generalDiagnostics"]:
        path, line = Path(found["file"]), found["range"]["start"]["line"] + 1
        yield path.name, line, found["message"]


@pytest.mark.proof
@pytest.mark.parametrize("check", [by_mypy, by_basedpyright])
def test_a_type_checker_finds_each_mistake_and_no_other(check, tmp_path):
    """A checker refuses each line that is marked, for the reason that is marked, and takes every
    other line of the files.
    """
    said = {}
    for name, line, text in check(tmp_path):
        said[name, line] = f"{said.get((name, line), '')}\n{text}"
    wanted = expected()
    assert len(wanted) > 40
    assert said.keys() == wanted.keys()
    assert {place for place, word in wanted.items() if word not in said[place]} == set()


def test_each_parameter_of_a_job_is_in_each_of_its_types():
    """A new job, an edit and an ensured job have the same parameters, of the same types. A new job
    needs a url, and an ensured one a name too.
    """
    hints = {cls: cls.__annotations__ for cls in (JobParams, NewJobParams, EnsureParams)}
    some = JobParams.__annotations__
    assert JobParams.__required_keys__ == frozenset()
    assert NewJobParams.__required_keys__ == {"url"}
    assert EnsureParams.__required_keys__ == {"url", "name"}
    for cls, needed in hints.items():
        assert needed.keys() == some.keys()
        others = needed.keys() - cls.__required_keys__
        assert {name: needed[name] for name in others} == {name: some[name] for name in others}
    assert some.items() <= FunctionParams.__annotations__.items()


@pytest.mark.parametrize(
    ("literal", "table"),
    [
        (FaultKind, KINDS),
        (Era, call.ERAS),
        (Moves, call.MOVES),
        (Search, search.SEARCHES),
        (LogShape, executions.LOG_SHAPES),
        (LimiterMethod, limiter.METERS),
        (FrontPage, pages.FRONT_PAGES),
        (Lane, LANES),
    ],
)
def test_the_names_that_a_type_has_are_those_of_its_table(literal, table):
    """A kind that is missing in its type, or in the table of its effects, is seen."""
    assert get_args(literal) == tuple(table)


@pytest.mark.proof
def test_every_type_of_the_package_is_known(tmp_path):
    """Installed beside the libraries that it needs, no signature leaves a checker guessing."""
    room = tmp_path / "venv"
    venv.create(room, with_pip=False)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(room)}))
    shutil.copytree(Path(cronapi.__file__).parent, site / "cronapi")
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--verifytypes", "cronapi", "--ignoreexternal"],
        env={**os.environ, "PATH": f"{room / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Type completeness score: 100%" in done.stdout) == (0, True), (
        done.stdout
    )
