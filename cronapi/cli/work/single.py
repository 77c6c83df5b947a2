"""One request that changes something: told with --dry-run, asked for, and carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from cronapi.cli.show.columns import Kind
from cronapi.cli.work.dry_run import cost_of, dry_run, named, told
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import Target
from cronapi.errors import UnsupportedFunctionError


async def change(
    session: Session,
    function: str,
    params: Mapping[str, Any],
    call: Callable[[], Awaitable[Any]],
    *,
    would: str,
    asks: bool = False,
    kind: Kind | None = None,
    targets: Sequence[Target] = (),
    rows: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Make one call and write its result: one thing, or a list of a kind.

    `targets` are named, and `rows` are what is added.
    """
    if function not in session.provider.functions:
        raise UnsupportedFunctionError(
            f"{session.provider.name} has no {function}. Nothing was sent.",
            provider=session.provider.name,
            function=function,
        )
    cost = cost_of(session)
    if session.common.dry_run:
        dry_run(
            *(session, function, params),
            cost=cost,
            would=would,
            asks=asks,
            targets=targets,
            rows=rows,
        )
        return
    if asks:
        names = f": {named(session, targets)}" if targets else ""
        session.confirm(f"{would[0].upper()}{would[1:]}{names}? {told(session, cost, function)}.")
    result = await call()
    if isinstance(result, list) and kind is not None:
        session.show_all(result, kind)
    else:
        session.show(result, kind)
