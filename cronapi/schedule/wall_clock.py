"""The wall clock of a zone in Unix time, also on the days on which it is changed.

One rule for every form of schedule, that of Debian's cron(8) for changes of up to three hours. A
time that the clock skips counts as the moment of the change. A time that it shows twice counts the
first time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAY = 86_400
# Longer changes are those of a zone's date, and are not made up for. Source: Debian's cron(8).
LONGEST_CHANGE = 3 * 3600


@frozen
class Stretch:
    """A stretch of Unix time, from `start` up to `end`, in which a zone's clock is not changed.

    `offset` leads from Unix time to the wall clock. All other times are of the wall clock, in
    seconds. `skipped` is where a gap before the stretch begins, and `new` where the clock shows a
    time that it has not shown before. Without such a change both are the start.
    """

    start: int
    end: int
    offset: int
    skipped: int
    new: int


def offset_at(time: int, zone: ZoneInfo) -> int:
    """Return the seconds by which the zone's wall clock is ahead of UTC at a Unix time."""
    offset = datetime.fromtimestamp(time, zone).utcoffset() or timedelta()
    return int(offset.total_seconds())


@lru_cache(maxsize=4096)
def stretches(day: int, zone: ZoneInfo) -> tuple[Stretch, ...]:
    """Return the stretches of one day of UTC, counted from 1970-01-01 as 0."""
    first, end = day * DAY, (day + 1) * DAY
    # A change shortly before may make the wall clock repeat itself into this day.
    changes = _changes(first - LONGEST_CHANGE, end - 1, zone)
    starts = [first, *(change for change in changes if change > first)]
    return tuple(
        _stretch(start, stop, [change for change in changes if change <= start], zone)
        for start, stop in zip(starts, [*starts[1:], end], strict=True)
    )


def unix_time(wall: datetime, zone: ZoneInfo) -> int:
    """Return the Unix time at which the zone's clock shows `wall`, a time without a zone.

    A time in a gap of more than three hours is as much later as the gap is long.
    """
    early, late = (int(wall.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    if early <= late or early - late > LONGEST_CHANGE:
        return early
    return _changes(late, early, zone)[0]


def _stretch(start: int, end: int, changes: list[int], zone: ZoneInfo) -> Stretch:
    offset = offset_at(start, zone)
    begins = start + offset
    if not changes:
        return Stretch(start, end, offset, begins, begins)
    change = changes[-1]
    # What the clock showed, or would have shown, at the moment of the change.
    before = change + offset_at(change - 1, zone)
    if abs(change + offset - before) > LONGEST_CHANGE:
        return Stretch(start, end, offset, begins, begins)
    skipped = min(before, begins) if change == start else begins
    return Stretch(start, end, offset, skipped, max(before, begins))


def _changes(first: int, last: int, zone: ZoneInfo) -> list[int]:
    """Return the times later than `first` and up to `last` at which the offset changes.

    Two changes within hours that undo each other may be missed.
    """
    if offset_at(first, zone) == offset_at(last, zone):
        return []
    if last - first == 1:
        return [last]
    middle = (first + last) // 2
    return [*_changes(first, middle, zone), *_changes(middle, last, zone)]
