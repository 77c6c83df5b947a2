"""Many tables without a job beside many jobs without a table."""

from __future__ import annotations

import sys
from urllib.parse import quote

import pytest

from cronapi.manifest.bindings import Listed
from cronapi.manifest.identity import bind
from cronapi.manifest.problems import Place, Source
from cronapi.manifest.schedules import are_same, comparison_key
from cronapi.manifest.wanted import WantedJob
from tests.support.expressions import random_expressions

ONE_URL = "https://example.com/run"
KINDS = {
    "equal but for the name": {},
    "a body each": {"postData": "body {}"},
    "an hour each": {"expression": "{} 3 * * *"},
    "a password each": {"password": "canary {}"},
    "a URL each": {"url": "https://example.com/run/{}"},
    "a query each": {"url": "https://example.com/run?at={}"},
    "a URL without its scheme each": {"url": "example.com/run/{}"},
}


def values(kind, number):
    wire = {"url": ONE_URL, "expression": "* * * * *"} | KINDS[kind]
    return {key: value.format(number) for key, value in wire.items()}


def calls_of_binding(kind, count, *, owned=True, keeps=True, redirected=False):
    """Return how many functions are called to bind so many tables, and what was found."""
    place = Place(Source("cronjobs.toml", ""), ())
    rows = [
        {"id": number + 1, "name": f"old {number}"} | values(kind, number)
        for number in range(count)
    ]
    if redirected:
        rows = [{**row, "url": f"https://to.example/?u={quote(row['url'])}"} for row in rows]
    kept = {"id": 10_000, "name": "new old 0123456789", "url": "https://example.com/kept"}
    names = [kept["name"]] * keeps + [f"new {number}" for number in range(count)]
    wires = {name: values(kind, at + 1_000_000) for at, name in enumerate(names)}
    wires[kept["name"]] = kept
    listed = [kept] * keeps, rows
    if owned:
        listed = [*rows, *listed[0]], []
    calls = 0

    def count_calls(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count_calls)
    try:
        found = bind([WantedJob(name, place, {}) for name in names], wires, Listed(*listed, "", 99))
    finally:
        sys.setprofile(before)
    return calls, found


@pytest.mark.each_value
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [{}, {"keeps": False}, {"owned": False}, {"redirected": True}],
    ids=["in the scope", "names may be altered", "outside of it", "redirected"],
)
def test_three_times_the_jobs_take_three_times_the_comparisons(kind, options):
    """Not nine times, whatever they have in common."""
    few, _ = calls_of_binding(kind, 40, **options)
    many, found = calls_of_binding(kind, 120, **options)
    assert many < 4 * few
    assert len(found.blocked) + len(found.missing) == 120


def test_expressions_that_are_one_schedule_are_looked_for_together():
    """Otherwise a job that was renamed by hand would be made again."""
    written = ["0 3 * * 0", "0 0 1 1 * 2030", "2030-01-01 00:00", "1 hour", "manual", "R 3 * * *"]
    for one in [*written, *random_expressions(60)]:
        for other in (one, f" {one}", one.replace("*", "*/1"), one.replace("* *", "1-31 *")):
            if are_same(one, other):
                assert comparison_key(one) == comparison_key(other), (one, other)
