"""The last requests with their answers, for a person who looks at what a client sent."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from itertools import count
from typing import Any, Literal, get_args
from urllib.parse import quote, quote_plus

from attrs import define, field

from cronapi.emulator.answer import Answer
from cronapi.emulator.checks import nearest, plain_name
from cronapi.emulator.parameters import signature
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.request import Request
from cronapi.emulator.service import functions
from cronapi.emulator.store import Document
from cronapi.emulator.words import Era

Verdict = Literal["ok", "refused", "fault", "error"]
VERDICTS: tuple[str, ...] = get_args(Verdict)

REMEMBERED = 1000
_MOST_BYTES = 64 * 2**10
_HIDDEN = "***"
_SECRET_NAMES = frozenset({"token", "password", "secret"})
_LIKE_A_SECRET = re.compile(r'(?i)((?:token|password|secret)"?\s*(?:=|%3D|:)\s*"?)[^&"\s,}]+')


@define
class Entry:
    """One request and its answer. Of long texts the first 64 KiB are kept.

    `verdict` is `ok`, `error` for an API error, `refused` by the rate limit, or `fault`. `status`
    is 0 if the connection was lost. `time` is in Unix seconds, `seconds` are real.
    """

    id: int
    time: float
    method: str
    path: str
    request: Request = field(repr=False)
    verdict: Verdict = "ok"
    fault: str | None = None
    status: int = 0
    answer: bytes = field(default=b"", repr=False)
    seconds: float = 0.0

    @property
    def provider(self) -> str:
        """The provider of the request, an empty text for a path outside the API."""
        return self.request.provider

    @property
    def function(self) -> str:
        """The dotted function, with a question mark before the path if it has none."""
        return self.request.function

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters as they were read, empty if the body cannot be read."""
        try:
            return dict(self.request.content.parameters)
        except Refusal:
            return {}

    def unknown(self, era: Era, also: frozenset[str] = frozenset()) -> list[Document]:
        """Return the names that the service does not know, each with the nearest that it knows.

        `also` are names of other eras that it knows too.
        """
        known = functions(self.provider, era, also) if self.provider else frozenset()
        if self.function not in known:
            return [_unknown("function", self.function.removeprefix("?"), known)]
        names = signature(self.provider, self.function, era, also).kinds
        return [_unknown("parameter", name, names) for name in self.parameters if name not in names]

    def as_json(self, tokens: Iterable[str]) -> Document:
        """Return the request for a person, with every token and password hidden."""
        secrets = self._hidden(tokens)
        query, body, answer = (
            masked(text, secrets)
            for text in (
                self.request.query,
                self.request.body.decode("utf-8", "replace"),
                self.answer.decode("utf-8", "replace"),
            )
        )
        return {**self._about(secrets), "query": query, "body": body, "answer": answer}

    def in_brief(self, tokens: Iterable[str]) -> Document:
        """Return the request like `as_json`, without its query, its body and its answer."""
        return self._about(self._hidden(tokens))

    def _about(self, secrets: Iterable[str]) -> Document:
        came = {"id": self.id, "time": self.time, "peer": self.request.address}
        asked = {"provider": self.provider, "function": self.function, "method": self.method}
        ended = {"verdict": self.verdict, "fault": self.fault, "status": self.status}
        path, times = masked(self.path, secrets), {"ms": self.seconds * 1000}
        times["arrived"] = self.request.arrived
        return {**came, **asked, "path": path, **ended, **times}

    def _hidden(self, tokens: Iterable[str]) -> list[str]:
        return sorted({*tokens, *self._secrets()} - {""}, key=len, reverse=True)

    def _secrets(self) -> Iterator[str]:
        if self.request.bearer:
            yield self.request.bearer
        try:
            content = self.request.content
        except Refusal:
            return
        if content.token:
            yield content.token
        yield from _secret_values(content.parameters)


class RequestLog:
    """The last 1,000 requests, the newest last. `tell` gets each one that has its answer."""

    def __init__(self) -> None:
        """Begin without a request."""
        self._entries: deque[Entry] = deque(maxlen=REMEMBERED)
        self._numbers = count(1)
        self.tell: Callable[[Entry], object] = _tell_nobody

    def open(self, time: float, method: str, path: str, request: Request) -> Entry:
        """Note a request that has come in. Its entry is to be completed with the answer."""
        if len(request.body) > _MOST_BYTES:
            request = Request(
                *(request.provider, request.function, request.query, request.body[:_MOST_BYTES]),
                *(request.bearer, request.address, request.arrived),
            )
        entry = Entry(next(self._numbers), time, method, path, request)
        self._entries.append(entry)
        return entry

    def close(self, entry: Entry, answer: Answer | None, seconds: float) -> None:
        """Complete an entry, without an answer if the connection was lost."""
        entry.seconds = seconds
        if answer is not None:
            entry.status, entry.answer = answer.status, answer.body[:_MOST_BYTES]
        if entry.verdict == "ok" and entry.status >= HTTPStatus.BAD_REQUEST:
            entry.verdict = "error"
        self.tell(entry)

    def entries(self) -> list[Entry]:
        """Return the entries, the oldest first."""
        return list(self._entries)

    def clear(self) -> None:
        """Forget the requests. Numbers go on."""
        self._entries.clear()


def _tell_nobody(_entry: Entry) -> None:
    pass


def _unknown(kind: str, name: str, known: Iterable[str]) -> Document:
    return {"kind": kind, "name": plain_name(name), "nearest": nearest(name, known)}


def _secret_values(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if str(name).lower() in _SECRET_NAMES and isinstance(item, str):
                yield item
            yield from _secret_values(item)
    elif isinstance(value, list):
        for item in value:
            yield from _secret_values(item)


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return text without these secrets, however spelt, and without what looks like one.

    A secret that contains another has to come before it.
    """
    for secret in secrets:
        for spelling in {
            secret,
            quote(secret, safe=""),
            quote_plus(secret),
            json.dumps(secret)[1:-1],
        }:
            text = text.replace(spelling, _HIDDEN)
    return _LIKE_A_SECRET.sub(rf"\1{_HIDDEN}", text)
