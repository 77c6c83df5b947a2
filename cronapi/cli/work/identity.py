"""The account in use: its service, its address, and the source and fingerprint of its token."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from cronapi.cli.frame.values import Expanded
from cronapi.cli.show.columns import FACTS
from cronapi.cli.work.session import Session


async def identity(session: Session) -> None:
    """Make one request, and write who it was made as."""
    api, credentials = session.api, session.credentials
    facts: dict[str, Any] = {"provider": session.provider.name}
    if "account.get" in session.provider.functions:
        account = await api.account.get()
        facts |= {"account": account.id, "name": account.name, "plan": account.plan}
    else:
        await api.cron.list()
    source = Expanded(credentials.source)
    source.shown = credentials.source  # where the token is, which is no secret
    round_trip = session.scheduler.bucket.read(lambda pace, _: pace.round_trip)
    facts |= {
        "base_url": session.provider.base_url,
        "credentials": source,
        "fingerprint": sha256(credentials.token.encode()).hexdigest()[:8],
        "round_trip": None if round_trip is None else round(round_trip, 4),
    }
    session.show({name: value for name, value in facts.items() if value is not None}, FACTS)
