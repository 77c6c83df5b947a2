"""Rotating a secret by its value."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, quote, unquote, urlsplit

import anyio
import pytest

from cronapi import ConfigurationError
from cronapi.emulator import create_app
from cronapi.manifest import rotate
from cronapi.manifest.replacing import PLACES, fields_with, replaced_in
from tests.support.emulated import FAST, client_of, emulator, paced

OLD, NEW = "old+secret/äöü", 'new "secret" &?'
HEADERS = {
    "plain": (f"X-Key: {OLD}", f"X-Key: {NEW}"),
    "basic": (
        "Authorization: Basic " + base64.b64encode(f"joe:{OLD}".encode()).decode(),
        "Authorization: Basic " + base64.b64encode(f"joe:{NEW}".encode()).decode(),
    ),
}
URLS = {
    "encoded": (
        "https://joe:old%2Bsecret%2F%C3%A4%C3%B6%C3%BC@example.com/",
        "https://joe:new%20%22secret%22%20%26%3F@example.com/",
    ),
}
BODIES = {
    "json": (json.dumps({"key": OLD}, ensure_ascii=False), json.dumps({"key": NEW})),
    "ascii": (json.dumps({"key": OLD}), json.dumps({"key": NEW})),
    "form": (
        "a=1&key=old%2Bsecret%2F%C3%A4%C3%B6%C3%BC",
        "a=1&key=new%20%22secret%22%20%26%3F",
    ),
    "text": (f"the key\n{OLD}", f"the key\n{NEW}"),
}


async def filled(client, app, count=200, every=10):
    async with client(app) as api:
        await api.cron.add_many(
            [
                {
                    "name": f"job {number}",
                    "url": f"https://example.com/{number}",
                    "http_headers": f"X-Key: {OLD if number % every == 0 else 'another-secret'}",
                }
                for number in range(count)
            ]
        )


async def test_a_secret_in_twenty_of_200_jobs_is_rotated_with_twenty_edits():
    """And a last look shows that it is nowhere."""
    app = create_app(rates=FAST)
    await filled(client_of, app)
    count = len(app.emulator.requests)
    async with client_of(app) as api:
        tried = await rotate(api, OLD, NEW, dry_run=True)
        assert len(tried.jobs) == 20
        assert not tried.is_complete
        result = await rotate(api, OLD, NEW)
    assert result.is_complete
    assert {job.name for job in result.jobs} == {f"job {number}" for number in range(0, 200, 10)}
    edits = [one for one in list(app.emulator.requests)[count:] if one.function == "cron.edit"]
    assert len(edits) == 20
    shown = [job["httpHeaders"] for job in app.emulator.jobs("fastcron")]
    assert shown.count(f"X-Key: {NEW}") == 20
    assert shown.count("X-Key: another-secret") == 180
    assert OLD not in repr(result)


@pytest.mark.crowd
@pytest.mark.virtual_clock
async def test_a_rotation_that_is_broken_off_goes_on():
    """The same call finds what is left, at whichever of five moments it ended."""
    for seconds in (0, 3, 5, 8, 11):
        app = emulator()
        await filled(paced, app, 16, 2)
        async with paced(app) as api:
            with anyio.move_on_after(seconds):
                await rotate(api, OLD, NEW)
        async with paced(app) as api:
            assert (await rotate(api, OLD, NEW)).is_complete
        shown = [job["httpHeaders"] for job in app.emulator.jobs("fastcron")]
        assert shown.count(f"X-Key: {NEW}") == 8


async def test_a_secret_is_found_in_each_spelling_and_keeps_it():
    """Plain, percent-encoded, in JSON, in forms and in Base64."""
    app = create_app(rates=FAST)
    wanted = {}
    async with client_of(app) as api:
        for field, cases in (("http_headers", HEADERS), ("url", URLS), ("post_data", BODIES)):
            for name, (before, after) in cases.items():
                spec = {"name": name, "url": "https://example.com/"} | {field: before}
                job = await api.cron.add(**spec)
                wanted[job.id] = (field, after)
        result = await rotate(api, OLD, NEW)
        assert result.is_complete
        assert len(result.jobs) == len(wanted)
        for number, (field, after) in wanted.items():
            job = await api.cron.get(number)
            if field == "post_data" and after.startswith("{"):
                assert json.loads(getattr(job, field)) == json.loads(after)
            else:
                assert getattr(job, field) == after


async def test_only_a_group_or_some_places_can_be_rotated():
    """What is left out is neither changed nor told."""
    app = create_app(rates=FAST)
    async with client_of(app) as api:
        group = await api.group.add("g")
        for number in (group.id, None):
            await api.cron.add(url="https://example.com/", post_data=OLD, group=number)
        assert len((await rotate(api, OLD, NEW, places=["url"])).jobs) == 0
        assert len((await rotate(api, OLD, NEW, group="g")).jobs) == 1
        with pytest.raises(ConfigurationError, match="no group 'h'"):
            await rotate(api, OLD, NEW, group="h")
    bodies = [job["postData"] for job in app.emulator.jobs("fastcron")]
    assert sorted(bodies) == sorted([OLD, NEW])


async def test_a_secret_that_cannot_be_rotated_is_refused_without_being_repeated():
    """Too short, the same again, or a place that there is not."""
    app = create_app(rates=FAST)
    async with client_of(app) as api:
        for old, new, options in [
            ("short12", "long-enough", {}),
            ("long-enough", "long-enough-2", {}),
            ("long-enough", "", {}),
            ("long-enough", "new\r\nX-Other: 1", {}),
            ("long-enough", "other", {"places": ["body"]}),
        ]:
            with pytest.raises(ConfigurationError) as caught:
                await rotate(api, old, new, **options)
            assert old not in str(caught.value)
    assert not app.emulator.requests


ODD = "a\"b\\c d&e=f%g+h/ü#?:@'"
"""A secret in which every language has something to escape."""


def rotated(field, text, old, new):
    """Return a text after its rotation, and the fields that still have the old secret."""
    after = replaced_in({field: text}, old, new, PLACES)
    text = next(iter(after.values()), text)
    return text, fields_with({field: text}, old, PLACES)


def basic(secret):
    return base64.b64encode(f"joe:{secret}".encode()).decode()


READ = {
    "a header": ("httpHeaders", "X-Key: {plain}", lambda text: text.partition(": ")[2]),
    "basic": (
        "httpHeaders",
        "Authorization: Basic {basic}",
        lambda text: base64.b64decode(text.split()[-1]).decode()[4:],
    ),
    "a query": ("url", "https://h/?a=1&k={url}&b=2", lambda text: parse_qs(text)["k"][0]),
    "a password": (
        "url",
        "https://joe:{url}@h/x",
        lambda text: unquote(urlsplit(text).password),
    ),
    "a path": ("url", "https://h/x/{url}/y", lambda text: unquote(text.split("/")[4])),
    "basic in a query": (
        "url",
        "https://h/?k={basic_url}",
        lambda text: base64.b64decode(parse_qs(urlsplit(text).query)["k"][0]).decode()[4:],
    ),
    "a form": ("postData", "a=1&k={url}&b=2", lambda text: parse_qs(text)["k"][0]),
    "JSON": ("postData", '{{"a": ["x", {json}]}}', lambda text: json.loads(text)["a"][1]),
    "JSON text": ("postData", "{json}", json.loads),
    "an address in JSON": (
        "postData",
        '{{"u": "https://h/?k={url}"}}',
        lambda text: parse_qs(urlsplit(json.loads(text)["u"]).query)["k"][0],
    ),
    "text": ("postData", "the key\n{plain}", lambda text: text.partition("\n")[2]),
}


@pytest.mark.parametrize(
    ("old", "new"), [("plain-old-secret", ODD), (ODD, "plain-new-secret"), (ODD, ODD[::-1])]
)
def test_whoever_reads_a_rotated_text_as_its_language_reads_the_new_secret(old, new):
    """A new secret is escaped for URLs, forms and JSON, and the rest of the text is as it was."""
    for name, (field, text, read) in READ.items():
        texts = [
            text.format(
                plain=secret,
                basic=basic(secret),
                url=quote(secret, safe=""),
                basic_url=quote(basic(secret), safe=""),
                json=json.dumps(secret),
            )
            for secret in (old, "another-secret")
        ]
        assert read(texts[0]) == old, name
        after, left = rotated(field, texts[0], old, new)
        assert (read(after), left) == (new, ()), name
        assert rotated(field, texts[1], old, new)[0] == texts[1], name


def test_a_secret_in_a_mixture_of_spellings_is_found():
    """Small hex digits, escapes that were not needed, and a plus for a blank."""
    old = "old+secret/ä x"
    for field, text in [
        ("url", "https://h/?k=old%2bsecret%2f%c3%a4%20x"),
        ("url", "https://h/?k=old%2Bsecret/%C3%A4+x"),
        ("url", "https://h/?k=%6fld%2Bsecret/ä%20x"),
        ("postData", '{"k": "old+secret\\/\\u00E4 x"}'),
        ("postData", '{"k": "old\\u002bsecret/ä x"}'),
        ("postData", "a=b&k=old%2Bsecret%2F%C3%A4+x"),
        ("httpHeaders", "X-Key: old%2Bsecret%2F%C3%A4%20x"),
    ]:
        after, left = rotated(field, text, old, "brand-new")
        assert "brand-new" in after, text
        assert left == (), text


def test_a_secret_in_a_spelling_that_is_not_replaced_is_told_and_left():
    """Hex and HTML: nobody can tell if they are still the secret to those who read them."""
    for text in (b"old-secret&x".hex(), "<b>old-secret&amp;x</b>"):
        assert rotated("postData", text, "old-secret&x", "brand-new") == (text, ("post_data",))


async def test_a_rotation_that_leaves_an_odd_spelling_is_not_complete():
    """The job stands among those that are left."""
    app = create_app(rates=FAST)
    async with client_of(app) as api:
        job = await api.cron.add(url="https://h/", post_data=b"old-secret".hex())
        done = await rotate(api, "old-secret", "brand-new")
    assert [(one.id, one.fields) for one in done.left] == [(job.id, ("post_data",))]
    assert not done.is_complete


async def test_a_password_that_nobody_can_see_is_set_for_the_jobs_that_are_named():
    """With their other fields, and only for them. A name that no job has changes nothing."""
    app = create_app(rates=FAST)
    async with client_of(app) as api:
        for name, header in (("shown", OLD), ("hidden", "x"), ("both", OLD), ("other", "x")):
            await api.cron.add(
                name=name,
                url="https://example.com/",
                http_headers={"X-Key": header},
                username="joe",
                password=OLD,
            )
        with pytest.raises(ConfigurationError, match="There is no job 'none'"):
            await rotate(api, OLD, "brand-new", include_hidden=["hidden", "none"])
        tried = await rotate(api, OLD, "brand-new", include_hidden=["hidden"], dry_run=True)
        count = len(app.emulator.requests)
        done = await rotate(api, OLD, "brand-new", include_hidden=["hidden", "both"])
    assert {job.name: job.fields for job in tried.jobs} == {
        "shown": ("http_headers",),
        "hidden": ("password",),
        "both": ("http_headers",),
    }
    assert done.is_complete
    edits = [one for one in list(app.emulator.requests)[count:] if one.function == "cron.edit"]
    assert len(edits) == 3
    passwords = {job["name"]: job["password"] for job in app.emulator.jobs("fastcron")}
    assert passwords == {"shown": OLD, "hidden": "brand-new", "both": "brand-new", "other": OLD}
