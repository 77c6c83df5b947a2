"""The command line as such: its commands, its errors and its start."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from importlib.metadata import entry_points, version

import click
import pytest
from click.testing import CliRunner

from cronapi import cli
from cronapi.cli.root import cronapi
from cronapi.cli.table import COMMANDS
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
    """The help of the group lists the commands."""
    result = run(flag)
    assert result.exit_code == 0
    assert all(name in result.output for name in ("demo", "emulator", "pace"))


def leaves():
    """Return the paths of all commands that are no groups."""
    return [path for path, (module, _) in COMMANDS.items() if module]


def loaded(path):
    """Return a command by its path, imported."""
    group = cronapi
    *groups, name = path.split()
    for one in groups:
        group = group.load(one)
    return group.load(name)


def test_every_command_explains_itself_on_80_columns():
    """The help of each command and group names it, and no line of it is wider than 80 columns."""
    for path in ["", *COMMANDS]:
        result = run(*path.split(), "--help")
        assert result.exit_code == 0, path
        assert result.output.split()[: 2 + len(path.split())] == [
            "Usage:",
            "cronapi",
            *path.split(),
        ]
        assert max(map(len, result.output.splitlines())) <= 80, path


@pytest.mark.parametrize("columns", [40, 45, 50])
def test_help_fits_a_narrow_terminal(columns):
    """No line of any command's help is broken by the terminal, inside of a word."""
    for path in ["", "cron", "emulator ready", *leaves()]:
        shown = CliRunner().invoke(
            cronapi, [*path.split(), "--help"], env={"COLUMNS": str(columns)}
        )
        assert shown.exit_code == 0
        wide = [line for line in shown.output.splitlines() if len(line) > columns]
        assert wide == [], path


def test_every_option_and_argument_has_help():
    """No option stands there with its type alone, and the root says how to begin."""
    for path in leaves():
        command = loaded(path)
        for param in command.params:
            if isinstance(param, click.Option):
                assert param.help, (path, param.opts)
    told = run("--help").output
    assert all(word in told for word in ("FASTCRON_TOKEN", "cronapi emulator", "cron list", "-n"))


def test_the_table_has_the_summary_of_each_command():
    """The help of a group and that of its command begin with the same sentence."""
    for path in COMMANDS:
        assert loaded(path).get_short_help_str(limit=200) == COMMANDS[path][1]


@pytest.mark.parametrize("group", ["", "account", "cron", "group", "help", "server"])
def test_a_group_alone_lists_its_commands_each_in_a_line(group):
    """A group alone prints its help to stdout. No summary is wrapped or cut off."""
    result = run(*group.split())
    rows = {
        path.split()[-1]: summary
        for path, (_, summary) in COMMANDS.items()
        if path.rpartition(" ")[0] == group
    }
    lines = result.stdout.splitlines()[-len(rows) :]
    assert [line.split(maxsplit=1) for line in lines] == [list(row) for row in rows.items()]
    assert (result.exit_code, result.stderr) == (0, "")


def test_underscores_are_as_good_as_hyphens():
    """A function's own spelling is understood too."""
    assert run("cron", "batch_add", "--help").exit_code == 0


def test_a_misspelt_command_is_answered_with_the_nearest_name():
    """Click suggests names of the table, though their commands are not loaded."""
    for arguments, meant in [(["demi"], "demo"), (["cron", "lits"], "list")]:
        result = run(*arguments)
        assert f"Did you mean '{meant}'?" in result.stderr
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (64, "", 1)


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
def test_a_wrong_command_line_is_exit_code_64(arguments):
    """A mistake in the command line is told apart from a failure."""
    assert run(*arguments).exit_code == 64


def test_an_error_of_cronapi_is_one_line_and_exit_code_1():
    """An error is one line, without a traceback."""
    result = fail(CronAPIError("The service is on holiday."))
    assert (result.exit_code, result.output) == (1, "Error: The service is on holiday.\n")


@pytest.mark.parametrize(
    ("module", "extras"),
    [("rich", "cli"), ("uvicorn", "cli,emulator")],
)
def test_a_missing_extra_is_named(module, extras):
    """If a package is missing, the error names the extra to install."""
    result = fail(ModuleNotFoundError(f"No module named {module!r}", name=module))
    assert (result.exit_code, result.output) == (
        1,
        f'Error: This command needs {module}: pip install "cronapi-client[{extras}]"\n',
    )


def test_any_other_missing_module_is_a_fault_of_ours():
    """A missing module that no extra brings is raised as it is."""
    assert isinstance(
        fail(ModuleNotFoundError("No module named 'x'", name="x")).exception, ModuleNotFoundError
    )


# --- in a process of its own ----------------------------------------------------------------------


def python(script):
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


def test_the_entry_point_is_main():
    """The installed command `cronapi` is `cronapi.cli.main`."""
    (script,) = entry_points(group="console_scripts", name="cronapi")
    assert script.load() is cli.main


HEAVY = {
    *("anyio", "asyncio", "attr", "attrs", "cattrs", "httpx"),
    *("rich", "starlette", "tomlkit", "uvicorn"),
}


def modules_after(*arguments, **environment):
    """Run the command line in a process of its own, and return the modules that it has loaded."""
    script = f"""
import atexit, os, sys
from cronapi.cli import main
sys.argv = ["cronapi", *{arguments!r}]
os.environ |= {environment!r}
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
main()
"""
    done = python(script)
    assert done.stdout
    return set(done.stderr.split())


def test_no_help_loads_more_than_click():
    """No help of the root, a group or a command loads a client, a server or an event loop."""
    script = f"""
import sys
from click.testing import CliRunner
before = set(sys.modules)
from cronapi.cli.root import cronapi
for path in {["", *COMMANDS]!r}:
    assert CliRunner().invoke(cronapi, [*path.split(), "--help"]).exit_code == 0, path
print(*set(sys.modules) - before)
"""
    done = python(script)
    assert not done.stderr
    assert not set(done.stdout.split()) & HEAVY


def test_completion_loads_click_alone():
    """Completing a command's name is as cheap as the help."""
    loaded = modules_after(
        _CRONAPI_COMPLETE="bash_complete", COMP_WORDS="cronapi cron add --h", COMP_CWORD="3"
    )
    assert "click" in loaded
    assert not loaded & HEAVY


def test_completion_behind_an_option_that_is_refused_later_is_no_error():
    """TAB prints nothing but what it completes."""
    given = {"COMP_WORDS": "cronapi --json next --", "COMP_CWORD": "3"}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from cronapi.cli.root import cronapi; cronapi(prog_name='cronapi')",
        ],
        env={**os.environ, "_CRONAPI_COMPLETE": "bash_complete", **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "--after" in done.stdout
    assert done.stderr == ""


def test_the_help_of_the_group_imports_no_command():
    """The names and summaries are in the table, so no command's module is loaded for them."""
    assert not modules_after("--help") & {module for module, _ in COMMANDS.values()}


def test_without_click_it_says_what_to_install():
    """Without the extra the command says so and exits with 1."""
    done = python("import sys; sys.modules['click'] = None; from cronapi.cli import main; main()")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{cli.ADVICE}\n"
    assert 'pip install "cronapi-client[cli]"' in cli.ADVICE


def test_without_click_main_exits_with_1(monkeypatch, capsys):
    """Where click cannot be imported, `main` names the extra and exits with 1."""
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
    monkeypatch.setitem(sys.modules, "cronapi.cli.lazy", None)
    with pytest.raises(ModuleNotFoundError, match=r"cronapi\.cli\.lazy"):
        cli.main()
    monkeypatch.undo()
    importlib.import_module("cronapi.cli.root")
