"""The headers of a job as a mapping: read, changed, and given back."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import ConfigurationError, CronJob
from cronapi._protocol.kinds import header_lines
from cronapi.models import Headers

TEXT = "X-Key: old\r\nAccept: text/html\r\nX-Trace: 1\r\nx-trace: 2"
JOB = CronJob(id=7, http_headers=TEXT)

names = st.text("abXY-", min_size=1, max_size=4)
values = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=6).map(
    str.strip
)
texts = st.lists(st.tuples(names, values), max_size=6).map(
    lambda pairs: "\r\n".join(f"{name}: {value}" for name, value in pairs)
)


def sent(headers: object) -> str:
    """Return what travels if `http_headers` is given this."""
    return header_lines("http_headers", headers)


def test_headers_are_found_in_any_case() -> None:
    """A name is found however it is spelt, and another one is not."""
    headers = JOB.headers
    assert [headers[name] for name in ("X-Key", "x-key", "ACCEPT")] == ["old", "old", "text/html"]
    assert "X-KEY" in headers
    assert headers.get("X-None", "") == ""
    with pytest.raises(KeyError):
        headers["X-None"]
    assert 5 not in headers  # type: ignore[comparison-overlap]  # the point of the test


@pytest.mark.parametrize("text", [None, "", "\r\n", "  \n"])
def test_a_job_without_headers_has_an_empty_mapping(text: str | None) -> None:
    """Where the service shows no headers, the mapping is empty, and changes are added to it."""
    job = CronJob(id=7, http_headers=text)
    assert dict(job.headers) == {}
    assert sent(job.headers | {"X-Key": "new"}) == "X-Key: new"


def test_one_header_is_rotated_and_the_others_are_kept() -> None:
    """The new value stands in the old one's place, and nothing else changes."""
    assert sent(JOB.headers | {"x-KEY": "new"}) == (
        "x-KEY: new\r\nAccept: text/html\r\nX-Trace: 1\r\nx-trace: 2"
    )
    assert sent(JOB.headers | {"X-More": "3"}) == f"{TEXT}\r\nX-More: 3"
    assert sent(JOB.headers | {"X-Trace": "3"}) == ("X-Key: old\r\nAccept: text/html\r\nX-Trace: 3")
    assert sent({"x-key": "a", "B": "b"} | CronJob(id=1, http_headers="X-Key: c").headers) == (
        "X-Key: c\r\nB: b"
    )
    headers = JOB.headers
    headers |= {"X-Key": "new"}
    assert (headers["X-Key"], JOB.headers["X-Key"]) == ("new", "old")


def test_repeated_headers_are_never_thinned() -> None:
    """A header that is there twice is there twice after all changes, and has both values."""
    headers = JOB.headers | {"X-Key": "new"}
    assert headers["X-Trace"] == "1, 2"
    assert headers.lines[2:] == (("X-Trace", "1"), ("x-trace", "2"))
    assert (list(headers), len(headers)) == (["X-Key", "Accept", "X-Trace"], 3)
    assert sent(dict(headers)) == "X-Key: new\r\nAccept: text/html\r\nX-Trace: 1, 2"
    twice = Headers("Cookie: a\nCookie: b")
    assert sent(JOB.headers | twice) == f"{TEXT}\r\nCookie: a\r\nCookie: b"
    assert sent(twice | {"cookie": "c"}) == "cookie: c"


TWINS: list[Any] = [
    {"X-Key": "hunter22", "x-key": "hunter33"},
    {"a": "1", "Accept": "2", "ACCEPT": "hunter22"},
    {"x": "hunter22", "X": "hunter22"},
]


@pytest.mark.parametrize("twins", TWINS)
def test_names_that_differ_in_case_alone_are_refused(twins: Any) -> None:
    """One mapping cannot say twice what a header is. The error counts, and repeats nothing."""
    for use in (
        sent,
        Headers,
        lambda given: JOB.headers | given,
        lambda given: given | JOB.headers,
    ):
        with pytest.raises(
            ConfigurationError, match=r"Headers \d and \d of http_headers"
        ) as caught:
            use(twins)
        assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("char", ["\x85", "\x0b", "\x0c", "\x1c", "\u2028", "\u2029"])
def test_only_cr_and_lf_end_a_header(char: str) -> None:
    """What reads as a line break elsewhere belongs to the value, and comes back in it."""
    headers = CronJob(id=1, http_headers=f"X-Note: a{char}X-Admin: 1\rB: 2\nC: 3").headers
    assert dict(headers) == {"X-Note": f"a{char}X-Admin: 1", "B": "2", "C": "3"}
    assert sent(headers) == f"X-Note: a{char}X-Admin: 1\r\nB: 2\r\nC: 3"


BAD: list[Any] = [
    "hunter22",
    "A: 1\nhunter22",
    "A B: hunter22",
    5,
    None,
    {"A": 5},
    {"A": "hunter22\n"},
]


@pytest.mark.parametrize("given_headers", BAD)
def test_what_is_no_header_is_refused(given_headers: Any) -> None:
    """Text without a colon, other names, and values that would break out of their line."""
    with pytest.raises(ConfigurationError) as caught:
        Headers(given_headers)
    assert "hunter" not in str(caught.value)


def test_headers_cannot_be_changed_in_place() -> None:
    """The mapping is read-only: a change of it would change no job."""
    for change in ("__setitem__", "__delitem__", "update", "pop"):
        assert not hasattr(JOB.headers, change)


def test_headers_are_values() -> None:
    """Headers of the same names and values are equal, and are copied and pickled."""
    headers = JOB.headers
    for clone in (copy.copy(headers), copy.deepcopy(headers), pickle.loads(pickle.dumps(headers))):
        assert (clone, clone.lines, hash(clone)) == (headers, headers.lines, hash(headers))
    assert Headers({"A": "1"}) == Headers("a: 1") == {"a": "1"} == httpx.Headers({"A": "1"})
    assert Headers({"A": "1"}) != Headers({"A": "2"})
    assert Headers() != ""
    assert Headers() != {5: "a"}


def test_the_repr_of_headers_shows_no_value() -> None:
    """Values of headers are secrets more often than not."""
    assert repr(JOB.headers) == "Headers({'X-Key': '***', 'Accept': '***', 'X-Trace': '***'})"
    assert str(JOB.headers) == repr(JOB.headers)


@pytest.mark.parametrize("line", [[], (), 5, "A: 1", None])
def test_only_a_mapping_is_merged(line: Any) -> None:
    """`|` takes a mapping on both sides, as that of a dict does."""
    with pytest.raises(TypeError):
        JOB.headers | line
    with pytest.raises(TypeError):
        line | JOB.headers


@given(texts, st.dictionaries(names, values, max_size=3))
def test_a_change_touches_no_other_header(text: str, changes: dict[str, str]) -> None:
    """All lines of other names stay, in order; those of the changed names are the new ones."""
    before = Headers(text)
    if len({name.lower() for name in changes}) < len(changes):
        return
    after = before | changes
    changed = {name.lower() for name in changes}
    others = [line for line in before.lines if line[0].lower() not in changed]
    assert [line for line in after.lines if line[0].lower() not in changed] == others
    assert {name: after[name] for name in changes} == changes
    assert Headers(sent(after)).lines == after.lines
