"""Commands for manifests in a process that is killed at once, again and again, and go on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import attrs
import httpx
import pytest

from cronapi.emulator import create_app, run_in_thread
from tests.support.chaos_service import faults
from tests.support.emulated import FAST
from tests.support.manifests import jobs_text, send, shown_jobs
from tests.support.shell import Shell

pytestmark = [pytest.mark.proof, pytest.mark.timeout(300)]

HELD, PATIENCE, MOST = 0.5, 60, 40
"""Seconds for which a request is held back at least, and that a command may take, and the most
commands until all is done.
"""
HEAD = 'version = 1\n[scope]\nprefix = "job"\n'
TEN, FIVE = 10, 5
OLD, NEW = "the-old-secret", "the-new-secret"


@attrs.define
class Moment:
    """When a process is killed: at a request of a function, as it comes, is answered, or later."""

    function: str
    number: int
    when: str
    delay: float


@attrs.define(slots=False)
class Striking:
    """An app that kills a process at a moment."""

    app: object
    process: subprocess.Popen | None = None
    moment: Moment | None = None
    seen: int = 0
    under_way: int = 0

    async def __call__(self, scope, receive, send):
        self.under_way += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self.under_way -= 1

    async def _serve(self, scope, receive, send):
        function = scope["path"].rsplit("/", 1)[-1].replace("_", ".", 1)
        moment = self.moment
        self.seen += moment is not None and function == moment.function
        is_it = moment is not None and function == moment.function and self.seen >= moment.number
        if is_it and moment.when != "answering":
            self._strike()

        async def say(message):
            if is_it and moment.when == "answering" and message["type"] == "http.response.start":
                self._strike()
            await send(message)

        await self.app(scope, receive, say)

    def _strike(self):
        if self.moment is not None and self.moment.when == "later":
            threading.Timer(self.moment.delay, self.process.kill).start()
        else:
            self.process.kill()
        self.moment = None


def until_idle(striking, origin):
    """Wait until all that an ended process has sent is carried out: the next one reads that.

    A request of our own begins after all of its requests.
    """
    httpx.get(f"{origin}/_emulator/readyz", trust_env=False).raise_for_status()
    while striking.under_way:
        time.sleep(0.01)


def moment_of(rng, function, least, most):
    when = rng.choice(["coming", "answering", "later"])
    return Moment(function, rng.randint(least, most), when, rng.uniform(0.001, 0.05))


@contextmanager
def killing(folder, seed, **options):
    """Serve an emulator, and yield a shell, and what runs a command until it is killed or ends."""
    app = create_app(rates=FAST, seed=seed, **options)
    striking = Striking(app)
    with run_in_thread(striking) as origin:
        shell = Shell(app, origin, folder)
        given = {**os.environ, **shell.environment, "OLD": OLD, "NEW": NEW}
        env = {name: value for name, value in given.items() if value is not None}

        def run(*line, moment=None):
            command = [sys.executable, "-c", "from cronapi.cli import main; main()", *line]
            quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            with subprocess.Popen(command, cwd=folder, env=env, **quiet) as process:
                striking.process, striking.moment, striking.seen = process, moment, 0
                try:
                    told = process.communicate(timeout=PATIENCE)
                finally:
                    process.kill()
            until_idle(striking, origin)
            return process.returncode, "".join(told)

        yield shell, run


def killed_until_done(run, line, moments):
    """Give a command again and again until it is done, with a kill at each moment that comes."""
    left, codes = list(moments), []
    while left or codes[-1:] != [0]:
        assert len(codes) < MOST, codes
        code, told = run(*line, moment=left[0] if left else None)
        assert code in (0, 1, 2, 3, 6, 7, -signal.SIGKILL), told
        assert left or code != -signal.SIGKILL
        codes.append(code)
        if code in (0, -signal.SIGKILL):  # an earlier one may have left nothing to do
            left = left[1:]
    return codes


@pytest.mark.parametrize("seed", [1, 2])
def test_an_apply_that_is_killed_ten_times_through_faults_ends_in_exactly_the_manifest(
    tmp_path, seed
):
    """300 creates, 200 edits and 50 deletes: none twice, none lost, the others as they were."""
    rng = random.Random(seed)
    with killing(tmp_path, seed, max_batch=20) as (shell, run):
        for word, count in (("job old", 200), ("job gone", 50), ("theirs", 30)):
            for at in range(count):
                send(
                    shell.app, "cron.add", name=f"{word} {at}", url=f"https://example.com/run/{at}"
                )
        theirs = [job for job in shell.emulator.jobs("fastcron") if "theirs" in job["name"]]
        (tmp_path / "cronjobs.toml").write_text(
            HEAD
            + jobs_text(300, word="job new").replace("/run/", "/new/")
            + jobs_text(200, word="job old", lines="timeout = 9\n")
        )
        shell.emulator.faults.add(*faults(HELD))
        moments = [
            moment_of(rng, "cron.list", 1, 2),
            *(moment_of(rng, "cron.edit", 2, 25) for _ in range(5)),
            *(moment_of(rng, "cron.batch_add", 1, 3) for _ in range(3)),
            moment_of(rng, "cron.batch_delete", 1, 1),
            *(moment_of(rng, "cron.list", 1, 2) for _ in range(2)),
        ]
        line = ["apply", "-y", "--prune", "--max-deletes", "60", "--dedupe", "--timeout", "1"]
        assert killed_until_done(run, line, moments).count(-signal.SIGKILL) >= TEN
        names = sorted(job["name"] for job in shell.emulator.jobs("fastcron"))
        expected = [f"job new {at}" for at in range(300)] + [f"job old {at}" for at in range(200)]
        assert names == sorted([*expected, *(job["name"] for job in theirs)])
        after = [job for job in shell.emulator.jobs("fastcron") if "theirs" in job["name"]]
        assert after == theirs
        jobs = shown_jobs(shell.app)
        assert {jobs[name]["timeout"] for name in expected if "old" in name} == {9}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_rotation_that_is_killed_five_times_through_faults_leaves_no_old_secret(tmp_path, seed):
    """20 of 200 jobs have it, and only these are edited."""
    rng = random.Random(seed)
    with killing(tmp_path, seed) as (shell, run):
        for at in range(200):
            value = OLD if at % 10 == 0 else "another-secret"
            url = f"https://example.com/run/{at}"
            send(shell.app, "cron.add", name=f"job {at}", url=url, httpHeaders=f"X-Key: {value}")
        before = shown_jobs(shell.app)
        shell.emulator.faults.add(*faults(HELD))
        moments = [
            moment_of(rng, "cron.list", 1, 2),
            *(moment_of(rng, "cron.edit", 1, 5) for _ in range(3)),
            moment_of(rng, "cron.list", 1, 2),
        ]
        line = ["rotate", "--old-env", "OLD", "--new-env", "NEW", "--everywhere", "-y"]
        line += ["--timeout", "1"]
        assert killed_until_done(run, line, moments).count(-signal.SIGKILL) == FIVE
        for name, job in shown_jobs(shell.app).items():
            header = before[name]["httpHeaders"].replace(OLD, NEW)
            assert job == before[name] | {"httpHeaders": header}
