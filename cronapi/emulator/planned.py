"""The runs that a job has by its schedule, its filter and its delay, in Unix seconds.

Source: FastCron's blog on time filters, and its changelog of December 2024 on delays.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from attrs import frozen

from cronapi.emulator.time_filter import TimeFilter, read_filter
from cronapi.schedule.crontab import Crontab
from cronapi.schedule.dates import LONGEST_WAIT
from cronapi.schedule.english import Once, Recurring
from cronapi.schedule.reading import Rule, ScheduleSource, read_schedule, read_zone
from cronapi.schedule.wall_clock import DAY, unix_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from cronapi.emulator.store import Document

_MOST = 50_000
"""Runs in a row that a filter may leave out, where its dates do not, before a search ends."""
_LONGEST_WAIT = LONGEST_WAIT * DAY


def schedule_of(job: Document) -> ScheduleSource:
    """Return the schedule of a job: its value lists if it has them, else its expression."""
    lists: Mapping[str, list[str]] | None = job.get("lists")
    return lists or str(job["expression"])


def begun_at(job: Document, time: int) -> Document:
    """Return the job with a schedule that begins at a time."""
    # Runs of a delay may have been planned before the last one.
    return {**job, "last": time, **({"begun": time} if job.get("delay") else {})}


def next_planned(job: Document, after: int, count: int, seed: str) -> list[int]:
    """Return up to `count` runs later than `after`, ascending."""
    return list(islice(_rule_of(job, seed).after(after, read_zone(job["timezone"])), count))


def past_planned(job: Document, until: int, count: int | None, seed: str) -> list[int]:
    """Return the last runs later than the job's last one, up to `until`, ascending.

    At most `count` are returned, all for `None`.
    """
    runs = _rule_of(job, seed).until(job["last"], until, read_zone(job["timezone"]))
    return list(islice(runs, count))[::-1]


def count_planned(job: Document, until: int, seed: str) -> int:
    """Return the number of runs later than the job's last one, up to `until`."""
    return _rule_of(job, seed).count(job["last"], until, read_zone(job["timezone"]))


def only_planned(job: Document) -> int | None:
    """Return the time of a schedule of one run, past or to come, `None` for any other."""
    source = schedule_of(job)
    rule = read_schedule(source) if isinstance(source, str) else None
    return rule.unix_time(read_zone(job["timezone"])) if isinstance(rule, Once) else None


def _rule_of(job: Document, seed: str) -> Rule:
    draws = f"{seed} {job['id']}"
    plain = rule = read_schedule(schedule_of(job), seed=draws)
    if job.get("filter"):
        rule = _Filtered(rule, read_filter(job["filter"]))
    if job.get("delay"):
        begun = int(job.get("begun") or job["last"])
        relative = isinstance(plain, Recurring)
        rule = _Delayed(rule, job["delay"], draws, begun, relative)
    return rule


@frozen
class _Filtered:
    """A rule without the runs at which a filter does not hold."""

    rule: Rule
    filter: TimeFilter

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        left = _MOST
        for run in self._on_dates(start, zone):
            left -= 1
            if self.filter.holds(run, zone):
                left = _MOST
                yield run
            if not left:
                return

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        runs = self.rule.until(start, end, zone)
        return (run for run in runs if self.filter.holds(run, zone))

    def count(self, start: int, end: int, zone: ZoneInfo) -> int:
        return sum(1 for _ in takewhile(lambda run: run <= end, self.after(start, zone)))

    def _on_dates(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs, without those on dates on which the filter holds at no time."""
        runs, last, ends = self.rule.after(start, zone), start, start
        while (run := next(runs, None)) is not None and run - last <= _LONGEST_WAIT:
            # The runs of other rules depend on those before them.
            if run >= ends and isinstance(self.rule, Crontab):
                begins = self._next_date(run, zone)
                ends = _end_of_date(begins, zone)
                if begins > run:
                    runs = self.rule.after(begins - 1, zone)
                    continue
            last = run
            yield run

    def _next_date(self, run: int, zone: ZoneInfo) -> int:
        """Return a time on the next date on which the filter may hold, `run` if it is its own."""
        time = run
        while not self.filter.may_hold(time, zone) and time - run <= _LONGEST_WAIT:
            time = _end_of_date(time, zone)
        return time


@frozen
class _Delayed:
    """A rule whose runs are each late by a drawn number of minutes, from 0 to `most`.

    Runs planned before `begun` are of no account.
    """

    rule: Rule
    most: int
    seed: str
    begun: int
    relative: bool

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        base = start if self.relative else max(self.begun, start - self.most * 60)
        return (run for run in self._late(self.rule.after(base, zone)) if run > start)

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        return reversed(list(self._between(start, end, zone)))

    def count(self, start: int, end: int, zone: ZoneInfo) -> int:
        return sum(1 for _ in self._between(start, end, zone))

    def _between(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        return takewhile(lambda run: run <= end, self.after(start, zone))

    def _late(self, planned: Iterator[int]) -> Iterator[int]:
        """Yield the late runs in their order, which need not be that of the planned ones."""
        waiting: list[int] = []
        for run in planned:
            while waiting and waiting[0] <= run:
                yield heappop(waiting)
            heappush(waiting, run + 60 * self._drawn(run))
        yield from sorted(waiting)

    def _drawn(self, run: int) -> int:
        digest = blake2b(f"{self.seed} late {run}".encode(), digest_size=4).digest()
        return int.from_bytes(digest) % (self.most + 1)


def _end_of_date(time: int, zone: ZoneInfo) -> int:
    """Return the Unix time at which the date of a zone ends, always later than `time`."""
    date = datetime.fromtimestamp(time, zone).date() + timedelta(days=1)
    return max(time + 1, unix_time(datetime.combine(date, datetime.min.time()), zone))
