"""The click command `cronapi next`: its options, its help, and the lines that it prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import click

from cronapi.cli.frame.leaf import Local

if TYPE_CHECKING:
    from cronapi.schedule import Schedule

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class InputError(click.ClickException):
    """An argument that cannot be used."""

    exit_code = 64


@click.command(cls=Local)
@click.argument("expression", metavar="EXPR")
@click.option(
    "--timezone",
    default="UTC",
    show_default=True,
    metavar="ZONE",
    help="The IANA name of the job's zone.",
)
@click.option(
    "-c",
    "--count",
    default=5,
    show_default=True,
    type=click.IntRange(1, 1_000),
    metavar="N",
    help="How many times to tell.",
)
@click.option(
    "--after",
    metavar="TIME",
    help="Begin here instead of now: ISO 8601 with a zone, Unix seconds, or +15m.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def next(expression: str, timezone: str, count: int, after: str | None, as_json: bool) -> None:
    """Tell when an expression runs, without a request.

    EXPR is any schedule that the services take, in quotes: five fields, "1 day 17:05", a date.
    There is one line for each time: the local time and, after a tab, the same time in UTC. Times
    that the service draws (R) are told as the earliest and the latest. A time expression counts
    from --after as its last run. Wrong input is exit code 64.
    """
    from cronapi.errors import ConfigurationError  # noqa: PLC0415 -- imported when it is used
    from cronapi.schedule import Schedule  # noqa: PLC0415 -- imported when it is used

    try:
        schedule = Schedule.parse(expression, timezone=timezone)
        rows = list(islice(_rows(schedule, _start(after, datetime.now(UTC))), count))
    except ConfigurationError as error:
        raise InputError(str(error)) from error
    except OverflowError as error:
        raise InputError("The calendar ends with the year 9999.") from error
    if schedule.random or schedule.kind.value == "relative" or not rows:
        click.echo(schedule.explain(), err=True)
    for line in [_as_json(rows)] if as_json else map(_as_line, rows):
        click.echo(line)


def _rows(schedule: Schedule, start: datetime) -> Iterator[tuple[datetime, ...]]:
    """Yield each run in the zone, or the ends of each window in which the service draws one."""
    for window in schedule.windows(start):
        ends = (window.earliest, window.latest) if schedule.random else (window.earliest,)
        yield tuple(time.astimezone(schedule.zone) for time in ends)


def _as_line(row: tuple[datetime, ...]) -> str:
    local = " to ".join(f"{time:%a %Y-%m-%d %H:%M:%S %Z}" for time in row)
    return f"{local}\t{'/'.join(map(_utc, row))}"


def _as_json(rows: list[tuple[datetime, ...]]) -> str:
    objects = []
    for row in rows:
        names = ("time",) if len(row) == 1 else ("earliest", "latest")
        texts = dict(zip(names, map(_utc, row), strict=True))
        local = {f"local_{name}": time.isoformat() for name, time in zip(names, row, strict=True)}
        objects.append(texts | local)
    return json.dumps(objects)


def _utc(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _start(text: str | None, now: datetime) -> datetime:
    """Read the time to begin at. Raises `InputError` for one without a zone."""
    if text is None:
        return now
    if span := re.fullmatch(r"\+(\d{1,9})([smhd]?)", text):
        return now + timedelta(seconds=int(span[1]) * _UNITS[span[2]])
    if re.fullmatch(r"-?\d{1,12}", text):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(text))
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise InputError(
            f"--after {text[:80]!r} is no time with a zone, such as 2027-01-15T08:00+01:00."
        )
    return time
