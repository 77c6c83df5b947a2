"""`CRONAPI_LOG`: the level of the log, set without a line of code."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from cronapi._logs.lines import LOGGER, UNKNOWN_SETTING, write

VARIABLE = "CRONAPI_LOG"
QUIET = logging.ERROR
"""From this level on the log tells faults alone, such as a transport that cannot be closed."""
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_followed = ""
"""The value that was followed last. A level that the program sets afterwards stays."""


class OwnHandler(logging.StreamHandler[TextIO]):
    """Writes to standard error, unless the program has a handler for these lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Stand back where the program has configured logging, also if it did so later."""
        return not self._is_written_elsewhere(record.name) and bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line to the standard error of now."""
        self.stream = sys.stderr
        if self.stream is not None:
            super().emit(record)

    def _is_written_elsewhere(self, name: str) -> bool:
        logger: logging.Logger | None = logging.getLogger(name)
        while logger is not None:
            others = [each for each in logger.handlers if each is not self]
            if not all(isinstance(each, logging.NullHandler) for each in others):
                return True
            logger = logger.parent if logger.propagate else None
        return False


def follow_variable() -> None:
    """Follow `CRONAPI_LOG` if it has a new value. Nothing else than our own logger is changed."""
    global _followed  # noqa: PLW0603 -- a setting of the process
    value = os.environ.get(VARIABLE, "")
    if value == _followed:
        return
    _followed = value
    level = LEVELS.get(value.strip().casefold())
    if level is not None:
        LOGGER.setLevel(level)
        _handle()
    elif value.strip():
        write(UNKNOWN_SETTING, value)


@contextmanager
def at_level(level: int) -> Iterator[None]:
    """Write the log from this level on to standard error, while the block runs."""
    before, handler = LOGGER.level, logging.StreamHandler()
    handler.setFormatter(logging.Formatter(_FORMAT))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(level)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before)


def _handle() -> None:
    if any(isinstance(handler, OwnHandler) for handler in LOGGER.handlers):
        return
    handler = OwnHandler()
    handler.setFormatter(logging.Formatter(_FORMAT))
    LOGGER.addHandler(handler)
