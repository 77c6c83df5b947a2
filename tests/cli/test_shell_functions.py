"""The command line reaches everything that the services have."""

from __future__ import annotations

import inspect
import json

import pytest
from attrs import evolve

from cronapi import JobParams
from cronapi._functions import TABLE
from cronapi._protocol.declared import DECLARED
from cronapi.cli.frame.job_options import HELP, option_of
from cronapi.cli.root import cronapi
from cronapi.cli.table import COMMANDS
from tests.support.shell import EVERY, shell_at
from tests.test_house import NAMESPACES

OPTION_OF = {
    "for_": "--for",
    "job": "--from",
    "keyword": "--search",
    "limit": "--last",
    "ids": "ids",
    "specs": "file",
    "secret": "value",
}
"""The options of a method's parameters that have a name of their own."""
ALSO = {("cron.group_edit", "id"): "group_id", ("cron.ensure", "name"): "name"}
VALUES = {
    "bool": "true",
    "int": "7",
    "bool | int": "1",
    "bool | int | datetime": "1800000000",
    "Mapping[str, str] | str": "X-Note: 1",
    "Sequence[str] | str": "1",
}
"""A text for a parameter of each declared type that is no plain text."""


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        shell.prepare()
        yield shell


def command(path):
    group = cronapi
    for name in path.split():
        group = group.load(name)
    return group


def path_of(function):
    return function.replace(".", " ").replace("_", "-")


def test_every_function_has_a_command():
    """Each row of the table of functions is a command, and has a summary in the help."""
    assert {path_of(name) for name in TABLE} <= COMMANDS.keys()


def test_every_command_that_calls_is_tried():
    """The good command lines of these tests cover each command that calls a service."""
    calling = {path for path, (module, _) in COMMANDS.items() if ".cli.api." in module}
    assert calling == EVERY.keys()


@pytest.mark.parametrize("function", TABLE)
def test_every_parameter_of_a_function_has_an_option(function):
    """Each parameter of a method can be given on the command line."""
    target, action = function.split(".")
    method = getattr(NAMESPACES[target], action)
    found = {
        name: ALSO.get((function, name)) or OPTION_OF.get(name)
        for name in list(inspect.signature(method).parameters)[1:]
        if name != "params"
    }
    params = command(path_of(function)).params
    known = {name for param in params for name in (param.name, *param.opts)}
    wanted = {given or name for name, given in found.items()}
    if function == "cron.list":
        wanted |= {"--page"}
    if function in {
        "cron.edit",
        "cron.run",
        "cron.logs",
        "cron.delete",
        "cron.get",
        "cron.pause",
    } or (function in {"cron.enable", "cron.disable"}):
        wanted = {"ids" if name == "id" else name for name in wanted}
    assert wanted <= known


@pytest.mark.parametrize(
    "path", ["cron add", "cron edit", "cron ensure", "cron batch-edit", "cron group-edit"]
)
def test_every_parameter_of_a_job_has_an_option(path):
    """A new parameter of jobs has an option by itself, in all commands that take one."""
    params = {param.name: param for param in command(path).params}
    for name in JobParams.__annotations__:
        assert name in params, name
        if not (path == "cron ensure" and name == "name"):
            assert params[name].opts == [option_of(name)]


def test_every_parameter_of_a_job_has_a_help():
    """No option of a parameter is without a line of help."""
    assert HELP.keys() == JobParams.__annotations__.keys()


def test_every_parameter_travels(shell):
    """What is given to an option is sent, in its own type."""
    for name, hint in DECLARED.items():
        if name not in JobParams.__annotations__ or name in {"url", "group"}:
            continue
        text = VALUES.get(hint.removesuffix(" | None"), "some text")
        given = [option_of(name), "${SHELL_SECRET}" if name == "password" else text]
        line = ["cron", "edit", shell.jobs[0], *given, "--dry-run", "--show-secrets"]
        sent = shell.json(*line)["dry_run"]["parameters"][name]
        as_sent = json.dumps(sent) if isinstance(sent, bool) else sent
        if name == "http_headers":
            assert sent == {"X-Note": "1"}
        elif name != "password":
            assert str(as_sent) == text, name


def test_every_command_writes_what_it_says(shell):
    """The result of each command is one JSON document, and with tsv lines of equal cells."""
    for path in EVERY:
        shell.prepare()
        line, environment = shell.line_of(path)
        assert shell.json(*line, **environment) is not None, path
        shell.prepare()
        line, environment = shell.line_of(path)
        done = shell(*line, **environment)
        assert done.exit_code == 0, done.output
        if path != "call":
            assert len({row.count("\t") for row in done.stdout.splitlines()}) == 1, done.stdout


def test_ensure_tells_its_result(shell):
    """It creates, leaves alone or edits, and says so in every format."""
    line = ["cron", "ensure", "sure", "--url", "https://example.com/sure", "--timeout"]
    results = [shell.json(*line, timeout)["result"] for timeout in (20, 20, 25)]
    assert results == ["created", "unchanged", "edited"]
    assert shell(*line, 25).stdout.startswith("result\tid\t")


def test_raw_data_has_every_format(shell):
    """`call` prints JSON, or what is asked for, with the wire's names."""
    assert json.loads(shell("call", "cron.list").stdout)[0]["httpMethod"] == "GET"
    rows = shell("call", "cron_list", "-o", "csv").stdout.splitlines()
    assert "httpMethod" in rows[0].split(",")
    ids = shell("call", "cron.list", "-o", "ids").stdout.split()
    assert ids == shell("cron", "list", "-o", "ids").stdout.split()
    assert shell("call", "cron.delete", f"id:={ids[-1]}", "-o", "ids").exit_code == 0


def test_no_command_sends_anything_in_a_dry_run(shell):
    """With --dry-run each change tells its function and cost, needs no token and sends nothing."""
    shell.prepare()
    reading = {"get", "list", "find", "logs", "failures", "next", "items", "lookup"}
    for path in EVERY:
        if path.split()[-1] in reading or path.startswith("server") or path == "whoami":
            continue
        before = shell.sent
        line, _ = shell.line_of(path)
        told = shell.json(*line, "-n", FASTCRON_TOKEN=None, CRONAPI_PROVIDER="fastcron")["dry_run"]
        assert told["requests"] >= 1, path
        assert told["token"] == "FASTCRON_TOKEN"
        assert shell.sent == before, path


def test_a_new_function_has_a_command_by_itself(shell, monkeypatch):
    """A function that no command was made for is called with raw parameters."""
    row = evolve(TABLE["cron.get"], name="cron.count_runs")
    monkeypatch.setitem(TABLE, row.name, row)
    told = shell.json("cron", "count-runs", "id:=5", "--dry-run")["dry_run"]
    assert (told["function"], told["parameters"]) == ("cron.count_runs", {"id": 5})
    done = shell("cron", "count-runs", "id:=5")
    assert (done.exit_code, "cron.count_runs" in done.stderr) == (64, True)
