"""`cronapi emulator`: a server that a person starts, uses and stops."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress

import httpx
import pytest
from click.testing import CliRunner

from cronapi.cli.root import cronapi
from cronapi.emulator.store import Store
from tests.support.console import CRONAPI
from tests.support.judges import free_port

COMMAND = [*CRONAPI, "emulator", "--port", "0"]
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


def used(use, *arguments):
    """Run the command in this process until `use` has had its greeting. Return the greeting, what
    `use` returned, and the errors.
    """
    reading, writing = os.pipe()

    def play():
        greeting = ""
        with os.fdopen(reading) as told:
            while "Ctrl-C" not in greeting and (line := told.readline()):
                greeting += line
            assert "Ctrl-C" in greeting
            try:
                return greeting, use(greeting)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                told.read()

    with ThreadPoolExecutor(1) as pool:
        played, errors = pool.submit(play), io.StringIO()
        with os.fdopen(writing, "w") as out, redirect_stdout(out), redirect_stderr(errors):
            cronapi(["emulator", "--port", "0", *arguments], standalone_mode=False)
    return *played.result(), errors.getvalue()


def address(greeting, service):
    return re.search(rf"{service} +(\S+)", greeting)[1]


def call(greeting, service, function, **params):
    return httpx.post(address(greeting, service) + function, json=params, verify=False)


@pytest.mark.few(1)
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_both_services_until_it_is_told_to_stop(told):
    """Both addresses answer with the printed token, and Ctrl-C or a termination ends it cleanly."""
    with running() as (process, greeting):
        assert re.search(rf"token +{TOKEN}\n", greeting)
        page = httpx.get(address(greeting, "page"), verify=False)
        assert (page.status_code, TOKEN in page.text) == (200, False)
        assert call(greeting, "SetCronJob", "cron.list", token=TOKEN).json()["code"] == 0
        assert call(greeting, "FastCron", "cron_list", token=TOKEN).json()["code"] == 0
        process.send_signal(told)
        rest, errors = process.communicate()
    assert (process.returncode, rest, errors) == (0, "Stopped.\n", "")


def test_a_termination_ends_it_and_frees_the_port():
    """SIGTERM ends the server cleanly, and its port is free again afterwards."""
    port = free_port()
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

    def use(greeting):
        return [
            [call(greeting, *function, token=TOKEN).status_code for _ in range(5)]
            for function in (("FastCron", "cron_list"), ("SetCronJob", "cron.list"))
        ]

    _, codes, _ = used(use, "--rate-fastcron", "0.01", "--rate-setcronjob", "0")
    assert codes == [[200, 503, 503, 503, 503], [200] * 5]


def test_the_tokens_and_the_era_can_be_set():
    """Only the given tokens are accepted and printed. The latest era lacks removed functions."""

    def use(greeting):
        codes = [
            call(greeting, "FastCron", "cron_list", token=token).json()["code"]
            for token in ("one", "two", TOKEN)
        ]
        removed = call(greeting, "FastCron", "cron_batch_edit", token="one", id=[1])
        return codes, removed.json()["message"]

    options = ["--token", "one", "--token", "two", "--era", "latest", "--rate-fastcron", "0"]
    greeting, (codes, removed), _ = used(use, *options)
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

    def ask(function, **params):
        return used(
            lambda greeting: call(greeting, "SetCronJob", function, token=TOKEN, **params).json(),
            *storage,
        )[1]["data"]

    made = ask("cron.add", url="https://example.com/")["id"]
    assert [job["id"] for job in ask("cron.list")] == [made]


def test_the_greeting_can_be_pasted(tmp_path):
    """Its lines make a first job from another shell, with a token of any characters.

    No line is wider than a terminal of 80 columns.
    """

    def use(greeting):
        assert max(map(len, greeting.splitlines())) <= 80
        lines = [line for line in greeting.splitlines() if line.startswith(("export", "cronapi"))]
        main = f'{sys.executable} -c "from cronapi.cli import main; main()" "$@"'
        return subprocess.run(
            ["bash", "-c", "\n".join([f"cronapi() {{ {main}; }}", *lines])],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "CRONAPI_RATE": "100", "CRONAPI_PACE_FILE": "off"},
        )

    _, done, _ = used(use, "--rate-fastcron", "0", "--token", "it's-$HOME")
    assert (done.returncode, "hello" in done.stdout) == (0, True), done.stderr


def test_a_port_in_use_is_an_error():
    """A port that is taken is reported in one line, with exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(cronapi, ["emulator", "--port", port])
    assert (result.exit_code, result.output) == (1, f"Error: cannot listen on 127.0.0.1:{port}\n")


@pytest.mark.parametrize(
    "arguments", [["--token", ""], ["--storage", "/nowhere/at/all.db"], ["--undocumented", "runn"]]
)
def test_what_the_emulator_cannot_use_is_an_error(arguments):
    """An empty token, a file that cannot be opened or a name that no era has is reported in one
    line, with exit code 1.
    """
    result = CliRunner().invoke(cronapi, ["emulator", "--port", "0", *arguments])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert result.output.startswith("Error: ")


# --- who may use it -------------------------------------------------------------------------------


def test_a_second_emulator_on_a_file_says_who_has_it(tmp_path):
    """It ends with one line that names the first, which goes on."""
    file = str(tmp_path / "jobs.db")

    def use(greeting):
        second = subprocess.run(
            [*COMMAND, "--storage", file], capture_output=True, text=True, check=False
        )
        return second, call(greeting, "SetCronJob", "cron.list", token=TOKEN).json()["code"]

    _, (second, code), _ = used(use, "--storage", file)
    assert code == 0
    assert (second.returncode, second.stdout, second.stderr.count("\n")) == (1, "", 1)
    assert f"cannot use {file}: another emulator has it, process {os.getpid()} on " in second.stderr


def greeted(host, *arguments, headers=()):
    """Serve at a host, and return the greeting, the status of a call and the errors."""

    def use(greeting):
        url = f"{address(greeting, 'SetCronJob')}cron.list"
        return httpx.post(
            url, json={"token": TOKEN}, headers=dict(headers), verify=False
        ).status_code

    return used(use, "--host", host, *arguments)


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


# --- how it behaves -------------------------------------------------------------------------------


def steer(greeting, path, body=None):
    origin = address(greeting, "SetCronJob").removesuffix("/api/")
    url = f"{origin}/_emulator/{path}"
    return (httpx.get(url) if body is None else httpx.post(url, json=body)).json()


def test_every_switch_can_be_given_on_the_command_line(tmp_path):
    """The options reach the emulator, which tells them, and the greeting tells how jobs run."""
    seed = tmp_path / "seed.json"
    seed.write_text('{"fastcron": {"jobs": [{"url": "http://127.0.0.1:1/"}]}}')
    options = {
        "limit-by": "token",
        "error-status": 400,
        "log-shape": "flat",
        "page-size": 7,
        "max-batch": 3,
        "plan": "free",
        "random-seed": 5,
        "execute": "loopback",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    arguments += ["--lenient", "--faults-by-header", "--seed-data", str(seed)]
    arguments += ["--undocumented", "run", "--undocumented", "cron.pause"]

    def use(greeting):
        return steer(greeting, "health"), steer(greeting, "clock", {"advance": "1 hour"})

    clock = ["--clock", "2026-03-01T00:00:00Z", "--scale", "0"]
    greeting, (health, moved), _ = used(use, *arguments, *clock)
    told = {name.replace("-", "_"): value for name, value in options.items()}
    told |= {"seed": told.pop("random_seed"), "strict": False, "faults_by_header": True}
    told["undocumented"] = ["cron.pause", "run"]
    assert told.items() <= health["settings"].items()
    assert health["clock"]["now"] == 1_772_323_200
    assert health["jobs"]["fastcron"] == 1
    assert [run["row"]["error"] for run in moved["runs"]] == ["Could not connect to the server"]
    assert "Jobs call their URLs on this machine, and no other address." in greeting


def test_options_are_read_from_the_environment(monkeypatch):
    """Each option has a variable, and the greeting has lines to copy."""
    monkeypatch.setenv("CRONAPI_EMULATOR_TOKEN", "one")
    monkeypatch.setenv("CRONAPI_EMULATOR_ERA", "latest")
    monkeypatch.setenv("CRONAPI_EMULATOR_ALLOW_HOST", "emulator")
    monkeypatch.setenv("CRONAPI_EMULATOR_STRICT", "0")
    monkeypatch.setenv("CRONAPI_EMULATOR_UNDOCUMENTED", "pattern retryFailed")

    def use(greeting):
        status = httpx.get(f"{address(greeting, 'FastCron')}x", headers={"host": "emulator"})
        return steer(greeting, "settings"), status.status_code

    greeting, (settings, status), _ = used(use)
    base = address(greeting, "FastCron")
    assert status == 200
    assert (settings["era"], settings["strict"]) == ("latest", False)
    assert settings["undocumented"] == ["pattern", "retryFailed"]
    assert f"export FASTCRON_TOKEN=one\nexport FASTCRON_BASE_URL={base}\n" in greeting
    assert f"curl {base}cron_list " in greeting


def test_the_greeting_ends_with_a_request_that_is_answered():
    """What it sends by curl, the default era takes."""

    def use(greeting):
        url, form = re.search(r'curl (\S+) \\\n  -d "(\S+)"', greeting).groups()
        sent = dict([form.replace("$FASTCRON_TOKEN", TOKEN).split("=")])
        return httpx.post(url, data=sent).json()

    assert used(use)[1]["status"] == "success"


def test_it_can_be_quiet_and_log_json():
    """Without a greeting it prints the requests as JSON, without their tokens, and `ready` finds
    it.
    """
    port = str(free_port())
    ready = ["emulator", "--port", port, "ready"]
    assert CliRunner().invoke(cronapi, ready).exit_code == 1
    command = [*COMMAND[:-1], port, "--quiet", "--json-log", "--no-admin"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert CliRunner().invoke(cronapi, [*ready, "--wait", "--timeout", "0.2"]).exit_code
        finally:
            process.kill()
    command = [*COMMAND[:-1], port, "--quiet", "--json-log"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert CliRunner().invoke(cronapi, [*ready, "--wait"]).output == "Ready.\n"
        httpx.post(f"http://127.0.0.1:{port}/api/v1/cron_list", json={"token": TOKEN})
        process.send_signal(signal.SIGTERM)
        out = process.communicate()[0]
    (line,) = map(json.loads, out.splitlines())
    assert (line["function"], line["verdict"]) == ("cron.list", "ok")
    assert TOKEN not in out


@pytest.mark.parametrize("arguments", [["--clock", "noon"], ["--seed-data", __file__]])
def test_a_clock_or_a_file_that_cannot_be_read_is_an_error(arguments):
    """A time or a file of jobs that is none is reported in one line."""
    result = CliRunner().invoke(cronapi, ["emulator", "--port", "0", *arguments])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)


def test_a_byte_order_mark_is_no_part_of_a_file_of_jobs(tmp_path):
    """A file that has one is read: only its jobs may be wrong."""
    seed = tmp_path / "seed.json"
    seed.write_text("\ufeff[]", encoding="utf-8")
    result = CliRunner().invoke(cronapi, ["emulator", "--port", "0", "--seed-data", str(seed)])
    assert (result.exit_code, "must be an object" in result.output) == (1, True)


def test_rows_of_a_state_that_cannot_be_read_are_named_at_the_start(tmp_path):
    """The emulator starts, says which rows it leaves alone, and serves the others."""
    path = tmp_path / "state"
    store = Store(path)
    for _ in range(2):
        store.add("job", "fastcron", "someone", {"url": "hush"})
    store.close()
    *_, errors = used(lambda _: None, "--state", str(path))
    assert "Warning: rows of the state cannot be read." in errors
    assert "  job 100002 of fastcron: it has no usable `name`\n" in errors
    assert "hush" not in errors
