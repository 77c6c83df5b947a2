"""Secrets in the records of other programs: in each part of a record, however they are spelt."""

from __future__ import annotations

import collections
import logging
import pickle
import sys
import time
from urllib.parse import quote

import pytest

from cronapi._logs.hiding import hide_in

SECRET = "secret-of~the_hook1"
ODD = "se+cr=et&of;the:hook%41"
PATH = f"/hooks/{SECRET}?a=1"


def record_of(text="a line", *args, exc_info=None, **extra):
    record = logging.LogRecord("access", logging.INFO, "file", 1, text, args, exc_info)
    vars(record).update(extra)
    hide_in(record, [SECRET, ODD])
    return record


def told(record):
    """Return all that a handler may write of a record."""
    attributes = {name: value for name, value in vars(record).items() if name != "exc_info"}
    exception = repr(record.exc_info and record.exc_info[1])
    return f"{logging.Formatter().format(record)} {attributes!r} {exception}"


class Told:
    def __init__(self, text=PATH):
        self.text = text

    def __str__(self):
        return f"<{self.text}>"


class ToldInRepr(Told):
    __str__ = object.__str__

    def __repr__(self):
        return self.text


class Mute:
    def __str__(self):
        raise ValueError(PATH)

    __repr__ = __str__


class Text(str):
    __slots__ = ()


def caught(text=PATH, cause=None):
    try:
        raise ValueError(text) from cause
    except ValueError:
        return sys.exc_info()


THINGS = {
    "text": PATH,
    "a part of a text": Text(PATH),
    "bytes": PATH.encode(),
    "a bytearray": bytearray(PATH.encode()),
    "a view": memoryview(PATH.encode()),
    "an object": Told(),
    "an object's repr": ToldInRepr(),
    "an exception": ValueError(PATH),
    "a list": [1, PATH],
    "a deep list": [[{"path": (PATH,)}]],
    "pairs of bytes": [(b"referer", PATH.encode())],
    "a key": {PATH: 1},
    "a set": {PATH},
    "a mapping": collections.OrderedDict(path=PATH),
    "an object in a tuple": (ToldInRepr(), 5),
    "an object in a mapping": {"path": ToldInRepr()},
}
WAYS = {
    "an argument": lambda thing: record_of("%s %r", thing, 5),
    "the text": record_of,
    "an extra field": lambda thing: record_of(thing=thing),
    "a field of a field": lambda thing: record_of(thing={"of": thing}),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_thing_in_a_record_tells_the_secret(way):
    """Whatever shows the secret as text is hidden, and what stands beside it is not."""
    for name, thing in THINGS.items():
        record = WAYS[way](thing)
        assert SECRET not in told(record), name
        assert "***" in told(record), name
        assert way != "an argument" or (len(record.args), record.args[1]) == (2, 5)


def test_what_is_innocent_stays_the_thing_that_it_is():
    """An argument that is formatted by its type or its attributes is not made a text."""
    things = (5, 2.5, None, True, b"bytes", Told("fine"), [1, {"a": 2}], ValueError("no"), Mute())
    record = record_of(things[-2], *things, thing=things[5])
    for kept, given in zip(record.args, things, strict=True):
        assert kept is given
    assert (record.msg, record.thing) == (things[-2], things[5])
    assert record_of("%(n)d", {"n": 5}).getMessage() == "5"
    assert record_of("100 % of %s at 5%41").msg == "100 % of %s at 5%41"
    assert pickle.loads(pickle.dumps(record_of("%d", 5))).getMessage() == "5"


@pytest.mark.parametrize(
    "exc_info",
    [
        caught(),
        caught("no", ValueError(PATH)),
        caught(PATH.encode()),
        caught(f"/hooks/%{ord(SECRET[0]):02x}{SECRET[1:]}"),
        (ExceptionGroup, ExceptionGroup("all", [ValueError(PATH)]), None),
    ],
    ids=["text", "cause", "bytes", "encoded", "group"],
)
def test_a_traceback_does_not_tell_the_secret(exc_info):
    """Its other lines are written as ever, also if a handler has written it before."""
    record = record_of("failed", exc_info=exc_info)
    assert SECRET not in told(record)
    assert f"%{ord(SECRET[0]):02x}{SECRET[1:]}" not in told(record)
    assert "***" in record.exc_text
    assert "Error" in record.exc_text
    written = record_of("failed", exc_info=exc_info, exc_text=f"said {PATH}", stack_info=PATH)
    assert SECRET not in told(written)
    innocent = caught("no")
    assert record_of(exc_info=innocent).exc_info is innocent
    assert record_of(exc_info=innocent).exc_text is None


@pytest.mark.parametrize("exc_info", [True, (None, None, None), (ValueError, None, None), "odd"])
def test_an_odd_record_is_left_to_its_handlers(exc_info):
    """Hiding never raises, also if an exception is none."""
    assert record_of(exc_info=exc_info, thing=Mute()).exc_info == exc_info


def escaped(text, times):
    for _ in range(times):
        text = "".join(f"%{ord(one):02x}" for one in text)
    return text


SPELLINGS = [
    SECRET,
    quote(SECRET),
    f"%73{SECRET[1:]}",
    f"%2573{SECRET[1:]}",
    f"%252573{SECRET[1:]}",
    f"%{'25' * 50}73{SECRET[1:]}",
    f"%25%37%33{SECRET[1:]}",
    f"%%32%3573{SECRET[1:]}",
    f"%7%33{SECRET[1:]}",
    f"%7{'%3' * 9}3{SECRET[1:]}",
    *(escaped(SECRET, times) for times in (1, 2, 3)),
    escaped(SECRET, 1).upper(),
    f"%ff%E2%82{escaped(SECRET, 1)}",
    ODD,
    quote(ODD),
    quote(ODD, safe=""),
    quote(quote(ODD, safe=""), safe=""),
    escaped(ODD, 2),
]


def test_each_spelling_is_hidden():
    """Escapes of escapes, and of a part of an escape, spell the same address.

    What stands beside it in a line is told.
    """
    for spelling in SPELLINGS:
        path = f"/hooks/{spelling}"
        for thing in (path, path.encode(), Told(path), f"{PATH} {path}"):
            said = record_of("%s %s 204", "POST", thing).getMessage()
            assert "***" in said, path
            assert spelling not in said, path
            assert said.startswith("POST ")
            assert said.endswith(" 204")


HOSTILE = {
    "percent signs": lambda n: "%" * n,
    "escaped percent signs": lambda n: "%" + "25" * n,
    "escapes in escapes": lambda n: "%2" + "%3" * n + "5",
    "escapes of digits": lambda n: "%" + "%32%35" * n,
    "escapes": lambda n: "%41" * n,
    "no escapes": lambda n: "%zz" * n,
    "words": lambda n: "% " * n,
    "nearly the secret": lambda n: SECRET[:-1] * n,
}


@pytest.mark.few(4)
@pytest.mark.parametrize("text", HOSTILE)
def test_the_work_grows_as_the_length_of_a_line_does(text):
    """Four times the text takes about four times as long, whatever a stranger sends."""

    def seconds(length):
        line = HOSTILE[text](length)
        begun = time.process_time()
        record_of("%s", line)
        return time.process_time() - begun

    short = min(seconds(3_000) for _ in range(3))
    assert min(seconds(12_000) for _ in range(3)) < 8 * short + 0.01
