"""The runs of a job in Unix seconds, in any form of schedule that the two services accept.

The language is that of `cronapi.schedule`, the one room that the emulator shares with the client.
A seed stands for the random choices of the service.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice

from cronapi.emulator.checks import is_whole
from cronapi.schedule.reading import ScheduleSource, read_schedule, read_zone


def next_runs(
    source: ScheduleSource, timezone: str, after: int, count: int, *, seed: str = ""
) -> list[int]:
    """Return up to `count` runs later than `after`, ascending, in Unix seconds.

    Time expressions treat `after` as the last run. Raises `ValueError` for an unknown zone or form,
    and for an argument of another type.
    """
    if not isinstance(source, str | Mapping) or not isinstance(timezone, str):
        raise ValueError("a schedule is text or lists by name, a timezone is text")  # noqa: TRY004 -- documented
    if not is_whole(after, -math.inf) or not is_whole(count, 0):
        raise ValueError("after must be whole Unix seconds, and count a whole number from 0 on")
    return list(islice(read_schedule(source, seed=seed).after(after, read_zone(timezone)), count))
