"""The account of a token, and the servers of a service."""

from __future__ import annotations

from datetime import date
from typing import Any

from attrs import frozen

from cronapi.models.wire import Wire, extra_field


@frozen(kw_only=True, repr=False)
class Account(Wire):
    """The account of a token. `cron` is its limit of jobs, formerly `daily_exec` in runs a day."""

    id: int
    name: str | None = None
    timezone: str | None = None
    plan: str | None = None
    cron: int | None = None
    daily_exec: int | None = None
    member_limit: int | None = None
    expiry_date: date | None = None
    extra: dict[str, Any] = extra_field()


@frozen(kw_only=True, repr=False)
class ServerAddress(Wire):
    """The addresses of one of SetCronJob's servers. It calls jobs from them."""

    v4: str | None = None
    v6: str | None = None
    extra: dict[str, Any] = extra_field()
