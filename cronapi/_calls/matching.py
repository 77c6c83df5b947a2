"""The one room that says when a listed row is the job that was sent.

A row is *the same* only if all fields that were sent and are shown are equal in their normal form.
A row that shares the name or the URL, or contradicts no other field, is *possible*: nothing proves
that it is another job, unless the service is known to keep texts like these as they are sent.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, field, frozen

from cronapi._calls.memory import Memory, ids_of, target_of
from cronapi._calls.spelling import kinds_of, may_be_altered, normal
from cronapi._protocol.hidden import hidden_text

Row = Mapping[str, Any]
Expects = Callable[[Row], bool]
"""Returns True for a row that another create under way would make."""

NAMING = ("url", "name")
NOT_COMPARED = frozenset({"password", "payload", "run", "token"})
"""Members that services do not show, or show empty."""


class Likeness(enum.Enum):
    """How a listed row compares with a job that was sent."""

    SAME = "equal in all that was sent and is shown"
    POSSIBLE = "nothing proves that it is another job"
    OTHER = "certainly another job"


@define
class Habits:
    """How a service keeps names and URLs, as seen in its own listings.

    A text that is kept as it was sent is evidence for texts with no other kinds of characters, and
    for longer ones unless they may have been cut. One text that is altered ends all certainty.
    """

    _kinds: dict[str, set[str]] = field(factory=dict)
    _longest: dict[str, int] = field(factory=dict)
    _alters: set[str] = field(factory=set)

    def learn(self, sent: Row, row: Row) -> None:
        """Learn from a row that is known to be a job that was sent."""
        for name in NAMING:
            if name not in row:
                continue
            text = normal(name, sent.get(name))
            if text != normal(name, row[name]):
                self._alters.add(name)
                continue
            self._kinds.setdefault(name, set()).update(kinds_of(text))
            self._longest[name] = max(self._longest.get(name, 0), len(text))

    @property
    def is_empty(self) -> bool:
        """True while nothing was seen that tells how texts are kept."""
        return not (self._kinds or self._alters)

    def keeps(self, name: str, text: str) -> bool:
        """Return True if texts like this one are kept as they are sent."""
        return name not in self._alters and kinds_of(text) <= self._kinds.get(name, set())

    def may_be_cut(self, name: str, text: str, shown: str) -> bool:
        """Return True if the service may have cut a text to the shown one."""
        return text.startswith(shown) and len(shown) >= self._longest.get(name, 0)


@define
class Spec:
    """A job that was sent, in normal form."""

    values: Mapping[str, str] = field(repr=False)
    kept: frozenset[str] = frozenset()
    """Names of texts that the service would keep, so that a row with another one is another job."""

    def compare(self, row: Spec, habits: Habits | None = None) -> Likeness:
        """Compare it with a listed row that is new."""
        shared = self.values.keys() & row.values.keys()
        differing = {name for name in shared if self.values[name] != row.values[name]}
        naming = [name for name in NAMING if name in shared]
        if naming and not differing:
            return Likeness.SAME
        for name in self.kept & differing:
            cut = habits and habits.may_be_cut(name, self.values[name], row.values[name])
            if not cut:
                return Likeness.OTHER
        shares = any(name not in differing and self.values[name] for name in naming)
        contradicts = not differing.issubset(NAMING)
        return Likeness.OTHER if contradicts and not shares else Likeness.POSSIBLE

    def may_become(self, row: Spec) -> bool:
        """Return True if a service that alters texts could have made the row of this."""
        pairs = [(self.values.get(name, ""), row.values.get(name, "")) for name in NAMING]
        return all(not mine or mine == kept or may_be_altered(mine, kept) for mine, kept in pairs)


def _normalized(row: Row) -> Spec:
    return Spec({name: normal(name, row[name]) for name in row.keys() - NOT_COMPARED})


def is_match(sent: Row, row: Row) -> bool:
    """Return True if a listed row has every field that was sent and that the service shows."""
    return _normalized(sent).compare(_normalized(row)) is Likeness.SAME


@frozen
class Match:
    """The rows found for several specs.

    `rows` are in the order of the specs, with None if there is none. `doubtful` holds the indexes
    of specs without a row that may be there all the same. `spare` is True if a row is left over
    that has the name and the URL of a spec.
    """

    rows: list[dict[str, Any] | None] = field(repr=False)
    doubtful: frozenset[int]
    spare: bool

    @property
    def count(self) -> int:
        """The number of specs with a row."""
        return sum(row is not None for row in self.rows)


def match(
    sent: Iterable[Row],
    rows: Iterable[dict[str, Any]],
    habits: Habits | None = None,
    expects: Expects | None = None,
) -> Match:
    """Match specs with new rows of the list, in order of ids, each row once.

    A row that another create explains is no reason for doubt, unless a service could have altered
    the name and the URL of this one to those of the row.
    """
    habits = habits or Habits()
    specs = [{"name": ""} | dict(spec) for spec in sent]
    wanted = [_normalized(spec) for spec in specs]
    free = _Free(rows, expects)
    found: list[dict[str, Any] | None] = []
    for spec, normalized in zip(specs, wanted, strict=True):
        row = free.take(normalized)
        if row is not None:
            habits.learn(spec, row)
        found.append(row)
    doubtful = set()
    for index, normalized in enumerate(wanted):
        if found[index] is None:
            texts = normalized.values
            kept = [name for name in NAMING if name in texts and habits.keeps(name, texts[name])]
            normalized.kept = frozenset(kept)
            if free.has_possible(normalized, habits):
                doubtful.add(index)
    return Match(found, frozenset(doubtful), spare=any(free.has_namesake(one) for one in wanted))


class _Free:
    """Rows that belong to no spec yet, in order of ids."""

    def __init__(self, rows: Iterable[dict[str, Any]], expects: Expects | None) -> None:
        self._expects = expects
        ordered = sorted(rows, key=lambda row: int(row["id"]))
        self._rows = {index: (_normalized(row), row) for index, row in enumerate(ordered)}
        self._by_url: dict[str, list[int]] = {}
        for index, (normalized, _) in self._rows.items():
            self._by_url.setdefault(normalized.values.get("url", ""), []).append(index)

    def _near(self, spec: Spec) -> list[int]:
        """Return the rows with its URL, and those that show none."""
        url = spec.values.get("url", "")
        near = self._by_url.get(url, []) + (self._by_url.get("", []) if url else [])
        return [index for index in near if index in self._rows]

    def take(self, spec: Spec) -> dict[str, Any] | None:
        """Take out and return the first row that is the same, or None."""
        for index in self._near(spec):
            if spec.compare(self._rows[index][0]) is Likeness.SAME:
                return self._rows.pop(index)[1]
        return None

    def has_namesake(self, spec: Spec) -> bool:
        """Return True if a row has the same name and URL."""
        naming = Spec({name: spec.values[name] for name in NAMING if name in spec.values})
        return any(
            naming.compare(self._rows[index][0]) is Likeness.SAME for index in self._near(spec)
        )

    def has_possible(self, spec: Spec, habits: Habits) -> bool:
        """Return True if nothing proves that a row is another job than this one."""
        return any(
            spec.compare(normalized, habits) is Likeness.POSSIBLE
            and (spec.may_become(normalized) or not (self._expects and self._expects(row)))
            for normalized, row in self._rows.values()
        )


def find_altered(
    wanted: Row, rows: Iterable[dict[str, Any]], habits: Habits
) -> dict[str, Any] | None:
    """Return a row that may be the wanted job under a name that the service has altered, or None.

    It has the same URL, and its name is like the wanted one or nothing else tells the two apart. Or
    both its URL and its name are like the wanted ones.
    """
    spec = _normalized(wanted)
    name, url = spec.values.get("name", ""), spec.values.get("url", "")
    for row in rows:
        shown = _normalized(row)
        kept, place = shown.values.get("name", ""), shown.values.get("url", "")
        if habits.keeps("name", name) and not habits.may_be_cut("name", name, kept):
            continue
        others = (spec.values.keys() & shown.values.keys()).difference(NAMING)
        equal = place == url and all(spec.values[one] == shown.values[one] for one in others)
        if equal or (may_be_altered(name, kept) and may_be_altered(url, place)):
            return row
    return None


def habits_of(rows: Iterable[Row], target: str, memory: Memory, new: Iterable[Row] = ()) -> Habits:
    """Return how a service keeps texts, from the rows of creates whose texts are remembered.

    A new row with the name and the URL of a create whose answer was lost is kept as it was sent,
    too. An older one proves nothing: it may have been made in another way.
    """
    habits, create, lost = Habits(), f"{target}.add", memory.lost
    for row in rows:
        for number in ids_of(row):
            sent = memory.sent_for(target, number)
            if sent is not None:
                habits.learn(sent, row)
    for row in new if lost else ():
        if not lost.isdisjoint(lookup_keys(create, row)):
            habits.learn(row, row)
    return habits


def new_rows(
    rows: Iterable[dict[str, Any]], target: str, memory: Memory, epoch: int
) -> list[dict[str, Any]]:
    """Return the rows that were not there before an epoch, and that no other create made.

    Only a row that was listed before the epoch is known to be older: no fact says that ids grow.
    """
    return [
        row
        for row in rows
        if (numbers := ids_of(row)) and not memory.is_older(target, numbers[0], epoch)
    ]


def lookup_keys(function: str, sent: Row) -> frozenset[tuple[str, ...]]:
    """Return the keys under which a lookup would find a create.

    A lookup cannot tell two creates apart that share a key. A run without a time has none, since no
    lookup finds it.
    """
    specs = sent.get("data") if function == "cron.batch_add" else [sent]
    kind = "run" if function == "cron.run" else str(target_of(function))
    if kind == "run" and "time" not in sent:
        return frozenset()
    first, second = ("id", "time") if kind == "run" else ("url", "name")
    rows = [spec for spec in specs if isinstance(spec, dict)] if isinstance(specs, list) else []
    return frozenset([(kind, _key(first, spec), _key(second, spec)) for spec in rows])


def _key(name: str, spec: Row) -> str:
    text = normal(name, spec.get(name))
    return hidden_text(text) if "@" in text else text
