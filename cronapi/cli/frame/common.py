"""The options that every command has, and how they are kept until the command is carried out.

An argument is stronger than the environment, which is stronger than a profile.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import click
from click.core import ParameterSource

OUTPUTS = ("table", "json", "ndjson", "csv", "tsv", "ids")
TIME_FORMATS = ("local", "utc", "unix", "relative")
SERVICES = ("fastcron", "setcronjob")
_KEY = "cronapi.common"


class Common(NamedTuple):
    """The values of the common options. None where nothing was said.

    `given` are the long spellings of those that stood on the command line.
    """

    provider: str | None = None
    profile: str | None = None
    base_url: str | None = None
    token_file: str | None = None
    output: str | None = None
    fields: str | None = None
    time_format: str | None = None
    show_secrets: bool = False
    spreadsheet: bool = False
    dry_run: bool = False
    yes: bool = False
    no_input: bool = False
    max_wait: float | None = None
    timeout: float | None = None
    retries: int | None = None
    redis: str | None = None
    rate: float | None = None
    quiet: bool = False
    verbose: int = 0
    color: str | None = None
    given: tuple[str, ...] = ()


def common_of(ctx: click.Context) -> Common:
    """Return the common options of a command, wherever on the command line they stood."""
    return Common(**ctx.meta.get(_KEY, {}))


def path_of(ctx: click.Context) -> str:
    """Return the path of a command, such as `cron list`, by whatever name cronapi was started."""
    names = list[str]()
    while ctx.parent is not None:
        names.insert(0, ctx.info_name or "")
        ctx = ctx.parent
    return " ".join(names)


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    kept = ctx.meta.setdefault(_KEY, {})
    source = ctx.get_parameter_source(param.name or "")
    if source is ParameterSource.COMMANDLINE:
        name, kept_value = ("output", "json") if param.name == "json" else (param.name, value)
        kept[name] = kept_value
        kept["given"] = (*kept.get("given", ()), max(param.opts, key=len))
    elif source is ParameterSource.ENVIRONMENT:
        kept.setdefault(param.name, value)
    return value


def _option(*names: str, **attrs: Any) -> click.Option:
    return click.Option(list(names), callback=_remember, expose_value=False, **attrs)


def _switch(*names: str, **attrs: Any) -> click.Option:
    return _option(*names, is_flag=True, default=False, **attrs)


COMMON: tuple[click.Option, ...] = (
    _option(
        *("-P", "--provider"),
        type=click.Choice(SERVICES),
        metavar="NAME",
        envvar="CRONAPI_PROVIDER",
        help="fastcron or setcronjob. Needed if both tokens are set.",
    ),
    _option(
        "--profile",
        metavar="NAME",
        envvar="CRONAPI_PROFILE",
        help="Section of ~/.config/cronapi/config.toml.",
    ),
    _option("--base-url", metavar="URL", help="Another address of the API; http for loopback."),
    _option(
        "--token-file",
        metavar="PATH",
        envvar="CRONAPI_TOKEN_FILE",
        help="File whose first line is the token; - for standard input.",
    ),
    _option(
        *("-o", "--output"),
        type=click.Choice(OUTPUTS),
        metavar="FORMAT",
        envvar="CRONAPI_OUTPUT",
        help="table, json, ndjson, csv, tsv or ids. Default: table on a terminal, else tsv.",
    ),
    _switch("--json", help="As --output json."),
    _option("--fields", metavar="NAMES", help="Columns or members, in this order: id,name."),
    _option(
        "--time-format",
        type=click.Choice(TIME_FORMATS),
        metavar="FORMAT",
        help="local, utc, unix or relative. JSON has ISO 8601 in UTC.",
    ),
    _switch("--show-secrets", help="Show secret headers, bodies and passwords too."),
    _switch("--spreadsheet", help="csv, tsv: put ' before cells that a spreadsheet would run."),
    _switch("-n", "--dry-run", help="Change nothing: print what would be sent, and its cost."),
    _switch("-y", "--yes", help="Answer every question with yes."),
    _switch("--no-input", envvar="CRONAPI_NO_INPUT", help="Never ask: exit with 64 instead."),
    _option("--max-wait", type=float, metavar="S", help="Most seconds of a call in the queue."),
    _option(
        "--timeout",
        type=float,
        metavar="S",
        help="Most seconds of one exchange: 20, 0.5.",
    ),
    _option(
        "--retries", type=click.IntRange(0), metavar="N", help="Repeats of a call at most; 0: none."
    ),
    _option(
        "--redis", metavar="URL", envvar="CRONAPI_REDIS", help="Share the budget by this Redis."
    ),
    _option(
        "--rate",
        type=float,
        metavar="N",
        envvar="CRONAPI_RATE",
        help="Requests a second, if not the service's usual rate.",
    ),
    _switch("-q", "--quiet", help="Say nothing but errors on stderr."),
    _option(
        *("-v", "--verbose"),
        count=True,
        help="Tell the requests, and name all jobs of a dry run; -vv: the log.",
    ),
    _option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        metavar="WHEN",
        help="auto, always or never. NO_COLOR and FORCE_COLOR count too.",
    ),
)
"""The options themselves, in the order in which help lists them."""
