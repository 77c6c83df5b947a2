"""Property tests: every request gets an envelope, and the emulator never breaks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi.emulator import NORMALISE, ManualClock, create_app
from cronapi.emulator.parameters import signature
from cronapi.emulator.request import Request
from cronapi.emulator.service import PROVIDERS, functions
from cronapi.schedule.reading import read_schedule

from .conftest import START, TOKEN

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from([1_001, 100_001, "1 hour", "a.b/c", "@5"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)
places = st.sampled_from(
    [(provider, name) for provider in PROVIDERS for name in sorted(functions(provider))]
)


ODD = [
    {},
    {"normalise": NORMALISE, "moves": "fail", "search": "like", "lag": 1.0},
    {"moves": "shuffle", "search": "words", "page_size": 1},
    {"ignore_page": True, "search": "like_badly_escaped"},
]


@st.composite
def requests(draw):
    provider, function = draw(places)
    kinds = signature(provider, function).kinds
    names = draw(st.lists(st.sampled_from([*kinds, "x"]), max_size=6))
    return provider, function, {name: draw(values) for name in names}


@given(odd=st.sampled_from(ODD), sequence=st.lists(requests(), max_size=8))
def test_every_request_gets_an_envelope(odd, sequence):
    """Any parameters of any function, in any order, are answered by a success or an error."""
    emulator = create_app(clock=ManualClock(START), strict=False, **odd).emulator
    for place in PROVIDERS:
        emulator.apply(Request(place, "cron.add", body=f"token={TOKEN}&url=a.b/c".encode()))
    for provider, function, params in sequence:
        envelope = emulator.apply(_request(provider, function, params))
        assert envelope["status"] == ("error" if envelope["code"] else "success")
        assert ("data" in envelope, "message" in envelope) == (
            envelope["code"] == 0,
            envelope["code"] != 0,
        )


def _request(provider, function, params):
    return Request(provider, function, body=json.dumps({**params, "token": TOKEN}).encode())


@given(st.binary(), st.text())
def test_any_body_and_query_get_an_envelope(body, query):
    """A body of arbitrary bytes is answered by an API error."""
    emulator = create_app().emulator
    assert emulator.apply(Request("fastcron", "cron.add", query=query, body=body))["code"] == 1


@given(st.one_of(st.text(), st.from_regex(r"[0-9R*,/L@ :-]{1,20}", fullmatch=True)))
def test_any_text_is_a_schedule_or_a_value_error(text):
    """Reading any text as a schedule succeeds or raises ValueError."""
    try:
        read_schedule(text)
    except ValueError:
        return


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_listed_function_is_handled(provider):
    """A provider answers none of its own functions as unknown."""
    emulator = create_app().emulator
    for function in functions(provider):
        assert "Unknown function" not in str(
            emulator.apply(Request(provider, function, query=f"token={TOKEN}"))
        )
