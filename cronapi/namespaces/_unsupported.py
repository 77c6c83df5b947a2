"""Functions that a service does not have: the classes of its namespaces do not offer them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn

from cronapi._functions import TABLE
from cronapi.errors import UnsupportedFunctionError
from cronapi.namespaces._invoke import Namespace

Call = Callable[..., Awaitable[NoReturn]]


def unsupported(target: str) -> Callable[[Namespace, str], Call]:
    """Return the `__getattr__` of a namespace that lacks functions of its target.

    The call of one is an UnsupportedFunctionError, as through the general `Client`. Any other name
    is an AttributeError.
    """

    def __getattr__(self: Namespace, name: str) -> Call:  # noqa: N807 -- its name in the class
        function = f"{target}.{name}"
        if function not in TABLE:
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(text, name=name, obj=self)
        provider = self._invoke.caller.provider.name

        async def refuse(*_: object, **__: object) -> NoReturn:
            raise UnsupportedFunctionError(
                f"{provider} has no such function.", provider=provider, function=function
            )

        return refuse

    return __getattr__
