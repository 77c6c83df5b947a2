"""The front door of the room: a manifest that was read, to plan and apply."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Self

import attrs

from cronapi.client import Client
from cronapi.errors.concerns import setting_error
from cronapi.manifest.adopting import Adopted, adopt
from cronapi.manifest.checking import Finding, findings, findings_of_account
from cronapi.manifest.choosing import Choice
from cronapi.manifest.comparing import Comparer
from cronapi.manifest.deciding import ALL_HIDDEN, Options
from cronapi.manifest.exporting import Secrets
from cronapi.manifest.jobs import wanted_of
from cronapi.manifest.limits import account_of
from cronapi.manifest.plan import Plan
from cronapi.manifest.problems import Source
from cronapi.manifest.reading import read_tables, source_of
from cronapi.manifest.wanted import Wanted


@attrs.frozen
class Manifest:
    """The jobs of a part of an account, as files describe them.

    `load` reads files, `loads` a text. `await manifest.plan(api)` compares it with the account.
    Its repr shows no value.
    """

    wanted: Wanted
    paths: tuple[Path, ...] = ()

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *more: str | PathLike[str],
        env: str | None = None,
        provider: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """Read a manifest from a file. `more` files add jobs, like those that it includes.

        `env` is the name of its environment, which is required if it has any. `provider` overrides
        the service that its scope names. Secrets come from `environ`, by default the environment of
        the process. ManifestError, with all problems and their lines, if it cannot be used.
        """
        paths = tuple(Path(one) for one in (path, *more))
        sources = [source_of(one) for one in paths]
        tables = read_tables(sources, paths[0].parent, env)
        return cls(wanted_of(tables, _environ(environ), env, provider), paths)

    @classmethod
    def loads(
        cls,
        text: str,
        *,
        name: str = "<text>",
        env: str | None = None,
        provider: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """Read a manifest from a text, which is called `name` in errors. It includes no files."""
        tables = read_tables([Source(name, text)], None, env)
        return cls(wanted_of(tables, _environ(environ), env, provider))

    def check(self, now: datetime | None = None) -> list[Finding]:
        """Return what can be meant and most often is not, without a request.

        `now` is the time by which a date is over. Each rule can be silenced in the table of a job:
        `allow = ["either-day"]`.
        """
        return findings(self.wanted, now or datetime.now(UTC))

    async def check_online(self, api: Client, now: datetime | None = None) -> list[Finding]:
        """Return what `check` finds, and what the account of a client does not allow.

        A read, with one request: repeated freely. UnsupportedFunctionError at a service that does
        not show its accounts.
        """
        account = await account_of(api)
        return [*self.check(now), *findings_of_account(self.wanted, account)]

    async def plan(
        self,
        api: Client,
        *,
        prune: bool = False,
        enable: bool = False,
        revive: bool = False,
        dedupe: bool = False,
        resend_hidden: bool | Collection[str] = False,
        max_deletes: int | None = None,
        check_limit: bool = False,
        now: datetime | None = None,
    ) -> Plan:
        """Compare the manifest with the account of a client, and return what differs.

        `prune` deletes jobs in the scope that no table names, up to the scope's `max_deletes`, or
        to the number that is given here. `enable` lets jobs run that somebody disabled or paused,
        `revive` those that the service stopped, where the manifest has `enabled = true`. `dedupe`
        deletes all but the lowest id of equal jobs of one name. `resend_hidden` sends the fields
        that the service does not show: all of them, or those that are named. `check_limit` asks the
        service how many jobs the account may have, which fills `plan.limit`. `now` is the time by
        which a dated job is over, by default that of the machine's clock.

        A read: repeated freely. It takes a lookup of the scope's group and the list of jobs.
        """
        hidden = {ALL_HIDDEN} if resend_hidden is True else set(resend_hidden or ())
        options = Options(
            prune=prune,
            enable=enable,
            revive=revive,
            dedupe=dedupe,
            resend_hidden=frozenset(hidden),
            max_deletes=max_deletes,
        )
        comparer = Comparer(self.wanted, options, api, now or datetime.now(UTC))
        comparer.check()
        comparison = await comparer.compare()
        paths = tuple(str(path) for path in self.paths)
        account = await account_of(api) if check_limit else None
        return Plan(comparer, comparison, paths, account)

    async def adopt(
        self,
        api: Client,
        *ids: int,
        match: str | None = None,
        name: str | None = None,
        secrets: Secrets = "placeholder",
        env_file: str | PathLike[str] | None = None,
        dry_run: bool = False,
    ) -> Adopted:
        """Add jobs to the file of this manifest, and move them into its scope.

        They are chosen by ids, or by a pattern of names such as "shop *". `name` is another name
        for one job, or for several if it has `{id}` in it, and may have `{name}`, which is without
        outer blanks. The file gets a table at its end for each, and all else in it stays as it is.
        Secrets are variables in it, unless `secrets` is "plain". `env_file` is a new file that only
        its owner may read, and gets their values before anything else is written or changed. There
        is none without values, and one with just these values stays as it is. It takes tomlkit.
        With `dry_run` nothing is written or changed, and `names`, `jobs` and `cost` tell what would
        be.

        ConfigurationError, with nothing written or sent, if a job is not there or has a table under
        another name, or its name is taken, or `env_file` has other values. ManifestError, with the
        tables to be pasted, if the file cannot be extended. May be repeated: jobs that were adopted
        are left out unless all were, and one that has its table and not its place or name yet gets
        it.
        """
        if not self.paths:
            raise setting_error("This manifest was read from a text, and not from a file.")
        comparer = Comparer(self.wanted, Options(), api, datetime.now(UTC))
        comparer.check()
        choice = Choice(ids, match, name)
        return await adopt(
            comparer, self.paths[0], choice, secrets, env_file=env_file, dry_run=dry_run
        )


def _environ(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environ is None else environ
