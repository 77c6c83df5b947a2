"""`cronapi whoami`: the account in use, without a character of its token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.cli.frame.leaf import READS, leaf

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session


@leaf(READS, "facts")
async def whoami(session: Session) -> None:
    """Show the account, the address and the token's fingerprint.

    One request. No character of the token is shown: the fingerprint is the beginning of its hash.
    """
    from cronapi.cli.work.identity import identity  # noqa: PLC0415 -- imports the client

    await identity(session)
