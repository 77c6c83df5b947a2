"""What tests do with an emulator in their own process."""

from __future__ import annotations

from cronapi.emulator.emulator import Emulator
from cronapi.emulator.faults import Fault
from cronapi.emulator.not_copied import NotCopied
from cronapi.emulator.request_log import Entry, RequestLog
from cronapi.emulator.runner.taking import Run
from cronapi.emulator.runner.timeline import Timeline
from cronapi.emulator.spans import after_span
from cronapi.emulator.store import Document
from cronapi.emulator.words import FaultKind


class Steering(NotCopied):
    """Faults for the next requests, time that passes, and the requests that came in."""

    emulator: Emulator
    log: RequestLog
    timeline: Timeline

    def fail_next(
        self,
        kind: FaultKind,
        *,
        function: str | None = None,
        provider: str | None = None,
        times: int | None = 1,
        seconds: float = 0.0,
    ) -> None:
        """Let a fault strike the next request, or the next of a function such as `cron.add`.

        `cronapi.emulator.KINDS` describes the kinds. With `times` it strikes several, with `None`
        all. `seconds` is the delay of a kind that has one. Raises `ValueError` like `Fault`.
        """
        self.emulator.faults.add(Fault(kind, provider, function, times, seconds=seconds))

    def advance(self, span: str | float) -> list[Run]:
        """Let time pass at once, `"1 day"` or seconds, and return the runs on the way.

        The last 50 of each job are returned. They make no calls: where they do, use `run_for`.
        Raises `ValueError` for anything but a span.
        """
        if self.emulator.settings.calls:
            raise ValueError("jobs make calls here: use `await app.run_for(...)`")
        return self.timeline.pretend_to(after_span(self.emulator.clock.now(), span)).runs

    async def run_for(self, span: str | float) -> list[Run]:
        """Let time pass like `advance`, and return the runs when their calls have ended.

        It stops short after 10,000 calls.
        """
        target = after_span(self.emulator.clock.now(), span)
        return (await self.timeline.advance_to(target)).runs

    def requests(self, *, function: str | None = None, provider: str | None = None) -> list[Entry]:
        """Return the last 1,000 requests, the oldest first, or those of a function or provider."""
        return [
            entry
            for entry in self.log.entries()
            if function in {None, entry.function} and provider in {None, entry.provider}
        ]

    def unmatched(self) -> list[Document]:
        """Return the requests with a function or a parameter that the service does not know.

        Each has the `request` by its id, and the `unknown` names with the nearest known ones.
        """
        settings = self.emulator.settings
        known = (settings.era, settings.undocumented)
        found = ((entry, entry.unknown(*known)) for entry in self.log.entries())
        return [
            {
                "request": entry.id,
                "provider": entry.provider,
                "function": entry.function,
                "unknown": unknown,
            }
            for entry, unknown in found
            if unknown
        ]

    def assert_no_unmatched(self) -> None:
        """Raise `AssertionError` if a request had a name that the service does not know."""
        lines = [
            f"{found['provider'] or 'no service'} {found['function']}: "
            + ", ".join(
                f"unknown {name['kind']} {name['name']!r}"
                + (f", perhaps {name['nearest']!r}" if name["nearest"] else "")
                for name in found["unknown"]
            )
            for found in self.unmatched()
        ]
        if lines:
            raise AssertionError("\n".join(["The service does not know these names:", *lines]))
