"""What is wrong with a shared pace that cannot be used: kinds of faults, and their errors.

`redis_faults` and `file_faults` have a row for each.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from cronapi.errors import SchedulerError


@frozen
class Fault:
    """A kind of refusal, recognised by one of its `signs`.

    A sign is a part of an answer, or the name of the error that a library makes of it. `said`
    follows the subject of a sentence. A fault that is `lasting` is not mended by waiting.
    """

    signs: tuple[str, ...]
    said: str
    advice: str
    lasting: bool = False


class UnusableError(OSError):
    """The place of a shared pace is there, but it cannot be used.

    `reason` is a clause, and `advice` a sentence. `names` fill in what the fault leaves open.
    """

    def __init__(self, answer: str, fault: Fault, subject: str, **names: str) -> None:
        super().__init__(answer)
        self.reason: str = f"{subject} {fault.said.format(answer=answer, **names)}"
        self.advice: str = fault.advice.format(answer=answer, **names)
        self.lasting: bool = fault.lasting


def fault_in(answer: str, faults: Iterable[Fault]) -> Fault | None:
    """Return the first fault that has a sign in an answer."""
    return next((fault for fault in faults if any(sign in answer for sign in fault.signs)), None)


def scheduler_error(error: Exception | None, seconds: float) -> SchedulerError:
    """Return the error for a caller after `seconds` of failed tries, the last with `error`."""
    if not isinstance(error, UnusableError):
        return SchedulerError(
            f"The shared bucket is unreachable for {seconds:.1f} s; nothing was sent."
        )
    failed = SchedulerError(f"The shared bucket cannot be used: {error.reason}; nothing was sent.")
    failed.advice = error.advice
    return failed
