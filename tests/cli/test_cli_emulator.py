"""`cronapi emulator`: a server that a person starts, uses and stops."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

import httpx
import pytest
from click.testing import CliRunner

from cronapi.cli.root import cronapi

COMMAND = [sys.executable, "-c", "from cronapi.cli import main; main()", "emulator", "--port", "0"]
TOKEN = "emulator-token-0123456789abcdef"


@contextmanager
def running(*arguments):
    """Run the command until its greeting is complete. Yield the process and the greeting."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            greeting = ""
            while "Ctrl-C" not in greeting and (line := process.stdout.readline()):
                greeting += line
            yield process, greeting
        finally:
            process.kill()


def address(greeting, service):
    return re.search(rf"{service} +(\S+)", greeting)[1]


def call(greeting, service, function, **params):
    return httpx.post(address(greeting, service) + function, json=params)


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_both_services_until_it_is_told_to_stop(told):
    """Both addresses answer with the printed token, and Ctrl-C or a termination ends it cleanly."""
    with running() as (process, greeting):
        assert re.search(rf"token +{TOKEN}\n", greeting)
        assert call(greeting, "SetCronJob", "cron.list", token=TOKEN).json()["code"] == 0
        assert call(greeting, "FastCron", "cron_list", token=TOKEN).json()["code"] == 0
        process.send_signal(told)
        rest, errors = process.communicate()
    assert (process.returncode, rest, errors) == (0, "Stopped.\n", "")


def test_a_termination_ends_it_and_frees_the_port():
    """SIGTERM ends the server cleanly, and its port is free again afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = threading.Event()

    def stop_once_it_answers():
        while not done.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                done.set()
                os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=stop_once_it_answers)
    stopper.start()
    try:
        result = CliRunner().invoke(cronapi, ["emulator", "--port", str(port)])
    finally:
        done.set()
        stopper.join()
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "Stopped.")
    socket.create_server(("127.0.0.1", port)).close()


def test_the_limits_can_be_set():
    """A rate that is raised lets more through, and 0 lifts the limit."""
    with running("--rate-fastcron", "0.01", "--rate-setcronjob", "0") as (_, greeting):
        fast = [call(greeting, "FastCron", "cron_list", token=TOKEN).status_code for _ in range(2)]
        free = {
            call(greeting, "SetCronJob", "cron.list", token=TOKEN).status_code for _ in range(5)
        }
    assert (fast, free) == ([200, 503], {200})


def test_the_tokens_and_the_era_can_be_set():
    """Only the given tokens are accepted and printed. The latest era lacks removed functions."""
    with running("--token", "one", "--token", "two", "--era", "latest", "--rate-fastcron", "0") as (
        _,
        greeting,
    ):
        codes = [
            call(greeting, "FastCron", "cron_list", token=token).json()["code"]
            for token in ("one", "two", TOKEN)
        ]
        removed = call(greeting, "FastCron", "cron_batch_edit", token="one", id=[1]).json()[
            "message"
        ]
    assert re.findall(r"token +(\S+)", greeting) == ["one", "two"]
    assert (codes[:2], codes[2]) == ([0, 0], 11)
    assert "Unknown function" in removed


def test_the_help_says_which_token_there_is_without_one():
    """The help says that the emulator has a token of its own, and where to find it."""
    text = " ".join(CliRunner().invoke(cronapi, ["emulator", "--help"]).output.split())
    assert "Without it: its own, printed at the start." in text


def test_a_file_keeps_the_jobs(tmp_path):
    """Jobs that were added are there after a restart with the same file."""
    storage = ["--storage", str(tmp_path / "jobs.db"), "--rate-setcronjob", "0"]
    with running(*storage) as (process, greeting):
        made = call(
            greeting, "SetCronJob", "cron.add", token=TOKEN, url="https://example.com/"
        ).json()["data"]["id"]
        process.send_signal(signal.SIGINT)
        process.communicate()
    with running(*storage) as (_, greeting):
        assert [
            job["id"]
            for job in call(greeting, "SetCronJob", "cron.list", token=TOKEN).json()["data"]
        ] == [made]


def test_the_greeting_can_be_pasted(tmp_path):
    """Its lines make a first job from another shell, with a token of any characters."""
    with running("--rate-fastcron", "0", "--token", "it's-$HOME") as (_, greeting):
        lines = [line for line in greeting.splitlines() if line.startswith(("export", "cronapi"))]
        main = f'{sys.executable} -c "from cronapi.cli import main; main()" "$@"'
        done = subprocess.run(
            ["bash", "-c", "\n".join([f"cronapi() {{ {main}; }}", *lines])],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "CRONAPI_RATE": "100", "CRONAPI_PACE_FILE": "off"},
        )
    assert (done.returncode, "hello" in done.stdout) == (0, True), done.stderr


def test_a_port_in_use_is_an_error():
    """A port that is taken is reported in one line, with exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(cronapi, ["emulator", "--port", port])
    assert (result.exit_code, result.output) == (1, f"Error: cannot listen on 127.0.0.1:{port}\n")


@pytest.mark.parametrize("arguments", [["--token", ""], ["--storage", "/nowhere/at/all.db"]])
def test_what_the_emulator_cannot_use_is_an_error(arguments):
    """An empty token or a file that cannot be opened is reported in one line, with exit code 1."""
    result = CliRunner().invoke(cronapi, ["emulator", "--port", "0", *arguments])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert result.output.startswith("Error: ")


# --- who may use it -------------------------------------------------------------------------------


def test_a_second_emulator_on_a_file_says_who_has_it(tmp_path):
    """It ends with one line that names the first, which goes on."""
    file = str(tmp_path / "jobs.db")
    with running("--storage", file) as (process, greeting):
        second = subprocess.run(
            [*COMMAND, "--storage", file], capture_output=True, text=True, check=False
        )
        assert call(greeting, "SetCronJob", "cron.list", token=TOKEN).json()["code"] == 0
    assert (second.returncode, second.stdout, second.stderr.count("\n")) == (1, "", 1)
    assert f"cannot use {file}: another emulator has it, process {process.pid} on " in second.stderr


def greeted(host, *arguments, headers=()):
    """Serve at a host, and return the greeting, the status of a call and the errors."""
    with running("--host", host, *arguments) as (process, greeting):
        url = f"{address(greeting, 'SetCronJob')}cron.list"
        status = httpx.post(url, json={"token": TOKEN}, headers=dict(headers)).status_code
        process.send_signal(signal.SIGINT)
        errors = process.communicate()[1]
    return greeting, status, errors


def test_an_address_of_ipv6_can_be_copied_from_the_greeting():
    """The address is in brackets, and answers."""
    greeting, status, errors = greeted("::1")
    assert re.search(r"http://\[::1\]:\d+/api/\n", greeting)
    assert (status, errors) == (200, "")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_network_that_can_use_it_is_warned_of(host):
    """Where everybody on the network can call it, the command says so and how to change it."""
    greeting, status, errors = greeted(host)
    assert "0.0.0.0" not in greeting
    assert status == 200
    assert "everybody on the network can use this emulator, its jobs included" in errors
    assert "--host 127.0.0.1" in errors


def test_further_hosts_can_be_allowed():
    """Only the names that are given are answered, beside this machine's."""
    allow = ("--allow-host", "emulator", "--allow-host", "cron.test")
    for host, expected in [("emulator:8765", 200), ("evil.example", 403)]:
        assert greeted("127.0.0.1", *allow, headers={"host": host})[1:] == (expected, "")
    result = CliRunner().invoke(cronapi, ["emulator", "--port", "0", "--allow-host", "a:1"])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
