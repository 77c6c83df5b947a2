"""The codes of the services, as open enums."""

from __future__ import annotations

import enum
from typing import Any, Self

_FOR_NUMBERS = frozenset("bcdeEfFgGnoxX%")
"""The last characters of format specifications that want a number."""


class OpenEnum(enum.IntEnum):
    """An integer enum that keeps an unknown number as a member equal to that number.

    As text it is a word: `failed` for `JobStatus.FAILED`, `unrecognised_9` for a 9 that it does not
    know. JSON has the number.
    """

    def __str__(self) -> str:
        return self.name.lower()

    def __format__(self, spec: str) -> str:
        return format(int(self) if spec[-1:] in _FOR_NUMBERS else str(self), spec)

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        if type(value) is not int:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNRECOGNISED_{value}"
        member._value_ = value
        return member

    # Early releases of 3.11 do both by the name of an attribute, which no unknown number has.
    def __reduce_ex__(self, _: object) -> tuple[Any, ...]:
        return type(self), (self._value_,)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self


class JobStatus(OpenEnum):
    """The state of a job. An ACTIVE job runs, and a FAILED one too unless `retryFailed` is false.

    Source: data pages until 2024-06.
    """

    ACTIVE = 0
    DISABLED = 1
    EXPIRED = 2
    INACTIVE = 3
    FAILED = 4


class Notify(OpenEnum):
    """SetCronJob's codes for `notify`. FastCron's false and true are NEVER and ON_FAILURE."""

    NEVER = 0
    ON_FAILURE = 1
    EVERY_RUN = 2
    WHEN_DISABLED = 3
