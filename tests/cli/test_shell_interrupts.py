"""Ctrl-C and SIGTERM: what is told is what the service has, and the same command goes on."""

from __future__ import annotations

import json
import signal

import anyio
import pytest

from cronapi.emulator import Fault
from tests.support.chaos_service import faults
from tests.support.console import no_receiver
from tests.support.emulated import TOKEN, fill
from tests.support.shell import shell_at

SETCRONJOB = {"CRONAPI_PROVIDER": "setcronjob", "SETCRONJOB_TOKEN": TOKEN}


@pytest.fixture
def shell(tmp_path):
    with shell_at(tmp_path) as shell:
        yield shell


def delete(shell, provider, *more):
    line = ["cron", "delete", "--match", "tmp*", "-y", "--json", "--timeout", "1", *more]
    return shell(*line, **(SETCRONJOB if provider == "setcronjob" else {}))


def left(shell, provider):
    return {job["id"] for job in shell.emulator.jobs(provider)}


def interrupted_deletes(shell, provider, count, after, number=signal.SIGINT):
    """Delete jobs, be interrupted after so many requests, and compare; then end what is left."""
    fill(shell.app, provider, count, "tmp")
    before = left(shell, provider)
    shell.interrupting.signal, shell.interrupting.after = number, after
    done = delete(shell, provider)
    assert done.exit_code == {signal.SIGINT: 130, signal.SIGTERM: 143}[number], done.output
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["exit_code"] == done.exit_code
    told = json.loads(done.stdout) if done.stdout else {"outcomes": []}
    ids = {status: set() for status in ("done", "failed", "unknown", "not_tried")}
    for outcome in told["outcomes"]:
        ids[outcome["status"]].add(outcome["given"])
    gone = before - left(shell, provider)
    assert ids["done"] <= gone <= ids["done"] | ids["unknown"]
    if told["outcomes"]:
        assert {status: len(found) for status, found in ids.items()} == {
            status: told[status] for status in ids
        }
        assert len(told["outcomes"]) == count
    return told


@pytest.mark.few(1)
@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
def test_counts_after_ctrl_c_are_those_of_the_service(shell, provider):
    """Requests under way are waited for. What was not sent is not tried."""
    for after in (0, 1) if provider == "fastcron" else (0, 1, 2, 9):
        interrupted_deletes(shell, provider, 40, after)
        assert delete(shell, provider).exit_code == 0
        assert left(shell, provider) == set()


def test_a_loop_that_receives_no_signal_is_interrupted_as_any(shell, monkeypatch):
    """Event loops of Windows receive none. The counts and the exit codes are the same there."""
    monkeypatch.setattr(anyio, "open_signal_receiver", no_receiver)
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        interrupted_deletes(shell, "setcronjob", 40, 2, number)
        shell.interrupting.signal = None
        assert delete(shell, "setcronjob").exit_code == 0, code


def test_sigterm_is_like_ctrl_c(shell):
    """It ends a command in the same way, with exit code 143."""
    told = interrupted_deletes(shell, "setcronjob", 40, 9, signal.SIGTERM)
    assert told["not_tried"] > 0
    assert told["done"] + told["not_tried"] == 40


def test_a_second_ctrl_c_ends_at_once(shell):
    """It does not wait for requests under way, and tells how many there may be."""
    shell.prepare()
    shell.emulator.faults.add(Fault("stall_before", times=None, seconds=5.0))
    shell.interrupting.signal, shell.interrupting.after = signal.SIGINT, 0
    shell.interrupting.twice = True
    done = shell("cron", "list", "--json")
    assert done.exit_code == 130
    assert "Up to 1 request may have been applied." in done.stderr
    assert json.loads(done.stderr.splitlines()[-1])["error"]["exit_code"] == 130


def test_a_single_call_is_awaited(shell):
    """After Ctrl-C an add that is under way is finished, and its job is printed."""
    shell.prepare()
    shell.emulator.faults.add(Fault("stall_before", times=1, seconds=0.2))
    shell.interrupting.signal, shell.interrupting.after = signal.SIGINT, 0
    done = shell("cron", "add", "--url", "https://example.com/late", "--json")
    assert done.exit_code == 130
    assert json.loads(done.stdout)["id"] == max(left(shell, "fastcron"))


def test_a_call_that_waits_for_its_turn_sends_nothing(shell):
    """After Ctrl-C nothing is started."""
    fill(shell.app, "fastcron", 3, "tmp")
    shell.interrupting.signal, shell.interrupting.after = signal.SIGINT, 0
    before = shell.sent
    assert delete(shell, "fastcron", "--rate", "0.5").exit_code == 130
    assert shell.sent == before + 1
    assert len(left(shell, "fastcron")) == 3


@pytest.mark.proof
@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
def test_counts_are_true_through_faults_at_ten_moments(tmp_path, provider):
    """500 deletes through chaos's faults at their usual shares, broken off at ten moments."""
    moments = range(1, 30, 3) if provider == "fastcron" else range(5, 500, 50)
    with shell_at(tmp_path, max_batch=20) as shell:
        for after in moments:
            shell.emulator.faults.add(*faults())
            interrupted_deletes(shell, provider, 500, after)
            shell.emulator.faults.clear()
            # A request that was given up may be carried out only now: its job is gone then.
            assert delete(shell, provider).exit_code in {0, 1}
            assert left(shell, provider) == set()
