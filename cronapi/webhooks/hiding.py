"""A filter that keeps the secrets of endpoints out of logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi._lazy import LazyModule
from cronapi._logs.hiding import hide_in
from cronapi.webhooks.secret import all_secrets

if TYPE_CHECKING:
    import logging
else:
    logging = LazyModule("logging")


def hide_secret(*loggers: logging.Logger) -> None:
    """Write `***` for the secret of every endpoint of this process in the records of loggers.

    Give it the loggers that write addresses: `logging.getLogger("uvicorn.access")`, or
    `"aiohttp.access"`. A filter works only on the very logger that writes, not on its parents. The
    form of a record stays: uvicorn's formatter wants five arguments. A traceback, or an object
    whose text shows a secret, becomes a text. May be repeated.
    """
    for logger in loggers:
        if _filter not in logger.filters:
            logger.addFilter(_filter)


def _filter(record: logging.LogRecord) -> bool:
    hide_in(record, all_secrets())
    return True
