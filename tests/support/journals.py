"""Journals of bulks, as they are opened and as they are written."""

from __future__ import annotations

import pytest

from cronapi import ConfigurationError
from cronapi.bulk.journal import Journal

PLAN = {"function": "cron.batch_add", "provider": "fastcron", "options": "5f2c"}
WHOLE = {
    "header": b'{"cronapi":"journal","version":1,"salt":"5a17","function":"cron.batch_add",'
    b'"provider":"fastcron","options":"5f2c"}\n',
    "known": b'{"known":[5,7]}\n',
    "first": b'{"sending":[[0,"aa"],[1,"aa"]]}\n',
    "done": b'{"item":0,"hash":"aa","status":"done","id":100}\n',
    "failed": b'{"item":1,"hash":"aa","status":"failed","reason":"APIError 1"}\n',
    "second": b'{"sending":[[1,"aa"],[2,"aa"]]}\n',
}
"""A line of each kind, in the order of one run."""


async def reopened(path, plan=PLAN):
    """Open a journal, close it, and return it."""
    journal = await Journal.open(path, plan)
    await journal.close()
    return journal


async def refused(path, match, plan=PLAN):
    """Open a journal that cannot be used, and return the error."""
    with pytest.raises(ConfigurationError, match=match) as caught:
        await Journal.open(path, plan)
    return caught.value
