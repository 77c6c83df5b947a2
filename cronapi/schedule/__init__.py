"""The schedule language of the services, computed on this machine without a request.

`Schedule.parse("0 9 * * 1-5", timezone="Europe/Berlin")` reads five fields, random fields, time
expressions, dates and the old value lists. No function here has I/O or a clock: a time is an
argument. Only the zone data of the machine is read. The client and the emulator share this room.
"""

from __future__ import annotations

from cronapi.schedule.gaps import Gaps
from cronapi.schedule.schedule import Kind, Schedule, Window

__all__ = ["Gaps", "Kind", "Schedule", "Window"]
