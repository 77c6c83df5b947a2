"""The group of a job, named by its id or its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cronapi.cli.frame.values import expand
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import group_number


async def with_group_id(session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return options of a job with the id of its group. A name costs a request."""
    given = options.get("group")
    if given is None:
        return options
    text = expand(given, "--group")
    is_number = not text.strip("-0123456789")
    return {**options, "group": text if is_number else str(await group_number(session, text))}
