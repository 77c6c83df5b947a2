"""asyncio's debug mode tells of steps that are slow, which any step is on a machine at work."""

from __future__ import annotations

import logging


def ignore_slow_steps():
    """Keep what asyncio tells of slow steps out of this process's log and stderr."""
    logger = logging.getLogger("asyncio")
    logger.addFilter(lambda record: not str(record.msg).startswith("Executing "))
