"""One option for each parameter of a job, made from the table of their declared types."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click

from cronapi._protocol.declared import CLEARABLE_END, DECLARED, JobParams
from cronapi.cli.frame.decorating import Decorator, F

HELP: Mapping[str, str] = {
    "url": "The address to call.",
    "expression": "'*/5 * * * *', '15 minutes' or a date.",
    "name": "The job's name, any text.",
    "group": "Its group, by id or name.",
    "timezone": "IANA name, such as Europe/Berlin.",
    "timeout": "Longest run in seconds. Before `cron` it is that of a request.",
    "instances": "Runs that may overlap; 0 for any number.",
    "delay": "Most minutes that a run is late at random.",
    "filter": "A filter of times, such as 'hour > 3'.",
    "http_method": "GET, POST, ...",
    "http_headers": "A header, 'X-Key: ${KEY}'; may be repeated.",
    "post_data": "The body of a run.",
    "user_agent": "The User-Agent of a run.",
    "username": "The user of basic authentication.",
    "password": "Its password: ${NAME}, @FILE or - only.",
    "notify": "true: of failures. 0 never, 1 failure, 2 each run, 3 disabled.",
    "notify_every": "Failures between two messages.",
    "notify_match": "Tell of a run if its output has this text.",
    "notify_time": "Tell of a run that takes more seconds.",
    "failure_threshold": "Failures before it is disabled.",
    "ignore_http_status": "Judge no run by its HTTP status.",
    "retry_failed": "Repeat a failed run.",
    "pattern": "A run whose output has this text has failed.",
    "keyword": "A run whose output lacks this text has failed.",
    "run": "true runs it now, +15m or a time later.",
    "payload": "The body of that run.",
    "second": "Seconds to run at (SetCronJob).",
    "minute": "Minutes to run at (SetCronJob).",
    "hour": "Hours to run at (SetCronJob).",
    "day": "Days to run at (SetCronJob).",
    "month": "Months to run at (SetCronJob).",
    "weekday": "Weekdays to run at (SetCronJob).",
    "retry": "Repeats of a failed run (SetCronJob).",
    "retry_after": "Seconds before a repeat (SetCronJob).",
    "single": "Run it once (SetCronJob).",
    "dns_cache": "Cache the address of the host (SetCronJob).",
}
"""The help of each option, in its order. A parameter that is not in here yet has none."""
PARAMETERS: tuple[str, ...] = (*HELP, *(JobParams.__annotations__.keys() - HELP.keys()))
CLEARABLE: tuple[str, ...] = tuple(
    name for name in PARAMETERS if DECLARED[name].endswith(CLEARABLE_END)
)
_OWN_METAVARS = {"http_headers": "'NAME: VALUE'", "group": "G"}
_METAVARS = {"int": "N", "bool": "BOOL", "bool | int": "CODE", "bool | int | datetime": "WHEN"}


def option_of(name: str) -> str:
    """Return the option of a parameter: `--http-method` for `http_method`."""
    return "--header" if name == "http_headers" else f"--{name.replace('_', '-')}"


def job_options(*without: str) -> Callable[[F], F]:
    """Add an option for each parameter of a job."""

    def decorate(function: F) -> F:
        for name in reversed(PARAMETERS):
            if name not in without:
                function = _option(name)(function)
        return function

    return decorate


def _option(name: str) -> Callable[[F], F]:
    hint = DECLARED[name].removesuffix(CLEARABLE_END)
    is_header = name == "http_headers"
    return click.option(
        option_of(name),
        name,
        multiple=is_header,
        metavar=_OWN_METAVARS.get(name) or _METAVARS.get(hint, "TEXT"),
        help=HELP.get(name),
    )


_CLEARED = [name.replace("_", "-") for name in CLEARABLE]
set_header_option: Decorator = click.option(
    "--set-header",
    "set_header",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Change one header and keep the others; may be repeated.",
)
remove_header_option: Decorator = click.option(
    "--remove-header",
    "remove_header",
    multiple=True,
    metavar="NAME",
    help="Remove one header and keep the others; may be repeated.",
)
clear_option: Decorator = click.option(
    "--clear",
    "clear",
    multiple=True,
    metavar="FIELD",
    type=click.Choice([*_CLEARED, *CLEARABLE]),
    help=f"Empty a field; may be repeated. Fields: {', '.join(_CLEARED)}.",
)
