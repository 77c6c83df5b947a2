"""`cronapi hook`: notifications on this machine, from a sample to a line on the screen."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from cronapi import Notification
from cronapi.cli.hook.listening import as_line
from cronapi.cli.hook.posting import sample
from cronapi.cli.root import cronapi
from cronapi.webhooks import Receiver, read_notification
from tests.support.console import CRONAPI, MAIN
from tests.support.emulated import NOW

LISTEN = [*CRONAPI, "hook", "listen"]
SECRET = "the-secret-of-this-hook"


def run(*arguments):
    return CliRunner().invoke(cronapi, ["hook", *arguments])


@contextmanager
def listening(*arguments, **variables):
    """Run `hook listen`, and yield the process and the address that it prints."""
    process = subprocess.Popen(
        [*LISTEN, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | variables,
    )
    with process:
        try:
            address = process.stderr.readline().removeprefix("Post to ").strip()
            assert process.stderr.readline() == "Ctrl-C stops it.\n"
            yield process, address
        finally:
            process.kill()


@contextmanager
def endpoint(*statuses):
    """Serve an endpoint that answers with these statuses, and yield its address and what came."""
    came, answers = [], iter(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(next(answers))
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", came
        finally:
            server.shutdown()
            thread.join()


def test_what_is_triggered_is_listened_to():
    """A sample is printed and posted on, once though it comes twice, until a signal ends it."""
    with (
        endpoint(204, 500) as (url, came),
        listening("--forward-to", url, CRONAPI_HOOK_SECRET=SECRET) as (process, address),
    ):
        assert re.fullmatch(rf"http://127\.0\.0\.1:\d+/hooks/{SECRET}", address)
        for kind in ("failed", "recovered"):
            result = run("trigger", kind, "--to", address, "--id", "7", "--name", "import\x1b[2J")
            assert (result.exit_code, result.output) == (0, "HTTP 204\n")
        result = run("trigger", "failed", "--to", address.replace(SECRET, "guess"))
        assert (result.exit_code, result.output) == (1, "HTTP 404\n")
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate()
    lines = [line.split("  ") for line in out.splitlines()]
    assert [line[1:] for line in lines] == [
        ["failed", "7", r"import\x1b[2J", "HTTP 502"],
        ["recovered", "7", r"import\x1b[2J", "HTTP 200"],
    ]
    assert errors == "posted on: HTTP 204\nposted on: HTTP 500\nStopped.\n"
    assert [read_notification(body).is_failure for body in came] == [True, False]
    assert process.returncode == 0


def test_notifications_are_json_for_programs():
    """With --json each is an object that can be read back, and the secret is a new one."""
    with listening("--json") as (process, address):
        assert run("trigger", "failed", "--to", address).exit_code == 0
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    note = Notification.from_dict(json.loads(out))
    assert (note.name, note.http_status, note.is_failure) == ("nightly report", 502, True)
    assert len(address.rpartition("/")[2]) == 43


@pytest.mark.parametrize(
    ("arguments", "is_usage", "text"),
    [
        (["trigger", "failed", "--to", "ftp://x/y"], True, "http:// or https://"),
        (["trigger", "failed", "--to", "file:///etc/passwd"], True, "http:// or https://"),
        (["trigger", "failed", "--to", "http://"], True, "no host"),
        (
            ["trigger", "failed", "--to", "http://127.0.0.1:99999/canary"],
            True,
            "no host, or a port",
        ),
        (["trigger", "failed", "--to", "http://[/canary"], True, "no host"),
        (["trigger", "failed", "--to", "http://127.0.0.1:1/canary"], False, "no answer"),
        (["trigger", "nothing", "--to", "http://127.0.0.1:1/"], True, "nothing"),
        (["trigger", "failed"], True, "--to"),
        (["listen", "--port", "70000"], True, "70000"),
    ],
)
def test_what_cannot_be_is_one_line(arguments, is_usage, text):
    """A wrong address is told without its path, which may hold a secret."""
    result = run(*arguments)
    assert (result.exit_code == 1) != is_usage
    assert result.exit_code
    assert text in result.output
    assert "canary" not in result.output


@pytest.mark.parametrize(
    "address",
    [
        *("", "canary", "canary.example/hook", "//canary.example/", "ftp://canary.example/"),
        *("http://", "https:///canary", "http://:80/canary", "http://[/canary", "mailto:canary"),
        *("http://canary:99999/", "http://canary:port/", "http://canary.example/a b"),
        *("http://canary.example/\n", "http://canary\x00.example/", "HTTP:canary.example"),
    ],
)
def test_an_address_to_post_on_is_looked_at_before_listening(address):
    """A wrong one is exit code 64 at once, and not an error with each notification."""
    result = run("listen", "--forward-to", address)
    assert (result.exit_code, "Post to" in result.output) == (64, False), result.output
    assert result.output.count("\n") == 1
    assert "canary" not in result.output


NO_RECEIVER = """
import anyio

def refuse(*signals):
    raise NotImplementedError

anyio.open_signal_receiver = refuse
"""
"""The command line on a loop that can receive no signal, as those of Windows."""


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("line", "told"),
    [(["hook", "listen"], "Post to "), (["emulator", "--port", "0"], "Ctrl-C stops it.")],
)
def test_a_loop_without_signals_is_ended_by_ctrl_c(line, told):
    """On Windows no loop can receive a signal. Commands begin, and end by Ctrl-C, all the same."""
    with subprocess.Popen(
        [sys.executable, "-c", NO_RECEIVER + MAIN, *line],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            while told not in (line := process.stdout.readline()):
                assert line, "it has ended"
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, "Traceback" in rest) == (0, False), rest
    assert rest.endswith("Stopped.\n")


def test_a_redirect_is_the_answer():
    """A redirect is not followed: the notification would be lost on the way."""
    with endpoint(302) as (url, came):
        result = run("trigger", "failed", "--to", url)
    assert (result.exit_code, result.output, len(came)) == (1, "HTTP 302\n", 1)


def test_a_secret_that_is_none_is_refused(monkeypatch):
    """A short CRONAPI_HOOK_SECRET and a port that is taken are told in one line."""
    monkeypatch.setenv("CRONAPI_HOOK_SECRET", "canary")
    result = run("listen")
    assert result.exit_code == 1
    assert "CRONAPI_HOOK_SECRET" in result.output
    assert "canary" not in result.output


def test_a_new_secret_is_a_good_one():
    """Each is new, and a receiver takes it."""
    made = {run("secret").output.strip() for _ in range(5)}
    assert len(made) == 5
    Receiver(secrets=made)


def test_a_line_tells_what_is_known():
    """Missing members are left out of the line."""
    assert as_line(Notification(id=7)) == "at no time  no status  7"
    note = Notification(id=7, time=NOW, status=1, error="timed\nout")
    assert as_line(note) == r"2027-01-15 08:00:00Z  failed  7  timed\nout"
    assert read_notification(sample("failed", 7, "x")).downloaded == len("Bad Gateway")
