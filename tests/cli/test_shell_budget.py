"""All commands of a machine share one budget, whatever process they are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cronapi.emulator import create_app, run_in_thread
from tests.support.emulated import TOKEN
from tests.support.shell import shell_at

COMMAND = [sys.executable, "-c", "from cronapi.cli import main; main()", "account", "get"]


def test_a_pace_file_that_cannot_be_used_is_one_warning(tmp_path):
    """The command goes on at its own rate. Nothing is said where the file is turned off."""
    with shell_at(tmp_path) as shell:
        shell.prepare()
        for path, warnings in ((str(tmp_path), 1), ("off", 0), (str(tmp_path / "pace"), 0)):
            done = shell("cron", "find", "n1", "--json", CRONAPI_PACE_FILE=path)
            assert (done.exit_code, done.stderr.count("\n")) == (0, warnings), done.stderr
            assert done.stderr.startswith("Warning: ") == bool(warnings)


def test_a_dry_run_makes_no_pace_file(tmp_path):
    """It sends nothing, so it has nothing to share."""
    with shell_at(tmp_path) as shell:
        line = ["cron", "add", "--url", "https://example.com/", "-n"]
        assert shell(*line, CRONAPI_PACE_FILE=str(tmp_path / "pace")).exit_code == 0
    assert not (tmp_path / "pace").exists()


@pytest.mark.proof
@pytest.mark.parametrize("at_once", [1, 5])
def test_ten_processes_are_as_quick_as_the_rate_allows(tmp_path, at_once):
    """At most one request is refused, and they take at most 1.15 of the ideal time.

    One after the other they also take the time of their starts, which is not counted.
    """
    app, arrivals = create_app(), []

    async def noted(scope, receive, send):
        arrivals.append(time.monotonic())
        await app(scope, receive, send)

    with run_in_thread(noted) as origin:
        environment = {
            **os.environ,
            "FASTCRON_TOKEN": TOKEN,
            "FASTCRON_BASE_URL": f"{origin}/api/v1/",
            "CRONAPI_PACE_FILE": str(tmp_path / "pace"),
        }

        def run(_):
            subprocess.run(COMMAND, env=environment, check=True, capture_output=True)

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(run, range(10)))
    assert sum(not request.accepted for request in app.emulator.requests) <= 1
    if at_once > 1:
        assert arrivals[-1] - arrivals[0] <= 1.15 * 9
