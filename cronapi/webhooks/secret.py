"""The secrets by which an endpoint knows its callers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from weakref import WeakSet

from cronapi._protocol.arguments import refusal
from cronapi.errors.concerns import setting_error

LEAST = 16
"""Characters. A shorter secret can be guessed."""
_SPLITS_A_PATH = frozenset("/?#%")

_living: WeakSet[Secrets] = WeakSet()


class Secrets:
    """The secrets of one endpoint. Each is as good as any other, so that they can be rotated.

    Those that stand in a path may not have a character that splits it.
    """

    def __init__(self, secrets: Iterable[str], *, in_path: bool = True) -> None:
        if isinstance(secrets, str | bytes) or not isinstance(secrets, Iterable):
            raise setting_error("secrets must be a list of texts.")
        self._texts = tuple(secrets)
        if not self._texts:
            raise refusal("secrets", "a list of at least one text", None)
        for number, secret in enumerate(self._texts):
            _check(number, secret, _SPLITS_A_PATH if in_path else frozenset())
        self._digests = tuple(map(_digest, self._texts))
        _living.add(self)

    def contain(self, given: str) -> bool:
        """Return True if a text is one of the secrets.

        It takes the same time for every text of a length: all secrets are compared to their end.
        """
        digest, found = _digest(given), False
        for expected in self._digests:
            found |= hmac.compare_digest(digest, expected)
        return found


def all_secrets() -> Iterator[str]:
    """Yield the secrets of the endpoints of this process."""
    for secrets in list(_living):
        yield from secrets._texts  # noqa: SLF001 -- kept from all but the one who hides them


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _check(number: int, secret: object, splitting: frozenset[str]) -> None:
    """Refuse a secret without repeating it."""
    problem = ""
    if not isinstance(secret, str):
        problem = f"is a {type(secret).__name__}, not text"
    elif len(secret) < LEAST:
        problem = f"has fewer than {LEAST} characters"
    elif not secret.isascii() or not secret.isprintable() or " " in secret:
        problem = "has characters that an address or a header cannot have as they are"
    elif not splitting.isdisjoint(secret):
        problem = "has one of the characters / ? # %, which mean something else in an address"
    if problem:
        raise setting_error(
            f"secrets: item {number} {problem}. `secrets.token_urlsafe(32)` makes a good one."
        )
