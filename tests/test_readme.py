"""The README's Python examples run, as they stand, against the emulator."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import httpx
import pytest

import cronapi
from cronapi import Scheduler
from cronapi.emulator import create_app
from emulated import BASE_URLS, FAST, TOKEN

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_an_example_of_the_readme_runs(number, capsys, tmp_path, monkeypatch):
    """A user who copies the example gets what it says, against the emulator in the place of the service."""
    app = create_app(rates=FAST)
    options = {
        "base_url": BASE_URLS["fastcron"],
        "scheduler": Scheduler(10_000),
        "transport": httpx.ASGITransport(app),
    }
    monkeypatch.chdir(tmp_path)
    source = BLOCKS[number].replace("FastCron(token", "FastCron(token, **options")
    code = compile(source, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = eval(code, {"token": TOKEN, "options": options})
    assert inspect.isawaitable(running)
    await running
    assert app.emulator.requests
    assert "**options" in source


def test_the_first_two_commands_are_whole():
    """The first two sh blocks are one line each: set up and run the demo, set up and run the tests."""
    demo, tests = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[:2]
    assert demo.strip().endswith("cronapi demo")
    assert "pytest" in tests
    assert demo.count("\n") == tests.count("\n") == 1


def test_every_error_of_the_readme_exists():
    """The names in the README's table of errors are exported."""
    table = README.partition("## Errors")[2].partition("## In FastAPI")[0]
    named = set(re.findall(r"`(\w+Error)`", table)) - {"ValueError"}
    assert named
    assert named <= set(cronapi.__all__)
