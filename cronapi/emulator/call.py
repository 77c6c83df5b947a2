"""One API call as a handler sees it: parameters, settings, and the account's part of the store."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, Any, get_args

from attrs import field, frozen

from cronapi.emulator.checks import check_choice, check_switch, is_number, is_whole, shown
from cronapi.emulator.eras import ALL_NAMES, BEARER, RULES
from cronapi.emulator.executions import LOG_SHAPES
from cronapi.emulator.history import History
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.search import SEARCHES
from cronapi.emulator.spelling import NORMALISE
from cronapi.emulator.words import Era, Execute, LogShape, Moves, Plan, Search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronapi.emulator.store import Document, Store

ERAS = get_args(Era)
MOVES = get_args(Moves)
EXECUTE = get_args(Execute)
PLANS = get_args(Plan)
_NAMES = {"job": "Cronjob", "group": "Group"}
NEW_ACCOUNT = {
    "name": "Emulator",
    "timezone": "UTC",
    "plan": "Business",
    "dailyExec": 50_000,
    "memberLimit": 5,
    "expiryDate": "2099-12-31",
    "secret": "",
}


@frozen
class Settings:
    """How the services behave: the era of the documentation, and the choices of `create_app`.

    `max_batch` is the largest number of items in a batch. `None` allows any number, since no
    documentation names a limit. `normalise` are the spellings in which texts are stored. `lag` is
    in seconds. `execute` says how jobs run, and `plan` whose rules disable failing ones.
    `refuse_localhost` refuses jobs that call this machine by a name or address of its own.
    `undocumented` are functions and parameters of other eras that are taken too, and the header
    `Authorization`.
    Raises `ValueError` for an unknown name or a number out of range.
    """

    era: Era = "seed"
    strict: bool = True
    page_size: int = 1000
    seed: int = 0
    log_shape: LogShape = "era"
    max_batch: int | None = None
    normalise: frozenset[str] = frozenset()
    ignore_page: bool = False
    moves: Moves | None = None
    search: Search = "contains"
    lag: float = 0.0
    execute: Execute = "fake"
    plan: Plan = "pro"
    refuse_localhost: bool = False
    undocumented: frozenset[str] = frozenset()

    @property
    def knows_bearer(self) -> bool:
        """True if FastCron reads a token in the header."""
        return RULES[self.era].has_bearer or BEARER in self.undocumented

    @property
    def calls(self) -> bool:
        """True if jobs really call their URLs."""
        return self.execute in {"loopback", "any"}

    def __attrs_post_init__(self) -> None:
        """Check the names and the sizes."""
        check_choice("era", self.era, ERAS)
        check_choice("execute", self.execute, EXECUTE)
        check_choice("plan", self.plan, PLANS)
        check_choice("log_shape", self.log_shape, LOG_SHAPES)
        for kind in sorted(self.normalise):
            check_choice("spelling", kind, NORMALISE)
        for name in sorted(self.undocumented):
            check_choice("function or parameter", name, ALL_NAMES)
        check_switch("strict", self.strict)
        check_switch("refuse_localhost", self.refuse_localhost)
        check_switch("ignore_page", self.ignore_page)
        if self.moves is not None:
            check_choice("moves", self.moves, MOVES)
        check_choice("search", self.search, SEARCHES)
        if not (is_number(self.lag) and self.lag >= 0):
            raise ValueError(f"lag must be 0 or more seconds, not {shown(self.lag)}")
        if not is_whole(self.seed, -math.inf):
            raise ValueError(f"seed must be a whole number, not {shown(self.seed)}")
        if not is_whole(self.page_size):
            raise ValueError(f"page_size must be 1 or more, not {shown(self.page_size)}")
        if not (self.max_batch is None or is_whole(self.max_batch)):
            raise ValueError(f"max_batch must be 1 or more, not {shown(self.max_batch)}")


@frozen
class Call:
    """One call of a function by one account, at the time `now` in Unix seconds.

    `tick` is the time in the clock's monotonic seconds, by which `history` keeps what lists show
    when they lag. `random` draws the order of lists whose rows move.
    """

    provider: str
    account: str
    params: Mapping[str, Any]
    now: int
    store: Store = field(repr=False)
    settings: Settings = field(factory=Settings)
    tick: float = 0.0
    history: History = field(factory=History, repr=False)
    random: Random = field(factory=Random, repr=False)

    def find(self, kind: str, number: int) -> Document:
        """Return a job or group of this account, or raise `Refusal` if it does not exist."""
        document = self.store.get(kind, self.provider, self.account, number)
        if document is None:
            raise Refusal(f"{_NAMES[kind]} not found.")
        return document

    def all(self, kind: str) -> list[Document]:
        """Return this account's documents of a kind, by ascending id. They must not be changed."""
        return self.store.listed(kind, self.provider, self.account)

    def some(self, kind: str, begin: int, size: int) -> list[Document]:
        """Return at most `size` of this account's documents, from the place `begin`."""
        # SQLite counts in 64 bits.
        return self.store.listed(kind, self.provider, self.account, min(begin, 2**62), size)

    def as_listed(self, kind: str, documents: list[Document]) -> list[Document]:
        """Return documents of a kind as a list shows them: as they were before the lag."""
        if not self.settings.lag:
            return documents
        return self.history.earlier(self.tick, (kind, self.provider, self.account), documents)

    def add(self, kind: str, document: Document) -> Document:
        """Store a new document and return it with its id."""
        added = self.numbered(kind, document)
        self.store.put(kind, self.provider, self.account, added)
        return added

    def numbered(self, kind: str, document: Document) -> Document:
        """Return a new document with its id, still to be stored."""
        added = {"id": self.store.next_id(kind, self.provider), **document}
        self._note(kind, added["id"], None)
        return added

    def put(self, kind: str, document: Document) -> None:
        """Store a changed document."""
        self._note_change(kind, document["id"])
        self.store.put(kind, self.provider, self.account, document)

    def delete(self, kind: str, number: int) -> None:
        """Delete a document, if it exists."""
        self._note_change(kind, number)
        self.store.delete(kind, self.provider, self.account, number)

    def own_account(self) -> Document:
        """Return the account's own document, created on first use."""
        known = self.all("account")
        return known[0] if known else self.add("account", dict(NEW_ACCOUNT))

    def _note_change(self, kind: str, number: int) -> None:
        if self.settings.lag:
            before = self.store.get(kind, self.provider, self.account, number)
            self._note(kind, number, before)

    def _note(self, kind: str, number: int, before: Document | None) -> None:
        self.history.note(self.tick, (kind, self.provider, self.account), number, before)
