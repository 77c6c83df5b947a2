"""Values of any type for parameters, a judge of what may be sent of them, and ears for secrets."""

from __future__ import annotations

import contextlib
import enum
import json
import logging
import math
import traceback
import typing
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import httpx
from hypothesis import strategies as st

from cronapi import Notify
from cronapi._protocol.declared import FunctionParams

CANARY = "c4narybird"
SECRET_FIELDS = ("password", "http_headers", "post_data", "payload", "secret")
HINTS = typing.get_type_hints(FunctionParams)
TRUTHS = (bool, bool | None)


class Unprintable:
    """An object that tells the canary by everything that it can raise."""

    def __repr__(self):
        raise RuntimeError(CANARY)

    __str__ = __len__ = __bool__ = __iter__ = __int__ = __index__ = __repr__

    def __eq__(self, other):
        raise RuntimeError(CANARY)

    __hash__ = None


class Telling:
    """An object whose text is the canary."""

    def __repr__(self):
        return CANARY


class OddText(str):
    __slots__ = ()

    def __str__(self):
        raise RuntimeError(CANARY)

    __repr__ = __str__


class OddMapping(Mapping):
    def __getitem__(self, name):
        raise KeyError(CANARY)

    def __iter__(self):
        raise ValueError(CANARY)

    def __len__(self):
        return 1


class Colour(enum.Enum):
    RED = CANARY
    FIVE = 5


class Word(enum.StrEnum):
    GET = "GET"


def cyclic():
    rows = [CANARY]
    rows.append(rows)
    return rows


HALVES = st.sampled_from(["\ud800", "\udcff", "a\udfffb"])
TEXTS = st.one_of(
    st.text(max_size=8),
    st.builds("{}{}{}".format, st.text(max_size=3), HALVES, st.just(CANARY)),
    st.sampled_from(
        [
            "",
            "0",
            "no",
            "True ",
            "7.0",
            " 30",
            "2030-05-24T02:44:25Z",
            "caf\x85: x",
            "a\r\nb: c",
            f"X-Key: {CANARY}",
            f"{CANARY} : x",
        ]
    ),
    st.sampled_from([f"{CANARY}: \0", f"https://u:{CANARY}\ud800@x/", f"https://u:{CANARY}@x/"]),
    st.builds(OddText, st.sampled_from([CANARY, "\udcff"])),
)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**63, 2**64, 10**30, -(10**5000), 1.5, 3.0, math.nan, -math.inf, 1e300]),
    st.sampled_from([True, False, Notify(2), Notify(9), Decimal(1), 1j]),
)
OBJECTS = st.one_of(
    st.builds(Unprintable),
    st.builds(Telling),
    st.builds(OddMapping),
    st.builds(cyclic),
    st.sampled_from([*Colour, *Word, object, CANARY.encode(), bytearray(b"\xff"), {CANARY}, ...]),
    st.just(ValueError(CANARY)),
    st.builds(memoryview, st.just(CANARY.encode())),
)
TIMES = st.one_of(
    st.datetimes(timezones=st.sampled_from([None, UTC])),
    st.sampled_from([date(2030, 5, 24), timedelta(minutes=15), timedelta(-1), timedelta.max]),
)
SCALARS = st.one_of(TEXTS, NUMBERS, OBJECTS, TIMES)
ANY = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.lists(SCALARS, max_size=2).map(tuple),
    st.dictionaries(TEXTS, SCALARS, max_size=2),
)


def can_travel(value):
    """Return True for text without half of a surrogate pair."""
    return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)


WORDS = {"true": True, "yes": True, "on": True, "1": True}
WORDS |= {"false": False, "no": False, "off": False, "0": False}


def meant(hint, value):
    """Return the value that a text stands for where the declared type is another one, and any other
    value as it is. It is judged by other means than the client's, and leniently.
    """
    value = value.value if isinstance(value, enum.Enum) else value
    kinds = set(typing.get_args(hint)) or {hint}
    if not isinstance(value, str) or str in kinds or Sequence[str] in kinds:
        return value
    bare = "".join(value).strip().lower()
    if bool in kinds and bare in WORDS:
        return WORDS[bare]
    with contextlib.suppress(ValueError, ArithmeticError):
        number = Decimal(bare)
        if number == int(number) and bare.isascii():
            return int(number) if bool not in kinds or len(kinds) > 1 else bool(int(number))
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(bare.upper()) if datetime in kinds else value
    return value


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**65


def may_be(hint, value):
    """Return True if a value may be one of a declared type.

    It is judged from the type alone, and leniently: only what it forbids is certain.
    """
    value = meant(hint, value)
    if hint in TRUTHS:
        return isinstance(value, bool)
    kinds = set(typing.get_args(hint)) - {type(None)} or {hint}
    if str in kinds and can_travel(value):
        return True
    if int in kinds and is_whole(value):
        return True
    if bool in kinds and isinstance(value, bool):
        return True
    if datetime in kinds and isinstance(value, float) and math.isfinite(value):
        return True
    if datetime in kinds and isinstance(value, datetime):
        return value.tzinfo is not None
    if timedelta in kinds and isinstance(value, timedelta):
        return value > timedelta(0)
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
    if Sequence[str] in kinds and is_list:
        return all(may_be(str, one) for one in value)
    if Sequence[int] in kinds and is_list:
        return all(may_be(int, one) for one in value)
    return Mapping[str, str] in kinds and isinstance(value, Mapping)


def as_declared(hint, value, sent, *, is_json):
    """Return True if a member that was sent is the value, in the type that is declared for it."""
    value = meant(hint, value)
    kinds = set(typing.get_args(hint)) - {type(None)} or {hint}
    if kinds == {str}:
        return type(sent) is str and sent == "".join(value)
    if kinds == {int}:
        return sent == int(value) and type(sent) is int if is_json else sent == str(int(value))
    if kinds == {bool}:
        return sent is value if is_json else sent == str(int(value))
    if type(sent) is list:
        return any(typing.get_origin(kind) is Sequence for kind in kinds)
    return type(sent) in (str, int, bool)


def body_of(request):
    """Return the parameters of a request, whatever its format."""
    text = request.content.decode()
    if text.startswith("{"):
        return json.loads(text)
    query = text or urlsplit(str(request.url)).query
    return {name: found[0] for name, found in parse_qs(query, keep_blank_values=True).items()}


class Service:
    """A transport that notes what it is sent, and answers anything with success, or with a no."""

    def __init__(self, *, says_no=False):
        self.sent = []
        self.says_no = says_no

    def __call__(self, request):
        self.sent.append(request)
        if self.says_no:
            refused = b'{"status": "error", "code": 1, "message": "No \\ud800 such thing."}'
            return httpx.Response(200, content=refused)
        function = request.url.path.rpartition("/")[2].replace("_", ".", 1)
        return httpx.Response(
            200, json={"status": "success", "code": 0, "data": self._data(function, request)}
        )

    def _data(self, function, request):
        if function in ("cron.list", "group.list", "group.lookup", "cron.logs", "cron.failures"):
            return []
        body = body_of(request)
        if function in (
            "cron.batch_add",
            "cron.batch_edit",
            "cron.batch_delete",
            "cron.group_edit",
        ):
            asked = body.get("id", [])
            numbers = asked if isinstance(asked, list) else [asked]
            return [{"id": one} for one in numbers or range(1, len(body.get("data", ())) + 1)]
        return 1_900_000_000 if function == "cron.run" else {"id": body.get("id", 1)}


def spellings(text=CANARY):
    return {text, quote(text), quote_plus(text), json.dumps(text)[1:-1]}


@contextlib.contextmanager
def listening():
    """Collect all that is logged, at DEBUG, as any formatter could write it."""
    root, found = logging.getLogger(), []

    class Keep(logging.Handler):
        def emit(self, record):
            info = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
            found.append(f"{record.getMessage()} {record.args!r} {info}")

    handler, level = Keep(), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield found
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def everything_of(error):
    """Return what an exception and all that led to it say."""
    texts, waiting, seen = [], [error], set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        texts.append(f"{one} {one!r} {one.args!r} {getattr(one, '__notes__', '')} {vars(one)}")
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return "\n".join(texts)
