"""Bodies of a megabyte that take many times their bytes once they are parsed."""

from __future__ import annotations

import json
import tracemalloc
from itertools import count, islice

from tests.support.emulated import START
from tests.support.posts import ask

MIB = 2**20


def filled(start, unit, end):
    """Return a megabyte: a start, a unit over and over, and an end."""
    times = (MIB - len(start) - len(end)) // len(unit)
    return (start + unit * times).removesuffix(b",") + end


def in_list(unit, start=b"", end=b""):
    head = b'{"id": 7, "time": %d, "job": 7, "at": %d, "x": [%s' % (START, START, start)
    return filled(head, unit, end + b"]}")


def in_text(unit, end=b""):
    head = b'{"id": 7, "time": %d, "job": 7, "at": %d, "output": "' % (START, START)
    return filled(head, unit, end + b'"}')


def named(behind):
    """Yield the members of a megabyte, which all have names of their own."""
    fields = (b"%s%x%s1" % (behind[:-1], number, behind) for number in count(4096))
    return islice(fields, MIB // 10)


def heavy_bodies():
    """Return wild bodies by name, JSON and forms."""
    names = {
        "lists": b"[],",
        "objects": b"{},",
        "members": b'{"a":1},',
        "integers": b"1000,",
        "floats": b"1.5,",
        "texts": b'"ab",',
        "brackets in texts": b'"[{,:",',
        "quotes": rb'"\"",',
        "objects in objects": b'{"a":{}},',
    }
    texts = {
        "an emoji at the end": (b"x", "\U0001f600".encode()),
        "an escaped emoji": (b"x", rb"\ud83d\ude00"),
        "a euro at the end": (b"x", "\u20ac".encode()),
        "an escaped euro": (b"x", rb"\u20ac"),
        "escapes alone": (rb"\u0434", b""),
        "line breaks": (rb"\n", b""),
    }
    names_of = b'{"id":7,"time":%d,"job":7,"at":%d,' % (START, START)
    return {
        **{name: in_list(unit) for name, unit in names.items()},
        **{name: in_text(unit, end) for name, (unit, end) in texts.items()},
        "names": names_of + b",".join(named(b'":')) + b"}",
        "no end of a text": in_list(rb"\"", start=b'"', end=b""),
        "no JSON": b"{" + b"x" * (MIB - 1),
        "no JSON with an emoji": b"{" + b"x" * (MIB - 5) + "\U0001f600".encode(),
        "no UTF-8": b'{"' + b"\x80" * (MIB - 2),
        "brackets": b"[" * MIB,
        "depth": json.dumps({"id": 7}).encode()[:-1] + b', "x": ' + b"[" * (MIB // 2),
        "a form": b"&".join(named(b"=")),
        "a form of one field": filled(b"a=", b"%41", b""),
        "a form of bytes": filled(b"a=", b"\xff", b""),
        "UTF-16": b"\xff\xfe" + json.dumps({"id": 7, "x": [[]] * 100_000}).encode("utf-16-le"),
    }


async def measured(app, body, headers=()):
    """Post a body in pieces, and return the answer and the peak of memory above the start."""
    pieces = (body[start : start + 2**14] for start in range(0, len(body), 2**14))
    tracemalloc.start()
    try:
        answer = await ask(app, chunks=pieces, headers=headers)
        return answer, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
