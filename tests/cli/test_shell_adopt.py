"""`cronapi adopt`: what it tells, and how it goes on after it was interrupted."""

from __future__ import annotations

import json
import shlex
import signal
import tomllib

import pytest

from cronapi.emulator import Fault
from tests.support.dying import environ_of
from tests.support.manifests import HEAD, jobs_text, sent_since
from tests.support.shell import shell_at

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with shell_at(tmp_path) as shell:
        shell.path = tmp_path / "cronjobs.toml"
        yield shell


def prepared(shell):
    """Make two jobs with a secret, and a manifest of another one that is there too."""
    shell.prepare()
    shell("cron", "edit", *map(str, shell.jobs), "--header", "X-Key: canary-key-1")
    shell.path.write_text(HEAD + jobs_text(1))
    assert shell("apply", "-y").exit_code == 0


def test_a_dry_run_tells_old_and_new_names_ids_and_cost(shell):
    """And the adoption tells the same names, and counts."""
    prepared(shell)
    first, second = shell.jobs
    count = len(shell.emulator.requests)
    told = shell("adopt", first, second, "--as", "mine {id}", "-n")
    assert told.stdout.splitlines() == [
        "would adopt 2 jobs into cronjobs.toml",
        f"{first}: 'n0' becomes 'mine {first}'",
        f"{second}: 'n1' becomes 'mine {second}'",
        "2 requests (cron.edit), about 0.0002 s at 10000 requests a second",
        "nothing was sent",
    ]
    told = json.loads(shell("adopt", first, "-n", "--json").stdout)
    assert told["dry_run"]["requests"] == 1
    assert told["jobs"] == [{"id": first, "name": "n0", "before": "n0", "moved": True}]
    assert sent_since(shell.app, count) == []
    told = shell("adopt", first, second, "--as", "mine {id}")
    assert told.stdout == f"mine {first}\nmine {second}\n"
    assert f"{first}: 'n0' becomes 'mine {first}'" in told.stderr
    assert "2 jobs adopted, 2 renamed, 2 moved." in told.stderr


def test_an_export_tells_the_command_that_adopts_what_it_leaves_out(shell):
    """With all ids and no other, and a file for the values of variables."""
    shell.prepare()
    for name in ("n0", "n0", ""):
        shell("cron", "add", "--url", "https://example.com/x", "--name", name)
    told = shell("export", "--all")
    shell.path.write_text(told.stdout)
    command = told.stderr.rpartition("cronapi ")[2].strip().removesuffix(".")
    assert shell(*shlex.split(command)).exit_code == 0
    assert "--env-file more.env" in command
    assert not (shell.path.parent / "more.env").exists()  # these jobs have no secret
    told = shell("drift")
    assert (told.exit_code, told.output) == (0, "")
    assert len(tomllib.loads(shell.path.read_text())["job"]) == 5


def environ(shell):
    """Return values for the variables of the manifest: the secret is the same in all of them."""
    names = [part.partition("}")[0] for part in shell.path.read_text().split("${")[1:]]
    return dict.fromkeys(names, "canary-key-1")


@pytest.mark.few(1)
@pytest.mark.parametrize(("with_values", "name"), [(True, "mine {id}"), (False, None)])
def test_after_ctrl_c_the_message_the_file_the_account_and_the_next_plan_agree(
    shell, with_values, name
):
    """At each of its requests. The command that is told goes on, and no job is made again."""
    env_file = shell.path.parent / "secrets.env"
    more = [] if name is None else ["--as", name]
    ends = set()
    for after in range(1, 8):
        env_file.unlink(missing_ok=True)
        prepared(shell)
        text = shell.path.read_text()
        line = ["adopt", *shell.jobs, *more]
        shell.interrupting.after, shell.interrupting.signal = after, signal.SIGINT
        told = shell(*line, *(["--env-file", env_file.name] if with_values else []))
        shell.interrupting.signal = None
        ends.add(told.exit_code)
        is_written = shell.path.read_text() != text
        is_half = "not all jobs were changed" in told.stderr
        assert is_half <= is_written, after
        if with_values and is_written:
            assert set(environ_of(env_file).values()) == {"canary-key-1"}
        plan = shell("plan", **environ(shell))
        assert "+ " not in plan.stdout, (after, plan.stdout)
        if is_half or not is_written:
            env_file.unlink(missing_ok=True)
            again = shell(*line, **environ(shell))
            assert again.exit_code == 0, (after, told.stderr, again.stderr)
        plan = shell("plan", **environ(shell))
        assert (plan.exit_code, "3 are as they should be" in plan.stdout) == (0, True), after
        assert len(tomllib.loads(shell.path.read_text())["job"]) == 3
    assert ends == {0, 130}


def test_an_edit_that_fails_ends_with_1_and_the_way_to_go_on(shell):
    """The values are in their file, and the jobs that are done are told as such then."""
    prepared(shell)
    first, second = shell.jobs
    shell.emulator.faults.add(Fault("busy", times=None, code=30, match={"id": second}))
    told = shell("adopt", first, second, "--env-file", "secrets.env")
    assert told.exit_code == 1
    assert "variables of secrets.env, and give the same command without --env-file" in told.stderr
    shell.emulator.faults.clear()
    told = shell("adopt", first, second, **environ(shell))
    assert (told.exit_code, told.stdout) == (0, "n1\n")
    assert f"Adopted before: {first}." in told.stderr
