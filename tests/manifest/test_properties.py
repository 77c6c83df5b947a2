"""What holds for any manifest and any account."""

from __future__ import annotations

import json
import tomllib

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronapi.emulator import ManualClock, create_app
from cronapi.emulator.request import Request
from cronapi.manifest import Manifest
from tests.support.emulated import FAST, START, TOKEN
from tests.support.manifests import HEAD, applied, planned

NAMES = st.sampled_from(
    ["a", "A", "b", " b", "nightly report", "nightly", "ünï", "u\u0308", "x 🚀", "<b>b</b>", "0"]
)
URLS = st.sampled_from(
    [
        *(
            "https://example.com/1",
            "http://example.com/1",
            "example.com/1",
            "https://EXAMPLE.com/1",
        ),
        *("https://example.com/2?b=1&a=2", "https://example.com/2?a=2&b=1", "https://b.c/#d"),
    ]
)
FIELDS = st.fixed_dictionaries(
    {"url": URLS},
    optional={
        "expression": st.sampled_from(["*/5 * * * *", "*/5  * * * *", "1 hour", "manual"]),
        "timeout": st.integers(1, 60),
        "notify": st.booleans(),
        "http_method": st.sampled_from(["GET", "POST"]),
        "post_data": st.sampled_from(["", "a", "a\nb", "a\r\nb"]),
        "http_headers": st.dictionaries(
            st.sampled_from(["X-A", "X-B"]), st.sampled_from(["1", "2"]), max_size=2
        ),
        "username": st.just("joe"),
        "password": st.sampled_from(["canary-one", "canary-two"]),
        "instances": st.integers(0, 5),
        "filter": st.just("hour > 3"),
    },
)
OWN = st.fixed_dictionaries(
    {}, optional={"enabled": st.booleans(), "was": st.sampled_from(["former", "old"])}
)
TABLES = st.dictionaries(NAMES, st.tuples(FIELDS, OWN), min_size=1, max_size=6)
JOBS = st.lists(
    st.tuples(
        st.one_of(NAMES, st.sampled_from(["", "former", "old"])),
        FIELDS,
        st.sampled_from(["scope", "other", None]),
        st.booleans(),
    ),
    max_size=8,
)
OPTIONS = st.fixed_dictionaries(
    {
        "prune": st.booleans(),
        "enable": st.booleans(),
        "dedupe": st.booleans(),
        "max_deletes": st.just(100),
    }
)


def toml(value):
    """Return a value as TOML has it, which is as JSON has it but for surrogates."""
    return json.dumps(value, ensure_ascii=False)


def written(tables, newline="\n", *, backwards=False):
    """Return the text of a manifest with these tables."""
    parts = [HEAD]
    for name, (fields, own) in sorted(tables.items(), reverse=backwards):
        lines = [f"[job.{toml(name)}]"]
        pairs = list((fields | own).items())
        for key, value in reversed(pairs) if backwards else pairs:
            if isinstance(value, dict):
                lines += [f"{key}.{name} = {toml(text)}" for name, text in value.items()]
            else:
                lines.append(f"{key} = {toml(value)}")
        parts.append("\n".join(lines) + "\n")
    return "".join(parts).replace("\n", newline)


def send(app, function, **params):
    """Call a function as another program of the account does."""
    wire = {
        "".join(part.title() if at else part for at, part in enumerate(name.split("_"))): value
        for name, value in params.items()
    }
    body = json.dumps({"token": TOKEN, **wire}).encode()
    return app.emulator.apply(Request("fastcron", function, body=body))["data"]


def filled(jobs):
    """Return an emulator with these jobs, and the id of the scope's group."""
    clock = ManualClock(START)  # no job becomes due meanwhile
    app = create_app(rates=FAST, clock=clock, undocumented=["filter"])
    groups = {name: send(app, "group.add", name=name)["id"] for name in ("g", "h")}
    groups |= {"scope": groups["g"], "other": groups["h"]}
    for name, fields, group, is_off in jobs:
        sent = dict(fields)
        if "http_headers" in sent:
            sent["http_headers"] = "\r\n".join(f"{k}: {v}" for k, v in sent["http_headers"].items())
        if group:
            sent["group"] = groups[group]
        number = send(app, "cron.add", name=name, **sent)["id"]
        if is_off:
            send(app, "cron.disable", id=number)
    return app, groups["g"]


def outside(app, group):
    """Return every job outside of a group, with all that the service keeps of it."""
    return {job["id"]: job for job in app.emulator.jobs("fastcron") if job["group"] != group}


async def check(tables, jobs, options):
    app, group = filled(jobs)
    before = outside(app, group)
    wanted = Manifest.loads(written(tables), environ={})
    plan, result = await applied(app, wanted, **options)
    assert result.is_complete or plan.blocked or plan.hidden.get("name"), result
    assert "canary" not in f"{plan!r}{plan.to_text()}{plan.to_dict()}{result!r}"
    assert outside(app, group) == before
    for _ in tables:  # other jobs have shown meanwhile that the service keeps names
        if not result.left:
            break
        _, result = await applied(app, wanted, **options)
        assert outside(app, group) == before
    again = await planned(app, wanted, **options)
    assert again.is_empty, again.to_text()
    blocked = {one.name for one in again.blocked}
    there = [job["name"] for job in app.emulator.jobs("fastcron") if job["group"] == group]
    for name in tables.keys() - blocked:
        shown = [one for one in there if one.strip() == name.strip()]
        assert shown or again.hidden.get("name"), (name, there)
    if options["prune"] and not blocked:
        assert len(there) == len(tables)


def without_time(plan):
    document = plan.to_dict()
    return document | {"read": document["read"] | {"at": None}}


async def check_order_and_newlines(tables, jobs):
    app, _ = filled(jobs)
    texts = [written(tables), written(tables, "\r\n"), written(tables, backwards=True)]
    assert tomllib.loads(texts[0]) == tomllib.loads(texts[2])
    plans = [await planned(app, Manifest.loads(text, environ={})) for text in texts]
    assert without_time(plans[0]) == without_time(plans[1]) == without_time(plans[2])
    assert [one.sent for one in plans[0].changes] == [one.sent for one in plans[1].changes]


@settings(max_examples=6)
@given(TABLES, JOBS, OPTIONS)
def test_the_plan_after_an_apply_is_empty_and_nothing_outside_of_the_scope_changes(
    tables, jobs, options
):
    """Whatever is in the account, and whatever the file says."""
    anyio.run(check, tables, jobs, options)


@settings(max_examples=4)
@given(TABLES, JOBS)
def test_line_ends_and_the_order_of_tables_make_no_other_plan(tables, jobs):
    """A Windows checkout drifts no more than any other."""
    anyio.run(check_order_and_newlines, tables, jobs)


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_both_hold_for_many():
    """The same for 2,000 manifests and accounts."""

    @settings(max_examples=2000)
    @given(TABLES, JOBS, OPTIONS)
    def one(tables, jobs, options):
        anyio.run(check, tables, jobs, options)

    @settings(max_examples=300)
    @given(TABLES, JOBS)
    def other(tables, jobs):
        anyio.run(check_order_and_newlines, tables, jobs)

    one()
    other()
