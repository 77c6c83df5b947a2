"""Services that store names and URLs in a spelling of their own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi.emulator import ALTERS, NORMALISE, UNFORESEEN, create_app
from cronapi.emulator.spelling import spell

from .conftest import UNLIMITED, Desk, calling

URL = "https://example.com/ping"
EXAMPLES = [
    ("url_spaces", "url", "http://a.b/c d", "http://a.b/c%20d"),
    ("url_lower_host", "url", "HTTP://Me@A.B:81/C?D", "http://Me@a.b:81/C?D"),
    ("url_default_port", "url", "http://a.b:80/", "http://a.b/"),
    ("url_default_port", "url", "https://[::1]:443/", "https://[::1]/"),
    ("url_default_port", "url", "https://a.b:80/", "https://a.b:80/"),
    ("url_slash", "url", "http://a.b?c#d", "http://a.b/?c#d"),
    ("url_punycode", "url", "http://bücher.example:81/ü", "http://xn--bcher-kva.example:81/ü"),
    ("url_punycode", "url", "http://a..ü/", "http://a..ü/"),
    ("url_unicode", "url", "http://xn--bcher-kva.example/", "http://bücher.example/"),
    ("url_encoded", "url", "http://ü.b/ä?ö%2f", "http://ü.b/%C3%A4?%C3%B6%2f"),
    ("url_upper_escapes", "url", "http://a.b/%c3%a4b", "http://a.b/%C3%A4b"),
    ("url_no_fragment", "url", "http://a.b/c?d#e", "http://a.b/c?d"),
    ("url_https", "url", "http://a.b/http:", "https://a.b/http:"),
    ("url_no_tracking", "url", "http://a.b/?c=1&utm_id=2&d=3", "http://a.b/?c=1&d=3"),
    ("url_no_tracking", "url", "http://a.b/?UTM_id=2#e", "http://a.b/#e"),
    ("url_cut", "url", "http://a.b/" + "c" * 200, "http://a.b/" + "c" * 89),
    ("url_sorted_query", "url", "http://a.b/?d=1&c=2#e", "http://a.b/?c=2&d=1#e"),
    ("url_ampersands", "url", "http://a.b/?d&c", "http://a.b/?d&amp;c"),
    ("no_emoji", "url", "http://a.b/c🚀d", "http://a.b/c"),
    ("no_emoji", "name", "moon 🚀 shot", "moon "),
    ("name_nfc", "name", "u\u0308", "\u00fc"),
    ("name_nfd", "name", "\u00fc", "u\u0308"),
    ("name_no_tags", "name", "a <b>bold</b> job <i", "a bold job "),
    ("name_no_controls", "name", "a\tb\n\x7fc", "abc"),
    ("name_strip", "name", "  a  b ", "a  b"),
    ("name_collapse", "name", "  a  \t b ", "  a b "),
    ("name_quotes", "name", "\u201ca\u201d \u2018b\u2019 `c`", "\"a\" 'b' 'c'"),
    ("name_slashes", "name", "O'Reilly \"\\", "O\\'Reilly \\\"\\\\"),
    ("name_escaped", "name", "<a & 'b'>", "&lt;a &amp; &#039;b&#039;&gt;"),
    ("name_ascii", "name", "café 🚀", "caf? ?"),
    ("name_lower", "name", "Nightly PING", "nightly ping"),
    ("name_default", "name", "", "example.com"),
    ("name_default", "name", "a", "a"),
    ("name_cut", "name", "n" * 60, "n" * 50),
    ("name_reversed", "name", "abc", "cba"),
    ("name_censored", "name", "backup of users", "back*p of *sers"),
    ("name_numbered", "name", "ping", "ping (100001)"),
    ("name_replaced", "name", "ping", "Job 100001"),
    (
        "url_redirector",
        "url",
        "http://a/?b=1",
        "https://go.emulator.example/100001?to=http://a/%3Fb%3D1",
    ),
]


def test_every_kind_has_an_example_and_its_facts():
    """Each kind has an example below, a description, and the texts that it alters."""
    assert {kind for kind, *_ in EXAMPLES} == NORMALISE.keys() == ALTERS.keys()
    assert all(text.endswith(".") for text in NORMALISE.values())
    assert all(ALTERS[kind] and ALTERS[kind] <= {"name", "url"} for kind in NORMALISE)
    assert NORMALISE.keys() > UNFORESEEN


@pytest.mark.parametrize(("kind", "text", "sent", "stored"), EXAMPLES)
def test_a_kind_respells_one_text(kind, text, sent, stored):
    """A job is answered, shown and listed in the service's spelling, and its other text as sent."""
    desk = Desk(normalise=[kind])
    job = desk.add(**{text: sent})
    (other,) = {"name", "url"} - {text}
    assert job[text] == stored
    assert job[other] in {"", URL} or ALTERS[kind] == {"name", "url"}
    assert desk("cron.get", id=job["id"]) == desk("cron.list")[0] == job


def test_an_edit_respells_only_what_it_sends():
    """A text that an edit leaves out is not respelt again."""
    desk = Desk(normalise=["name_reversed", "url_slash"])
    job = desk.add(name="abc", url="http://a.b")
    assert desk("cron.edit", id=job["id"], url="http://c.d")["name"] == "cba"
    changed = desk("cron.edit", id=job["id"], name="xyz")
    assert (changed["name"], changed["url"]) == ("zyx", "http://c.d/")


def test_groups_are_respelt_too():
    """The name of a group is stored as the service spells it, and looked up as it is stored."""
    desk = Desk(normalise=["name_lower", "url_slash"])
    group = desk("group.add", name="Nightly")
    assert group["name"] == "nightly"
    assert desk("group.edit", id=group["id"], name="DAILY")["name"] == "daily"
    assert desk("group.lookup", name="DAILY") == []
    assert desk("group.lookup", name="daily") == desk("group.list")


def test_several_kinds_go_in_the_order_of_the_mapping():
    """Several kinds are applied in the order of NORMALISE, however they are given."""
    kinds = ["name_cut", "name_escaped", "name_strip"]
    for given_kinds in (kinds, kinds[::-1], set(kinds)):
        job = Desk(normalise=given_kinds).add(name=f" <{'n' * 60}")
        assert job["name"] == "&lt;" + "n" * 46


async def test_what_was_sent_is_kept_for_the_judge():
    """The store keeps the texts as they were last sent, and no answer shows them."""
    app = create_app(rates=UNLIMITED, normalise=["name_replaced", "url_redirector"])
    async with calling(app) as caller:
        answer = (await caller.fastcron("cron.batch_add", data=[{"url": URL, "name": "a"}])).json()
        (job,) = app.emulator.jobs("fastcron")
        assert job["sent"] == {"url": URL, "name": "a"}
        assert answer["data"][0]["name"] == "Job 100001"
        await caller.fastcron("cron.batch_edit", id=[job["id"]], name="b")
    (job,) = app.emulator.jobs("fastcron")
    assert (job["sent"], job["name"]) == ({"url": URL, "name": "b"}, "Job 100001")


def test_without_a_kind_nothing_is_respelt():
    """By default a job is stored as it was sent, without a second copy of its texts."""
    app = create_app()
    assert app.emulator.settings.normalise == frozenset()
    assert spell({"id": 1, "name": " A "}, {"name": " A "}, ()) == {"id": 1, "name": " A "}


@given(st.text(), st.text(), st.sets(st.sampled_from(sorted(NORMALISE))))
def test_any_text_can_be_respelt(name, url, kinds):
    """Any texts and kinds make texts."""
    spelt = spell({"id": 1}, {"name": name, "url": url}, kinds)
    assert isinstance(spelt.get("name", ""), str)
    assert isinstance(spelt.get("url", ""), str)


def test_an_unknown_kind_is_refused():
    """A kind that is not in NORMALISE raises ValueError."""
    with pytest.raises(ValueError, match="unknown spelling 'name_upside_down'"):
        create_app(normalise=["name_lower", "name_upside_down"])
