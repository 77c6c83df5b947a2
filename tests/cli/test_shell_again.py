"""After an interruption the last line says what the same command does, and that is true."""

from __future__ import annotations

import json
import signal

import pytest

from cronapi.cli.frame.again import AGAIN, EDIT_THAT_RUNS, GOES_ON, READS, again
from cronapi.cli.root import cronapi
from cronapi.cli.table import COMMANDS
from tests.support.emulated import TOKEN, fill
from tests.support.seen import accepted
from tests.support.shell import shell_at

SETCRONJOB = {"CRONAPI_PROVIDER": "setcronjob", "SETCRONJOB_TOKEN": TOKEN}
COUNT = 20


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        yield shell


@pytest.fixture
def jobs(shell):
    shell.emulator.reset()
    return fill(shell.app, "setcronjob", COUNT, "tmp")


def interrupted(shell, after, *line, **environment):
    """Interrupt a command after so many requests, and return its end."""
    shell.interrupting.signal, shell.interrupting.after = signal.SIGINT, after
    done = shell(*line, **SETCRONJOB | environment)
    assert done.exit_code == 130, done.output
    return done


def test_every_command_that_changes_something_has_a_sentence():
    """A new one fails here until the table has it. Commands that read begin anew."""
    changing = set()
    for path, (module, _) in COMMANDS.items():
        if module.startswith(("cronapi.cli.api", "cronapi.cli.plan")):
            group = cronapi
            for name in path.split():
                group = group.load(name)
            changing |= {path} if 6 in group.exits else set()
    assert set(AGAIN) == changing
    assert again("cron count-runs", changes=True) == AGAIN["call"]
    assert again("cron list", changes=False) == READS


@pytest.mark.parametrize(
    "line",
    [
        "cron edit --match tmp* --timeout 20",
        "cron edit --match tmp* --set-header X-A:1",
        "cron disable --match tmp*",
        "cron pause --match tmp* --for 2h",
        "cron run --match tmp*",
        "cron delete --match tmp* -y",
        "cron list",
    ],
)
def test_the_sentence_is_told_as_text_and_as_json(shell, jobs, line):
    """Once, at the end of the last line."""
    path = " ".join(line.split()[:2])
    says = AGAIN.get(path, READS)
    after = 0 if path == "cron list" else 6
    done = interrupted(shell, after, *line.split())
    assert done.stderr.endswith(f" {says}\n")
    assert done.stderr.count("The same command") <= 1
    done = interrupted(shell, 0, *line.split(), "--json")
    assert json.loads(done.stderr.splitlines()[-1])["error"]["message"].endswith(f" {says}")


def test_an_edit_begins_from_the_start_and_does_no_harm(shell, jobs):
    """All jobs are edited by the same command, those that were edited once more."""
    line = ["cron", "edit", "--match", "tmp*", "--timeout", "25"]
    interrupted(shell, 9, *line)
    before = accepted(shell.app, "cron.edit")
    assert 0 < before < COUNT
    assert shell(*line, **SETCRONJOB).exit_code == 0
    assert accepted(shell.app, "cron.edit") == before + COUNT
    assert {job["timeout"] for job in shell.emulator.jobs("setcronjob")} == {25}


def test_a_deletion_deletes_the_jobs_that_are_left(shell, jobs):
    """It does not begin with those that are gone."""
    line = ["cron", "delete", "--match", "tmp*", "-y"]
    interrupted(shell, 9, *line)
    left = len(shell.emulator.jobs("setcronjob"))
    assert 0 < left < COUNT
    done = shell(*line, "--json", **SETCRONJOB)
    assert (json.loads(done.stdout)["done"], shell.emulator.jobs("setcronjob")) == (left, [])


def test_runs_would_be_queued_again(shell):
    """Nothing at the service tells a run that was queued from one that is wanted twice."""
    shell.emulator.reset()
    fill(shell.app, "fastcron", COUNT, "tmp")
    fastcron = {"CRONAPI_PROVIDER": "fastcron"}
    line = ["cron", "run", "--match", "tmp*"]
    interrupted(shell, 9, *line, **fastcron)
    before = accepted(shell.app, "cron.run")
    assert 0 < before < COUNT
    assert shell(*line, **fastcron).exit_code == 0
    assert accepted(shell.app, "cron.run") == before + COUNT


def test_rows_without_a_journal_are_added_again_and_with_one_they_go_on(shell, tmp_path):
    """The sentence is that of the way in which the rows were added."""
    for more, says, sums in (
        (["--no-journal"], AGAIN["cron add"], False),
        (["--journal", tmp_path / "journal"], GOES_ON, True),
    ):
        shell.emulator.reset()
        rows = [{"name": f"r{n}", "url": "https://example.com/"} for n in range(COUNT)]
        file = tmp_path / "rows.json"
        file.write_text(json.dumps(rows))
        line = ["cron", "add", "--from", file, *more]
        done = interrupted(shell, 9, *line)
        assert done.stderr.endswith(f" {says}\n")
        before = len(shell.emulator.jobs("setcronjob"))
        assert 0 < before < COUNT
        assert shell(*line, **SETCRONJOB).exit_code == 0
        after = len(shell.emulator.jobs("setcronjob"))
        assert after == (COUNT if sums else before + COUNT)


@pytest.mark.parametrize(
    "line",
    [
        "cron edit --match tmp* --run true",
        "cron batch-edit --match tmp* --run true",
        "cron group-edit {group} --run true -y",
        "cron ensure tmp --url https://example.com/ --run true",
    ],
)
@pytest.mark.parametrize("run", [True, False])
def test_an_edit_with_a_run_says_so(shell, line, run):
    """--run queues a run with each edit, so the sentence of an edit without it would be false."""
    shell.prepare()
    fill(shell.app, "fastcron", COUNT, "tmp")
    words = line.format(group=shell.group).replace("true", str(run).lower()).split()
    done = interrupted(shell, 0, *words, CRONAPI_PROVIDER="fastcron")
    says = EDIT_THAT_RUNS if run else AGAIN[" ".join(words[:2])]
    assert done.stderr.endswith(f" {says}\n")
