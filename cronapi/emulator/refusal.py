"""The exception that a handler raises to answer with an API error."""

from __future__ import annotations

# Source: the services' index pages have the codes 0 and 11. A missing token answers 1, which is
# assumed for all other errors.
GENERAL = 1
UNKNOWN_TOKEN = 11


class Refusal(Exception):  # noqa: N818 -- an answer of the service, not a mistake in the emulator
    """An API error, with the `code` and `message` of its envelope."""

    def __init__(self, message: str, code: int = GENERAL) -> None:
        """Refuse with a message and a code other than 0."""
        super().__init__(message)
        self.code = code
        self.message = message
