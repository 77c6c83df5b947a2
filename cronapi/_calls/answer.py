"""The answer to one call."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


@frozen
class Answer:
    """The raw `data` of a call that the service carried out, and the requests started for it.

    `twin` is the id of a second job, or group, that the service made of one create.
    """

    data: Any = field(repr=False)
    attempts: int
    twin: int | None = None
