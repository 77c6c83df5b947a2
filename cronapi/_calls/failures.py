"""Make the errors of one call, with the facts about it."""

from __future__ import annotations

from attrs import define

from cronapi._calls.retry import History
from cronapi._calls.sender import Sender
from cronapi._logs.lines import UNKNOWN
from cronapi._protocol.facts import with_facts
from cronapi._protocol.hidden import without_frames
from cronapi.errors import Applied, CronAPIError, OutcomeUnknownError, WaitTooLongError

SHARE = "Ask again later, allow a longer max_wait, or make the client with coalesce=True."


@define
class Failures:
    """The errors of one call. `last` is the latest that an attempt ended with."""

    sender: Sender
    history: History
    last: CronAPIError | None = None

    def of_call(self, error: CronAPIError) -> CronAPIError:
        """Return the error with the facts of the call."""
        applied, function = error.applied, self.sender.function
        if applied is Applied.NO:
            applied = self.history.applied(function.repeat)
        return with_facts(
            error,
            provider=self.sender.caller.provider.name,
            function=function.name,
            attempts=self.history.attempts,
            applied=applied,
        )

    def too_long(self, error: WaitTooLongError) -> CronAPIError:
        """Return the error of a call that would wait longer than max_wait, with its last error."""
        text = error.message
        if self.last is not None:
            most = self.sender.options.max_wait
            text = (
                f"max_wait, {most} s, was over before the call could be repeated. "
                f"The last attempt failed: {self.last.message}"
            )
        too_long = WaitTooLongError(text, wait=error.wait)
        if not self.sender.caller.coalesces:
            too_long.advice = SHARE
        return self.of_call(too_long)

    def unknown(self, cause: CronAPIError | None = None) -> CronAPIError:
        """Return the error of a create that a lookup could not tell anything about.

        The frames of its `cause` hold jobs that the lookup has read, so they are dropped.
        """
        if cause is not None:
            without_frames(cause)
        text = "It was sent, no usable answer came, and looking it up could not tell."
        error = self.of_call(OutcomeUnknownError(text))
        self.tell(error)
        return error

    def tell(self, error: CronAPIError) -> None:
        """Write the log line of an unknown outcome, unless the sender of a batch looks it up."""
        if error.applied is Applied.UNKNOWN and self.sender.options.look:
            self.sender.tell(UNKNOWN, error, 1)
