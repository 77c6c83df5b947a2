"""Files in every form that editors of TOML are known to break: extended as they are, or left."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from cronapi import FASTCRON, SETCRONJOB, ManifestError
from cronapi.emulator import create_app
from cronapi.manifest import Manifest, export, migrate
from cronapi.manifest.exporting import Table, export_rows
from cronapi.manifest.writing import export_text, with_tables
from tests.support.emulated import FAST, client_of
from tests.support.manifests import applied, jobs_text, send, sent_since, shown_jobs

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")

BLOCKS = (Path(__file__).parents[1] / "samples" / "manifests" / "odd.txt").read_bytes().decode()
REFUSED = "refused: "
FILES = {
    title: text.removesuffix("\n")
    for block in BLOCKS.removeprefix("==== ").split("\n==== ")
    for title, _, text in [block.partition("\n")]
}
"""Texts of manifests by what is odd in them. Those that are to be refused begin so."""
FORMS = {
    "as it is": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "byte order mark": lambda text: "\ufeff" + text,
    "both": lambda text: "\ufeff" + text.replace("\n", "\r\n"),
    "mixed": lambda text: text.replace("\n", "\r\n", 3),
}
JOBS = [
    {"name": "plain"},
    {"name": "quotes \"' and \\ backslashes", "postData": "'''\n\"\"\"\\\r\n\t\x7f\x00\x1b"},
    {"name": "[job.x] # = {", "postData": "[job.x]\nurl = 1 # \r alone"},
    {"name": "${x} $${y}", "postData": "${x} $${y} $$${z"},
    {"name": "a.b.c", "httpHeaders": "X-A.b: 1\r\nX-C: ${x}"},
    {"name": "日本 \u2028 🚀 e\u0301", "postData": "\ufeff \u0085 \u2029 \u200b"},
    {"name": "same headers", "httpHeaders": "X-A: 1\r\nX-A: 2"},
    {"name": "lines\nin\tit", "postData": "\n\nends with a line\n"},
    {"name": "true", "postData": " " * 5000 + "x", "timeout": 20, "notify": "true"},
    {"name": "secret", "httpHeaders": "Authorization: Bearer '\"\\ ${x} # end"},
    {"name": "a\xa0b\x7f\x80\x9f\U000e0001", "postData": "\xa0\x7f\x80"},
]
"""Jobs whose values are hard to write, as other programs make them."""


UNSENDABLE = [
    {"name": "no header name", "httpHeaders": "x y: 2\r\nX-A: canary-value"},
    {"name": "no header", "httpHeaders": "canary-value"},
    {"name": "a sign in a header", "httpHeaders": "X-A: canary\x00value"},
]
"""Jobs with a value that no client of ours could send, so no manifest can have it."""


def data_of(text):
    return tomllib.loads(text.removeprefix("\ufeff"))


def loaded(path, environ):
    text = path.read_bytes().decode()
    return Manifest.load(path, environ=environ, env="test" if "[env" in text else None)


async def test_a_job_is_added_to_each_odd_file_and_all_that_was_there_stays(tmp_path):
    """Byte for byte, with its comments. The file is valid, and its plan leaves the job alone."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    texts = {title: text for title, text in FILES.items() if not title.startswith(REFUSED)}
    assert len(texts) >= 50
    async with client_of(app) as api:
        for at, (title, text) in enumerate(texts.items()):
            where = (title, form := [*FORMS][at % len(FORMS)])
            old = FORMS[form](text)
            path.write_bytes(old.encode())
            job = JOBS[at % len(JOBS)]
            url = f"https://h.example/odd/{at}"
            number = send(app, "cron.add", **job | {"name": f"{job['name']} {at}", "url": url})[
                "id"
            ]
            done = await loaded(path, {}).adopt(api, number)
            new = path.read_bytes().decode()
            assert new.startswith(old), where
            before, after = data_of(old), data_of(new)
            written = done.names[0].replace("${", "$${")
            assert after.pop("job") == before.pop("job", {}) | {written: after_job(new, written)}
            assert after == before, where
            assert ("\n" in new.removeprefix(old).replace("\r\n", "")) == ("\r\n" not in old)
            plan = await loaded(path, done.environ).plan(api)
            changed = [*plan.changes, *plan.blocked, *plan.not_in_file]
            assert done.names[0] not in [one.name for one in changed], (where, plan.to_text())


def after_job(text, name):
    return data_of(text)["job"][name]


@pytest.mark.parametrize("secrets", ["placeholder", "plain"])
async def test_every_written_file_can_be_read_whatever_the_jobs_have(tmp_path, secrets):
    """An export, a migration and an undo file. A value that no manifest can have is unmanaged.

    The undo file is of the jobs without such a value. The others are not deleted.
    """
    app, undo = create_app(rates=FAST), tmp_path / "undo.toml"
    for at, job in enumerate([*JOBS, *UNSENDABLE]):
        send(app, "cron.add", url=f"https://h.example/{at}", **job)
    before = shown_jobs(app)
    async with client_of(app) as api:
        exported = await export(api, everything=True, secrets=secrets)
        wanted = Manifest.loads(exported.text, environ=exported.environ)
        plan = await wanted.plan(api)
        assert plan.is_empty, plan.to_text()
        assert exported.skipped == ()
        jobs = {job.name: job for job in wanted.wanted.jobs}
        assert {job.name for job in wanted.wanted.jobs if job.unmanaged} == {
            job["name"] for job in UNSENDABLE
        }
        assert "canary" not in exported.text
        moved = await migrate(api, SETCRONJOB, into="g", secrets=secrets)
        there = Manifest.loads(moved.text, environ=moved.environ)
        assert {job.name for job in there.wanted.jobs} == jobs.keys()
        odd = {job["name"] for job in UNSENDABLE}
        head = f"version = 1\n[scope]\nall = true\nkeep = {sorted(odd)}\n"
        only = Manifest.loads(head + jobs_text(1), environ={})
        plan = await only.plan(api, prune=True, max_deletes=len(before))
        assert (await plan.apply(undo=undo)).count("delete") == len(JOBS)
    secret = ("SAME_HEADERS_HTTP_HEADERS", "SECRET_AUTHORIZATION")
    variables = dict.fromkeys(secret, "X-A: value-of-it")
    again = Manifest.load(undo, environ=variables)
    assert {job.name for job in again.wanted.jobs} == jobs.keys() - odd
    other = create_app(rates=FAST)
    await applied(other, Manifest.loads(exported.text, environ=exported.environ))
    for name, job in shown_jobs(other).items():
        left = {"httpHeaders", "postData", "filter"} if jobs[name].unmanaged else set()
        own = {"id", "group", "last", "due", "next", *left}
        assert {k: v for k, v in job.items() if k not in own} == {
            k: v for k, v in before[name].items() if k not in own
        }


def test_a_value_that_no_file_can_have_is_left_out_with_its_reason():
    """Half of a surrogate pair is no text of UTF-8, and a service may show any type."""
    url = "https://h.example"
    values = [
        {"postData": "a\ud800"},
        {"httpHeaders": "X-A: \udfff"},
        {"timeout": "soon"},
        {"timeout": [1]},
        {"notify": "perhaps"},
        {"notify": {}},
        {"instances": 1.5},
    ]
    rows = [{"id": at, "name": f"job {at}", "url": url, **one} for at, one in enumerate(values)]
    rows += [
        {"id": 90, "name": "half \ud800", "url": url},
        {"id": 91, "name": "no url"},
        {"id": 92, "name": "half a url", "url": f"{url}/\ud800"},
        {"id": 93, "name": " ", "url": url},
    ]
    for provider in (FASTCRON, SETCRONJOB):
        found = export_rows(rows, provider, with_group=False)
        text = export_text(found, {"all": True}, provider.name)
        assert text.encode().decode() == text
        wanted = Manifest.loads(text, environ={}).wanted
        assert [(job.name, len(job.unmanaged)) for job in wanted.jobs] == [
            (f"job {at}", 1) for at in range(len(values))
        ]
        assert len(found.skipped) == 4
        assert text.count("surrogate") == 4
        assert text.count("another type than expected") == len(values) - 2


async def test_a_file_that_cannot_be_extended_is_left_and_says_why(tmp_path):
    """No job is changed at the service then."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    number = send(app, "cron.add", name="odd", url="https://h.example/odd")["id"]
    texts = {title: text for title, text in FILES.items() if title.startswith(REFUSED)}
    assert len(texts) >= 8
    async with client_of(app) as api:
        for title, text in texts.items():
            for form in FORMS.values():
                path.write_bytes(form(text).encode())
                with pytest.raises(ManifestError) as caught:
                    await loaded(path, {}).adopt(api, number)
                assert path.read_bytes() == form(text).encode(), title
                said = str(caught.value)
                assert f"{path}:" in said or "Paste this:\n\n[job.odd]\n" in said, said
    assert sent_since(app, 1) == []
    assert [one.name for one in tmp_path.iterdir()] == ["cronjobs.toml"]


def test_each_form_of_each_odd_file_reads_as_before_with_the_table():
    """Or it is refused, and nothing is returned that could be written."""
    table = Table("odd", {"url": "https://h.example/odd", "http_headers": {"X-A": "1"}})
    for title, text in FILES.items():
        for form in FORMS.values():
            old = form(text)
            try:
                new = with_tables(old, [table])
            except (ManifestError, tomllib.TOMLDecodeError):
                assert title.startswith(REFUSED), title
                continue
            assert new.startswith(old)
            assert data_of(new) == merged(data_of(old), {"job": {"odd": dict(table.values)}}), title


def merged(base, over):
    return base | {
        key: merged(base.get(key, {}), one) if isinstance(one, dict) else one
        for key, one in over.items()
    }
