"""The command line in process, at an emulator on a socket of this machine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from click.testing import CliRunner

from cronapi.cli.root import cronapi
from cronapi.emulator import Fault, create_app, run_in_thread
from cronapi.emulator.request import Request
from tests.support.emulated import FAST, TOKEN, fill

PATHS = {"fastcron": "/api/v1/", "setcronjob": "/api/"}
ABSENT = 987654

EVERY = {
    "account edit": ["--timezone", "Europe/Berlin"],
    "account get": [],
    "account secret": ["${SHELL_SECRET}"],
    "call": ["cron.get", "id:={job}"],
    "cron add": ["--url", "https://example.com/new"],
    "cron batch-add": ["{file}"],
    "cron batch-delete": ["{job}", "-y"],
    "cron batch-edit": ["{job}", "--timeout", "20"],
    "cron delete": ["{job}", "-y"],
    "cron disable": ["{job}"],
    "cron edit": ["{job}", "--timeout", "20"],
    "cron enable": ["{job}"],
    "cron ensure": ["n1", "--url", "https://example.com/other"],
    "cron failures": ["{job}"],
    "cron find": ["n1"],
    "cron get": ["{job}"],
    "cron group-edit": ["{group}", "--timeout", "20", "-y"],
    "cron list": [],
    "cron logs": ["{job}"],
    "cron next": ["{job}"],
    "cron pause": ["{job}", "--for", "2h"],
    "cron run": ["{job}"],
    "group add": ["other"],
    "group delete": ["{group}", "-y"],
    "group edit": ["{group}", "--name", "renamed"],
    "group empty": ["{group}", "-y", "--name", "{name}"],
    "group get": ["{group}"],
    "group items": ["{group}"],
    "group list": [],
    "group lookup": ["{name}"],
    "group vanish": ["{group}", "-y", "--name", "{name}"],
    "health": [],
    "server ip": [],
    "server time": [],
    "server timezones": [],
    "server useragent": [],
    "whoami": [],
}
"""A good command line of each command that calls a service."""


class Shell:
    """A shell with an account of its own at both services. `jobs` are the ids at FastCron."""

    def __init__(self, app, origin, folder):
        self.app, self.emulator = app, app.emulator
        self.file = folder / "jobs.csv"
        self.file.write_text("name,url\nx,https://example.com/x\ny,https://example.com/y\n")
        self.environment = {
            **{name: None for name in os.environ if name.startswith(("CRONAPI", "FASTCRON"))},
            **{name: None for name in os.environ if name.startswith("SETCRONJOB")},
            "FASTCRON_TOKEN": TOKEN,
            "FASTCRON_BASE_URL": origin + PATHS["fastcron"],
            "SETCRONJOB_BASE_URL": origin + PATHS["setcronjob"],
            "CRONAPI_RATE": "10000",
            "CRONAPI_PACE_FILE": "off",
            "SHELL_SECRET": "a-secret-from-the-shell",
            "HOME": str(folder),
            "XDG_CONFIG_HOME": None,
            "XDG_STATE_HOME": None,
            "COLUMNS": "120",
        }
        self.jobs: list[int] = []
        self.group = 0

    def __call__(self, *arguments, stdin=None, **environment):
        """Run a command line and return its exit code, stdout and stderr."""
        return CliRunner().invoke(
            cronapi, list(map(str, arguments)), input=stdin, env={**self.environment, **environment}
        )

    def json(self, *arguments, warns="", **environment):
        """Run a command that must succeed, and warn of nothing else, and return its result."""
        done = self(*arguments, "--json", **environment)
        assert (done.exit_code, done.stderr) == (0, warns), done.output
        return json.loads(done.stdout)

    def prepare(self):
        """Give the account two jobs and a group, without faults, and nothing else."""
        self.emulator.reset()
        self.jobs = fill(self.app, "fastcron", 2)
        self.name = f"team {self.jobs[0]}"
        body = json.dumps({"token": TOKEN, "name": self.name}).encode()
        self.group = self.emulator.apply(Request("fastcron", "group.add", body=body))["data"]["id"]

    def line_of(self, path, job=None):
        """Return the good command line of a command, and the environment that it needs."""
        names = {
            "job": job or self.jobs[1],
            "group": self.group,
            "file": self.file,
            "name": self.name,
        }
        arguments = [word if "$" in word else word.format(**names) for word in EVERY[path]]
        service = "setcronjob" if path.startswith("server") else "fastcron"
        tokens = {"SETCRONJOB_TOKEN": TOKEN, "CRONAPI_PROVIDER": service}
        return [*path.split(), *arguments], tokens

    @property
    def sent(self):
        """The number of requests that the emulator has seen."""
        return len(self.emulator.requests)


def check_told(done, code, where):
    """Check that a command with --json has ended with a code, with what both streams promise."""
    assert done.exit_code == code, where
    if done.stdout:
        json.loads(done.stdout)
    if code:
        error = json.loads(done.stderr.splitlines()[-1])["error"]
        assert (error["exit_code"], bool(error["message"])) == (code, True), where


def plan(emulator, kind, **options):
    """Let every request fail in a way."""
    emulator.faults.add(Fault(kind, times=None, **options))


@contextmanager
def shell_at(folder, **options) -> Iterator[Shell]:
    """Serve an emulator, and yield a shell for it."""
    app = create_app(**{"rates": FAST, **options})
    interrupted = Interrupting(app)
    with run_in_thread(interrupted) as origin:
        shell = Shell(app, origin, folder)
        shell.interrupting = interrupted
        yield shell


class Interrupting:
    """An app that lets a signal reach this process when a request has come in."""

    def __init__(self, app):
        self._app = app
        self.signal: signal.Signals | None = None
        self.after = 0
        self.twice = False

    async def __call__(self, scope, receive, send):
        number = self.signal
        if number is not None and self.after <= 0:
            self.signal = None
            os.kill(os.getpid(), number)
            if self.twice:
                self.twice = False
                while number in signal.sigpending():  # noqa: ASYNC110 -- two would be one
                    await asyncio.sleep(0.001)
                await asyncio.sleep(0.05)
                os.kill(os.getpid(), number)
        self.after -= 1
        await self._app(scope, receive, send)
