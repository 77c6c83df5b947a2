"""Filling the services with groups and jobs, through the checks that a call goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cronapi.emulator.checks import shown
from cronapi.emulator.parameters import read_parameters, signature
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.service import HANDLERS, PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronapi.emulator.emulator import Emulator
    from cronapi.emulator.store import Document

_KINDS = {"groups": "group.add", "jobs": "cron.add"}


def seed_jobs(emulator: Emulator, given: object) -> Document:
    """Add `{"fastcron": {"groups": [...], "jobs": [...]}}` to the first account, all or nothing.

    Each item has the parameters of its add. A job may name one of these groups instead of an id.
    Returns the ids in the same places. Raises `ValueError` that names the first bad item.
    """
    data = _object(given, "the seed", PROVIDERS)
    account = next(iter(emulator.accounts))
    with emulator.store.transaction():
        return {
            provider: _seed(emulator, provider, account, _object(part, provider, _KINDS))
            for provider, part in data.items()
        }


def _seed(
    emulator: Emulator, provider: str, account: str, given: Mapping[str, object]
) -> Mapping[str, list[int]]:
    made: dict[str, list[int]] = {}
    groups: dict[str, int] = {}
    for kind, function in _KINDS.items():
        items = given.get(kind, [])
        if not isinstance(items, list):
            raise ValueError(f"{provider}.{kind} must be a list, not {shown(items)}")  # noqa: TRY004 -- documented
        places = [f"{provider}.{kind}[{index}]" for index in range(len(items))]
        made[kind] = [
            _add(emulator, function, (provider, account), _named(item, place, groups), place)
            for item, place in zip(items, places, strict=True)
        ]
        if kind == "groups":
            groups = {item["name"]: number for item, number in zip(items, made[kind], strict=True)}
    return made


def _named(item: object, place: str, groups: Mapping[str, int]) -> dict[str, Any]:
    given = _object(item, place, None)
    group = given.get("group")
    return (
        {**given, "group": groups[group]} if isinstance(group, str) and group in groups else given
    )


def _add(
    emulator: Emulator, function: str, of: tuple[str, str], given: dict[str, Any], place: str
) -> int:
    provider, account = of
    try:
        settings = emulator.settings
        spec = signature(provider, function, settings.era, settings.undocumented)
        params = read_parameters(spec, given, strict=settings.strict)
        added: Any = HANDLERS[function](emulator.call(provider, account, params))
    except Refusal as refusal:
        raise ValueError(f"{place}: {refusal.message}") from refusal
    return int(added["id"])


def _object(value: object, place: str, known: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or (known is not None and value.keys() - set(known)):
        names = f" with {' and '.join(known)}" if known else ""
        raise ValueError(f"{place} must be an object{names}, not {shown(value)}")
    return value
