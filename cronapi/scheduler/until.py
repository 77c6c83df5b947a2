"""Wait for something that nobody tells of, such as the lock of another process."""

from __future__ import annotations

from collections.abc import Callable

import anyio

PAUSE = 0.02
"""Seconds between two looks."""


async def until(is_so: Callable[[], bool], patience: float) -> bool:
    """Look again and again, for so many seconds at most. Return the last answer."""
    end = anyio.current_time() + patience
    while not (found := is_so()) and anyio.current_time() < end:  # noqa: ASYNC110 -- see above
        await anyio.sleep(PAUSE)
    return found
