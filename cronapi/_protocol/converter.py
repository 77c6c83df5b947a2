"""The one cattrs converter: values of an answer in, result classes out.

It tolerates all that the services have sent over the years: digits as strings, booleans as 0 and
1, four shapes of a log row. A value that cannot be read at all is an error, and `problems` says
where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache, partial
from operator import eq
from typing import Any, TypeVar

from cattrs import ClassValidationError, Converter, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from cronapi._protocol.values import shown, to_bool, to_date, to_datetime, to_float, to_int, to_text
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
"""The spellings of PHP and MySQL for no value."""


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
    """Return a hook for a log row.

    The row is flat, or has a `result`: an object, a list of attempts or the output itself.
    """
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


_SCALARS: dict[Any, Callable[[Any, Any], Any]] = {
    int: to_int,
    bool: to_bool,
    float: to_float,
    str: to_text,
    datetime: to_datetime,
    date: to_date,
    JobStatus: _open_enum(JobStatus),
    Notify: _open_enum(Notify),
}


@cache
def converter() -> Converter:
    """Return the one converter, made at the first call: its code generation takes milliseconds."""
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


def problems(error: BaseException, path: str) -> Iterator[str]:
    """Yield a line for each leaf of a tree of validation errors, with its path."""
    if isinstance(error, ClassValidationError):
        names = wire_names(error.cl)
        for inner, note in error.group_exceptions()[0]:
            yield from problems(inner, f"{path}.{names.get(note.name, note.name)}")
        yield from (f"{path}: {inner}" for inner in error.group_exceptions()[1])
    elif isinstance(error, IterableValidationError):
        for inner, place in error.group_exceptions()[0]:
            yield from problems(inner, f"{path}[{place.index!r}]")
    elif isinstance(error, KeyError):
        yield f"{path}: missing"
    else:
        yield f"{path}: {error}"
