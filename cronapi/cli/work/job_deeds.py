"""The changes of jobs that take no parameters of a job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cronapi.cli.frame.targets import Named
from cronapi.cli.show.columns import PAUSED
from cronapi.cli.show.members import members_of, plain
from cronapi.cli.work.deeds import Deed, carry_out
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import targets_of

ENABLE = Deed(
    "cron.enable",
    "enable",
    one=lambda client, number: client.cron.enable(number),
    many=lambda client, ids, **options: client.cron.enable_many(ids, **options),
)
DISABLE = Deed(
    "cron.disable",
    "disable",
    one=lambda client, number: client.cron.disable(number),
    many=lambda client, ids, **options: client.cron.disable_many(ids, **options),
)
DELETE = Deed(
    "cron.delete",
    "delete",
    one=lambda client, number: client.cron.delete(number),
    many=lambda client, ids, **options: client.cron.delete_many(ids, **options),
    asks=True,
)


def pause(seconds: float) -> Deed:
    """Return the change that stops jobs for a span of time."""
    span = timedelta(seconds=seconds)
    return Deed(
        "cron.pause",
        "pause",
        one=lambda client, number: client.cron.pause(number, for_=span),
        many=lambda client, ids, **options: client.cron.pause_many(ids, for_=span, **options),
        params={"for": f"{seconds:g} s"},
        kind=PAUSED,
        shown=lambda _, job: {**members_of(job), "until": plain(datetime.now(UTC) + span)},
    )


async def do(session: Session, deed: Deed, named: Named) -> None:
    """Carry a change out on the jobs that were named."""
    await carry_out(session, deed, await targets_of(session, named))
