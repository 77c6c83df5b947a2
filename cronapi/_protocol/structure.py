"""The `data` of an answer becomes result classes, or readable problems."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import islice
from typing import Any, TypeVar, cast

from cronapi._protocol.values import shown

T = TypeVar("T")

_MOST_PROBLEMS = 20
_NAMES = list[str]


class StructureError(ValueError):
    """The data cannot be read. `problems` has a line with a path for each reason."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(self.problems)


def _zone(item: object) -> object:
    """Return a time zone's name: text as it is, or the first text of an object.

    The shape of such an object is documented nowhere.
    """
    texts = (
        [value for value in item.values() if isinstance(value, str)]
        if isinstance(item, dict)
        else []
    )
    return texts[0] if texts else item


def structure(data: object, kind: type[T], path: str = "$.data") -> T:
    """Return `data` as `kind`, or raise StructureError with a path for each problem."""
    origin = getattr(kind, "__origin__", kind)
    if kind == _NAMES and isinstance(data, list | dict):
        data = [_zone(item) for item in data]
    if origin is dict and data == []:
        data = {}
    if origin in (list, dict) and type(data) is not origin:
        raise StructureError(
            (f"{path}: expected {'a list' if origin is list else 'an object'}, got {shown(data)}",)
        )
    read: Callable[[object, type[T]], T] = _hook(cast("Any", kind))
    try:
        return read(data, kind)
    except (ExceptionGroup, ValueError) as error:
        from cronapi._protocol.converter import problems  # noqa: PLC0415 -- as below

        lines = tuple(islice(problems(error, path), _MOST_PROBLEMS))
    raise StructureError(lines)  # out here, without the frames that hold the data


def prepare(kind: type) -> None:
    """Load all that reading a class needs, so that the first one is read as quickly as others."""
    _hook(kind)


@cache
def _hook(kind: Any) -> Callable[[object, Any], Any]:
    from cronapi._protocol.converter import converter  # noqa: PLC0415 -- only an answer needs cattrs

    return converter().get_structure_hook(kind)
