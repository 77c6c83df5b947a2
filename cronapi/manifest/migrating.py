"""Describe the jobs of one service as a manifest for another, with all that gets lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs

from cronapi._names import wire_name
from cronapi._protocol.encoding import encode_params
from cronapi._protocol.hidden import without_frames
from cronapi._protocol.losses import Loss
from cronapi._protocol.params import JobSpec
from cronapi._protocol.structure import StructureError, structure
from cronapi.client import Client
from cronapi.errors import Applied, ResponseError
from cronapi.errors.concerns import input_error
from cronapi.manifest.account import read_account
from cronapi.manifest.compare import Row, id_of, name_of, shown_of
from cronapi.manifest.comparing import calls_of
from cronapi.manifest.deciding import split_by_scope
from cronapi.manifest.exporting import Secrets, export_rows
from cronapi.manifest.problems import Place, Source
from cronapi.manifest.switching import runs
from cronapi.manifest.wanted import Scope
from cronapi.manifest.writing import export_text
from cronapi.models import CronJob, JobStatus
from cronapi.providers import Provider


@attrs.frozen
class JobLoss:
    """Something of a job that the other service does not have, or has in another form."""

    id: int
    name: str
    loss: Loss

    def __str__(self) -> str:
        return f"{self.name} ({self.id}): {self.loss}"


@attrs.frozen
class Unseen:
    """A parameter that the old service does not show of some jobs: nobody can tell if it is set.

    `jobs` are their ids, and `of` is the number of jobs that were looked at.
    """

    field: str
    jobs: tuple[int, ...]
    of: int

    reason: ClassVar[str] = "cannot be read; if it was set, it is lost"

    def __str__(self) -> str:
        count = len(self.jobs)
        jobs = f"{'all ' if count == self.of > 1 else ''}{count} job{'s' if count > 1 else ''}"
        return f"{jobs}: {self.field} ({self.reason})"


@attrs.frozen
class Migrated:
    """A manifest for another service.

    `text` is the file, and `environ` has the values of its variables. `losses` name all that could
    not be carried over. `skipped` says of each job that is not in the file why that is so. `unseen`
    are the parameters that the old service hides. They are lost where they were set. `names` are
    the jobs in the file.
    """

    text: str = attrs.field(repr=lambda text: f"<{len(text)} characters>")
    environ: dict[str, str] = attrs.field(repr=lambda _: "***")
    losses: tuple[JobLoss, ...]
    skipped: tuple[str, ...]
    unseen: tuple[Unseen, ...] = ()
    names: tuple[str, ...] = ()


async def migrate(
    source: Client,
    to: Provider,
    *,
    into: str,
    group: str | None = None,
    prefix: str | None = None,
    secrets: Secrets = "placeholder",
) -> Migrated:
    """Return a manifest for another service, of the jobs of this one.

    `into` is the name of the group that they get there. `group` or `prefix` choose some of them. A
    job that does not run is written with `enabled = false`. It takes tomlkit. Nothing is changed
    at either service. A job that cannot be read is a ResponseError. A read: repeated freely.
    """
    found = await described(source, to, into=into, group=group, prefix=prefix, secrets=secrets)
    return found.migrated


@attrs.frozen
class Described:
    """A migration with all jobs of the account, and the ids of those that are in the file.

    `unknown` are the names of chosen jobs, by their ids, of which nothing was known.
    """

    migrated: Migrated
    rows: dict[int, Row] = attrs.field(repr=False)
    ids: Mapping[str, int]
    unknown: Mapping[int, str]


async def described(
    source: Client,
    to: Provider,
    *,
    into: str,
    group: str | None,
    prefix: str | None,
    secrets: Secrets = "placeholder",
    known: Mapping[int, tuple[str, int]] | None = None,
) -> Described:
    """Describe jobs for another service, with the name and status that are `known` of some."""
    if group is not None and prefix is not None:
        raise input_error("Jobs are chosen by a group or by a prefix, not by both.")
    scope = Scope(Place(Source("migrate", ""), ()), group=group, prefix=prefix or "")
    account = await read_account(calls_of(source), scope)
    if group is not None and account.group_id is None:
        raise input_error(f"There is no group {group!r}.")
    await account.finish()
    rows = list(account.rows.values())
    if group is not None:
        scope = attrs.evolve(scope, prefix=None)
    owned = split_by_scope(rows, scope, account.group_id).owned
    unknown = {id_of(row): name_of(row) for row in owned if id_of(row) not in (known or ())}
    if known is not None:
        owned = [_as_known(row, *known[id_of(row)]) for row in rows if id_of(row) in known]
    carried = [_carried(row, to) for row in owned]
    found = export_rows([row for row, _ in carried], to, with_group=False, secrets=secrets)
    losses = _without_one_group([loss for _, some in carried for loss in some], len(owned))
    text = export_text(found, {"group": into}, to.name)
    unseen = _unseen(owned, losses, source.provider)
    names = tuple(found.ids)
    migrated = Migrated(text, dict(found.environ), losses, found.skipped, unseen, names)
    return Described(migrated, dict(account.rows), found.ids, unknown)


def _unseen(
    rows: Sequence[Row], losses: Sequence[JobLoss], provider: Provider
) -> tuple[Unseen, ...]:
    """Return the parameters that a service hides, with the jobs that nothing is known of."""
    known = {(one.id, one.loss.field) for one in losses}
    found = (
        Unseen(
            name,
            tuple(
                id_of(row)
                for row in rows
                if shown_of(wire_name(name), row) in (None, "") and (id_of(row), name) not in known
            ),
            len(rows),
        )
        for name in sorted(provider.hides)
    )
    return tuple(one for one in found if one.jobs)


def _as_known(row: Row, name: str, status: int) -> Row:
    return {**row, "name": name, "status": status}


def _read(row: Row) -> CronJob:
    """Return a listed job. ResponseError if a member of it has another shape."""
    try:
        return structure(dict(row), CronJob, "$")
    except StructureError as found:
        error = without_frames(found)
    raise ResponseError(
        f"The list shows {name_of(row)} ({id_of(row)}) in another shape than expected: {error}.",
        problems=error.problems,
        applied=Applied.NO,
    ) from error


def _carried(row: Row, to: Provider) -> tuple[Row, list[JobLoss]]:
    """Return a job as the other service would show it, and what it loses."""
    spec = JobSpec.from_job(_read(row), provider=to)
    params = {name: value for name, value in spec.params.items() if name != "group"}
    shown = encode_params(params, to, clear=False)
    status = JobStatus.ACTIVE if runs(row) else JobStatus.DISABLED
    shown |= {"id": id_of(row), "status": status.value}
    number, name = id_of(row), name_of(row)
    # A status is none: the manifest has the job enabled or disabled.
    lost = [loss for loss in spec.losses if loss.field != "status"]
    return shown, [JobLoss(number, name, loss) for loss in lost]


_ONE_GROUP = "it is in group {}, and all jobs get one group there: move each group by --group"


def _without_one_group(losses: Sequence[JobLoss], jobs: int) -> tuple[JobLoss, ...]:
    """Return the losses, without that of a group which all jobs have: they stay together."""
    grouped = [one.loss.value for one in losses if one.loss.field == "group"]
    are_together = len(grouped) == jobs and len(set(grouped)) == 1
    return tuple(
        one if one.loss.field != "group" else _group_loss(one)
        for one in losses
        if one.loss.field != "group" or not are_together
    )


def _group_loss(one: JobLoss) -> JobLoss:
    reason = _ONE_GROUP.format(one.loss.value)
    return attrs.evolve(one, loss=attrs.evolve(one.loss, reason=reason))
