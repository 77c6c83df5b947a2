"""What the tests share: the event loop of each test, and the emulator in process with clients of
it.

anyio's plugin runs every coroutine test. A test runs on asyncio in real time, unless its file or
the test itself is marked `virtual_clock`: then it runs under a virtual clock, on asyncio or trio
by default and on both among the proofs, as `tests.support.combinations` says.

Files run side by side, each in one process, which reads what the others have compiled. Tests marked
`judged` compare figures that were taken in real time. One process takes them from the start, and
the others give way to it, as `tests.support.work_order` says.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pwd
import signal
from pathlib import Path

import anyio.to_thread
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import HealthCheck, settings

from cronapi.emulator import create_app
from cronapi.scheduler import shared
from tests.support.combinations import spare_combinations
from tests.support.emulated import FAST, client_of
from tests.support.slow_steps import ignore_slow_steps
from tests.support.virtual_clock import Threads, virtual_backend
from tests.support.work_order import JUDGED, LONG, OneJudges

# How long an example takes is the machine's business, not the library's.
SETTINGS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
if os.environ.get("CRONAPI_SAME_EXAMPLES"):
    # CI says the same of a commit each time. Every other run tries other examples.
    SETTINGS |= {"derandomize": True, "database": None}
settings.register_profile("cronapi", max_examples=25, **SETTINGS)
settings.register_profile("proof", max_examples=200, **SETTINGS)
settings.load_profile("cronapi")

ignore_slow_steps()

# A shell's job in the background ignores Ctrl-C, and its programs would too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_gives_way = False

FOLDER = Path(__file__).parent


def pytest_xdist_make_scheduler(config, log):
    """Let one process take what is judged, where each process takes whole files."""
    return OneJudges(config, log) if config.option.dist == "loadfile" else None


def pytest_configure(config):
    """Collect garbage less often, and let Hypothesis try more examples among the proofs.

    To collect tests makes a million objects that stay, and Hypothesis times each quick collection.
    """
    gc.set_threshold(10_000, 10, 10)
    if config.option.markexpr == "proof":
        settings.load_profile("proof")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Spare combinations of what has been tried. What is judged begins, and then the files that
    take longest.

    Every test of Hypothesis is among the proofs as well.
    """
    spare_combinations(items)
    if config.option.markexpr == "proof":
        for item in filter(_is_tried_by_examples, items):
            item.add_marker(pytest.mark.proof)
    ranks = {FOLDER.parent / name: rank for rank, name in enumerate(JUDGED + LONG)}
    items.sort(key=lambda item: (not is_judged(item), ranks.get(item.path, len(ranks)), item.path))


def _is_tried_by_examples(item):
    """Return True for a test of Hypothesis. Its oldest release here has no public function."""
    return getattr(item.obj, "is_hypothesis_test", False)


def is_judged(item):
    return item.get_closest_marker("judged") is not None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Let each process begin to compile at another folder: it reads what the others have compiled.

    The tests are sorted afterwards, since every process has to find them in one order.
    """
    report = yield
    worker = getattr(collector.config, "workerinput", None)
    if worker is not None and isinstance(collector, pytest.Directory) and collector.path == FOLDER:
        number, found = int(worker["workerid"].removeprefix("gw")), report.result
        turn = len(found) * number // worker["workercount"]
        report.result = found[turn:] + found[:turn]
    return report


def pytest_runtest_setup(item):
    """Forget the shared paces of earlier tests: the system hands their ports out again.

    Lower the priority of a process whose tests no foreign judge measures.
    """
    shared._buckets.clear()
    global _gives_way  # noqa: PLW0603 -- a process can lower its priority, and not raise it again
    is_worker = os.environ.get("PYTEST_XDIST_WORKER") is not None
    if is_worker and not _gives_way and not is_judged(item):
        os.nice(10)
        _gives_way = True


def pytest_terminal_summary(terminalreporter, config):
    """Say where the proofs have not been run."""
    if config.option.markexpr == "not proof":
        terminalreporter.write_line(
            "Not run: the long proofs; `python -m pytest -m proof` runs them."
        )


def pytest_generate_tests(metafunc):
    """Run the tests under a virtual clock on both event loops."""
    is_virtual = metafunc.definition.get_closest_marker("virtual_clock") is not None
    if is_virtual and "anyio_backend" in metafunc.fixturenames:
        metafunc.parametrize("anyio_backend", ["asyncio", "trio"], indirect=True)


def pytest_collection_finish():
    """Keep modules and tests out of garbage collection: they stay to the end of the run."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session):
    """Turn a skipped test into a failure where all judges must be present."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if (
        os.environ.get("CRONAPI_NO_SKIPS")
        and reporter is not None
        and reporter.stats.get("skipped")
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def home(tmp_path_factory, monkeypatch):
    """Return an empty home directory, which the system's list of users has for this user."""
    folder = tmp_path_factory.mktemp("home")
    entry = pwd.struct_passwd(("me", "x", os.geteuid(), 0, "", str(folder), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry)
    return folder


@pytest.fixture
def anyio_backend(request, monkeypatch):
    """Return the event loop of a test: asyncio in real time,
    or either one under a virtual clock.
    """
    if not hasattr(request, "param"):
        return "asyncio"
    threads = Threads()
    monkeypatch.setattr(anyio.to_thread, "run_sync", threads.run_sync)
    return virtual_backend(request.param, threads)


@pytest.fixture
def threads_take_no_time(monkeypatch):
    """Run at once what would run in a thread, since a virtual clock does not wait for threads."""

    async def run_sync(function, *args, **_options):
        await checkpoint()
        return function(*args)

    monkeypatch.setattr(anyio.to_thread, "run_sync", run_sync)


@pytest.fixture
async def emulate():
    """Return a function that makes an emulator without a limit and a client of it."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(provider="fastcron", app=None, **options):
            app = app or create_app(rates=FAST)
            api = await stack.enter_async_context(client_of(app, provider, **options))
            return app, api

        yield make
