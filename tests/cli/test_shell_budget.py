"""All commands of a machine share one budget, whatever process they are."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import pairwise

import pytest

from cronapi.emulator import create_app, run_in_thread
from tests.support.console import CRONAPI
from tests.support.emulated import TOKEN, fill
from tests.support.shell import shell_at

COMMAND = [*CRONAPI, "account", "get"]
READS = [
    *(["account.get"], ["cron.list"], ["group.list"]),
    *(["cron.get", "id:={}"], ["cron.logs", "id:={}"]),
]
"""Five functions of one request each, so that the service sees who calls."""


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


def reserved(pace):
    """Return how many starts were reserved in a pace file, by a read that disturbs nobody."""
    try:
        with closing(sqlite3.connect(f"{pace.as_uri()}?mode=ro", uri=True)) as connection:
            ((state,),) = connection.execute("SELECT state FROM pace")
        return json.loads(state)["number"]
    except (sqlite3.Error, ValueError):
        return 0


LOOK, LATE = 0.02, 0.05
"""Seconds between two looks, and the margin by which a start may be late."""


def watch(pace, times, is_over):
    """Note the time of each reservation until all is over. Return by how much looks were late, of
    those that were as late as no start may be: the machine was busy then.
    """
    late, is_last = [], False
    while not is_last:
        begun = time.monotonic()
        is_last = is_over.wait(LOOK)
        times += [time.monotonic()] * (reserved(pace) - len(times))
        late.append(time.monotonic() - begun - LOOK)
    return [seconds for seconds in late if seconds > LATE]


def ideal_end(times, interval=1.0):
    """Return when the last of these starts is due, if each goes as soon as it may."""
    end = -math.inf
    for asked in times:
        end = max(asked, end + interval)
    return end


@pytest.mark.judged
@pytest.mark.proof
@pytest.mark.parametrize("at_once", [1, 5])
def test_ten_processes_are_as_quick_as_the_rate_allows(tmp_path, at_once):
    """At most one request is refused, and they take at most 1.15 of the ideal time.

    The ideal begins with the time at which each process asks: its own start is not counted.
    """
    app, arrivals, asked = create_app(), [], []
    pace, is_over = tmp_path / "pace", threading.Event()

    async def noted(scope, receive, send):
        arrivals.append(time.monotonic())
        await app(scope, receive, send)

    with run_in_thread(noted) as origin:
        environment = {
            **os.environ,
            "FASTCRON_TOKEN": TOKEN,
            "FASTCRON_BASE_URL": f"{origin}/api/v1/",
            "CRONAPI_PACE_FILE": str(pace),
        }

        def run(_):
            subprocess.run(COMMAND, env=environment, check=True, capture_output=True)

        with ThreadPoolExecutor(at_once + 1) as pool:
            watching = pool.submit(watch, pace, asked, is_over)
            with ThreadPoolExecutor(at_once) as workers:
                list(workers.map(run, range(10)))
            is_over.set()
            late = watching.result()
    refused = sum(not request.accepted for request in app.emulator.requests)
    assert refused <= 1 + len(late)
    assert arrivals[-1] - asked[0] <= 1.15 * (ideal_end(asked) - asked[0]) + sum(late)


@pytest.mark.judged
@pytest.mark.proof
def test_a_process_that_is_killed_costs_the_others_one_start(tmp_path):
    """It is killed while it waits. One start is left out, and no gap is longer than two intervals.

    Gaps are counted in whole intervals: each is longer by the margin, and by what an arrival is
    late.
    """
    app, arrivals, pace = create_app(), [], tmp_path / "pace"
    (job,) = fill(app, "fastcron", 1)

    async def noted(scope, receive, send):
        arrivals.append(time.monotonic())
        await app(scope, receive, send)

    with run_in_thread(noted) as origin, ExitStack() as stack:
        environment = {
            **os.environ,
            "FASTCRON_TOKEN": TOKEN,
            "FASTCRON_BASE_URL": f"{origin}/api/v1/",
            "CRONAPI_PACE_FILE": str(pace),
            "CRONAPI_RATE": "0.3",
        }
        at_work = {}
        for function, *words in READS:
            command = [*CRONAPI, "call", function, *[word.format(job) for word in words]]
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
            at_work[function] = stack.enter_context(process)
            stack.callback(process.kill)
        while reserved(pace) < 5:
            assert any(process.poll() is None for process in at_work.values())
            time.sleep(0.05)
        waiting = at_work.keys() - {request.function for request in app.emulator.requests}
        at_work[min(waiting)].kill()
        ended = {function: process.wait() for function, process in at_work.items()}
    arrived = {request.function for request in app.emulator.requests}
    assert ended == {function: 0 if function in arrived else -9 for function in ended}
    assert len(arrivals) == len(arrived) == 4
    gaps = [round((later - earlier) * 0.3) for earlier, later in pairwise(arrivals)]
    assert max(gaps) <= 2, gaps
    assert sum(gaps) <= 4, gaps
