"""The indexes of names and URLs find each job that a plain search of all jobs finds."""

from __future__ import annotations

import html
import random
import unicodedata
from urllib.parse import quote, quote_plus, unquote

from hypothesis import example, given
from hypothesis import strategies as st

from cronapi._calls.matching import Habits
from cronapi.manifest.compare import Answer, compare, id_of, name_of
from cronapi.manifest.respelling import UrlIndex, may_be_kept_as
from cronapi.manifest.similar import Names, Similar

WORDS = [
    "job",
    "a",
    "B",
    " ",
    "  ",
    "7",
    "&",
    "<b>",
    "ü",
    "u\u0308",
    "é",
    "🚀",
    "日本",
    "?",
    "%",
    "-",
]
WORDS += ["\u2028", "\x00", "x" * 30, "\ufb01", "&amp;", "ß", "İ"]
COUNT = st.integers(45, 75)
LONG = st.builds(lambda word, count: (f"{word} night " * 12)[:count], st.sampled_from(WORDS), COUNT)
NAME = st.lists(st.sampled_from(WORDS), max_size=6).map("".join) | LONG | st.text(max_size=60)
NUMBER = st.integers(1, 99)


def named_otherwise(name, number, rng):
    """Return a name in one of the ways in which services are known to alter names, or any."""
    at = rng.randint(0, len(name))
    ways = [
        name,
        name.strip(),
        name.upper(),
        name[:at],
        name[:50],
        f" {name[:50]} ",
        f"{name} {number}",
        f"{name}-{number}-x",
        f"({number}) {name}",
        "".join(char if char.isascii() else "?" for char in name),
        name[: next((at for at, char in enumerate(name) if ord(char) > 0xFFFF), None)],
        html.escape(name),
        html.unescape(name),
        unicodedata.normalize("NFD", name),
        "".join(char for char in name if char.isalnum()),
        " ".join(name.split()),
        "",
    ]
    return rng.choice(ways)


SEEDS = st.integers(0, 2**32)


@given(st.lists(NAME, min_size=1, max_size=4), NUMBER, SEEDS)
def test_each_job_that_may_have_a_name_is_among_those_of_the_index(names, first, seed):
    """Also if a service has cut it, numbered it, or left out what it does not keep."""
    rng = random.Random(seed)
    rows = [
        {"id": number, "name": named_otherwise(rng.choice(names), number, rng)}
        for number in range(first, first + 8)
    ]
    index = Names(rows)
    for name in names:
        plain = {
            id_of(row)
            for row in rows
            if may_be_kept_as(name, name_of(row), id_of(row))
            or Habits().may_be_cut("name", name, name_of(row))
        }
        assert plain <= index.of(name).keys()


HOSTS = ["example.com", "EXAMPLE.com", "müller.example", "h.example:80", "h.example:8080", "[::1]"]
PARTS = ["a", "A", "ü", "🚀", "%C3%BC", "%2f", " ", "x" * 40, ".", "http://in.example/p", "&amp;"]
PAIRS = ["a=1", "b=2", "utm_source=x", "UTM_x=1", "a", "", "é=🚀", "u=http%3A%2F%2Fin.example%2Fp"]
URL = st.builds(
    lambda scheme, user, host, path, pairs, end: (
        f"{scheme}{user}{host}/{'/'.join(path)}{'?' * bool(pairs)}{'&'.join(pairs)}{end}"
    ),
    st.sampled_from(["http://", "https://", "", "HTTP://"]),
    st.sampled_from(["", "joe:pw@"]),
    st.sampled_from(HOSTS),
    st.lists(st.sampled_from(PARTS), max_size=3),
    st.lists(st.sampled_from(PAIRS), max_size=4),
    st.sampled_from(["", "#", "#end"]),
) | st.text(max_size=60)


def spelt_otherwise(url, rng):
    """Return a URL in one of the ways in which services are known to alter URLs, or any."""
    at = rng.randint(0, len(url))
    before, question, query = url.partition("?")
    pairs = query.split("&")
    rng.shuffle(pairs)
    ways = [
        url,
        url.replace("http://", "https://", 1),
        url.partition("#")[0],
        url[:at],
        url[:60],
        f"{before}{question}{'&'.join(pairs)}",
        f"{before}{question}{'&'.join(pair for pair in pairs if not pair.startswith('utm_'))}",
        html.escape(url),
        unquote(url),
        quote(url, safe=":/?&=#", errors="replace"),
        f"https://to.example/?u={quote_plus(url, errors='replace')}",
        f"https://to.example/go/{url}",
        f"https://to.example/?u={url}&more=1",
        url.lower(),
        "",
    ]
    return rng.choice(ways)


@given(st.lists(URL, min_size=1, max_size=4), SEEDS, st.sampled_from([0, 40, 99]))
@example(["http://h.example/" + "x" * 60], 3, 0)
def test_each_job_that_may_have_a_url_is_among_those_of_the_index(urls, seed, longest):
    """Also if a service has simplified it, cut it, or leads to it by an address of its own."""
    rng = random.Random(seed)
    shown = [spelt_otherwise(rng.choice(urls), rng) for _ in range(8)]
    index = UrlIndex(shown, longest)
    for wanted in urls:
        plain = {
            url
            for url in shown
            if compare("url", wanted, {"url": url}, longest_url=longest) is not Answer.DIFFERS
        }
        assert plain <= index.may_show(wanted), wanted


FIELDS = {
    "expression": ["* * * * *", "*/1 * * * *", "1 hour", "0 * * * *", "odd", ""],
    "timeout": [5, "5", 6, None],
    "httpHeaders": ["X-A: 1", "x-a: 1", "X-A: 1\r\nX-B: 2", "X-B: 2\nX-A: 1", ""],
    "postData": [None, "", "a"],
    "password": ["", "canary", None],
}
ROW = st.fixed_dictionaries(
    {"url": st.just("http://h.example/")},
    optional={name: st.sampled_from(values) for name, values in FIELDS.items()},
)
WIRE = st.fixed_dictionaries(
    {"url": st.just("http://h.example/")},
    optional={name: st.sampled_from(values) for name, values in FIELDS.items()},
)


@given(st.lists(ROW, max_size=6), WIRE)
def test_the_jobs_that_agree_are_those_that_a_comparison_with_each_finds(rows, wire):
    """In all fields that are asked for, and in no others."""
    rows = [{**row, "id": at, "name": f"job {at}"} for at, row in enumerate(rows, 1)]
    fields = sorted(wire.keys() - {"url"})
    plain = {
        id_of(row)
        for row in rows
        if all(compare(name, wire[name], row) is not Answer.DIFFERS for name in fields)
    }
    groups = Similar(rows, {"x": wire}, 0).of_url(wire["url"])
    assert {number for one in groups for number in one.agreeing(wire, fields)} == plain
