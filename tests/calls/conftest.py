"""What the tests of calls share: everything that is logged."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture
def records():
    """Collect everything that anybody logs, at DEBUG."""
    found, root = [], logging.getLogger()

    class Keep(logging.Handler):
        def emit(self, record):
            found.append(record)

    handler, before = (
        Keep(),
        {
            name: logging.getLogger(name).level
            for name in (None, "httpx", "httpx2", "httpcore", "httpcore2", "cronapi", "asyncio")
        },
    )
    root.addHandler(handler)
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield found
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)
