"""The one way a handler says no."""

from __future__ import annotations

# Source: the services' index pages know 0 and 11; 1 is what a missing token answers, and is assumed for the rest.
GENERAL = 1
UNKNOWN_TOKEN = 11


class Refusal(Exception):  # noqa: N818 -- an answer of the service, not a mistake in the emulator
    """An API error: `code` and `message` go into the envelope."""

    def __init__(self, message: str, code: int = GENERAL) -> None:
        """Refuse with a message, and a code other than 0."""
        super().__init__(message)
        self.code = code
        self.message = message
