"""Values that no repr shows: debuggers and error reporters print the local variables of frames."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar, cast

from cronapi._protocol.redaction import HIDDEN, without_password

M = TypeVar("M", bound=Mapping[str, Any])
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

_SHOWN = frozenset(
    {
        *("id", "name", "url", "expression", "timezone", "group", "page", "keyword", "limit"),
        *("data", "auth", "request_format", "scope"),
    }
)
"""The parameters of calls and clients that a repr shows. A misspelt one may be a secret."""
_LONGEST_CHAIN = 20


class Hidden(str):
    """A text whose repr does not show it. It is like any other text in all else."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)


class Params(dict[str, Any]):
    """Parameters of a call. Their repr shows no secret."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = (f"{k!r}: {repr(v) if k in _SHOWN else HIDDEN}" for k, v in self.items())
        return f"{{{', '.join(shown)}}}"


def hidden(value: T) -> T:
    """Return a text whose repr does not show it, and any other value as it is."""
    if not issubclass(type(value), str):
        return value
    return cast("T", Hidden(str.__str__(cast("str", value))))


def hide(params: M) -> M:
    """Return a copy of parameters, in Python's spelling or the wire's, whose repr is harmless.

    Hidden ones are returned as they are, and so is an object whose own code may raise anything.
    """
    if type(params) is Params or not isinstance(params, dict | MappingProxyType):
        return params
    return cast("M", Params({name: _hidden(name, value) for name, value in params.items()}))


def hidden_text(text: str) -> str:
    """Return a text as it is, hidden from its repr if it has the password of a URL."""
    return text if "@" not in text or without_password(text) == text else hidden(text)


def _hidden(name: str, value: object) -> object:
    if isinstance(value, str) and issubclass(type(value), str):  # a proxy only says so
        return hidden_text(value) if name in _SHOWN else hidden(value)
    if name == "data" and isinstance(value, list):
        return [hide(item) if isinstance(item, dict) else item for item in value]
    return value


def without_frames(error: E) -> E:
    """Return an exception without its traceback, and without those of the ones that led to it.

    Their frames hold what was sent or read.
    """
    behind: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if behind is None:
            break
        behind.__traceback__ = None
        behind = behind.__cause__ or behind.__context__
    return error
