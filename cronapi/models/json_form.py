"""The results as JSON has them: how the value of each type of field is written and read.

What is written is read back as an equal result. A refusal names the field and the type that came,
and never repeats a value: it may be a secret.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from math import isfinite
from typing import Any, TypeVar, get_type_hints

from attrs import NOTHING, frozen

from cronapi._protocol.json_text import MOST_DEPTH, copied
from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import input_error, setting_error
from cronapi.models.codes import JobStatus, Notify
from cronapi.models.execution import Attempt
from cronapi.models.wire import Wire, fields_of

W = TypeVar("W", bound=Wire)
_BITS = 10_000
"""Of the largest whole number. A longer one may not even be written: Python has a bound."""


def written(result: Wire) -> dict[str, Any]:
    """Return the fields of a result that are set, as JSON has them.

    ConfigurationError if one could not be read back: a result that was made by hand may have any
    value. Members of `extra` are bounded in their depth alone.
    """
    cls = type(result)
    pairs = ((a.name, getattr(result, a.name)) for a in fields_of(cls))
    return {
        name: _checked(cls, name, value)
        for name, value in pairs
        if value is not None and (name != "extra" or value)
    }


def _checked(cls: type[Wire], name: str, value: object) -> Any:
    """Return the JSON form of a field's value, which can be read back."""
    full = f"{cls.__name__}.{name}"
    form = _copied(full, value)
    if name != "extra":
        _read(full, forms_of(cls)[name], form)
    return form


def _copied(name: str, value: object) -> Any:
    """Return a copy of a field's value, as JSON has it."""
    try:
        return copied(value, _as_json)
    except ConfigurationError:
        raise
    except ValueError as error:
        problem = str(error)
    raise input_error(
        f"{name} is {problem}: {MOST_DEPTH} lists and objects inside each other are the most."
    )


def _as_json(value: object) -> object:
    match value:
        case Wire():
            return written(value)
        case date():
            return value.isoformat()
        case enum.Enum():
            return value.value
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value.bit_length() > _BITS:
        raise ValueError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError  # noqa: TRY004 -- the one error of all readers
    if not isfinite(number := float(value)):
        raise ValueError
    return number


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004 -- see above
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 -- see above
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, _items(value)))


def _items(value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError  # noqa: TRY004 -- see above
    return value


def _time(value: Any) -> datetime:
    time = datetime.fromisoformat(_text(value))
    if time.tzinfo is None:
        raise ValueError
    return time.astimezone(UTC)


def _members(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError  # noqa: TRY004 -- see above
    return dict(value)


@frozen
class Form:
    """The JSON form of a type: how it is read, what it is in words, and its JSON Schema."""

    read: Callable[[Any], object]
    takes: str
    schema: Mapping[str, object]


_TEXT = {"type": "string"}
_WHOLE = {"type": "integer"}
_FORMS: Mapping[Any, Form] = {
    int: Form(_whole, "a whole number", _WHOLE),
    float: Form(_number, "a number", {"type": "number"}),
    bool: Form(_flag, "true or false", {"type": "boolean"}),
    str: Form(_text, "text", _TEXT),
    datetime: Form(_time, "an ISO time with its offset", _TEXT | {"format": "date-time"}),
    date: Form(lambda value: date.fromisoformat(_text(value)), "an ISO date", _TEXT),
    JobStatus: Form(lambda value: JobStatus(_whole(value)), "a whole number", _WHOLE),
    Notify: Form(lambda value: Notify(_whole(value)), "a whole number", _WHOLE),
    tuple[str, ...]: Form(_texts, "a list of texts", {"type": "array", "items": _TEXT}),
    tuple[Attempt, ...]: Form(
        lambda value: tuple(read(Attempt, item) for item in _items(value)),
        "a list of attempts",
        {"type": "array", "items": {"type": "object"}, "minItems": 1},
    ),
    dict[str, Any]: Form(_members, "an object", {"type": "object"}),
}
_FORM_OF = {**_FORMS, **{kind | None: form for kind, form in _FORMS.items()}}


def forms_of(cls: type) -> Mapping[str, Form]:
    """Return the form of each field of a result class."""
    return _resolved(cls)


@cache
def _resolved(cls: type) -> Mapping[str, Form]:
    try:
        hints = get_type_hints(cls)
    except NameError as error:
        raise setting_error(f"{cls.__name__} has no form in JSON: {error}.") from None
    for a in fields_of(cls):
        if hints[a.name] not in _FORM_OF:
            raise setting_error(f"{cls.__name__}.{a.name} is of a type that has no form in JSON.")
    return {a.name: _FORM_OF[hints[a.name]] for a in fields_of(cls)}


def read(cls: type[W], data: object) -> W:
    """Return the result that `written` made. ConfigurationError if it is another thing."""
    if not isinstance(data, Mapping):
        raise input_error(
            f"{cls.__name__}.from_dict takes a mapping of its fields, not a {type(data).__name__}."
        )
    known = forms_of(cls)
    for name in data.keys() - known.keys():
        raise input_error(
            f"{cls.__name__} has no field {_shown(name)}{_hint(name, known)}; members that a "
            "service added stand in `extra`."
        )
    given = {name: value for name, value in data.items() if value is not None}
    for name in [a.name for a in fields_of(cls) if a.default is NOTHING]:
        if name not in given:
            raise input_error(f"{cls.__name__} needs {name}.")
    return cls(
        **{name: _read(f"{cls.__name__}.{name}", known[name], given[name]) for name in given}
    )


def _read(name: str, form: Form, value: object) -> object:
    try:
        found = form.read(value)
        return _copied(name, found) if isinstance(found, dict) else found
    except ConfigurationError:
        raise
    except (ValueError, OverflowError):
        came = type(value).__name__
    raise input_error(f"{name} takes {form.takes}, and this {came} is none.")


def _shown(name: object) -> str:
    return repr(name) if isinstance(name, str) else f"of type {type(name).__name__}"


def _hint(name: object, known: Mapping[str, object]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 -- only an error needs it

    near = get_close_matches(name, known, 1) if isinstance(name, str) else []
    return f" (did you mean {near[0]!r}?)" if near else ""
