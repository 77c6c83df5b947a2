"""The lazy front door: what an import loads, and that a lazy name is like any other."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Sequence

import pytest

import cronapi
from cronapi._lazy import lazy

MODULES = ("bulk", "client", "errors", "models", "namespaces", "providers", "schedule", "scheduler")


def printed(script: str) -> str:
    """Return what a fresh interpreter prints."""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def loaded(statement: str) -> set[str]:
    """Return the modules that a statement adds to those of a fresh interpreter."""
    script = (
        f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    )
    return set(printed(script).split())


def roots(modules: set[str]) -> set[str]:
    """Return the packages of some modules."""
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize(
    "module", ["cronapi.models", "cronapi.errors", "cronapi.schedule", "cronapi"]
)
def test_the_values_of_the_package_need_no_network(module: str) -> None:
    """Results and errors load no event loop, no converter and no HTTP client."""
    unwanted = {"asyncio", "anyio", "cattrs", "httpx", "httpx2", "ssl", "email", "trio"}
    assert not roots(loaded(f"import {module}")) & unwanted


def test_importing_the_package_loads_nothing_else() -> None:
    """`import cronapi` loads three small files of its own, one in a room and no dependency."""
    assert {name for name in loaded("import cronapi") if name.startswith("cronapi")} == {
        "cronapi",
        "cronapi._lazy",
        "cronapi._protocol",
        "cronapi._protocol.version",
    }
    assert not roots(loaded("import cronapi")) & {"attr", "attrs", "typing", "re"}


def test_the_errors_need_no_attrs() -> None:
    """The errors are plain exceptions."""
    assert not roots(loaded("import cronapi.errors")) & {"attr", "attrs", "json", "urllib"}


def test_the_results_need_neither_json_nor_urllib() -> None:
    """Of the dependencies, the models load attrs alone."""
    assert not roots(loaded("import cronapi.models")) & {"json", "urllib", "ipaddress", "hashlib"}


def test_an_emulator_starts_without_the_parts_that_few_requests_need() -> None:
    """Forms in parts, nearest names, the page, the client of jobs and the like come when asked."""
    names = loaded("import cronapi.cli.emulator.serving as s; s.create_app()")
    rooms = ("emulator.page", "emulator.runner.sending", "providers", "models", "_functions")
    assert not names & {f"cronapi.{room}" for room in rooms}
    unwanted = {"importlib.metadata", "zipfile", "difflib", "email.parser", "anyio.from_thread"}
    assert not names & unwanted
    assert not roots(names) & {"httpx", "cattrs", "redis", "rich", "tomllib"}


def test_a_client_loads_only_the_parts_of_single_calls() -> None:
    """The parts that only some programs use are loaded when they are used."""
    names = loaded("import cronapi; cronapi.FastCron")
    rooms = (
        "bulk.bulk",
        "bulk.journal",
        "scheduler.redis",
        "_coalesce.merger",
        "health",
        "schedule",
    )
    assert not names & {f"cronapi.{room}" for room in rooms}
    assert not roots(names) & {"httpx", "cattrs", "hashlib", "redis", "email", "difflib", "asyncio"}
    assert "importlib.metadata" not in names


def alone(expression: str, names: Sequence[str]) -> dict[str, str]:
    """Return the text of an expression for each name, each in a process without any of cronapi.

    The processes are forks of one fresh interpreter, which has loaded attrs for all of them.
    """
    script = f"""
import os, sys, attrs
for name in sys.argv[1:]:
    if not os.fork():
        try:
            import cronapi
            print(name, {expression}, flush=True)
        finally:
            os._exit(0)
    os.wait()
"""
    command = [sys.executable, "-c", script, *names]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split() for line in run.stdout.splitlines())


@pytest.mark.parametrize("step", [8, pytest.param(1, marks=pytest.mark.proof)])
def test_every_name_is_found_alone(step: int) -> None:
    """Each name, and each eighth one, can be the first that a program asks for."""
    names = cronapi.__all__[::step]
    found = alone("getattr(cronapi, name) is vars(cronapi)[name]", names)
    assert found == dict.fromkeys(names, "True")


def test_the_submodules_are_attributes() -> None:
    """`import cronapi` is enough to reach the modules of the client."""
    found = alone("getattr(cronapi, name).__name__", MODULES)
    assert found == {name: f"cronapi.{name}" for name in MODULES}


def test_a_star_import_has_every_name() -> None:
    """`from cronapi import *` gives the names of `__all__`."""
    script = "import cronapi; from cronapi import *; print(set(cronapi.__all__) <= set(globals()))"
    assert printed(script) == "True"


def test_dir_lists_what_is_not_loaded_yet() -> None:
    """A fresh `dir(cronapi)` has names, modules and the version, sorted, each once."""
    names = printed("import cronapi; print(*dir(cronapi))").split()
    assert {*cronapi.__all__, *MODULES, "__version__", "__doc__"} <= set(names)
    assert names == sorted(set(names))


def test_an_unknown_name_is_an_attribute_error() -> None:
    """Python's own words, with the name and the module for its suggestions."""
    with pytest.raises(AttributeError) as unknown:
        cronapi.FastKron  # noqa: B018
    assert str(unknown.value) == "module 'cronapi' has no attribute 'FastKron'"
    assert (unknown.value.name, unknown.value.obj) == ("FastKron", cronapi)
    with pytest.raises(ImportError, match="cannot import name 'FastKron' from 'cronapi'"):
        from cronapi import FastKron  # noqa: F401
    assert not hasattr(cronapi, "emulator_of_nobody")


def test_a_pickle_is_read_where_nothing_was_imported() -> None:
    """A pickled result finds its class in a fresh process."""
    data = pickle.dumps(cronapi.CronJob(id=7, status=cronapi.JobStatus(42)))
    assert printed(f"import pickle; print(pickle.loads({data!r}).id)") == "7"


def test_a_name_is_looked_up_once() -> None:
    """After the first access a name is the package's own."""
    package = type(sys)("lazy_package")
    sys.modules["lazy_package"] = package
    try:
        get, names = lazy("lazy_package", {"sqrt": "math"})
        assert "sqrt" not in vars(package)
        assert get("sqrt") is package.sqrt
        assert "sqrt" in names()
    finally:
        del sys.modules["lazy_package"]


def test_the_version_is_that_of_the_distribution() -> None:
    """The version in the code is the one that the build has read."""
    assert (
        printed(
            "import importlib.metadata, cronapi\n"
            "print(cronapi.__version__ == importlib.metadata.version('cronapi-client'))"
        )
        == "True"
    )
