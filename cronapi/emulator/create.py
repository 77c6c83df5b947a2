"""Making an emulator from its options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike

from cronapi.emulator.app import App
from cronapi.emulator.call import Settings
from cronapi.emulator.checks import check_choice, shown, texts
from cronapi.emulator.clock import MovableClock
from cronapi.emulator.control.door import Control
from cronapi.emulator.emulator import Emulator, TimeSource
from cronapi.emulator.limiter import Limiter
from cronapi.emulator.runner.runner import Runner
from cronapi.emulator.service import PROVIDERS
from cronapi.emulator.store import Store
from cronapi.emulator.stored import fault_of
from cronapi.emulator.visitors import read_visitors
from cronapi.emulator.words import (
    Era,
    Execute,
    LimiterMethod,
    LimitKey,
    LogShape,
    Moves,
    Plan,
    Search,
)

# Source: the services' index pages, in requests per second.
RATES: Mapping[str, float | None] = {"setcronjob": 10.0, "fastcron": 1.0}
DEFAULT_TOKEN = "emulator-token-0123456789abcdef"  # noqa: S105 -- opens nothing but an emulator


def create_app(
    *,
    tokens: Iterable[str] = (DEFAULT_TOKEN,),
    storage: str = ":memory:",
    clock: TimeSource | None = None,
    rates: Mapping[str, float | None] = RATES,
    limiter: LimiterMethod = "leaky",
    burst: int = 0,
    limit_by: LimitKey = "address",
    era: Era = "seed",
    strict: bool = True,
    error_status: int = 200,
    page_size: int = 1000,
    seed: int = 0,
    log_shape: LogShape = "era",
    max_batch: int | None = None,
    normalise: Iterable[str] = (),
    ignore_page: bool = False,
    moves: Moves | None = None,
    search: Search = "contains",
    lag: float = 0.0,
    allow_hosts: Iterable[str] = (),
    execute: Execute = "fake",
    webhook: str | None = None,
    plan: Plan = "pro",
    refuse_localhost: bool = False,
    undocumented: Iterable[str] = (),
    control: bool = True,
    admin_token: str | None = None,
    faults_by_header: bool = False,
) -> App:
    """Make both services: SetCronJob under `/api/`, FastCron under `/api/v1/`.

    Accounts: each of `tokens` has one. `storage` is a file or `":memory:"`. A file has passwords in
    it, so only its owner may read it, and one emulator at a time uses it.

    Callers: only programs on this machine. A request for another Host gets a 403, unless
    `allow_hosts` has the name. So does a request that a page of another site makes. Calls in
    process may use any name. A body of more than 16 MiB gets a 413.

    Rate limit: `rates` are in requests per second by provider. `None` means no limit, and a
    provider left out has its documented rate. `limiter` counts by method `leaky`, `nginx`,
    `sliding` or `fixed`, separately for each `address` or `token` (`limit_by`). The first is
    likelier, since nginx sees no token in a body. `burst` requests may come early.

    Answers: `error_status` is the HTTP status of API errors. A batch of more than `max_batch` items
    is refused whole, and `None` allows any length. `era` is the documentation to follow: `2013`,
    `2019`, `2023`, `seed` (of 2024) or `latest`. With `strict`, parameters that it does not have
    are refused. `undocumented` are names of functions and parameters that only other eras have, and
    that this one takes all the same, or `Authorization`: only the latest era has FastCron read a
    token in that header. `log_shape` is the shape of log rows: `object`, `flat`, `list`
    or `string`, or that of the `era`. `seed` fixes random schedules and all draws.

    Spelling: `normalise` are names of `NORMALISE`. A job's name and url and a group's name are then
    stored, listed and answered as those kinds spell them. The order of the names is of no account.

    Lists: `page_size` is the length of a page of `cron.list`. With `ignore_page` every page is the
    whole list. `moves` lets rows change places between two reads. `fail` puts the jobs with the
    most failures first, and one of them fails once more after each read. `shuffle` draws a new
    order for each read. `search` is the method that finds a keyword in a name, an id or a URL.
    `contains` finds it anywhere, and `words` only as whole words. `like` reads `%` and `_` in it as
    SQL's wild cards. `like_badly_escaped` finds no keyword with these two characters. `none` finds
    nothing. Lists of jobs and groups show the state of `lag` seconds ago on the clock's `ticks`.

    Runs: `execute` says how jobs run. `off` never runs them, and `fake` logs runs without a call.
    `loopback` calls addresses of this machine alone, and `any` calls every URL. Both need a server
    or `App.running`. `webhook` is the URL to which they post notifications, by the same rule.
    `plan` is `pro`, or `free`, whose jobs the latest era disables after 150 failures in a row.
    With `refuse_localhost` a job's URL must not name this machine, as at the services.

    Control: `/_emulator/` steers the emulator, unless `control` is off. Programs on other machines
    need the `admin_token` as a bearer. With `faults_by_header` a request may ask for a fault of its
    own, as in `X-Emulator-Fault: stall=2`.

    Raises `ValueError` for an unknown name or a number out of range, and `OSError` for a file that
    cannot be used.
    """
    _check_parts(storage, clock, rates)
    visitors = read_visitors(allow_hosts)
    emulator = Emulator(
        tokens=tokens,
        settings=Settings(
            *(era, strict, page_size, seed, log_shape, max_batch),
            *(frozenset(texts("normalise", normalise)), ignore_page, moves, search, lag),
            *(execute, plan, refuse_localhost, frozenset(texts("undocumented", undocumented))),
        ),
        limiters=_limiters(rates, burst, limiter),
        clock=clock or MovableClock(),
        store=Store(storage, fault_of),
        limit_by=limit_by,
    )
    return App(
        emulator,
        error_status=error_status,
        visitors=visitors,
        runner=Runner(emulator, webhook),
        control=Control(control, admin_token),
        faults_by_header=faults_by_header,
    )


def _check_parts(storage: object, clock: object, rates: object) -> None:
    if not isinstance(storage, str | PathLike):
        raise ValueError(f"storage must be the path of a file or ':memory:', not {shown(storage)}")  # noqa: TRY004 -- documented
    readings = (getattr(clock, name, None) for name in ("now", "ticks"))
    if clock is not None and not all(map(callable, readings)):
        raise ValueError(
            f"clock must have the methods now and ticks, like Clock, not {shown(clock)}"
        )
    if not isinstance(rates, Mapping):
        raise ValueError(f"rates must map providers to requests per second, not {shown(rates)}")  # noqa: TRY004 -- documented


def _limiters(
    rates: Mapping[str, float | None], burst: int, method: LimiterMethod
) -> dict[str, Limiter]:
    for provider in rates:
        check_choice("provider", provider, PROVIDERS)
    return {
        provider: Limiter(rate, burst=burst, method=method)
        for provider, rate in {**RATES, **rates}.items()
    }
