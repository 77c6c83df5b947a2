"""The command line as such: what it offers, how it refuses, what it costs to start."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.metadata import entry_points, version

import pytest
from click.testing import CliRunner

from cronapi import cli
from cronapi.cli.root import cronapi
from cronapi.errors import CronAPIError


def run(*arguments):
    return CliRunner().invoke(cronapi, list(arguments))


def fail(error):
    """Return a command line with a command that ends in an error."""
    root = type(cronapi)("root")

    @root.command()
    def failing():
        raise error

    return CliRunner().invoke(root, ["failing"])


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_command(flag):
    """Who asks for help sees the commands."""
    result = run(flag)
    assert result.exit_code == 0
    assert all(name in result.output for name in ("demo", "emulator", "pace"))


@pytest.mark.parametrize("command", ["demo", "emulator", "pace"])
def test_a_command_explains_itself(command):
    """Every command has a help page with its options."""
    result = run(command, "--help")
    assert (result.exit_code, result.output.split()[:3]) == (0, ["Usage:", "cronapi", command])


def test_the_version_is_that_of_the_package():
    """The version printed is the installed one."""
    assert run("--version").output.strip() == f"cronapi, version {version('cronapi-client')}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["emulator", "--port", "70000"],
        ["emulator", "--limiter", "kind"],
        ["emulator", "--burst", "-1"],
        ["emulator", "--rate-fastcron", "-1"],
        ["demo", "--provider", "cronhub"],
        ["demo", "--speed", "0"],
        ["demo", "--base-url", "http://127.0.0.1:1/"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments):
    """A mistake in the command line is told apart from a failure."""
    assert run(*arguments).exit_code == 2


def test_an_error_of_cronapi_is_one_line_and_exit_code_1():
    """An error is told, not traced back."""
    result = fail(CronAPIError("The service is on holiday."))
    assert (result.exit_code, result.output) == (1, "Error: The service is on holiday.\n")


@pytest.mark.parametrize(
    ("module", "extras"),
    [("rich", "cli"), ("uvicorn", "cli,emulator"), ("cronsim", "cli,emulator")],
)
def test_a_missing_extra_is_named(module, extras):
    """Where a package is missing, the error says what to install."""
    result = fail(ModuleNotFoundError(f"No module named {module!r}", name=module))
    assert (result.exit_code, result.output) == (
        1,
        f'Error: This command needs {module}: pip install "cronapi-client[{extras}]"\n',
    )


def test_any_other_missing_module_is_a_fault_of_ours():
    """A module that no extra brings is not explained away."""
    assert isinstance(
        fail(ModuleNotFoundError("No module named 'x'", name="x")).exception, ModuleNotFoundError
    )


# --- in a process of its own -----------------------------------------------------------------------------------------------------


def python(script):
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


def test_the_entry_point_is_main():
    """The installed command `cronapi` is `cronapi.cli.main`."""
    (script,) = entry_points(group="console_scripts", name="cronapi")
    assert script.load() is cli.main


def test_help_costs_neither_an_http_client_nor_a_server_nor_a_terminal_library():
    """`cronapi --help` starts without httpx, rich, starlette or uvicorn."""
    script = """
import atexit, sys
from cronapi.cli import main
sys.argv = ["cronapi", "--help"]
atexit.register(lambda: print(*{"httpx", "rich", "starlette", "uvicorn", "click"} & sys.modules.keys(), file=sys.stderr))
main()
"""
    done = python(script)
    assert (done.returncode, done.stderr.split()) == (0, ["click"])


def test_without_click_it_says_what_to_install():
    """Where the extra is not installed, the command says so and exits with 1."""
    done = python("import sys; sys.modules['click'] = None; from cronapi.cli import main; main()")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{cli.ADVICE}\n"
    assert 'pip install "cronapi-client[cli]"' in cli.ADVICE


def test_without_click_main_exits_with_1(monkeypatch, capsys):
    """The same in this process."""
    monkeypatch.delitem(sys.modules, "cronapi.cli.root")
    monkeypatch.setitem(sys.modules, "click", None)
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert (exit_.value.code, capsys.readouterr().err) == (1, f"{cli.ADVICE}\n")


def test_main_runs_the_command_line(monkeypatch, capsys):
    """`main` hands its arguments to click."""
    monkeypatch.setattr(sys, "argv", ["cronapi", "--version"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert (exit_.value.code, version("cronapi-client") in capsys.readouterr().out) == (0, True)


def test_main_hides_no_other_missing_module(monkeypatch):
    """A missing module that is not click is raised as it is."""
    monkeypatch.delitem(sys.modules, "cronapi.cli.root")
    monkeypatch.setitem(sys.modules, "cronapi.errors", None)
    with pytest.raises(ModuleNotFoundError, match=r"cronapi\.errors"):
        cli.main()
    monkeypatch.undo()
    importlib.import_module("cronapi.cli.root")
