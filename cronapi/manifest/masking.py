"""Which fields of a plan are secret, and how the others are shown.

A field is secret by its structure: by the variables of its value, its name, or its place in a URL.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from typing import Any

import attrs

from cronapi._calls.spelling import normal
from cronapi._protocol.redaction import HIDDEN, is_sensitive, masked_url, secrets_in_url
from cronapi.errors import UnsafePlanError
from cronapi.manifest.changes import FieldChange, Kind
from cronapi.manifest.compare import Row
from cronapi.manifest.wanted import WantedJob

LEAST_SECRET = 8
"""Characters. A shorter secret is found in ordinary text too."""
_LONG_TEXTS = frozenset({"post_data"})
"""Fields that are shown by their length alone: a body may hold anything."""
_ALWAYS = frozenset({"password"})
_NOT_DIGESTED = frozenset(
    {*("fail", "points", "priority"), *("password", "username", "httpHeaders", "postData")}
)
"""Members that change by themselves, and those that may be secret."""


def is_secret_name(field: str) -> bool:
    """Return True if a field, or a header by its path, is secret by its name."""
    head, _, header = field.partition(".")
    return head in _ALWAYS or (head == "http_headers" and is_sensitive(header))


def secret_parts(field: str, value: str) -> list[tuple[int, int]]:
    """Return where the secrets of a text begin and end.

    They are those of a URL, and a whole body that has the name of a secret in it.
    """
    if field in _LONG_TEXTS:
        return [(0, len(value))] if value and is_sensitive(value) else []
    return secrets_in_url(value) if field == "url" else []


def shown(field: str, value: Any) -> str:
    """Return a value of a field that is not secret, as a plan shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    text = "" if value is None else str(value)
    if field in _LONG_TEXTS and text:
        return f"(text of {len(text)} characters)"
    return masked_url(text) if field == "url" else text


def digest_of(rows: Sequence[Row]) -> str:
    """Return a digest of what listed jobs show and what is no secret.

    Whoever has a digest of a secret can guess it.
    """
    digest = hashlib.sha256()
    for row in rows:
        shown_members = {
            name: masked_url(normal(name, value)) if name == "url" else normal(name, value)
            for name, value in sorted(row.items())
            if name not in _NOT_DIGESTED
        }
        digest.update(json.dumps(shown_members).encode())
    return digest.hexdigest()


@attrs.frozen
class Mask:
    """Makes field changes that show no secret. `secrets` are values that may not appear."""

    secrets: Collection[str] = attrs.field(repr=lambda _: HIDDEN)

    def change(
        self, job: WantedJob | None, field: str, kind: Kind, before: Any, after: Any
    ) -> FieldChange:
        """Return the change of a field from one value to another."""
        label = self._label(job, field, before, after)
        if label is not None:
            return FieldChange(field, kind, secret=label)
        old = None if kind in ("added", "resent") else shown(field, before)
        new = None if kind == "removed" else shown(field, after)
        if kind == "resent":
            old = None
        if kind == "changed" and old == new:  # they differ in a part that is masked
            return FieldChange(field, kind, secret="")
        return FieldChange(field, kind, old, new)

    def _label(self, job: WantedJob | None, field: str, *values: Any) -> str | None:
        variables = self._variables(job, field)
        if variables:
            return ", ".join(variables)
        is_secret = is_secret_name(field) or any(self.contains_secret(str(one)) for one in values)
        return "" if is_secret else None

    def _variables(self, job: WantedJob | None, field: str) -> tuple[str, ...]:
        if job is None:
            return ()
        head = field.partition(".")[0]
        return job.variables.get(field) or job.variables.get(head, ())

    def contains_secret(self, text: str) -> bool:
        """Return True if a text has a secret in it."""
        return any(len(one) >= LEAST_SECRET and one in text for one in self.secrets)

    def checked(self, text: str) -> str:
        """Return a text that is to be shown. UnsafePlanError if it has a secret after all."""
        if self.contains_secret(text):
            raise UnsafePlanError(
                "The value of a secret variable stands in a text that is shown, such as a name. "
                "Nothing is shown; give the job another name or the variable another value."
            )
        return text
