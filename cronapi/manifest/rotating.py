"""Rotate a secret: find every job that shows the old value, and give it the new one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from cronapi.client import Client
from cronapi.errors import ConfigurationError, CronAPIError
from cronapi.manifest.account import read_account
from cronapi.manifest.compare import Row
from cronapi.manifest.comparing import calls_of
from cronapi.manifest.deciding import split_by_scope
from cronapi.manifest.identity import id_of, name_of
from cronapi.manifest.masking import LEAST_SECRET
from cronapi.manifest.problems import Place as FilePlace
from cronapi.manifest.problems import Source
from cronapi.manifest.replacing import PLACES, Place, fields_with, replaced_in
from cronapi.manifest.wanted import Scope


@attrs.frozen
class RotatedJob:
    """A job that shows the old secret, and the fields in which it does so."""

    id: int
    name: str
    fields: tuple[str, ...]


@attrs.frozen
class Rotated:
    """What a rotation has done.

    `jobs` are those that showed the old secret. `left` are those that still do, by a last look.
    `errors` are those of the edits. `unseen` is the number of jobs with a user, a password or
    others that the service does not show: nobody can tell if the old secret is among them.
    """

    jobs: tuple[RotatedJob, ...]
    left: tuple[RotatedJob, ...]
    unseen: int
    errors: tuple[CronAPIError, ...] = ()

    @property
    def is_complete(self) -> bool:
        """True if no shown field has the old secret any more."""
        return not self.left


async def rotate(
    api: Client,
    old: str,
    new: str,
    *,
    group: str | None = None,
    places: Collection[str] = PLACES,
    dry_run: bool = False,
) -> Rotated:
    """Put a new secret into every job that shows the old one, and look again.

    It is found by value in headers, URLs and bodies: as it is, percent-encoded, as JSON has it and
    in Base64. The new one gets the same spelling. A job with the old one in any other, such as hex,
    is told and left. `group` is the name of a group, None for the whole account. `places` are some
    of headers, url and post_data. With `dry_run` nothing is changed. Let the receiver take both
    secrets until it is done. Broken off, the same call finds what is left.

    ConfigurationError, with nothing sent, for a secret of less than eight characters, and for a new
    one that has the old one or a line break in it.
    """
    _check(old, new, places)
    chosen: tuple[Place, ...] = tuple(place for place in PLACES if place in places)
    found, unseen, changes = await _look(api, old, new, group, chosen)
    if dry_run or not changes:
        return Rotated(found, found, unseen)
    report = await api.cron.edit_many(changes)
    left, _, _ = await _look(api, old, new, group, chosen)
    errors = tuple(one.error for one in report if one.error is not None)
    return Rotated(found, left, unseen, errors)


def _check(old: object, new: object, places: Collection[str]) -> None:
    if not isinstance(old, str) or not isinstance(new, str) or not new:
        raise ConfigurationError("The old and the new secret are texts.")
    if len(old) < LEAST_SECRET:
        raise ConfigurationError(
            f"The old secret has less than {LEAST_SECRET} characters: it may stand anywhere."
        )
    if old in new:
        raise ConfigurationError("The new secret has the old one in it, so it would be found too.")
    if not {"\r", "\n", "\0"}.isdisjoint(new):
        raise ConfigurationError("The new secret has a line break in it, which no header may have.")
    if unknown := set(places) - set(PLACES):
        raise ConfigurationError(f"There is no place {unknown.pop()!r}: {', '.join(PLACES)}.")


async def _look(
    api: Client, old: str, new: str, group: str | None, places: tuple[Place, ...]
) -> tuple[tuple[RotatedJob, ...], int, dict[int, dict[str, Any]]]:
    """Return the jobs that show the old secret, how many hide fields, and the edits by id."""
    scope = Scope(FilePlace(Source("rotate", ""), ()), group=group, prefix=None)
    account = await read_account(calls_of(api), scope)
    if group is not None and account.group_id is None:
        raise ConfigurationError(f"There is no group {group!r}.")
    await account.finish()
    rows = list(account.rows.values())
    if group is not None:
        rows = [*split_by_scope(rows, scope, account.group_id).owned]
    edits: dict[int, dict[str, Any]] = {
        id_of(row): replaced_in(row, old, new, places) for row in sorted(rows, key=id_of)
    }
    found = tuple(
        RotatedJob(id_of(row), name_of(row), fields)
        for row in sorted(rows, key=id_of)
        if (fields := _with_old(row, edits[id_of(row)], old, places))
    )
    unseen = sum("password" not in row or not row["password"] for row in rows)
    return found, unseen, {number: edit for number, edit in edits.items() if edit}


def _with_old(
    row: Row, edit: Mapping[str, Any], old: str, places: tuple[Place, ...]
) -> tuple[str, ...]:
    """Return the fields with the old secret: those of the edit, and those in odd spellings."""
    return tuple(dict.fromkeys([*edit, *fields_with(row, old, places)]))
