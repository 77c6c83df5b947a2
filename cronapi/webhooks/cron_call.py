"""The call that a job makes at its URL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from attrs import frozen

from cronapi._protocol.arguments import refusal
from cronapi._protocol.json_text import parse_json
from cronapi._protocol.values import to_datetime, to_int
from cronapi.errors import ConfigurationError, WebhookError
from cronapi.webhooks.dedupe import Dedupe, text_of
from cronapi.webhooks.incoming import MOST_BYTES
from cronapi.webhooks.weight import AN_OBJECT, light_text

Source = str | bytes | bytearray | Mapping[str, Any]
_MOST_MEMBERS = 1000
_LONGEST = 200
"""Bytes of a field that may be a job or a time, with every character escaped."""
_TIMES_UNBOUND = 6
"""The bound, in bytes of the body itself, if none is given. No text alone exceeds it."""
_FIELDS = re.compile(rb"[^&]++")
NOT_A_CALL = "Neither the query nor the body has job=__cronjob__&at=__timestamp__, replaced."


@frozen(kw_only=True)
class CronCall:
    """One call of a job: the job's id, and the time for which it was scheduled.

    The service puts both into a URL or a body that has `job=__cronjob__&at=__timestamp__`. Source:
    FastCron's page on keywords.
    """

    job: int
    at: datetime

    @property
    def key(self) -> tuple[int, datetime, str]:
        """The job and the time, by which a call that comes again is recognised."""
        return self.job, self.at, "call"

    @classmethod
    def read(cls, *sources: Source) -> CronCall:
        """Return the call in the first source that has one: a query, a form, JSON or a mapping.

        It believes anyone: `CronEndpoint.read` also looks for a secret. A source may be of any
        size, but JSON of tens of thousands of small parts is no call. Raises WebhookError if none
        has a call, and ConfigurationError for a source that is none of these.
        """
        return call_in(sources)

    async def once(self, dedupe: Dedupe) -> bool:
        """Return True for the first of equal calls, as far as `dedupe` remembers."""
        return await dedupe.claim(text_of(self.key))


def call_in(sources: Iterable[Source], max_body: int | None = None) -> CronCall:
    """Return the call in the first source that has one.

    Raises WebhookError if none has: 413 if one takes more than twice `max_body` in memory, else
    400. Without `max_body`, a source may take several times its own size.
    """
    refusal_of_all = WebhookError(NOT_A_CALL)
    for source in sources:
        try:
            members = _members(source, max_body)
            return CronCall(job=to_int(members["job"]), at=to_datetime(members["at"]))
        except ConfigurationError:
            raise
        except WebhookError as too_large:
            refusal_of_all = too_large
        except (KeyError, ValueError):
            continue
    raise refusal_of_all


def _members(source: Source, max_body: int | None) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        return source
    if not isinstance(source, str | bytes | bytearray):
        raise refusal("source", "a query, a body or a mapping", source, "input")
    body = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if not AN_OBJECT.match(body):
        return _form(body)
    if max_body is None:
        max_body = MOST_BYTES + _TIMES_UNBOUND * len(body)
    try:  # the caller keeps the body meanwhile
        data = parse_json(light_text(body, max_body - len(body) // 2, "replace"))
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _form(body: bytes | bytearray) -> Mapping[str, str]:
    """Return the short fields of a form. Neither a job nor a time is long."""
    if body.count(b"&") >= _MOST_MEMBERS:
        return {}
    fields = (field for field in _FIELDS.finditer(body) if field.end() - field.start() <= _LONGEST)
    texts = (field.group().decode("utf-8", "replace") for field in fields)
    return dict(pair for text in texts for pair in parse_qsl(text))
