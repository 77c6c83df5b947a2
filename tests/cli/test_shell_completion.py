"""Completion of commands and options, in the shells themselves where they are installed."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys

import pytest
from click.testing import CliRunner

from cronapi.cli.root import cronapi

BASH = """
eval "$(cronapi completion bash)"
for line in "cronapi cr" "cronapi cron ba" "cronapi cron list --st" "cronapi -P fast" \
    "cronapi cron list --status ex" "cronapi help "; do
    COMP_WORDS=(${line}) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    [[ $line == *" " ]] && COMP_WORDS+=("") && COMP_CWORD=$((COMP_CWORD + 1))
    COMPREPLY=()
    $(complete -p cronapi | sed 's/.*-F \\([^ ]*\\).*/\\1/') cronapi
    echo "$line: ${COMPREPLY[*]}"
done
"""
FOUND = {
    "cronapi cr": "cron",
    "cronapi cron ba": "batch-add batch-delete batch-edit",
    "cronapi cron list --st": "--status",
    "cronapi -P fast": "fastcron",
    "cronapi cron list --status ex": "expired",
    "cronapi help ": "exit-codes",
}


@pytest.fixture
def path(tmp_path):
    """Return a PATH on which there is a cronapi."""
    script = tmp_path / "cronapi"
    script.write_text(f"#!{sys.executable}\nfrom cronapi.cli import main\nmain()\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return f"{tmp_path}:{os.environ['PATH']}"


def test_bash_completes_groups_commands_options_and_values(path):
    """In a real bash, each word is completed by what may stand there."""
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": path},
    )
    found = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert ({name: " ".join(sorted(words.split())) for name, words in found.items()}) == FOUND
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_script_is_one_that_its_shell_can_read(shell, tmp_path):
    """The script is printed without a network, and has no error of syntax."""
    result = CliRunner().invoke(cronapi, ["completion", shell])
    assert (result.exit_code, "_CRONAPI_COMPLETE" in result.stdout) == (0, True)
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(result.stdout)
        subprocess.run([shell, "-n", script], check=True, capture_output=True)
