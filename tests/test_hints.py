"""The hints in the signatures of public callables, as tools read them at run time."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import typing

import pytest

MODULES = (
    "cronapi",
    "cronapi.bulk",
    "cronapi.emulator",
    "cronapi.errors",
    "cronapi.models",
    "cronapi.namespaces.account",
    "cronapi.namespaces.cron",
    "cronapi.namespaces.group",
    "cronapi.namespaces.server",
    "cronapi.providers",
    "cronapi.pytest_plugin",
    "cronapi.scheduler",
    "cronapi.webhooks",
)


def public_names(module):
    """Return what a module offers: the names of `__all__`, or those that it defines itself."""
    if hasattr(module, "__all__"):
        return {name: getattr(module, name) for name in module.__all__}
    own = module.__name__
    found = {name: value for name, value in vars(module).items() if name[0] != "_"}
    return {name: value for name, value in found.items() if getattr(value, "__module__", "") == own}


def callables(name):
    """Yield each public class and function of a module, and their public methods, by name."""
    for label, value in public_names(importlib.import_module(name)).items():
        if not getattr(value, "__module__", "").startswith("cronapi"):
            continue
        if inspect.isclass(value):
            yield label, value
            for member, found in inspect.getmembers_static(value):
                method = getattr(found, "__func__", getattr(found, "fget", found))
                mine = getattr(method, "__module__", None) or ""
                public = member == "__init__" or member[0] != "_"
                if inspect.isfunction(method) and public and mine.startswith("cronapi"):
                    yield f"{label}.{member}", method
        elif inspect.isfunction(value):
            yield label, value


@pytest.mark.parametrize("module", MODULES)
def test_the_hints_of_every_public_callable_resolve(module):
    """`typing.get_type_hints` works for each public class, function, method and property."""
    broken, seen = {}, 0
    for label, value in callables(module):
        seen += 1
        try:
            typing.get_type_hints(value)
        except Exception as error:  # noqa: BLE001 -- all that are broken are told at once
            broken[label] = repr(error)
    assert seen
    assert not broken


def test_hints_resolve_where_an_extra_is_missing():
    """Without httpx2 its client is `Never`: there is no such object."""
    script = (
        "import sys, typing; sys.modules['httpx2'] = None\n"
        "import cronapi, httpx\n"
        "hints = typing.get_type_hints(cronapi.Client.__init__)\n"
        "print(hints['http_client'] == httpx.AsyncClient | typing.Never | None)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"


def test_a_client_is_made_without_loading_what_its_hints_name():
    """Only reading the hints imports httpx."""
    script = (
        "import sys, typing, cronapi; cronapi.FastCron; print('httpx' in sys.modules)\n"
        "typing.get_type_hints(cronapi.Client.__init__); print('httpx' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
