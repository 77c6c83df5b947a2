"""What a plan is made of, as it is shown: changes, and what is blocked or left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

Action = Literal["create", "edit", "rename", "enable", "disable", "delete"]
Kind = Literal["added", "changed", "removed", "resent"]


def _hidden(_: object) -> str:
    return "***"


@attrs.frozen
class FieldChange:
    """One field of a change. Neither value is given if one of them is a secret.

    `field` is a parameter's Python name, or `http_headers.NAME`. `before` and `after` are texts to
    be shown. `secret` names the variables that a secret value is made of, or is "" if the file has
    it in plain text. `note` is what else there is to say, such as the next run.
    """

    field: str
    change: Kind
    before: str | None = None
    after: str | None = None
    secret: str | None = None
    note: str | None = None


@attrs.frozen
class Change:
    """One change of one job. `id` is None for a job that does not exist yet."""

    action: Action
    name: str
    id: int | None = None
    fields: tuple[FieldChange, ...] = ()
    sent: Mapping[str, Any] = attrs.field(factory=dict, repr=_hidden, eq=False)
    """The parameters that are sent. They may be secret, so no repr and no output has them."""


@attrs.frozen
class Blocked:
    """A job that the plan leaves as it is, since it cannot tell what is right. `text` says why."""

    name: str
    text: str
    ids: tuple[int, ...] = ()


@attrs.frozen
class NotInFile:
    """A job in the scope that no table names. `is_kept` is True if `keep` protects it."""

    id: int
    name: str
    is_kept: bool = False


@attrs.frozen
class Stopped:
    """A job that should run, does not, and stays so until a plan is allowed to start it.

    `by_hand` is True if somebody has disabled or paused it, which show the same status, and False
    if the service has stopped it. `runs_on` is True for one that the service calls failed (status
    4), and tries all the same.
    """

    id: int
    name: str
    by_hand: bool
    runs_on: bool = False

    def __str__(self) -> str:
        if self.runs_on:
            return (
                f"{self.name} ({self.id}) has failed too many times in a row, and runs on as a "
                "failed job (status 4): --revive makes it an active one."
            )
        why = "disabled or paused by hand" if self.by_hand else "stopped by the service"
        option = "--enable" if self.by_hand else "--revive"
        return f"{self.name} ({self.id}) should run and is {why}: {option} lets it run."


@attrs.frozen
class Brake:
    """The limit of deletions: how many there are in a plan, and how many are allowed."""

    deletes: int
    allowed: int

    @property
    def tripped(self) -> bool:
        """True if the plan deletes more than is allowed."""
        return self.deletes > self.allowed
