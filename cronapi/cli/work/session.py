"""The session of one command: its client, its output, and what it tells on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from shutil import get_terminal_size
from textwrap import fill
from typing import Any

import click

from cronapi._calls.retry import RetryPolicy
from cronapi.cli.frame.again import READS
from cronapi.cli.frame.common import Common
from cronapi.cli.frame.escape import one_line
from cronapi.cli.frame.standard_input import is_terminal
from cronapi.cli.show.columns import Kind, kind_of
from cronapi.cli.show.printer import Printer
from cronapi.cli.work.budget import scheduler_of
from cronapi.cli.work.credentials import (
    Credentials,
    chosen_provider,
    credentials_of,
    is_standard_input,
    source_of_token,
)
from cronapi.cli.work.interruption import Interruption, default_signals
from cronapi.client import CallOptions, Client
from cronapi.errors import CronAPIError
from cronapi.providers import Provider, located
from cronapi.scheduler.stopping import StoppableScheduler

_AT_ONCE = 0.01
"""Seconds: no time to wait."""


class Session:
    """One command at work.

    `code` is the exit code that it has reached, and `failure` the error that it tells at its end.
    `again` tells the effect of the same command after an interruption.
    """

    def __init__(
        self,
        common: Common,
        profile: Mapping[str, Any],
        interruption: Interruption,
        stack: AsyncExitStack,
    ) -> None:
        self.common = common
        self.interruption = interruption
        self.printer: Printer = Printer(common)
        self.code: int = 0
        self.failure: CronAPIError | None = None
        self.again: str = READS
        self._profile = profile
        self._stack = stack
        self._api: Client | None = None
        self._credentials: Credentials | None = None
        self._scheduler: StoppableScheduler | None = None
        self._provider: Provider | None = None
        if is_standard_input(common.token_file):
            _ = self.credentials  # before anything else reads from it

    @property
    def provider(self) -> Provider:
        """The service that is called, at its address."""
        if self._provider is None:
            chosen = chosen_provider(self.common, os.environ)
            self._provider = located(chosen, self._base_url(chosen), allow_http=False)
        return self._provider

    @property
    def token_source(self) -> str:
        """The place of the token, which need not have been read."""
        return source_of_token(self.common, self._profile, self.provider)

    @property
    def credentials(self) -> Credentials:
        """The token, read when it is first needed."""
        if self._credentials is None:
            self._credentials = credentials_of(self.common, self._profile, self.provider)
        return self._credentials

    @property
    def scheduler(self) -> StoppableScheduler:
        """The scheduler, which a signal stops."""
        if self._scheduler is None:
            self._scheduler = scheduler_of(self.common, self.provider)
            self.interruption.covers(self._scheduler)
        return self._scheduler

    @property
    def api(self) -> Client:
        """The client, made when it is first needed."""
        if self._api is None:
            self._api = self._client(self.credentials.token)
        return self._api

    def beside(self, provider: str) -> Session:
        """Return a session of another service, whose token is in its variable.

        It has the same output, and ends with this one.
        """
        common = self.common._replace(provider=provider)
        return Session(common, {}, self.interruption, self._stack)

    @property
    def plan(self) -> Client:
        """A client that tells what calls would cost, and has no token to make them."""
        if self._api is not None:
            return self._api
        return self._client("a-plan-needs-no-token")

    def _client(self, token: str) -> Client:
        client = Client(self.provider, token, scheduler=self.scheduler)
        self._stack.push_async_callback(self._close, client)
        return client.with_options(**self._call_options())

    async def _close(self, client: Client) -> None:
        """Wait for requests under way, but not after a second signal."""
        at_once = self.interruption.ended_at_once
        await (client.with_options(timeout=_AT_ONCE) if at_once else client).aclose()

    def _base_url(self, provider: Provider) -> str | None:
        """Return an address that was named. None leaves it to the environment."""
        if self.common.base_url is not None or f"{provider.name.upper()}_BASE_URL" in os.environ:
            return self.common.base_url
        return self._profile.get("base_url")

    def _call_options(self) -> CallOptions:
        options: CallOptions = {}
        if self.common.max_wait is not None:
            options["max_wait"] = self.common.max_wait
        if self.common.timeout is not None:
            options["timeout"] = self.common.timeout
        if self.common.retries is not None:
            count = self.common.retries
            options["retry"] = RetryPolicy(max_attempts=count + 1) if count else None
        return options

    def fail(self, error: CronAPIError, code: int) -> None:
        """Let the command end with an error, after all that it has to write."""
        self.failure, self.code = error, code

    # --- output ----------------------------------------------------------------------------------

    def show(self, value: object, kind: Kind | None = None) -> None:
        """Write one result to stdout."""
        self.printer.one(value, kind or kind_of(value))

    def show_all(self, values: list[Any], kind: Kind) -> None:
        """Write a list of results to stdout."""
        self.printer.many(values, kind)

    def say(self, text: str) -> None:
        """Write a line for people to stderr, unless they want to read nothing."""
        if not self.printer.is_json:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Write a line to stderr about a result that is not as it may be taken for.

        Programs that read JSON get it too, so it is written in each format. On a terminal it is
        wrapped between words.
        """
        if not self.common.quiet:
            line, width = one_line(text), get_terminal_size().columns
            on_terminal = sys.stderr.isatty()
            click.echo(fill(line, width, break_on_hyphens=False) if on_terminal else line, err=True)

    @property
    def draws(self) -> bool:
        """Return True if a person looks at a table."""
        return self.printer.output == "table" and sys.stdout.isatty()

    # --- questions -------------------------------------------------------------------------------

    @property
    def can_ask(self) -> bool:
        """Return True if somebody can answer a question."""
        return not self.common.no_input and is_terminal()

    def confirm(self, question: str) -> None:
        """Ask, unless --yes was given. A no ends the command, and so does nobody to ask."""
        if self.common.yes:
            return
        self._check_asking(question)
        with default_signals():
            agreed = click.confirm(one_line(question), err=True)
        if not agreed:
            raise click.ClickException("Nothing was changed.")

    def confirm_name(self, question: str, name: str, given: str | None) -> None:
        """Have a name typed, or given beside --yes. Another name is a usage error."""
        if not self.common.yes:
            self._check_asking(question)
            with default_signals():
                given = click.prompt(one_line(question), err=True)
        if given is None:
            raise click.UsageError(f"{question} With --yes, give it by --name.")
        if given != name:
            raise click.UsageError(f"The name is another one than {given!r}. Nothing was changed.")

    def _check_asking(self, question: str) -> None:
        if not self.can_ask:
            raise click.UsageError(f"{question} There is nobody to ask: give --yes.")
