"""The answer to a job's request, as far as the emulator keeps it."""

from __future__ import annotations

from attrs import define, field

_KEPT = 4096
MOST_BYTES = 100 * 2**20
"""The largest answer. Source: FastCron's comparison pages."""


@define
class Exchange:
    """What came back: the status, 0 without an answer, and the ends of the output.

    `error` says why there is no whole answer, in plain text. `found` is true once the output has
    had `wanted`. `seconds` is the length of the exchange.
    """

    wanted: bytes = field(default=b"", repr=False)
    status: int = 0
    headers: str = ""
    address: str = ""
    error: str = ""
    seconds: float = 0.0
    downloaded: int = 0
    found: bool = False
    _head: bytes = field(default=b"", repr=False)
    _tail: bytes = field(default=b"", repr=False)

    def take(self, part: bytes) -> None:
        """Keep the next part of the output."""
        # The wanted text is shorter than the tail, so it is also seen across two parts.
        if self.wanted and not self.found:
            self.found = self.wanted in self._tail + part
        self.downloaded += len(part)
        self._head += part[: _KEPT - len(self._head)]
        self._tail = (self._tail + part)[-_KEPT:]

    @property
    def output(self) -> str:
        """The first and the last 4 KiB of the output."""
        overlap = max(0, len(self._head) + len(self._tail) - self.downloaded)
        kept = self._head + self._tail[overlap:]
        return kept.decode("utf-8", "replace")
