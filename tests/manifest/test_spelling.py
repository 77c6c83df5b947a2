"""Services that keep texts in a spelling of their own: no drift for ever, no twin, and what cannot
be compared is said.
"""

from __future__ import annotations

import json

import pytest

from cronapi.emulator import ALTERS, NORMALISE, UNFORESEEN, create_app
from cronapi.manifest.respelling import may_be_kept_as, may_be_respelt
from tests.support.emulated import FAST, client_of
from tests.support.manifests import applied, manifest, planned

BY_GROUP = 'version = 1\n[scope]\ngroup = "1"\n'
BY_PREFIX = 'version = 1\n[scope]\nprefix = "1"\n'
NAMES = [
    "1 Nightly report of the shop",
    "1 <b>Müller</b> & “Söhne” O'Reilly",
    "1 a name of more than fifty characters, as people write them",
    "1 moon 🚀 shot of the rocket",
    "1  two  blanks",
]
URLS = [
    "HTTP://Shop.Example:80/r%c3%a4?b=1&a=ä&utm_source=x#end",
    "https://bücher.example",
    "https://shop.example/" + "long/" * 30,
    "https://shop.example/🚀?b=2&a=1",
    "http://xn--bcher-kva.example/",
]


def tables(**fields):
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items())
    return "".join(
        f"[job.{json.dumps(name, ensure_ascii=False)}]\n"
        f"url = {json.dumps(url, ensure_ascii=False)}\n{lines}"
        for name, url in zip(NAMES, URLS, strict=True)
    )


@pytest.mark.few(17)
@pytest.mark.parametrize("scope", [BY_GROUP, BY_PREFIX], ids=["group", "prefix"])
@pytest.mark.parametrize("kind", NORMALISE)
async def test_three_nights_make_each_job_once_in_every_spelling(kind, scope):
    """The second night changes nothing. A job whose name cannot be recognised is told."""
    if scope == BY_GROUP and kind in {"name_numbered", "name_replaced"}:
        return  # the group itself is not found again, which another test is about
    app, wanted = create_app(rates=FAST, normalise=[kind]), manifest(tables(), head=scope)
    _, result = await applied(app, wanted)
    if scope == BY_PREFIX and kind in {"name_reversed", "name_replaced"}:
        assert result.count("create") == len(app.emulator.jobs("fastcron")) == 0
        assert "Use a group as the scope" in str(result.errors[0])
        return
    assert result.count("create") == len(NAMES)
    assert not result.left
    for _ in range(2):
        plan, result = await applied(app, wanted)
        assert plan.is_empty, plan.to_text()
    assert len(app.emulator.jobs("fastcron")) == len(NAMES)
    if kind not in UNFORESEEN:
        assert not plan.blocked, plan.to_text()
    if plan.blocked or plan.hidden:
        text = plan.to_text()
        assert "may be the same job" in text or "looks like" in text or "does not show all" in text


@pytest.mark.few(13)
@pytest.mark.parametrize("kind", sorted(NORMALISE.keys() - UNFORESEEN))
async def test_a_change_is_made_in_every_spelling_that_can_be_foreseen(kind):
    """One edit for each job, and no other one afterwards."""
    app = create_app(rates=FAST, normalise=[kind])
    await applied(app, manifest(tables(), head=BY_GROUP))
    plan, result = await applied(app, manifest(tables(timeout=7), head=BY_GROUP))
    assert [change.action for change in plan.changes] == ["edit"] * len(NAMES)
    assert [one.field for change in plan.changes for one in change.fields] == ["timeout"] * 5
    assert result.is_complete
    assert {job["timeout"] for job in app.emulator.jobs("fastcron")} == {7}


def test_only_what_services_do_to_a_url_is_taken_for_their_spelling():
    """In the direction in which they do it: all else is a change that somebody made."""
    for wanted, shown, expected in [
        ("http://a.b/c", "https://a.b/c", True),
        ("https://a.b/c", "http://a.b/c", False),
        ("https://a.b/c#d", "https://a.b/c", True),
        ("https://a.b/c", "https://a.b/c#d", False),
        ("https://a.b/c#e", "https://a.b/c#d", False),
        ("https://a.b/c?utm_x=1&d=2", "https://a.b/c?d=2", True),
        ("https://a.b/c?d=2", "https://a.b/c?utm_x=1&d=2", False),
        ("https://a.b/c?d=2&e=1", "https://a.b/c?e=1&d=2", True),
        ("https://a.b/c?d=2&e=1", "https://a.b/c?e=1&d=3", False),
        ("https://a.b/c?d&e", "https://a.b/c?d&amp;e", True),
        ("https://a.b/c/d", "https://a.b/c", False),
        ("https://a.b/c", "https://a.b/c/d", False),
        ("https://a.b/C", "https://a.b/c", False),
        ("https://a.b/c", "https://x.y/1?to=https://a.b/c", True),
        ("https://a.b/c" + "d" * 90, "https://a.b/c" + "d" * 50, True),
        ("https://a.b/", "https://[", False),
        ("https://a.b/c", "", False),
    ]:
        assert may_be_respelt(wanted, shown) is expected, (wanted, shown)
    long = "https://a.b/c" + "d" * 90
    assert not may_be_respelt(long, long[:-10], longest=len(long))


def test_only_what_services_do_to_a_name_is_taken_for_their_spelling():
    """A name with another word is another name."""
    for wanted, shown, expected in [
        ("Nightly Report", "nightly report", True),
        ("nightly report", "nightly report v2", False),
        ("nightly report v2", "nightly report", False),
        ("ping", "ping (7)", True),
        ("ping", "ping (8)", False),
        ("a" * 60, "a" * 50, True),
        ("a" * 60, "a" * 30, False),
        ("", "", False),
        ("x", "", False),
    ]:
        assert may_be_kept_as(wanted, shown, 7) is expected, (wanted, shown)


def test_the_kinds_that_cannot_be_foreseen_are_few():
    """Each of the others leaves a job that is found again by its name."""
    assert {kind for kind in UNFORESEEN if "name" in ALTERS[kind]} == {
        "name_reversed",
        "name_censored",
        "name_numbered",
        "name_replaced",
    }


async def test_a_url_that_may_be_respelt_is_told_and_sent_when_it_is_asked_for():
    """A change of https to http is not made in silence, and not left out in silence either."""
    app = create_app(rates=FAST)
    await applied(app, manifest('[job.a]\nurl = "https://example.com/"\n'))
    plain = manifest('[job.a]\nurl = "http://example.com/"\n')
    plan = await planned(app, plain)
    assert plan.is_empty
    assert plan.hidden == {"url": 1}
    _, result = await applied(app, plain, resend_hidden=["url"])
    assert result.count("edit") == 1
    assert (await planned(app, plain)).hidden == {}
    async with client_of(app) as api:
        assert (await api.cron.find("a")).url == "http://example.com/"
