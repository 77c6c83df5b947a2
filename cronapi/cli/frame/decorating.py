"""The type of an option or argument that is used on several commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Decorator(Protocol):
    """Adds an option or argument to a command."""

    def __call__(self, function: F, /) -> F:
        """Return the command."""
        ...
