"""Describe what is in an account as a manifest."""

from __future__ import annotations

import attrs

from cronapi.client import Client
from cronapi.errors.concerns import input_error
from cronapi.manifest.account import read_account
from cronapi.manifest.comparing import calls_of
from cronapi.manifest.deciding import split_by_scope
from cronapi.manifest.exporting import Secrets, export_rows
from cronapi.manifest.problems import Place, Source
from cronapi.manifest.wanted import Scope
from cronapi.manifest.writing import export_text, hidden_comment


@attrs.frozen
class Exported:
    """A manifest of the jobs that are there.

    `text` is the file. `environ` has the values of its variables, by their names. `skipped` says of
    each job that is not in it why that is so, and `skipped_ids` are the ids of these jobs. `names`
    are those of the others.
    """

    text: str = attrs.field(repr=lambda text: f"<{len(text)} characters>")
    environ: dict[str, str] = attrs.field(repr=lambda _: "***")
    skipped: tuple[str, ...]
    skipped_ids: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


async def export(
    api: Client,
    *,
    group: str | None = None,
    prefix: str | None = None,
    everything: bool = False,
    secrets: Secrets = "placeholder",
) -> Exported:
    """Return a manifest of the jobs of a group, of those with a prefix, or of `everything`.

    Equal accounts have equal manifests, and a plan of one is empty. Secrets are variables, whose
    values are in the result, unless `secrets` is "plain". Values that the service does not show are
    missing. It takes tomlkit. ConfigurationError if there is no such group.

    A read: repeated freely.
    """
    if [group is not None, bool(prefix), everything].count(True) != 1 or prefix == "":
        raise input_error("An export takes a group, a prefix or everything: exactly one of them.")
    prefix = "" if everything else prefix
    scope = Scope(Place(Source("export", ""), ()), group=group, prefix=prefix)
    account = await read_account(calls_of(api), scope)
    if group is not None and account.group_id is None:
        raise input_error(f"There is no group {group!r}.")
    await account.finish()
    listed = split_by_scope(list(account.rows.values()), scope, account.group_id)
    found = export_rows(listed.owned, api.provider, with_group=group is None, secrets=secrets)
    text = export_text(found, scope.owner, api.provider.name, comments=hidden_comment(found))
    names = tuple(table.name for table in found.tables)
    return Exported(text, dict(found.environ), found.skipped, found.skipped_ids, names)
