"""The judge of deeds: it compares each answer with what the service had at the moments while it was
asked for.

It reads the service's own log, in which callers and service number their moments alike, and knows
nothing of how a client works.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from attrs import define, frozen

from tests.support.chaos_judge import ATTEMPTS, MOST_TOLD, UNSURE, Verdict, Visit

Row = Mapping[str, Any]
Thing = tuple[str, int]
SHOWN = ("name", "url", "expression", "postData", "status")
READS, STATUS = ("cron.get", "cron.find"), ("cron.enable", "cron.disable")
ADDS = ("cron.add", "cron.batch_add", "group.add")
DELETES = ("cron.delete", "cron.batch_delete", "group.delete")
EDITS = ("cron.edit", "cron.batch_edit")


@define(eq=False)
class Deed:
    """One call: the job or group that it is about, what was sent for it, from when until when, and
    what was told.

    Told is done, absent (there is no such thing), failed, unknown, not_tried or, left early,
    cancelled. Edits of one job differ in text.
    """

    function: str
    number: int | None
    sent: Row
    began: int
    ended: int = 0
    told: str = "cancelled"
    answer: Row | None = None
    error: Exception | None = None

    @property
    def target(self) -> str:
        """What it is about: cron or group."""
        return self.function.partition(".")[0]

    @property
    def thing(self) -> Thing:
        """What it is about; of an add or ensure, what was answered."""
        answered = self.answer["id"] if self.answer else 0
        return self.target, self.number or answered

    @property
    def is_open(self) -> bool:
        """Whether it may have happened, for all its caller knows."""
        return self.told in UNSURE


def ids_in(visit: Visit) -> list[int]:
    """Return the ids that a request asks for, each once."""
    number = visit.content.get("id", [])
    return list(dict.fromkeys(number if isinstance(number, list) else [number]))


def changes(visit: Visit) -> Iterator[tuple[Thing, Row | None]]:
    """Yield what a request made of what, None where it is gone."""
    rows = visit.data if isinstance(visit.data, list) else [visit.data]
    target = visit.function.partition(".")[0]
    if visit.function in DELETES:
        yield from (
            ((target, number), None) for number, _ in zip(ids_in(visit), rows, strict=False)
        )
    elif visit.data is not None:
        yield from (((target, row["id"]), row) for row in rows)


def agrees(known: Row, row: Row | None) -> bool:
    """Whether what is known of a thing is so, as far as it is known."""
    return row is not None and all(
        row[name] == known[name]
        for name in ("id", *SHOWN)
        if known.get(name) is not None and name in row
    )


@frozen
class Chronicle:
    """What the service had when, by its own log."""

    visits: Sequence[Visit]
    deeds: Sequence[Deed]
    in_order: bool = False

    @cached_property
    def states(self) -> dict[Thing, list[tuple[int, Row | None]]]:
        """Every thing with the moments at which it became what it was until the next."""
        found: defaultdict[Thing, list[tuple[int, Row | None]]] = defaultdict(list)
        for visit in sorted(
            (visit for visit in self.visits if visit.applied is not None),
            key=lambda visit: visit.applied or 0,
        ):
            for thing, row in changes(visit):
                found[thing].append((visit.applied or 0, row))
        return dict(found)

    @cached_property
    def last(self) -> dict[Thing, Row]:
        """What is there at the end."""
        return {
            thing: states[-1][1]
            for thing, states in self.states.items()
            if states[-1][1] is not None
        }

    @cached_property
    def arrivals(self) -> list[int]:
        """When requests came."""
        return [visit.came for visit in self.visits]

    @cached_property
    def requests(self) -> dict[tuple[Thing, str | None], list[Visit]]:
        """The requests that ask for a thing, all of them and, by the text that they bring, those of
        one edit.
        """
        found: defaultdict[tuple[Thing, str | None], list[Visit]] = defaultdict(list)
        for visit in self.visits:
            for number in ids_in(visit):
                thing, text = (
                    (visit.function.partition(".")[0], number),
                    visit.content.get("postData"),
                )
                found[thing, None].append(visit)
                if text is not None:
                    found[thing, text].append(visit)
        return dict(found)

    @cached_property
    def about(self) -> dict[Thing, list[Deed]]:
        """The deeds that are about a thing, in the order in which they were begun."""
        found: defaultdict[Thing, list[Deed]] = defaultdict(list)
        for deed in sorted(self.deeds, key=lambda deed: deed.began):
            found[deed.thing].append(deed)
        return dict(found)

    @cached_property
    def made(self) -> Counter[tuple[str, ...]]:
        """How many things there ever were, by what they were made as."""
        return Counter(
            likeness(thing[0], states[0][1] or {}) for thing, states in self.states.items()
        )

    def between(self, thing: Thing, began: int, ended: int) -> list[Row | None]:
        """Return what a thing was from one moment to another; None is nothing."""
        states = [(-1, None), *self.states.get(thing, [])]
        first = bisect_right([moment for moment, _ in states], began) - 1
        return [row for moment, row in states[first:] if moment <= ended]

    def during(self, deed: Deed) -> list[Row | None]:
        """Return what its thing was while a deed was under way."""
        return self.between(deed.thing, deed.began, deed.ended)

    @cached_property
    def ensured(self) -> set[str]:
        """The names, and the texts, that somebody wanted there to be."""
        return {
            deed.sent[key]
            for deed in self.deeds
            if deed.function == "cron.ensure"
            for key in ("name", "postData")
        }

    def effect_of(self, visit: Visit) -> int:
        """Return when a request was carried out, or when it came if that was not before the next
        one came.
        """
        place = bisect_right(self.arrivals, visit.came)
        following = self.arrivals[place] if place < len(self.arrivals) else 1 << 60
        return (
            visit.applied if visit.applied is not None and visit.applied < following else visit.came
        )

    def tell(self, deed: Deed) -> str:
        """Return what happened around a deed, for whoever looks into a failure."""
        beside = [
            other
            for other in self.about[deed.thing]
            if other.began <= deed.ended and other.ended >= deed.began
        ]
        asked = [
            visit
            for visit in self.requests.get((deed.thing, None), [])
            if deed.began < visit.came <= deed.ended
        ]
        seen = [
            f"{visit.function} {visit.content.get('postData', '')}"
            f" {visit.came}-{visit.applied}-{visit.went}"
            for visit in asked
        ]
        own = [visit.came for visit in self.requests_of(deed)]
        return f"{deed} BESIDE {beside[:MOST_TOLD]} REQUESTS {seen} OF THIS {own}"

    def requests_of(self, deed: Deed) -> list[Visit]:
        """Return the requests that were sent for an edit; none for anything else."""
        if deed.function != "cron.edit":
            return []
        return [
            visit
            for visit in self.requests.get((deed.thing, deed.sent.get("postData")), [])
            if visit.function in EDITS
        ]


def likeness(target: str, row: Row) -> tuple[str, ...]:
    """Return what a thing is made as."""
    return (target, row["name"], *(row[name] for name in SHOWN[1:4] if name in row))


def judge_deeds(
    deeds: Sequence[Deed],
    visits: Iterable[Visit],
    jobs: Iterable[Row],
    groups: Iterable[Row],
    *,
    in_order: bool,
) -> Verdict:
    """Return what is wrong with the deeds, given the service's log, and its jobs and groups at the
    end.

    `in_order` says that requests go out one by one, so that whatever was asked for first has to
    arrive first.
    """
    chronicle = Chronicle(list(visits), deeds, in_order)
    there = {("cron", job["id"]): job for job in jobs} | {
        ("group", group["id"]): group for group in groups
    }
    assert there.keys() == chronicle.last.keys(), "the log does not tell what there is"
    assert all(agrees(row, there[thing]) for thing, row in chronicle.last.items()), (
        "the log tells something else than there is"
    )
    checks = {
        "lost": _is_lost,
        "knowable": _could_be_known,
        "misread": _is_untrue,
        "disordered": _is_out_of_order,
        "failed": _is_failure,
    }
    wrong = {
        name: [deed for deed in deeds if is_wrong(chronicle, deed)]
        for name, is_wrong in checks.items()
    }
    return Verdict(
        items=len(deeds),
        lost=len(wrong["lost"]) + _unasked(chronicle),
        duplicated=_surplus(chronicle)
        + _side_by_side(chronicle)
        + sum(_happened_all_the_same(chronicle, deed) for deed in deeds),
        unknown=sum(deed.told == "unknown" and not _is_moot(chronicle, deed) for deed in deeds),
        knowable=len(wrong["knowable"]),
        overtaken=sum(_is_overtaken(chronicle, thing) for thing in chronicle.last),
        failed=len(wrong["failed"]),
        cancelled=sum(deed.told == "cancelled" for deed in deeds),
        misread=len(wrong["misread"]) + _shared_errors(deeds),
        disordered=len(wrong["disordered"]),
        why=tuple(
            f"{name}: {chronicle.tell(deed)}"
            for name, found in wrong.items()
            for deed in found[:MOST_TOLD]
        ),
    )


# --- what callers were told ----------------------------------------------------------------------


def _is_lost(chronicle: Chronicle, deed: Deed) -> bool:
    """Whether a change was told done, and the log does not have it."""
    if deed.told != "done" or deed.function in READS:
        return False
    during = chronicle.during(deed)
    if deed.function in DELETES:
        return None not in during
    if deed.function in STATUS:
        asked = chronicle.requests.get((deed.thing, None), [])
        return not any(
            visit.function == deed.function and deed.began < (visit.applied or 0) <= deed.ended
            for visit in asked
        )
    return (deed.function in ADDS and during[0] is not None) or not any(
        agrees(deed.sent, row) for row in during
    )


def _is_untrue(chronicle: Chronicle, deed: Deed) -> bool:
    """Whether what was answered was so at no moment while it was asked for, or is about another
    thing.
    """
    if deed.told == "absent":
        return None not in chronicle.during(deed)
    if deed.told != "done" or deed.answer is None:
        return False
    if deed.number not in (None, deed.answer["id"]):
        return True
    return deed.function not in DELETES and not any(
        agrees(deed.answer, row) for row in chronicle.during(deed)
    )


def _shared_errors(deeds: Sequence[Deed]) -> int:
    """Count callers who got the very error that another one has got."""
    errors = [id(deed.error) for deed in deeds if deed.error is not None]
    return len(errors) - len(set(errors))


def _is_moot(chronicle: Chronicle, deed: Deed) -> bool:
    """Whether its thing was gone meanwhile, so that it could not but fail."""
    if deed.function == "cron.ensure":
        alike = (
            thing
            for thing, states in chronicle.states.items()
            if states[0][1] and states[0][1]["name"] == deed.sent["name"]
        )
        return any(None in chronicle.between(thing, deed.began, deed.ended)[1:] for thing in alike)
    return deed.number is not None and None in chronicle.during(deed)


def _is_failure(chronicle: Chronicle, deed: Deed) -> bool:
    """Whether it failed though its thing was there."""
    return deed.told in ("failed", "not_tried") and not _is_moot(chronicle, deed)


def _could_be_known(chronicle: Chronicle, deed: Deed) -> bool:
    """Whether somebody could have told what is unknown: an add that has no like, or a change that
    was not insisted on.
    """
    if deed.told != "unknown" or _is_moot(chronicle, deed):
        return False
    if deed.function in ADDS:
        alike = [
            other
            for other in chronicle.deeds
            if other.function in ADDS and other.sent["name"] == deed.sent["name"]
        ]
        return len(alike) == 1
    asked = chronicle.requests.get((deed.thing, None), [])
    return (
        deed.number is not None
        and sum(deed.began < visit.came <= deed.ended for visit in asked) < ATTEMPTS
    )


# --- what the service did ------------------------------------------------------------------------


def _surplus(chronicle: Chronicle) -> int:
    """Count things that were made once more than they were asked for,
    or were said to have failed.
    """
    asked = Counter(
        likeness(deed.target, deed.sent)
        for deed in chronicle.deeds
        if deed.function in ADDS and _may_be(deed)
    )
    twice = Counter(
        deed.thing for deed in chronicle.deeds if deed.function in ADDS and deed.told == "done"
    )
    made = Counter(
        {like: count for like, count in chronicle.made.items() if like[1] not in chronicle.ensured}
    )
    return (made - asked).total() + sum(count - 1 for count in twice.values())


def _may_be(deed: Deed) -> bool:
    return deed.told == "done" or deed.is_open


def _side_by_side(chronicle: Chronicle) -> int:
    """Count jobs that were made while another was there of the name that somebody ensured."""
    lives = sorted(
        (states[0][0], thing)
        for thing, states in chronicle.states.items()
        if _name(states) in chronicle.ensured
    )
    pairs = (
        (thing, born, later)
        for (born, thing), (later, other) in itertools.combinations(lives, 2)
        if _name(chronicle.states[thing]) == _name(chronicle.states[other])
    )
    return sum(None not in chronicle.between(thing, born, later) for thing, born, later in pairs)


def _name(states: Sequence[tuple[int, Row | None]]) -> str | None:
    row = states[0][1]
    return None if row is None else row["name"]


def _happened_all_the_same(chronicle: Chronicle, deed: Deed) -> bool:
    """Whether an edit was told failed, and was carried out."""
    applied = (visit for visit in chronicle.requests_of(deed) if visit.applied is not None)
    return deed.told in ("failed", "absent") and any(
        deed.thing in dict(changes(visit)) for visit in applied
    )


def _unasked(chronicle: Chronicle) -> int:
    """Count things that went, or were changed, and nobody had asked for it or was told that it was
    done.
    """
    wanted = {(deed.thing, deed.sent.get("postData")) for deed in chronicle.deeds}
    stray = sum(
        (thing, text) not in wanted and text not in chronicle.ensured
        for visit in chronicle.visits
        if visit.function in EDITS and (text := visit.content.get("postData"))
        for thing, _ in changes(visit)
    )
    gone = chronicle.states.keys() - chronicle.last.keys()
    deleting = {
        deed.thing for deed in chronicle.deeds if deed.function in DELETES and _may_be(deed)
    }
    return stray + len(gone - deleting)


def _is_overtaken(chronicle: Chronicle, thing: Thing) -> bool:
    """Whether what is there now is an edit that was over before another began that was carried out,
    too.
    """
    edits = [
        deed
        for deed in chronicle.about.get(thing, [])
        if deed.function == "cron.edit" and deed.told == "done"
    ]
    now = [deed for deed in edits if agrees(deed.sent, chronicle.last[thing])]
    return bool(now) and any(deed.began > now[0].ended for deed in edits)


def _is_out_of_order(chronicle: Chronicle, deed: Deed) -> bool:
    """Whether a deed was sent again when it was over,
    or went before what was asked for before it.
    """
    if deed.told != "cancelled" and any(
        visit.came > deed.ended for visit in chronicle.requests_of(deed)
    ):
        return True
    if (
        not chronicle.in_order or deed.number is None or deed.function == "cron.find"
    ):  # which goes in the other lane
        return False
    before = [
        first
        for other in chronicle.about[deed.thing]
        if other.began < deed.began and (first := _first(chronicle, other))
    ]
    mine = _first(chronicle, deed)
    if mine is not None:
        return any(visit.came > mine.came for visit in before)
    since = max([deed.began, *map(chronicle.effect_of, before)])
    truth = chronicle.between(deed.thing, since, deed.ended) if since <= deed.ended else []
    if deed.told == "absent":
        return None not in truth
    return (
        deed.told == "done"
        and deed.function == "cron.get"
        and not any(agrees(deed.answer or {}, row) for row in truth)
    )


def _first(chronicle: Chronicle, deed: Deed) -> Visit | None:
    """Return the first request for an edit, or for the only delete of a thing."""
    if deed.function == "cron.edit":
        asked = chronicle.requests_of(deed)
    elif (
        deed.function in DELETES
        and sum(other.function in DELETES for other in chronicle.about[deed.thing]) == 1
    ):
        asked = [
            visit
            for visit in chronicle.requests.get((deed.thing, None), [])
            if visit.function in DELETES
        ]
    else:
        return None
    return asked[0] if asked else None
