"""The packages that extras bring, and what to install where one is missing."""

from __future__ import annotations

EXTRAS = {
    "click": "cli",
    "rich": "cli",
    "uvicorn": "emulator",
    "redis": "redis",
    "pytest": "testing",
}
"""The extra that brings each package."""


def command_for(*extras: str) -> str:
    """Return the command that installs extras."""
    return f'pip install "cronapi-client[{",".join(extras)}]"'


def missing(what: str, package: str) -> ModuleNotFoundError:
    """Return the error for something that cannot be imported without a package of an extra."""
    text = f"{what} needs {package}: {command_for(EXTRAS[package])}"
    return ModuleNotFoundError(text, name=package)
