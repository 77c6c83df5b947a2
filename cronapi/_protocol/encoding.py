"""How parameters become the members of a request: names, values and whole jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cronapi._names import wire_name
from cronapi._protocol.arguments import is_encodable
from cronapi._protocol.kinds import ANYTHING, Kind
from cronapi._protocol.params import CLEARABLE, KIND_OF
from cronapi.errors.concerns import input_error
from cronapi.models import Notify
from cronapi.providers import Provider


def _notify(code: bool | int, provider: Provider) -> bool | int:
    if provider.notify_codes:
        return int(code)
    if code not in (Notify.NEVER, Notify.ON_FAILURE):
        raise input_error(
            f"{provider.name} has no notify code {int(code)}; it takes True (on failure) or False."
        )
    return bool(code)


def _jobs(value: object) -> Sequence[Mapping[str, Any]]:
    """Return the jobs of a batch in a raw call, or none if the value is something else."""
    return (
        value
        if isinstance(value, list | tuple) and all(isinstance(item, Mapping) for item in value)
        else ()
    )


def _encode(name: str, value: Any, provider: Provider, kinds: Mapping[str, Kind]) -> object:
    if name not in kinds and not (isinstance(name, str) and name and is_encodable(name)):
        raise input_error("The name of a parameter must be text that can be sent.")
    sent = kinds.get(name, ANYTHING).send(name, value)
    return _notify(sent, provider) if name == "notify" else sent


def _members(
    params: Mapping[str, Any], provider: Provider, kinds: Mapping[str, Kind]
) -> dict[str, Any]:
    return {
        wire_name(name): sent
        for name, value in params.items()
        if value is not None and (sent := _encode(name, value, provider, kinds)) is not None
    }


def encode_params(
    params: Mapping[str, Any],
    provider: Provider,
    *,
    clear: bool,
    kinds: Mapping[str, Kind] = KIND_OF,
) -> dict[str, Any]:
    """Return parameters as they travel, under the wire's names.

    `kinds` are the kinds of the parameters by name. One without a kind may be anything that JSON
    has. ConfigurationError if a value is of another kind.

    With `clear` (an edit), None is sent as "" and clears a field. ConfigurationError if the field
    cannot be cleared. Without `clear`, None is left out.
    """
    jobs = _jobs(params.get("data"))
    alone = {n: v for n, v in params.items() if n != "data"} if jobs else params
    wire = _members(alone, provider, kinds)
    if jobs:
        wire["data"] = [_members(job, provider, kinds) for job in jobs]
    for name in [name for name, value in params.items() if value is None] if clear else []:
        if name not in CLEARABLE:
            raise input_error(f"{name} cannot be cleared; leave it out to keep its value.")
        wire[wire_name(name)] = ""
    return wire
