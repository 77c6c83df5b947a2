"""The one cattrs converter: `data` of an answer in, result classes out, readable problems where that fails.

Tolerant of what the services have answered over the years (digits as strings, booleans as 0 and 1, four shapes of a log row); not
tolerant of a value that cannot be read at all: that is a `StructureError` with a path for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache, partial
from itertools import islice
from operator import eq
from typing import Any, TypeVar

from cattrs import ClassValidationError, Converter, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from cronapi._protocol.values import shown, to_bool, to_date, to_float, to_int, to_moment, to_text
from cronapi.models import (
    Account,
    Attempt,
    CronJob,
    Execution,
    Group,
    JobStatus,
    Notification,
    Notify,
    OpenEnum,
    ServerAddress,
    former_names,
    wire_names,
)

T = TypeVar("T")
E = TypeVar("E", bound=OpenEnum)

_NOTHING = ("", "0000-00-00")
"""How PHP and MySQL write that there is none."""
_MOST_PROBLEMS = 20


class StructureError(ValueError):
    """The data cannot be read; `problems` has a line with a path for each reason."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(self.problems)


def _open_enum(kind: type[E]) -> Callable[[object, object], E]:
    known = {int(member): member for member in kind}

    def read(value: object, _: object) -> E:
        number = int(value) if isinstance(value, bool) else to_int(value)
        member = known.get(number)
        return kind(number) if member is None else member

    return read


def _texts(value: object, _: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(to_text(item) for item in value)
    return tuple(part.strip() for part in to_text(value).split(","))


def _optional(read: Callable[[Any, Any], T]) -> Callable[[Any, Any], T | None]:
    def read_or_none(value: object, kind: object) -> T | None:
        return None if value is None or value in _NOTHING else read(value, kind)

    return read_or_none


def _optional_text(value: object, _: object) -> str | None:
    return value if value is None or type(value) is str else to_text(value)


def _as_it_is(value: Any, _: object) -> Any:
    return value


def _generated(converter: Converter, cls: type[T]) -> Callable[[Any, Any], T]:
    """Return cattrs' own hook for a result class, with the wire's names."""
    return make_dict_structure_fn(
        cls,
        converter,
        _cattrs_detailed_validation=True,
        extra=override(struct_hook=_as_it_is),
        **{name: override(rename=wire) for name, wire in wire_names(cls).items()},  # type: ignore[arg-type]  # cattrs types its options and the overrides as one
    )


def _reader(converter: Converter, cls: type[T]) -> Callable[[Any, Any], T]:
    """Return a hook that renames the wire's members and keeps the unknown ones in `extra`."""
    known, former = frozenset(wire_names(cls).values()), former_names(cls)
    inner = _generated(converter, cls)

    def read(value: Any, kind: Any) -> T:
        if type(value) is not dict:
            raise ValueError(f"expected an object, got {shown(value)}")
        if value.keys() <= known:
            return inner(value, kind)
        extra = {name: item for name, item in value.items() if name not in known}
        row = value | {"extra": extra}
        for name, today in former.items():
            if name in extra and row.get(today) in (None, ""):
                row[today] = extra.pop(name)
        return inner(row, kind)

    return read


def _execution(converter: Converter) -> Callable[[Any, Any], Execution]:
    """Read a log row: flat, or with a `result` that is an object, a list of attempts or the output itself."""
    members = frozenset(wire_names(Execution).values())
    inner = _generated(converter, Execution)

    def read(row: Any, kind: object) -> Execution:
        if type(row) is not dict:
            raise ValueError(f"expected an object, got {shown(row)}")
        outer = {name: value for name, value in row.items() if name not in members}
        return inner(
            row | {"result": [outer | attempt for attempt in _attempts(row.get("result"))]}, kind
        )

    return read


def _attempts(result: object) -> list[dict[str, Any]]:
    match result:
        case dict():
            return [result]
        case str():
            return [{"output": result}]
        case list() if all(type(item) is dict for item in result):
            return result or [{}]
        case None:
            return [{}]
    raise ValueError(
        f"expected an object, a list of objects or text as result, got {shown(result)}"
    )


def _zone(item: object) -> object:
    """Return a time zone's name: text as it is, or the first text of an object (the shape is documented nowhere)."""
    texts = (
        [value for value in item.values() if isinstance(value, str)]
        if isinstance(item, dict)
        else []
    )
    return texts[0] if texts else item


_SCALARS: dict[Any, Callable[[Any, Any], Any]] = {
    int: to_int,
    bool: to_bool,
    float: to_float,
    str: to_text,
    datetime: to_moment,
    date: to_date,
    JobStatus: _open_enum(JobStatus),
    Notify: _open_enum(Notify),
}


@cache
def converter() -> Converter:
    """Return the one converter, made when it is first asked for: its code generation takes milliseconds."""
    made = Converter(detailed_validation=True)
    for kind, read in _SCALARS.items():
        made.register_structure_hook(kind, read)
        made.register_structure_hook_func(partial(eq, kind | None), _optional(read))
    made.register_structure_hook_func(partial(eq, str | None), _optional_text)
    made.register_structure_hook_func(partial(eq, tuple[str, ...]), _texts)
    made.register_structure_hook_func(partial(eq, tuple[str, ...] | None), _optional(_texts))
    for cls in (CronJob, Attempt, Group, Account, ServerAddress, Notification):
        made.register_structure_hook(cls, _reader(made, cls))
    made.register_structure_hook(Execution, _execution(made))
    return made


def structure(data: object, kind: type[T], path: str = "$.data") -> T:
    """Return `data` as `kind`, or raise StructureError with a path for each problem."""
    origin = getattr(kind, "__origin__", kind)
    if kind == list[str] and isinstance(data, list | dict):
        data = [_zone(item) for item in data]
    if origin is dict and data == []:
        data = {}
    if origin in (list, dict) and type(data) is not origin:
        raise StructureError(
            (f"{path}: expected {'a list' if origin is list else 'an object'}, got {shown(data)}",)
        )
    try:
        return converter().structure(data, kind)
    except (ClassValidationError, IterableValidationError) as error:
        raise StructureError(tuple(islice(_problems(error, path), _MOST_PROBLEMS))) from error
    except ValueError as error:
        raise StructureError((f"{path}: {error}",)) from error


def _problems(error: BaseException, path: str) -> Iterator[str]:
    """Walk a tree of validation errors and yield a line for each leaf."""
    if isinstance(error, ClassValidationError):
        names = wire_names(error.cl)
        for inner, note in error.group_exceptions()[0]:
            yield from _problems(inner, f"{path}.{names.get(note.name, note.name)}")
        yield from (f"{path}: {inner}" for inner in error.group_exceptions()[1])
    elif isinstance(error, IterableValidationError):
        for inner, place in error.group_exceptions()[0]:
            yield from _problems(inner, f"{path}[{place.index!r}]")
    elif isinstance(error, KeyError):
        yield f"{path}: missing"
    else:
        yield f"{path}: {error}"
