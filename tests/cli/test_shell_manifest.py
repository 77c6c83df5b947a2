"""The commands for manifests: exit codes, output, and nothing sent for a wrong file."""

from __future__ import annotations

import json
import shlex
import stat
import tomllib

import pytest

from tests.support.manifests import ENVIRON, FULL, HEAD, jobs_text
from tests.support.shell import shell_at

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with shell_at(tmp_path) as shell:
        shell.path = tmp_path / "cronjobs.toml"
        yield shell


def changed(shell, count):
    """Return the functions of the requests after the first `count` that change something."""
    reads = {"cron.list", "group.lookup"}
    seen = [one.function for one in list(shell.emulator.requests)[count:]]
    return [function for function in seen if function not in reads]


def test_plan_apply_drift_and_their_exit_codes(shell):
    """2 for changes, 0 when all is done, and a drift that is put right."""
    shell.path.write_text(HEAD + jobs_text(3))
    told = shell("plan")
    assert (told.exit_code, told.stderr) == (2, "")
    assert "+ job 0" in told.stdout
    assert "3 to create, 0 to edit, 0 to delete" in told.stdout
    assert shell("apply").exit_code == 64  # nobody to ask
    told = shell("apply", "-y")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("3 created, 0 unchanged; ")
    assert "+ job 0" in told.stderr
    assert shell("plan").exit_code == 0
    assert shell("drift").stdout == ""
    number = shell.json("cron", "find", "job 1")["id"]
    shell("cron", "edit", str(number), "--timeout", "77")
    shell.path.write_text(HEAD + jobs_text(3, lines="timeout = 30\n"))
    told = shell("drift")
    assert (told.exit_code, told.stderr) == (2, "")
    assert "timeout       77  ->  30" in told.stdout
    told = shell("apply", "-y", "--json")
    document = json.loads(told.stdout)
    assert [one["status"] for one in document["outcomes"]] == ["done"]
    assert document["left"] == []
    assert shell("apply", "-y", "-q").stdout.startswith("3 unchanged; 0 requests")


def test_a_saved_plan_is_carried_out_without_a_question_and_only_as_it_is(shell):
    """An apply of an outdated plan is exit code 3, and changes nothing."""
    shell.path.write_text(HEAD + jobs_text(2))
    assert shell("plan", "--out", "plan.json").exit_code == 2
    assert shell("plan", "--out", "plan.json").exit_code == 64
    assert json.loads(shell("plan", "--json").stdout)["schema"] == 1
    assert shell("apply", "plan.json").exit_code == 0
    count = shell.sent
    told = shell("apply", "plan.json")
    assert told.exit_code == 3
    assert "The saved plan is stale" in told.stderr
    assert changed(shell, count) == []
    (shell.path.parent / "bad.json").write_text("[]")
    assert shell("apply", "bad.json").exit_code == 64
    assert shell("apply", "none.json").exit_code == 64


def test_the_brake_is_exit_code_3_and_what_is_deleted_is_kept(shell):
    """A number releases it, and the undo file makes the jobs again."""
    shell.path.write_text(HEAD + jobs_text(4))
    shell("apply", "-y")
    shell.path.write_text(HEAD + jobs_text(1))
    count = shell.sent
    assert shell("plan").exit_code == 0
    assert shell("drift").exit_code == 2
    assert "--max-deletes 3 allows them" in shell("plan", "--prune").stdout
    assert shell("apply", "-y", "--prune").exit_code == 3
    assert changed(shell, count) == []
    told = shell("apply", "-y", "--prune", "--max-deletes", "3")
    assert told.exit_code == 0, told.output
    assert len(shell.emulator.jobs("fastcron")) == 1
    (undo,) = (shell.path.parent / ".local/state/cronapi/undo").iterdir()
    assert stat.S_IMODE(undo.stat().st_mode) == 0o600
    assert str(undo) in told.stderr
    assert shell("apply", "-y", "-f", str(undo)).exit_code == 0
    assert len(shell.emulator.jobs("fastcron")) == 4


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("", (), "cronjobs.toml: it has no version"),
        (HEAD + jobs_text(1) + "timeot = 3\n", (), "cronjobs.toml:6: job"),
        (HEAD + jobs_text(1), ("--env", "none"), "there is no environment 'none'"),
        (HEAD + jobs_text(1) + 'filter = "${NOT_SET}"\n', (), "NOT_SET is not set"),
        ('include = ["x*.toml"]\n' + HEAD + jobs_text(1), (), "matches no file"),
        (HEAD + jobs_text(1), ("-f", "none.toml"), "cannot be read"),
    ],
)
def test_a_wrong_file_is_exit_code_64_and_nothing_is_sent(shell, text, arguments, said):
    """For each of the commands, in one line or one JSON line."""
    shell.path.write_text(text)
    for command in (["plan"], ["apply", "-y"], ["drift"]):
        told = shell(*command, *arguments)
        assert told.exit_code == 64, told.output
        assert said in told.stderr
        assert all(
            line.startswith(arguments[-1] if "-f" in arguments else "cronjobs.toml")
            for line in told.stderr.splitlines()
        )
        told = shell(*command, *arguments, "--json")
        assert said in json.loads(told.stderr)["error"]["message"]
        assert told.stdout == ""
    assert shell.sent == 0


def test_an_export_is_a_manifest_and_an_adoption_adds_to_it(shell):
    """Secrets go into a file of their own, which only its owner may read."""
    shell.prepare()
    shell("cron", "edit", *map(str, shell.jobs), "--header", "X-Key: canary-key-1")
    told = shell("export", "--prefix", "n", "--env-file", "secrets.env")
    assert told.exit_code == 0, told.output
    assert "canary" not in told.output
    secrets = shell.path.parent / "secrets.env"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    environ = dict(line.split("=") for line in secrets.read_text().splitlines())
    assert set(environ.values()) == {"canary-key-1"}
    assert tomllib.loads(told.stdout)["job"].keys() == {"n0", "n1"}
    shell.path.write_text(told.stdout)
    assert shell("plan", **environ).exit_code == 0
    assert "canary" in shell("export", "--prefix", "n", "--secrets", "plain").stdout
    number = shell.json("cron", "add", "--url", "https://example.com/x", "--name", "other")["id"]
    told = shell("adopt", str(number), **environ)
    assert (told.exit_code, told.stdout) == (0, "nother\n")
    assert shell("plan", **environ).exit_code == 0
    assert shell("adopt", "987654", **environ).exit_code == 64
    assert shell("export").exit_code == 64


def test_the_service_of_the_file_is_called_and_no_secret_is_shown(shell):
    """`provider` of the scope chooses the service, and -v and -vv tell no canary."""
    shell.path.write_text(FULL.replace("fastcron", "setcronjob"))
    tokens = {"SETCRONJOB_TOKEN": shell.environment["FASTCRON_TOKEN"], **ENVIRON}
    outputs = []
    for command in (["plan"], ["plan", "--json"], ["apply", "-y", "-vv"], ["drift", "--json"]):
        told = shell(*command, "--env", "staging", **tokens)
        assert told.exit_code in {0, 2}, told.output
        outputs.append(told.output)
    assert len(shell.emulator.jobs("setcronjob")) == 3
    assert not any(secret in text for secret in ENVIRON.values() for text in outputs)


def test_a_check_tells_file_line_job_and_rule(shell):
    """As text, as JSON, and as GitHub shows it beside the line."""
    shell.path.write_text(HEAD + jobs_text(1, lines='post_data = "{"\n'))
    told = shell("check")
    assert told.exit_code == 2
    assert told.stdout.startswith("cronjobs.toml:6: job 0: not-json: ")
    assert json.loads(shell("check", "--json").stdout)[0]["rule"] == "not-json"
    line = shell("check", "--format", "github").stdout
    assert line.startswith("::warning file=cronjobs.toml,line=6,title=not-json::job 0: ")
    shell.path.write_text(HEAD + jobs_text(1))
    assert shell("check").exit_code == 0
    assert shell("check", "-f", "none.toml").exit_code == 64
    assert shell.sent == 0


def test_a_migration_writes_a_manifest_and_tells_what_gets_lost(shell):
    """2 with a loss, 0 where losses are accepted, and nothing is changed at either service."""
    shell.prepare()
    shell("cron", "edit", str(shell.jobs[0]), "--filter", "hour > 3")
    line = ["migrate", "--from", "fastcron", "--to", "setcronjob", "--into", "new", "--out"]
    count = shell.sent
    told = shell(*line, "moved.toml")
    assert told.exit_code == 0, told.output
    assert len(tomllib.loads((shell.path.parent / "moved.toml").read_text())["job"]) == 2
    assert shell(*line, "moved.toml").exit_code == 64
    group = json.loads(shell("group", "add", "g", "--json").stdout)["id"]
    shell("cron", "add", "--url", "https://example.com/", "--name", "n0", "--group", str(group))
    told = shell(*line, "again.toml", "--json")
    assert told.exit_code == 2
    assert len(json.loads(told.stdout)["skipped"]) == 1
    assert shell(*line, "more.toml", "--accept-losses").exit_code == 0
    same = [word.replace("setcronjob", "fastcron") for word in line]
    assert shell(*same, "same.toml").exit_code == 64
    assert changed(shell, count) == ["group.add", "cron.add"]


def test_a_secret_is_rotated_by_the_names_of_its_variables(shell):
    """A dry run tells the jobs, and no output has a value."""
    shell.prepare()
    shell("cron", "edit", *map(str, shell.jobs), "--header", "X-Key: canary-key-1")
    values = {"OLD": "canary-key-1", "NEW": "canary-key-2"}
    line = ["rotate", "--old-env", "OLD", "--new-env", "NEW"]
    told = [shell(*line, *more, **values) for more in (["--everywhere", "-n"], ["--everywhere"])]
    assert [one.exit_code for one in told] == [2, 64]
    assert told[0].stdout == "".join(
        f"{number}\tn{index}\thttp_headers\n" for index, number in enumerate(shell.jobs)
    )
    told += [shell(*line, "-y", **values), shell(*line, "--everywhere", "-y", "--json", **values)]
    assert [one.exit_code for one in told[2:]] == [64, 0]
    assert json.loads(told[3].stdout)["left"] == []
    shell("cron", "edit", str(shell.jobs[0]), "--header", "X-Key: canary-key-1")
    told_last = shell(*line, "--everywhere", "-y", **values)
    assert "Set the variables of your manifests too" in told_last.stderr
    headers = {job["httpHeaders"] for job in shell.emulator.jobs("fastcron")}
    assert headers == {"X-Key: canary-key-2"}
    told.append(shell(*line, "--everywhere", "-y", OLD="canary-key-1"))
    assert told[4].exit_code == 64
    assert not any("canary" in one.output for one in told)


def test_a_manifest_can_come_from_standard_input_and_a_plan_be_markdown(shell):
    """- is standard input, and a diff block is what a pull request shows."""
    told = shell("plan", "-f", "-", "--format", "markdown", stdin=HEAD + jobs_text(1))
    assert told.exit_code == 2
    assert told.stdout.startswith("```diff\n<stdin>: fastcron")
    assert told.stdout.endswith("```\n")


def test_drift_sees_a_job_that_somebody_has_disabled(shell):
    """It ends with 2, and names the option, though an apply would change nothing."""
    shell.prepare()
    shell.path.write_text(shell("export", "--all").stdout)
    told = shell("drift")
    assert (told.exit_code, told.output) == (0, "")
    shell("cron", "disable", str(shell.jobs[1]))
    assert shell("plan").exit_code == 0
    told = shell("drift")
    assert told.exit_code == 2
    assert "--enable lets it run" in told.stdout
    assert json.loads(shell("drift", "--json").stdout)["stopped"][0]["id"] == shell.jobs[1]
    assert shell("apply", "-y", "--enable").stdout.startswith("1 enabled")
    assert shell("drift").exit_code == 0


def test_an_export_that_leaves_jobs_out_ends_with_2_and_its_comments_stay_true(shell):
    """They tell what was so when the file was written, in text and JSON alike."""
    shell.prepare()
    assert shell("export", "--all").exit_code == 0
    twin, nameless = (
        shell.json("cron", "add", "--url", "https://example.com/x", "--name", name)["id"]
        for name in ("n0", "")
    )
    told = shell("export", "--all")
    assert told.exit_code == 2
    assert f"# Left out: job {twin} had the name of job {shell.jobs[0]}: 'n0'." in told.stdout
    assert f"# Left out: job {nameless} had no name." in told.stdout
    assert told.stderr.count("Not exported: ") == 2
    as_json = shell("export", "--all", "--json")
    assert (as_json.exit_code, len(json.loads(as_json.stdout)["skipped"])) == (2, 2)
    shell.path.write_text(told.stdout)
    assert shell("adopt", twin, nameless, "--as", "{name} {id}").exit_code == 0
    assert shell("drift").exit_code == 0


def test_the_command_that_makes_deleted_jobs_again_is_told_as_it_can_be_typed(shell):
    """It makes them and nothing else, and the line says what does not come back."""
    shell.path.write_text(HEAD + jobs_text(4))
    shell("apply", "-y")
    shell.path.write_text(HEAD + jobs_text(3))
    told = shell("apply", "-y", "--prune", "--undo", "two words.toml")
    (line,) = [line for line in told.stderr.splitlines() if "was deleted" in line]
    assert "passwords" in line
    command = line.partition("`cronapi ")[2].partition("`")[0]
    done = shell(*shlex.split(command), "-y")
    assert done.exit_code == 0
    assert done.stdout.startswith("1 created")
    assert len(shell.emulator.jobs("fastcron")) == 4


def test_counts_of_one_read_as_one(shell):
    """In the brake, in its error, and in the summary of a rotation."""
    shell.prepare()
    shell("cron", "edit", str(shell.jobs[0]), "--header", "X-Key: canary-key-1")
    head = 'version = 1\n[scope]\nprefix = "n"\nmax_deletes = 0\n'
    shell.path.write_text(head + '[job."n0"]\nurl = "https://example.com/0"\n')
    told = shell("plan", "--prune").stdout + shell("apply", "-y", "--prune").stderr
    assert "1 deletions" not in told
    assert "deletes 1 of 2 jobs" in told
    values = {"OLD": "canary-key-1", "NEW": "canary-key-2"}
    line = ["rotate", "--old-env", "OLD", "--new-env", "NEW", "--everywhere", "-y"]
    assert "1 job found, 0 still show the old secret." in shell(*line, **values).stderr
    assert "0 jobs found" in shell(*line, **values).stderr
