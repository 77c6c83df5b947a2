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
from cronapi.schedule.dates import LAST_DATE
from cronapi.schedule.english import Once, Recurring
from cronapi.schedule.reading import Rule, ScheduleSource, read_schedule, read_zone
from cronapi.schedule.wall_clock import DAY, unix_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from cronapi.emulator.store import Document

_MOST, _WORK = 50_000, 500_000
"""Minutes with runs that a filter leaves out in a row before a search ends, and its words in them.

Dates on which the filter is known to hold at no time are not among them.
"""
# A 29th of February on a given weekday is up to 40 years away, over the year 2100.
_LONGEST_WAIT = 41 * 366 * DAY


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


def check_plan(job: Document) -> None:
    """Raise `ValueError` unless the schedule, the zone and the filter of a job can be read."""
    read_zone(job["timezone"])
    _rule_of(job, "")


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


class _Forward:
    """A rule that is only searched forward, so that any search finds the same runs."""

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        raise NotImplementedError

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        return reversed(list(self._between(start, end, zone)))

    def count(self, start: int, end: int, zone: ZoneInfo) -> int:
        return sum(1 for _ in self._between(start, end, zone))

    def _between(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        return takewhile(lambda run: run <= end, self.after(start, zone))


@frozen
class _Filtered(_Forward):
    """A rule without the runs at which a filter does not hold.

    All methods tell the same runs. After a kept run the next is searched for 41 years, and over no
    more minutes of dates on which the filter may hold than can be looked at in a short time.
    """

    rule: Rule
    filter: TimeFilter

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        last, begins, ends = start, start, start
        left = most = min(_MOST, _WORK // self.filter.length)
        runs = self.rule.after(start, zone)
        while left and (run := next(runs, None)) is not None and run - last <= _LONGEST_WAIT:
            if run >= ends:
                begins, ends = self._date(run, zone)
                runs = self._from(begins, run, runs, zone)
            if run < begins:
                continue
            if self.filter.holds(run, zone):
                last, left = run, most
                yield run
            else:
                # Seconds make no difference to a filter.
                left, begins = left - 1, run - run % 60 + 60
                if isinstance(self.rule, Recurring):
                    runs = self._from(begins, run, runs, zone)

    def _date(self, run: int, zone: ZoneInfo) -> tuple[int, int]:
        """Return where the next date on which the filter may hold begins and ends.

        It begins at the run if that is the run's own.
        """
        if self.filter.may_hold(run, zone):
            return run, _end_of_date(run, zone)
        begins = _end_of_date(run, zone)
        # No change of a clock leads from one noon to another date than the next.
        noons = range(begins + DAY // 2, min(begins + _LONGEST_WAIT, LAST_DATE * DAY), DAY)
        noon = next((noon for noon in noons if self.filter.may_hold(noon, zone)), noons.stop)
        return _end_of_date(noon - DAY, zone), _end_of_date(noon, zone)

    def _from(self, begins: int, run: int, runs: Iterator[int], zone: ZoneInfo) -> Iterator[int]:
        """Return the rule's runs after a run, without those before `begins` where it can."""
        if begins <= run:
            return runs
        if isinstance(self.rule, Crontab):
            return self.rule.after(begins - 1, zone)
        if isinstance(self.rule, Recurring) and (period := self.rule.period):
            return self.rule.after(begins - 1 - (begins - 1 - run) % period, zone)
        # Steps of other lengths depend on those before them, and are a day or longer.
        return runs


@frozen
class _Delayed(_Forward):
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
