"""Rotate a secret: find every job that shows the old value, and give it the new one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from cronapi.client import Client
from cronapi.errors import CronAPIError
from cronapi.errors.concerns import input_error
from cronapi.manifest.account import read_account
from cronapi.manifest.compare import Row, id_of, name_of
from cronapi.manifest.comparing import calls_of
from cronapi.manifest.deciding import split_by_scope
from cronapi.manifest.masking import LEAST_SECRET
from cronapi.manifest.problems import Place as FilePlace
from cronapi.manifest.problems import Source
from cronapi.manifest.replacing import PLACES, Place, fields_with, replaced_in
from cronapi.manifest.wanted import Scope


@attrs.frozen
class RotatedJob:
    """A job that shows the old secret, and the fields that have it."""

    id: int
    name: str
    fields: tuple[str, ...]


@attrs.frozen
class Rotated:
    """The result of a rotation.

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
    include_hidden: Collection[str] = (),
    dry_run: bool = False,
) -> Rotated:
    """Put a new secret into every job that shows the old one, and look again.

    It is found by value in headers, URLs and bodies: as it is, percent-encoded, as JSON has it and
    in Base64. The new one gets the same spelling. A job with the old one in any other, such as hex,
    is told and left. `group` is the name of a group, None for the whole account. `places` are some
    of headers, url and post_data. `include_hidden` are names of jobs that have the old one as their
    password, though nobody can see it: they get the new one. With `dry_run` nothing is
    changed. Let the receiver take both secrets until it is done. Broken off, the same call goes on.

    ConfigurationError, with nothing changed, for a secret of less than eight characters, for a new
    one that has the old one or a line break in it, and for a name that no job has.
    """
    _check(old, new, places)
    chosen: tuple[Place, ...] = tuple(place for place in PLACES if place in places)
    seen = await _look(api, old, new, group, chosen)
    edits = seen.with_passwords(include_hidden, new)
    jobs = seen.jobs(edits)
    if dry_run:
        return Rotated(jobs, jobs, seen.unseen)
    if not edits:
        return Rotated(jobs, seen.jobs(seen.edits), seen.unseen)
    report = await api.cron.edit_many(edits)
    last = await _look(api, old, new, group, chosen)
    errors = tuple(one.error for one in report if one.error is not None)
    return Rotated(jobs, last.jobs(last.edits), seen.unseen, errors)


def _check(old: object, new: object, places: Collection[str]) -> None:
    if not isinstance(old, str) or not isinstance(new, str) or not new:
        raise input_error("The old and the new secret are texts.")
    if len(old) < LEAST_SECRET:
        raise input_error(
            f"The old secret has less than {LEAST_SECRET} characters: it may stand anywhere."
        )
    if old in new:
        raise input_error("The new secret has the old one in it, so it would be found too.")
    if not {"\r", "\n", "\0"}.isdisjoint(new):
        raise input_error("The new secret has a line break in it, which no header may have.")
    if unknown := set(places) - set(PLACES):
        raise input_error(f"There is no place {unknown.pop()!r}: {', '.join(PLACES)}.")


@attrs.frozen
class _Seen:
    """The listed jobs, the edits that replace the old secret, and the fields that have it."""

    rows: Mapping[int, Row] = attrs.field(repr=False)
    edits: Mapping[int, Mapping[str, Any]] = attrs.field(repr=False)
    fields: Mapping[int, tuple[str, ...]]

    @property
    def unseen(self) -> int:
        """How many jobs have a password, or others, that the service does not show."""
        return sum(not row.get("password") for row in self.rows.values())

    def with_passwords(self, names: Collection[str], new: str) -> dict[int, dict[str, Any]]:
        """Return the edits, and the new secret as the password of some jobs."""
        edits = {number: dict(edit) for number, edit in self.edits.items()}
        for name in names:
            numbers = [number for number, row in self.rows.items() if name_of(row) == name]
            if not numbers:
                raise input_error(f"There is no job {name!r}. Nothing was changed.")
            for number in numbers:
                edits.setdefault(number, {})["password"] = new
        return edits

    def jobs(self, edits: Mapping[int, Mapping[str, Any]]) -> tuple[RotatedJob, ...]:
        """Return the jobs that are edited, or that have the secret in an odd spelling."""
        return tuple(
            RotatedJob(number, name_of(row), fields)
            for number, row in self.rows.items()
            if (fields := tuple(dict.fromkeys([*edits.get(number, {}), *self.fields[number]])))
        )


async def _look(
    api: Client, old: str, new: str, group: str | None, places: tuple[Place, ...]
) -> _Seen:
    scope = Scope(FilePlace(Source("rotate", ""), ()), group=group, prefix=None)
    account = await read_account(calls_of(api), scope)
    if group is not None and account.group_id is None:
        raise input_error(f"There is no group {group!r}.")
    await account.finish()
    rows = list(account.rows.values())
    if group is not None:
        rows = [*split_by_scope(rows, scope, account.group_id).owned]
    listed = {id_of(row): row for row in sorted(rows, key=id_of)}
    edits = {number: replaced_in(row, old, new, places) for number, row in listed.items()}
    fields = {number: fields_with(row, old, places) for number, row in listed.items()}
    return _Seen(listed, {number: edit for number, edit in edits.items() if edit}, fields)
