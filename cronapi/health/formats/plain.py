"""Foreign text on one line, without signs that a terminal obeys."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

from cronapi._protocol.redaction import without_password
from cronapi.health.verdict import JobHealth

LONGEST = 200
"""Characters of a name, or of a piece of evidence."""


def one_line(text: str) -> str:
    """Return text with everything escaped that is no printable sign, cut after 200 characters.

    Passwords of URLs are hidden.
    """
    shown = str(without_password(text))
    cut = shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in cut)


def name_of(job: JobHealth) -> str:
    """Return the name of a job, or its id if it has none."""
    return one_line(job.name or "") or f"job {job.id}"


def evidence_of(job: JobHealth) -> str:
    """Return the evidence for a verdict."""
    return "; ".join(map(one_line, job.evidence))


def state_of(job: JobHealth) -> str:
    """Return the state of a job in words, with a question mark if it is not certain."""
    return f"{job.state.words}{'' if job.certain else '?'}"


def width(text: str) -> int:
    """Return the columns that a text takes in a terminal."""
    return sum(0 if combining(sign) else 1 + (east_asian_width(sign) in "WF") for sign in text)


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` columns, which ends with a sign for what was cut off."""
    if width(text) <= most:
        return text
    while width(text) >= most:
        text = text[:-1]
    return f"{text}…"


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
