"""No option is taken and then ignored: it is refused with 64, before anything is sent."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cronapi.cli.frame.combinations import RULES
from cronapi.cli.root import cronapi
from cronapi.cli.table import COMMANDS
from tests.support.shell import EVERY, shell_at

DOCUMENTS = {
    "plan": ([], "a plan"),
    "drift": ([], "the differences"),
    "apply": (["-y"], "a summary"),
    "check": ([], "its findings"),
    "export": (["--all"], "TOML"),
    "adopt": (["5"], "names"),
    "migrate": (
        ["--from", "fastcron", "--to", "setcronjob", "--into", "g", "-n"],
        "losses and counts",
    ),
    "rotate": (["--old-env", "A", "--new-env", "B", "--everywhere", "-n"], "a line for each job"),
    "health": ([], "a report"),
}
"""Each command that prints no rows, with a good command line and the words for its output."""
LOCAL = {
    "next": ["1 hour"],
    "completion": ["bash"],
    "hook secret": [],
    "hook trigger": ["failed", "--to", "http://127.0.0.1:1/"],
    "help exit-codes": [],
}
"""Commands that end by themselves and have none of the common options."""
FRONT = [
    (["--json"], "--json"),
    (["-n"], "--dry-run"),
    (["--fields", "id"], "--fields"),
    (["-P", "fastcron"], "--provider"),
    (["-v"], "--verbose"),
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        shell.prepare()
        yield shell


def refused(shell, says, *line, **environment):
    before = shell.sent
    done = shell(*line, **environment)
    assert (done.exit_code, done.stdout, shell.sent) == (64, "", before), (line, done.output)
    assert says in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1


def test_a_command_without_rows_refuses_what_rows_have(shell):
    """In front of the command and behind it, naming what it prints. JSON is taken."""
    wrong = (["-o", "csv"], ["-o", "tsv"], ["-o", "ids"], ["--fields", "id"], ["--spreadsheet"])
    wrong += (["--time-format", "utc"], ["--show-secrets"])
    for command, (line, prints) in DOCUMENTS.items():
        for option in wrong:
            spelling = "--output" if option[0] == "-o" else option[0]
            refused(shell, f"{command} prints {prints}", command, *line, *option)
            refused(shell, spelling, *option, command, *line)
    refused(shell, "--output table", "export", "--all", "-o", "table")
    assert shell("export", "--all", "--json").exit_code == 0
    assert "version = 1" in shell("export", "--all", CRONAPI_OUTPUT="csv").stdout
    for command in DOCUMENTS:
        assert not {"--fields", "--time-format"} & {*shell(command, "--help").stdout.split()}


def test_every_command_that_calls_a_service_says_what_it_prints(shell):
    """A new one fails here until it has rows or a word for its text."""
    for path, (module, _) in COMMANDS.items():
        if module.startswith(("cronapi.cli.api", "cronapi.cli.plan")):
            group = cronapi
            for name in path.split():
                group = group.load(name)
            assert (str(group.prints) != "", path in DOCUMENTS) == (
                True,
                not isinstance(group.prints, str),
            ), path


def test_a_format_and_another_one_are_not_both_taken(shell):
    """--format and --json name two forms."""
    for command, form in (("health", "nagios"), ("plan", "markdown"), ("check", "github")):
        for output in (["--json"], ["-o", "json"]):
            refused(shell, "--format", command, "--format", form, *output)


def test_an_unknown_field_is_refused_before_anything_is_sent(shell):
    """By changes too, which would be made and then end in 64. -o ids likewise."""
    for path in EVERY:
        line, environment = shell.line_of(path)
        if path not in {"call", "whoami", *DOCUMENTS}:
            refused(shell, "'nmae'", *line, "--fields", "nmae", **environment)
        if path.startswith(("account", "server", "cron next", "cron logs")):
            refused(shell, "have no ids", *line, "-o", "ids", **environment)
    refused(shell, "no ids", "cron", "run", shell.jobs[0], "--wait", "-o", "ids")
    refused(shell, "'nmae'", "cron", "run", shell.jobs[0], "--wait", "--fields", "nmae")
    refused(shell, "'error'", "cron", "run", shell.jobs[0], "--fields", "error")
    told = shell("cron", "run", shell.jobs[0], "--wait", "--fields", "error", "-n")
    assert told.exit_code == 0, told.output  # a field of runs, which it prints


def test_options_that_exclude_each_other_are_refused(shell):
    """Ids have no other fields, and only csv and tsv go into a spreadsheet."""
    refused(shell, "--fields", "cron", "list", "-o", "ids", "--fields", "name")
    for output in ("json", "ndjson", "table", "ids"):
        refused(shell, "csv or tsv", "cron", "list", "-o", output, "--spreadsheet")
    of_rows = (["--time-format", "utc"], ["--show-secrets"], ["--spreadsheet"])
    for more in (["--json"], ["-o", "csv"], ["--fields", "no"], *of_rows):
        refused(shell, "--output-of", "cron", "logs", shell.jobs[0], "--output-of", "1", *more)


def test_fields_count_in_the_outcomes_of_a_bulk(shell):
    """And in raw data, where they are members of the answer."""
    line = ["cron", "enable", *shell.jobs, "--fields", "name"]
    told = shell.json(*line)["outcomes"]
    assert [one["value"] for one in told] == [{"name": "n0"}, {"name": "n1"}]
    lines = shell(*line, "-o", "ndjson").stdout.splitlines()
    assert {"name": "n0"} in [json.loads(one)["value"] for one in lines]
    assert shell.json("call", "cron.get", f"id:={shell.jobs[0]}", "--fields", "name") == {
        "name": "n0"
    }
    assert {tuple(one) for one in shell.json("call", "cron.list", "--fields", "id")} == {("id",)}


def test_a_local_command_takes_no_option_in_front_that_it_does_not_have(shell):
    """Its own options stand behind it; those of the environment are no mistake."""
    for path, line in LOCAL.items():
        for option, name in FRONT:
            refused(shell, name, *option, *path.split(), *line)
    refused(shell, "Give --json behind it", "--json", "next", "1 hour")
    refused(shell, "Give --provider behind it", "--provider", "fastcron", "demo")
    assert shell("next", "1 hour", CRONAPI_OUTPUT="csv", CRONAPI_PROVIDER="fastcron").exit_code == 0


MOVE = ["migrate", "--from", "fastcron", "--to", "setcronjob", "--into", "g"]
COMBINED = [
    (["cron", "add", "--url", "https://example.com/", "--journal", "j"], "needs --from"),
    (["cron", "add", "--url", "https://example.com/", "--no-journal"], "needs --from"),
    (["cron", "logs", "5", "--output-of", "1", "--last", "2"], "nothing with --output-of"),
    (["cron", "logs", "5", "--output-of", "1", "--failed"], "nothing with --output-of"),
    (["cron", "logs", "5", "--output-of", "1", "--since", "2h"], "nothing with --output-of"),
    ([*MOVE, "--out", "x", "--journal", "j"], "needs --cutover or --back"),
    ([*MOVE, "--out", "x", "--overlap", "none"], "needs --cutover or --back"),
    ([*MOVE, "--back", "--group", "x"], "nothing with --back"),
    ([*MOVE, "--back", "--accept-losses"], "nothing with --back"),
    (["demo", "--provider", "fastcron", "--speed", "2"], "nothing with --provider"),
]


def test_an_option_that_means_nothing_beside_another_is_refused(shell):
    """Or without another one. The options are named, and nothing is sent."""
    for line, says in COMBINED:
        refused(shell, says, *line)
        done = CliRunner().invoke(cronapi, line, prog_name="python -m cronapi")
        assert says in done.stderr, line


def test_every_rule_of_combinations_is_about_options_that_there_are():
    """A renamed option fails here."""
    for path, rules in RULES.items():
        command = cronapi
        for name in path.split():
            command = command.load(name)
        known = {spelling for param in command.params for spelling in param.opts}
        for rule in rules:
            assert {*rule.options, *rule.others} <= known, path
