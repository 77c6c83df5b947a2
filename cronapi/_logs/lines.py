"""The log lines: a row for each, and the one function that writes them.

House rule: a line holds numbers, names of functions and texts of our own errors, in which secrets
are hidden. Writing one never raises, also if a filter of the program does.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from logging import DEBUG, ERROR, INFO, WARNING
from typing import NamedTuple

from cronapi._protocol.redaction import without_password

FIELDS = {
    "cron_event": "the name of the line, as in the table of lines",
    "cron_provider": "the service, such as fastcron",
    "cron_function": "the function, such as cron.add",
    "cron_attempt": "the number of the request for this call, from 1",
    "cron_ending": "done, final, refused, not_sent, lost or garbled",
    "cron_status": "the HTTP status, or None if none came",
    "cron_queued": "the seconds that it waited for its slot",
    "cron_wire": "the seconds from its slot to the end of the answer",
    "cron_error": "the error's class and text",
    "cron_wait": "the seconds until something goes on",
    "cron_seconds": "the seconds that something has lasted",
    "cron_count": "the number of requests, or of jobs",
    "cron_id": "the id of a job or group, or None",
    "cron_twin": "the id of a second job or group that was made of one create",
    "cron_name": "the name of a job as it was sent",
    "cron_kept": "the name of a job as the service keeps it",
    "cron_rate": "a rate",
    "cron_place": "a file and a line of it",
    "cron_key": "the key of a message to an endpoint: the job, the time and the status",
}
"""The fields of log records, for structured logging. None is an attribute that logging uses."""

LOGGER: logging.Logger = logging.getLogger("cronapi")
SCHEDULER: logging.Logger = logging.getLogger("cronapi.scheduler")
WEBHOOKS: logging.Logger = logging.getLogger("cronapi.webhooks")
_LONGEST = 300
"""Characters of a text in a line."""
_CALL = ("provider", "function")


class Event(NamedTuple):
    """A kind of line. `fields` name the arguments of `text`, without `cron_`."""

    name: str
    level: int
    text: str
    fields: tuple[str, ...] = ()
    logger: logging.Logger = LOGGER


_REQUEST = (*_CALL, "attempt", "ending", "status", "queued", "wire")
_TIMES = "%.3f s in the queue, %.3f s on the wire"

ANSWERED = Event("request", DEBUG, f"%s %s: attempt %d: %s, HTTP status %s, {_TIMES}", _REQUEST)
WAITS = Event(
    "waiting",
    INFO,
    "%s %s: attempt %d has had no answer for %.0f s, and waits %.0f s more",
    (*_CALL, "attempt", "seconds", "wait"),
)
REPEATED = Event(
    "repeat",
    INFO,
    "%s %s: attempt %d failed (%s); it is repeated after %.1f s",
    (*_CALL, "attempt", "error", "wait"),
)
REFUSED = Event(
    "refusal",
    INFO,
    "%s %s: attempt %d was refused (%s); it is repeated as soon as it has a slot",
    (*_CALL, "attempt", "error"),
)
OUTAGE_BEGINS = Event(
    "outage_begins",
    INFO,
    "%s: %d requests in a row have had no usable answer (%s)",
    ("provider", "count", "error"),
)
OUTAGE_ENDS = Event(
    "outage_ends",
    INFO,
    "%s answers again: %d requests in %.1f s have had no usable answer",
    ("provider", "count", "seconds"),
)
LOOKED_UP = Event(
    "lookup",
    WARNING,
    "%s %s: it may have been carried out (%s), so it is looked up; items: %d",
    (*_CALL, "error", "count"),
)
ADOPTED = Event(
    "adoption",
    WARNING,
    "%s %s: it was carried out, and what it made is adopted; items: %d, first id: %s",
    (*_CALL, "count", "id"),
)
NOT_CARRIED_OUT = Event(
    "not_carried_out",
    INFO,
    "%s %s: it was not carried out, so it is sent again; items: %d",
    (*_CALL, "count"),
)
UNKNOWN = Event(
    "unknown",
    WARNING,
    "%s %s: nothing tells if it was carried out (%s); items: %d",
    (*_CALL, "error", "count"),
)
BULK_UNKNOWN = Event(
    "bulk_unknown",
    WARNING,
    "%s %s: it has ended; items of which nothing tells if they were carried out: %d",
    (*_CALL, "count"),
)
TWIN = Event(
    "twin",
    WARNING,
    "%s %s: two requests for one create were carried out. The older, %s, is returned. Its twin is "
    "%s: delete one of them if nobody else made it.",
    (*_CALL, "id", "twin"),
)
ALTERED = Event(
    "altered_name",
    WARNING,
    "%s cron.ensure: the service keeps the name %r as %r (id %s). Ensure it under that name.",
    ("provider", "name", "kept", "id"),
)
LISTING_FAILED = Event(
    "listing_failed",
    DEBUG,
    "%s: the listing for its id failed: %s",
    ("function", "error"),
)
HOLD_BEGINS = Event(
    "hold_begins",
    INFO,
    "hold begins: refused repeatedly, everybody waits %.2f s, then one probe at a time",
    ("wait",),
    SCHEDULER,
)
HOLD_ENDS = Event("hold_ends", INFO, "hold ends: a probe has passed", (), SCHEDULER)
BUCKET_FAILED = Event(
    "bucket_failed", DEBUG, "the shared bucket did not answer: %s", ("error",), SCHEDULER
)
BUCKET_OUTAGE_BEGINS = Event(
    "bucket_outage_begins",
    INFO,
    "the shared bucket does not answer (%s); calls wait up to %.1f s for it",
    ("error", "wait"),
    SCHEDULER,
)
BUCKET_OUTAGE_ENDS = Event(
    "bucket_outage_ends",
    INFO,
    "the shared bucket answers again after %.1f s",
    ("seconds",),
    SCHEDULER,
)
PACE_FILE_RENEWED = Event(
    "pace_file_renewed",
    WARNING,
    "the pace file is damaged (%s), perhaps by a power cut; it is made anew, and the pace learnt",
    ("error",),
    SCHEDULER,
)
STANDS_IN = Event(
    "stands_in",
    WARNING,
    "the shared bucket cannot be used (%s); this process goes on alone at %s until it can",
    ("error", "rate"),
    SCHEDULER,
)
ODD_BUCKET = Event(
    "odd_bucket",
    ERROR,
    "the bucket raised an error where it should learn how a request fared: %s, at %s",
    ("error", "place"),
)
NOT_CLOSED = Event("not_closed", ERROR, "an HTTP transport could not be closed (%s)", ("error",))
TASK_FAILED = Event(
    "task_failed",
    ERROR,
    "A task of the library failed (%s). Please report this.",
    ("error",),
)
REQUEST_REFUSED = Event(
    "request_refused", DEBUG, "refused a request with %d: %s", ("status", "error"), WEBHOOKS
)
HANDLER_FAILED = Event(
    "handler_failed", ERROR, "the handler failed for %s: %s", ("key", "error"), WEBHOOKS
)
DROPPED = Event("dropped", ERROR, "too many messages wait: dropped %s", ("key",), WEBHOOKS)
DUPLICATE_OR_NOT = Event(
    "duplicate_or_not",
    WARNING,
    "cannot tell if %s is a duplicate, so it is handled: %s",
    ("key", "error"),
    WEBHOOKS,
)
NOT_FORGOTTEN = Event("not_forgotten", WARNING, "cannot forget %s: %s", ("key", "error"), WEBHOOKS)
NOT_VERIFIED = Event(
    "not_verified", WARNING, "cannot ask the service about job %d: %s", ("id", "error"), WEBHOOKS
)
UNKNOWN_SETTING = Event(
    "unknown_setting",
    WARNING,
    "CRONAPI_LOG is %r, which is no level that it knows: set it to debug, info or warning",
    ("name",),
)


def write(event: Event, *values: object, trace: BaseException | None = None) -> None:
    """Write a line. `values` are its fields, in their order.

    `trace` is an exception of the program's own code, whose traceback follows.
    """
    logger = event.logger
    if not logger.isEnabledFor(event.level):
        return
    with suppress(Exception):  # a logger of the program may raise anything
        shown = [_one_line(value) for value in values]
        named = dict(zip(event.fields, shown, strict=True))
        logger.log(
            event.level,
            event.text,
            *("none" if value is None else value for value in shown),
            extra={"cron_event": event.name} | {f"cron_{name}": named[name] for name in named},
            exc_info=trace,
            stacklevel=2,
        )


def place_of(error: BaseException) -> str:
    """Return the file and the line that raised an error: a traceback may repeat a secret."""
    last, trace = None, error.__traceback__
    while trace is not None:
        last, trace = trace, trace.tb_next
    return "unknown" if last is None else f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}"


def _one_line(value: object) -> object:
    """Return a text in one line, so that the words of a service cannot forge another."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, BaseException):
        said = str(getattr(value, "message", value)).removesuffix(".")
        value = ": ".join(filter(None, (type(value).__name__, said)))
    text = str(without_password(str(value)))[:_LONGEST]
    return "".join(each if each.isprintable() else " " for each in text)
