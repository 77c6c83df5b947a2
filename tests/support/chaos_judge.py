"""The judge of chaos: it compares what callers were told with what the service has, by means of its
own, and knows no matching.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from attrs import Factory, define, frozen

from cronapi import Applied, CronAPIError, OutcomeUnknownError

MOST_TOLD = 5
UNSURE = ("cancelled", "unknown")
FEW = 0.005
ATTEMPTS = 3
"""Requests about one thing that got no usable answer, after which nobody can be blamed for not
knowing.
"""


def told_by(error: CronAPIError) -> str:
    """Return what an error tells its caller."""
    return (
        "unknown"
        if isinstance(error, OutcomeUnknownError) or error.applied is Applied.UNKNOWN
        else "failed"
    )


def reasons(error: BaseException) -> str:
    """Return what an error says, and those that led to it."""
    return f"{type(error).__name__}: {error}" + (
        f" <- {reasons(error.__cause__)}" if error.__cause__ else ""
    )


@define
class Tale:
    """One job that somebody asked for and what they were told of it: done, failed, unknown,
    not_tried or, left early, cancelled.

    `edits` are the texts that were sent later with what was told of each, `deleted` is what was
    told of its deletion. `why` are the errors as `reasons` tells them, for whoever looks into a
    failure.
    """

    spec: Mapping[str, str]
    told: str = "cancelled"
    id: int | None = None
    edits: list[tuple[str, str]] = Factory(list)
    deleted: str | None = None
    why: list[str] = Factory(list)

    @property
    def is_settled(self) -> bool:
        """Whether it is certainly there, as it was last told."""
        return (
            self.told == "done"
            and self.deleted in (None, "failed")
            and not any(told in UNSURE for _, told in self.edits)
        )

    @property
    def texts(self) -> set[str]:
        """The texts that it may have: the last that was told, or one that is unsure."""
        sure = [text for text, told in self.edits if told == "done"]
        return {
            (sure or [self.spec["post_data"]])[-1],
            *(text for text, told in self.edits if told in UNSURE),
        }

    @property
    def stories(self) -> list[str]:
        """What was told of each call."""
        return [
            self.told,
            *(told for _, told in self.edits),
            *([self.deleted] if self.deleted else []),
        ]


@define(eq=False)
class Visit:
    """One request that the service saw; `came`, `applied` and `went` number the moments of its
    life, `data` is what a change answered.
    """

    function: str
    content: Mapping[str, Any]
    came: int
    went: int | None = None
    applied: int | None = None
    data: Any = None


@frozen
class Verdict:
    """What the judge found, in numbers of items; `knowable` are those of the unknown of which
    somebody could have told.

    `overtaken` are edits that were carried out, and undone by an earlier request for the same job
    that the service had held back until after its caller had gone on. `misread` are answers that
    were not true at any moment while they were asked for, `disordered` are calls that went before
    what had been asked for before them, or were sent again after they were over. `why` tells of
    some of them.
    """

    items: int
    lost: int
    duplicated: int
    unknown: int
    knowable: int
    overtaken: int
    failed: int
    cancelled: int
    misread: int = 0
    disordered: int = 0
    why: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nobody was told anything wrong, and hardly anybody that nothing is known or that
        it failed.
        """
        wrong = self.lost + self.duplicated + self.knowable + self.misread + self.disordered
        return not wrong and max(self.unknown, self.failed) <= ceil(self.items * FEW)

    @property
    def is_honest(self) -> bool:
        """Return True if nobody was told anything wrong,
        however much was told unknown or failed.
        """
        return not (self.lost + self.duplicated + self.misread + self.disordered)


def judge(
    tales: Sequence[Tale],
    jobs: Iterable[Mapping[str, Any]],
    created: int,
    visits: Sequence[Visit] = (),
) -> Verdict:
    """Return what is wrong with the tales, given the service's jobs at the end and how many it ever
    created.
    """
    by_id, log = {job["id"]: job for job in jobs}, _by_job(visits)
    stories = [story for tale in tales for story in tale.stories]
    done = [tale for tale in tales if tale.told == "done"]
    wrong = [tale for tale in done if _is_wrong(tale, by_id.get(tale.id))]
    overtaken = [
        tale for tale in wrong if _is_overtaken(tale, by_id.get(tale.id), log.get(tale.id, []))
    ]
    twice = len(done) - len({tale.id for tale in done})
    knowable, strays = _knowable(tales, log), _strays(tales, by_id)
    told = [f"{tale} REQUESTS {log.get(tale.id, [])}" for tale in [*wrong, *knowable]]
    told += [
        f"STRAY {job} REQUESTS {[visit for visit in visits if _asks_for(visit, job['name'])]}"
        for job in strays
    ]
    return Verdict(
        items=len(stories),
        lost=len(wrong) - len(overtaken) + twice,
        duplicated=max(
            len(strays),
            created - len({tale.id for tale in done}) - sum(tale.told in UNSURE for tale in tales),
        ),
        unknown=stories.count("unknown"),
        knowable=len(knowable),
        overtaken=len(overtaken),
        failed=stories.count("failed") + stories.count("not_tried"),
        cancelled=stories.count("cancelled"),
        why=tuple(told[:MOST_TOLD]),
    )


def _content(job: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a job is meant to be, as the service names it or as we do.

    A service that respells what it is given keeps what was sent under `sent`.
    """
    meant = job.get("sent", job)
    return (
        meant["name"],
        meant["url"],
        job["expression"],
        job["postData"] if "postData" in job else job["post_data"],
    )


def _is_wrong(tale: Tale, job: Mapping[str, Any] | None) -> bool:
    """Whether what is there, or is not, contradicts what was told."""
    if job is None:
        return tale.deleted in (None, "failed", "not_tried")
    if tale.deleted == "done":
        return True
    return _content(job)[:3] != _content(tale.spec)[:3] or job["postData"] not in tale.texts


def _strays(
    tales: Sequence[Tale], by_id: Mapping[int, Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return jobs that nobody was told of and that nobody may have: they are there twice, or were
    said to have failed.
    """
    claimed = {tale.id for tale in tales if tale.told == "done"}
    excused = Counter(_content(tale.spec) for tale in tales if tale.told in UNSURE)
    strays = list[Mapping[str, Any]]()
    for number, job in by_id.items():
        if number not in claimed and not excused[_content(job)]:
            strays.append(job)
        elif number not in claimed:
            excused[_content(job)] -= 1
    return strays


def _asks_for(visit: Visit, name: str) -> bool:
    """Whether a request is to make a job of this name."""
    return any(spec.get("name") == name for spec in visit.content.get("data", [visit.content]))


def _knowable(tales: Sequence[Tale], log: Mapping[int | None, list[Visit]]) -> list[Tale]:
    """Return the unknown that could have been known: creates that have no like, and changes that
    were not insisted on.
    """
    likes = Counter((tale.spec["name"], tale.spec["url"]) for tale in tales)
    adds = [
        tale
        for tale in tales
        if tale.told == "unknown" and likes[tale.spec["name"], tale.spec["url"]] == 1
    ]
    changed = [tale for tale in tales if "unknown" in tale.stories[1:]]
    return adds + [tale for tale in changed if len(log.get(tale.id, [])) < ATTEMPTS]


def _by_job(visits: Iterable[Visit]) -> dict[int | None, list[Visit]]:
    found: dict[int | None, list[Visit]] = {}
    for visit in visits:
        if isinstance(number := visit.content.get("id"), int):
            found.setdefault(number, []).append(visit)
    return found


def _is_overtaken(tale: Tale, job: Mapping[str, Any] | None, visits: list[Visit]) -> bool:
    """Whether the service was still holding a request for what is there now when that for the last
    text came.
    """
    sure = [text for text, told in tale.edits if told == "done"]
    if job is None or tale.deleted == "done" or job["postData"] not in sure[:-1]:
        return False
    last = min(visit.came for visit in visits if visit.content.get("postData") == sure[-1])
    older = [visit for visit in visits if visit.content.get("postData") == job["postData"]]
    return any(visit.came < last and (visit.went is None or visit.went > last) for visit in older)
