"""The call that a job makes at its URL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from attrs import frozen

from cronapi._protocol.arguments import refusal
from cronapi._protocol.json_text import parse_json
from cronapi._protocol.values import to_datetime, to_int
from cronapi.errors import WebhookError
from cronapi.webhooks.dedupe import Dedupe, text_of

_MOST_MEMBERS = 1000
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
    def read(cls, *sources: str | bytes | bytearray | Mapping[str, Any]) -> CronCall:
        """Return the call in the first source that has one: a query, a form, JSON or a mapping.

        It believes anyone: `CronEndpoint.read` also looks for a secret. Raises WebhookError if none
        has a call, and ConfigurationError for a source that is none of these.
        """
        for members in map(_members, sources):
            try:
                return cls(job=to_int(members["job"]), at=to_datetime(members["at"]))
            except (KeyError, ValueError):
                continue
        raise WebhookError(NOT_A_CALL)

    async def once(self, dedupe: Dedupe) -> bool:
        """Return True for the first of equal calls, as far as `dedupe` remembers."""
        return await dedupe.claim(text_of(self.key))


def _members(source: str | bytes | bytearray | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        return source
    if not isinstance(source, str | bytes | bytearray):
        raise refusal("source", "a query, a body or a mapping", source, "input")
    text = source if isinstance(source, str) else bytes(source).decode("utf-8", "replace")
    try:
        if text.lstrip().startswith("{"):
            data = parse_json(text)
            return data if isinstance(data, dict) else {}
        return dict(parse_qsl(text, max_num_fields=_MOST_MEMBERS))
    except ValueError:
        return {}
