"""Rows of a table, such as CSV or YAML: jobs and changes as mappings, whose cells may be empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from cronapi._protocol.params import KIND_OF, as_params, check_names
from cronapi.providers import Provider


class Untyped:
    """A type that no value has. Only `Any` fits where it stands."""


class AnyKeys(Protocol):
    """A mapping whose keys are `Any`, such as a row of `csv.DictReader`."""

    def __getitem__(self, name: Untyped, /) -> object:
        """Return a cell."""
        ...


Row = Mapping[str, Untyped] | AnyKeys
"""To a type checker a mapping that was not typed, and no literal, whose keys can be checked.

A value of `dict[str, Any]` is one. At run time it is any mapping.
"""


def new_job(row: Any, provider: Provider) -> Mapping[str, Any]:
    """Return the parameters of a new job at a provider, given as a JobSpec, a CronJob or a row.

    An empty cell is not set: a new job has nothing to clear.
    """
    params = as_params(row, provider=provider)
    if row is params:
        return {name: value for name, value in params.items() if not _is_empty(name, value)}
    return params


def changes(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes of a job that a row has.

    An empty number, boolean, time or list is not set. Other empty text is, which clears a field.
    """
    check_names(row, "A job")
    return {
        name: value
        for name, value in row.items()
        if KIND_OF[name].has_empty or not _is_empty(name, value)
    }


def _is_empty(name: str, value: object) -> bool:
    """Return True for an empty cell. Blanks are a text, and no other value."""
    if not isinstance(value, str):
        return False
    text = str.__str__(value)
    return not (text if KIND_OF[name].has_empty else text.strip())
