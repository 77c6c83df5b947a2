"""One create of which it has to be found out what it made."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from cronapi._calls.caller import Caller
from cronapi._calls.failures import Failures
from cronapi._calls.lookup import (
    LAST_LOOK,
    LOOKS,
    RECOVERY,
    UNCLEAR,
    Finding,
    Look,
    find_twin,
    tell_older,
)
from cronapi._calls.matching import lookup_keys
from cronapi._calls.memory import learn, learn_unreported
from cronapi._calls.pages import Ask
from cronapi._calls.sender import Sender
from cronapi._logs.lines import LOOKED_UP
from cronapi._protocol.response import Verdict
from cronapi.errors import CronAPIError


@frozen
class LostCreate:
    """A create whose answer was lost, or that was sent again. `ask` makes reads."""

    caller: Caller
    sender: Sender
    failures: Failures
    ask: Ask

    async def find(self, verdict: Verdict) -> Finding:
        """Look it up while its request may still be worked on.

        Raises OutcomeUnknownError if that cannot tell.
        """
        sender, finding = self.sender, UNCLEAR
        sender.tell(LOOKED_UP, verdict.error, 1)
        for delay in LOOKS:
            await self.caller.wait(delay)
            finding = sender.late_answer() or await self._recover()
            if finding.happened is not False and not finding.is_early:
                break
        if finding.happened is False and sender.is_under_way:
            # The connection is still open: the service may be about to carry it out.
            await sender.wait_for_the_end()
            finding = sender.late_answer() or await self._recover()
        return self._certain(finding, verdict)

    async def find_late(self, verdict: Verdict) -> Finding:
        """Look once more, since an earlier request may have been carried out late.

        It may even be why a later one was refused. Raises OutcomeUnknownError as `find` does.
        """
        await self.caller.wait(LAST_LOOK)
        return self._certain(await self._recover(), verdict)

    async def answer_at_end(self, verdict: Verdict) -> Finding:
        """Return an answer that comes late. OutcomeUnknownError once it can no longer come."""
        await self.sender.wait_for_the_end()
        late = self.sender.late_answer()
        if late is None:
            raise self.failures.unknown() from verdict.error
        return late

    async def without_twin(self, data: Any) -> tuple[Any, int | None]:
        """Look for a twin, and return the older of the two with the id of the other.

        The first request may have been carried out late. No twin is deleted, since two callers that
        create equal jobs look the same.
        """
        sender, memory = self.sender, self.caller.memory
        function = sender.function.name
        try:
            await self.caller.wait(LAST_LOOK)
            twin = await find_twin(self._look(), function, sender.sent, data)
        except BaseException:  # no caller learns of the job
            learn_unreported(memory, function, data)
            raise
        if twin is None or self.caller.may_be_of_another(function, sender.sent, batched=False):
            return data, None
        learn(memory, function, twin, sender.sent)
        return tell_older(self.caller.provider.name, function, data, twin)

    def _certain(self, finding: Finding, verdict: Verdict) -> Finding:
        if finding.happened is None:
            raise self.failures.unknown() from verdict.error
        self.sender.tell_of(finding)
        return finding

    async def _recover(self) -> Finding:
        sender, memory = self.sender, self.caller.memory
        recover = RECOVERY.get(sender.function.name)
        keys = lookup_keys(sender.function.name, sender.sent)
        shared = self.caller.creates.most_sharing(keys) > 1
        if recover is None or not sender.epoch or not keys or shared:
            return UNCLEAR
        try:
            finding = await recover(self._look(), sender.sent)
        except CronAPIError as error:
            raise self.failures.unknown(error) from error
        except Exception:  # noqa: BLE001 -- a raw call with nothing to find, or a token function
            return UNCLEAR
        if finding.happened:
            learn(memory, sender.function.name, finding.data, sender.sent)
        return finding

    def _look(self) -> Look:
        caller = self.caller
        return Look(self.ask, caller.memory, self.sender.epoch, caller.expects)
