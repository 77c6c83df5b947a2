"""Names of a package that are imported when they are first used (PEP 562)."""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False  # as in typing, which costs more than the whole front door

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def lazy(
    package: str, homes: Mapping[str, str], modules: Iterable[str] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a package.

    `homes` maps a name to the module that defines it. `modules` are submodules that are attributes
    of the package without an import of their own.
    """
    namespace = vars(sys.modules[package])
    submodules = frozenset(modules)

    def get(name: str) -> object:
        if name in submodules:
            return import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        # The next access finds the name in the package itself.
        value = namespace[name] = getattr(import_module(homes[name]), name)
        return value

    def names() -> list[str]:
        return sorted(namespace.keys() | homes.keys() | submodules)

    return get, names


class LazyModule:
    """A module that is imported when one of its names is first used, for hints in signatures.

    A type checker sees the module itself. A module that is not installed, an extra, has no objects:
    its names are `typing.Never`.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        try:
            module = import_module(self._name)
        except ImportError:
            from typing import Never  # noqa: PLC0415 -- typing costs more than the whole front door

            return Never
        return getattr(module, name)
