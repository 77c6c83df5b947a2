"""A result class as a type of pydantic, for FastAPI: a value is the result, or what it writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import NOTHING
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from cronapi.errors import ConfigurationError
from cronapi.models.json_form import forms_of, read
from cronapi.models.wire import Wire, fields_of

W = TypeVar("W", bound=Wire)


def schema_of(cls: type[W]) -> Any:
    """Return the schema by which pydantic reads and writes a result class."""

    def validate(value: Any) -> W:
        if isinstance(value, cls):
            return value
        try:
            return read(cls, value)
        except ConfigurationError as error:
            refused = str(error)
        # Its own error would repeat the whole input, and with it a password.
        problem = PydanticCustomError("value_error", "{reason}", {"reason": refused})
        detail = InitErrorDetails(type=problem, loc=(), input=type(value).__name__)
        raise ValidationError.from_exception_data(cls.__name__, [detail])

    def write(value: Any, info: core_schema.SerializationInfo) -> dict[str, Any]:
        return _chosen(value.to_dict(), info.include, info.exclude)

    return core_schema.no_info_plain_validator_function(
        validate,
        serialization=core_schema.plain_serializer_function_ser_schema(write, info_arg=True),
    )


def _chosen(written: dict[str, Any], include: Any, exclude: Any) -> dict[str, Any]:
    """Return the members that are asked for. A name in a mapping may ask for a part of its value.

    Such a part is not looked at: it counts as included, and is not excluded.
    """
    gone = exclude or ()
    if isinstance(exclude, Mapping):
        gone = {name for name, part in exclude.items() if part in (True, ...)}
    return {
        name: value
        for name, value in written.items()
        if name not in gone and (include is None or name in include)
    }


def json_schema(cls: type[Wire]) -> dict[str, Any]:
    """Return the JSON Schema of what a result class writes."""
    return {
        "title": cls.__name__,
        "type": "object",
        "properties": {name: dict(form.schema) for name, form in forms_of(cls).items()},
        "required": [a.name for a in fields_of(cls) if a.default is NOTHING],
    }
