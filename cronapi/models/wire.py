"""What all results have: their forms for the wire, for JSON and for the eye."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import date
from typing import Any, Self

from attrs import Attribute, field, fields

from cronapi._names import wire_name, wire_value


def fields_of(cls: type) -> tuple[Attribute[Any], ...]:
    """Return the fields of a result class that a service fills, those of its arguments."""
    found: tuple[Attribute[Any], ...] = fields(cls)
    return tuple(a for a in found if a.init)


def wire_names(cls: type) -> dict[str, str]:
    """Return the wire's name of each field of a result class, without `extra`."""
    return {
        a.name: a.metadata.get("wire") or wire_name(a.name)
        for a in fields_of(cls)
        if a.name != "extra"
    }


def former_names(cls: type) -> dict[str, str]:
    """Map former wire names of a result class to their names of today."""
    names = wire_names(cls)
    return {
        former: names[a.name] for a in fields_of(cls) for former in a.metadata.get("former", ())
    }


class Wire:
    """The ways to the wire and to JSON, and the repr.

    The repr shows the fields that are set. It hides secrets, and counts headers, characters of an
    output and unknown members.
    """

    __slots__ = ()

    def to_wire(self) -> dict[str, Any]:
        """Return the members that are not missing, and those of `extra`, as the wire has them."""
        known = ((wire, getattr(self, name)) for name, wire in wire_names(type(self)).items())
        extra: dict[str, Any] = self.extra  # type: ignore[attr-defined]  # each subclass has it
        return {wire: wire_value(value) for wire, value in known if value is not None} | extra

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set, by their Python names, in the form that JSON takes.

        Times and dates are in ISO 8601, codes are numbers, and `extra` has the unknown members.
        `from_dict` makes an equal result of it. Nothing is hidden: headers and bodies may hold
        secrets. ConfigurationError if a field of a result that was made by hand has no such form,
        such as an infinite number, or if lists and objects stand in each other more than 100 deep.
        """
        from cronapi.models.json_form import written  # noqa: PLC0415 -- few programs write JSON

        return written(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the result that `to_dict` has written.

        A field that is missing or None is None. An unknown name, a value of another type, and
        lists and objects in each other more than 100 deep are a ConfigurationError that names the
        field.
        """
        from cronapi.models.json_form import read  # noqa: PLC0415 -- see above

        return read(cls, data)

    def __repr__(self) -> str:
        pairs = ((a, getattr(self, a.name)) for a in fields_of(type(self)))
        shown = (
            f"{a.name}={a.repr(value) if callable(a.repr) else _shown(value)}"
            for a, value in pairs
            if not _is_unset(value)
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """Let pydantic, and so FastAPI, take a result class as a type. It has this hook's name."""
        from cronapi.models.pydantic_form import schema_of  # noqa: PLC0415 -- an extra of the user

        return schema_of(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        """Return the JSON Schema of what `to_dict` writes. It has this hook's name."""
        from cronapi.models.pydantic_form import json_schema  # noqa: PLC0415 -- an extra of the user

        return json_schema(cls)


def _is_unset(value: object) -> bool:
    """Return True for None, and for the empty texts by which the services say the same."""
    return value is None or value in ("", {})


def _shown(value: object) -> str:
    from cronapi._protocol.redaction import without_password  # noqa: PLC0415 -- only a repr needs it

    if isinstance(value, enum.Enum):
        return str(value)
    return value.isoformat() if isinstance(value, date) else repr(without_password(value))


def _masked(_: object) -> str:
    return "***"


def _count_of_members(extra: Any) -> str:
    return f"<{len(extra)} unknown>"


def size_of_text(text: Any) -> str:
    """Return the size of a text that is too long, or too private, for a repr."""
    return f"<{len(text)} characters>" if isinstance(text, str) else _masked(text)


def hidden_field() -> Any:
    """Return the field of a text that a repr only says to be there."""
    return field(default=None, repr=_masked)


def extra_field() -> Any:
    """Return the field of the members that cronapi does not know."""
    return field(factory=dict, repr=_count_of_members, hash=False)
