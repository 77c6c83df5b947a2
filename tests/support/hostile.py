"""A server that answers with any bytes, and many answers that mean harm or nothing.

Each answer knows what it proves about a create: that it was carried out, that it was not, or
neither. That is said by how the answer was put together, not by reading it.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import socketserver
import zlib
from typing import Any

from attrs import frozen

from tests.support.relay import served

JOB = {"id": 7, "name": "ping", "url": "https://example.com/ping"}
DONE, REFUSED, NEITHER = "carried out", "not carried out", "nothing proven"
MIB = 1024 * 1024


@frozen
class Answer:
    """The bytes of an answer, what they prove, and whether the connection ends behind them."""

    name: str
    proves: str
    data: bytes
    closes: bool


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _success(data: Any) -> bytes:
    return _json({"status": "success", "code": 0, "data": data})


SUCCESS, ERROR, PAGE, JUNK = "success", "error", "page", "junk"
BODIES = {
    "success": (SUCCESS, _success(JOB)),
    "success with blanks": (SUCCESS, b" \n" * 500 + _success(JOB)),
    "success with odd members": (SUCCESS, _success(JOB | {"x": [[{}]] * 50, "\x00": "\ud800"})),
    "error": (ERROR, _json({"status": "error", "code": 5, "message": "No."})),
    "error with a long text": (ERROR, _json({"status": "error", "message": "x" * 500_000})),
    "error of an odd code": (ERROR, _json({"status": "error", "code": [1], "message": {}})),
    "empty": (PAGE, b""),
    "page": (PAGE, b"<html><title>Hello</title></html>"),
    "other JSON": (PAGE, b'{"ok": true}'),
    "a number": (PAGE, b"1e999"),
    "long digits": (JUNK, b"1" * 100_000),
    "no UTF-8": (JUNK, b'{"status":"success","data":"\xff\xfe\xfd"}'),
    "cut": (JUNK, _success(JOB)[:-3]),
    "twice": (JUNK, _success(JOB) * 2),
    "deep": (JUNK, b'{"status":"success","data":' + b"[" * 800 + b"]" * 800 + b"}"),
    "very deep": (JUNK, b"[" * 200_000),
    "large": (JUNK, b" " * (MIB + 1) + _success(JOB)),
    "random": (JUNK, random.Random(1).randbytes(3000)),
    "status is a list": (JUNK, _json({"status": ["success"], "data": JOB})),
    "success with a code of failure": (ERROR, _json({"status": "success", "code": 7, "data": JOB})),
}
STATUSES = [200, 200, 200, 200, 201, 299, 302, 400, 404, 408, 418, 429, 500, 502, 503, 599]
HEADERS = {
    "no more": b"",
    "cookies": b"Set-Cookie: a=b; Path=/\r\n" * 50,
    "many": b"".join(b"X-%d: y\r\n" % number for number in range(900)),
    "odd values": b"X-Odd: \xff\xfe\xe9 \t;;,,==\r\nRetry-After: never\r\n",
    "an endless wait": b"Retry-After: inf\r\n",
    "a date": b"Retry-After: Thu, 99 Foo 9999 99:99:99 GMT\r\n",
    "a location": b"Location: //user:pass@[::1/\\..\r\n",
    "upgrade": b'Upgrade: h2c\r\nAlt-Svc: h2=":443"\r\n',
}
CODINGS = {
    "plain": (True, "", bytes),
    "plain again": (True, "", bytes),
    "identity": (True, "identity", bytes),
    "gzip": (True, "gzip", gzip.compress),
    "deflate": (True, "deflate", zlib.compress),
    "members": (True, "gzip", lambda body: gzip.compress(body[:5]) + gzip.compress(body[5:])),
    "no gzip": (False, "gzip", lambda body: b"#" + body),
    "cut gzip": (False, "gzip", lambda body: gzip.compress(body)[:-6]),
    "gzip twice": (False, "gzip, gzip", lambda body: gzip.compress(gzip.compress(body))),
    "brotli": (False, "br", bytes),
    "bomb": (False, "gzip", lambda body: gzip.compress(b" " * 4 * MIB + body, 1)),
}


def _head(status: int, headers: bytes, *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", *more]
    return "\r\n".join(lines).encode() + b"\r\n" + headers + b"\r\n"


def _chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def _length(body: bytes, off: int = 0) -> str:
    return f"Content-Length: {max(0, len(body) + off)}"


FRAMINGS = {
    "length": (True, False, lambda s, h, b: _head(s, h, _length(b)) + b),
    "length, twice the same": (
        True,
        False,
        lambda s, h, b: _head(s, h, _length(b), _length(b)) + b,
    ),
    "chunks": (
        True,
        False,
        lambda s, h, b: _head(s, h, "Transfer-Encoding: chunked") + _chunked(b, 700),
    ),
    "small chunks": (
        True,
        False,
        lambda s, h, b: (
            _head(s, h, "Transfer-Encoding: chunked") + _chunked(b, 1 if len(b) < 5000 else 50_000)
        ),
    ),
    "to the end": (True, True, lambda s, h, b: _head(s, h) + b),
    "many interim answers": (
        True,
        False,
        lambda s, h, b: b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n" * 30 + _head(s, h, _length(b)) + b,
    ),
    "too short": (False, True, lambda s, h, b: _head(s, h, _length(b, 10)) + b),
    "cut chunks": (
        False,
        True,
        lambda s, h, b: _head(s, h, "Transfer-Encoding: chunked") + _chunked(b + b"x", 9)[:-7],
    ),
    "two lengths": (
        False,
        True,
        lambda s, h, b: _head(s, h, _length(b), _length(b, 1)) + b,
    ),
    "negative": (False, True, lambda s, h, b: _head(s, h, "Content-Length: -5") + b),
    "bad chunks": (
        False,
        True,
        lambda s, h, b: _head(s, h, "Transfer-Encoding: chunked") + b"zz\r\n" + b,
    ),
    "unknown transfer": (False, True, lambda s, h, b: _head(s, h, "Transfer-Encoding: x") + b),
    "huge header": (
        False,
        True,
        lambda s, h, b: _head(s, h, "X: " + "y" * 300_000, _length(b)) + b,
    ),
    "no version": (False, True, lambda s, h, b: b"HTTP 200 OK\r\n\r\n" + b),
    "no colon": (False, True, lambda s, h, b: _head(s, b"nothing\r\n", _length(b)) + b),
    "NUL in a header": (False, True, lambda s, h, b: _head(s, b"X: \0\r\n", _length(b)) + b),
    "only the body": (False, True, lambda s, h, b: b),
    "TLS": (False, True, lambda s, h, b: b"\x15\x03\x03\x00\x02\x02\x28"),
    "nothing": (False, True, lambda s, h, b: b""),
    "half a head": (False, True, lambda s, h, b: _head(s, h, _length(b))[:-3]),
}


def _proves(kind: str, status: int) -> str:
    if kind == SUCCESS:
        return DONE
    if kind == ERROR:
        return NEITHER if status in (429, 503) else REFUSED
    no_server_error = 300 <= status < 500 and status not in (408, 429)
    return REFUSED if no_server_error and kind in (PAGE, JUNK) else NEITHER


def answers(count: int, seed: int) -> list[Answer]:
    """Return that many answers, each put together at random."""
    chance, made = random.Random(seed), []
    for _ in range(count):
        body, framing = chance.choice([*BODIES]), chance.choice([*FRAMINGS, *["length"] * 12])
        status, headers = chance.choice(STATUSES), chance.choice([*HEADERS])
        coding = chance.choice([*CODINGS])
        kind, content = BODIES[body]
        can_decode, encoding, encode = CODINGS[coding]
        is_framed, closes, frame = FRAMINGS[framing]
        proves = _proves(kind, status) if is_framed and can_decode else NEITHER
        named = f"Content-Encoding: {encoding}\r\n".encode() if encoding else b""
        data = frame(status, HEADERS[headers] + named, encode(content))
        name = f"{status}, {body}, {framing}, {headers}, {coding}"
        made.append(Answer(name, proves, data, closes))
    return made


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while self._read():
                answer = self.server.answer  # type: ignore[attr-defined]  # set by the test
                self.server.requests += 1  # type: ignore[attr-defined]  # the same
                self.request.sendall(answer.data)
                if answer.closes:
                    return

    def _read(self) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            got = self.request.recv(65536)
            if not got:
                return False
            data += got
        head, _, body = data.partition(b"\r\n\r\n")
        sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        left = int(sizes[0].partition(b":")[2]) - len(body) if sizes else 0
        while left > 0:
            left -= len(self.request.recv(left))
        return True


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    answer: Answer
    requests = 0


@contextlib.contextmanager
def hostile_server():
    """Serve from a thread: `answer` is what the next requests get, `requests` their number."""
    with _Server(("127.0.0.1", 0), _Connection) as server, served(server):
        yield server
