"""Choosing jobs by group, name and status, and telling of a choice that fits nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from attrs import define, field

from cronapi.cli.work.session import Session
from cronapi.models import CronJob
from cronapi.namespaces._iterate import JobFilter, job_filter


class Given(NamedTuple):
    """A value of an option that chooses jobs, with the filter that it means."""

    option: str
    value: str
    filter: JobFilter

    def __str__(self) -> str:
        is_id = self.value.isascii() and self.value.isdigit()
        return f"{self.option} {self.value if is_id else repr(self.value)}"


@define
class Choice:
    """Chooses the jobs that are of any of the groups, of the names and of the statuses.

    It remembers the groups and names that no job has had.
    """

    groups: Sequence[Given]
    matches: Sequence[Given]
    statuses: Sequence[JobFilter] = ()
    _idle: list[Given] = field(init=False)
    _fits: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._idle = [*self.groups, *self.matches]

    def fits(self, job: CronJob) -> bool:
        """Return True for a job that is chosen."""
        if self._idle:
            self._idle = [one for one in self._idle if not one.filter.passes(job)]
        named = all(
            any(one.filter.passes(job) for one in some)
            for some in (self.groups, self.matches)
            if some
        )
        self._fits = self._fits or named
        return named and (not self.statuses or any(status.passes(job) for status in self.statuses))

    def tell(self, session: Session, *, read: str = "") -> None:
        """Name the options that have fitted no job, after all jobs were read.

        `read` says of which jobs, if not of all.
        """
        for one in self._idle:
            session.warn(f"{one} fits no job{read}.")
        if not self._idle and not self._fits and self.groups and self.matches:
            session.warn(f"--group and --match fit no job{read} together.")


def choice_of(
    groups: Sequence[tuple[str, int]], matches: Sequence[str], statuses: Sequence[str] = ()
) -> Choice:
    """Return the choice of options. `groups` are as they were given, with their ids."""
    return Choice(
        [Given("--group", text, job_filter(None, id, None)) for text, id in groups],
        [Given("--match", match, job_filter(None, None, match)) for match in matches],
        [job_filter(status, None, None) for status in statuses],
    )
