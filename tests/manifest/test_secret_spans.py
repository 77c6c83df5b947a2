"""No part of a secret stands in a file in clear, wherever secrets meet or overlap."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from cronapi.emulator import ManualClock, create_app
from cronapi.manifest import Manifest
from cronapi.manifest.exporting import export_rows
from cronapi.providers import FASTCRON
from tests.support.emulated import FAST, START, client_of
from tests.support.manifests import HEAD, manifest, send

SITE = "https://example.com/"
TEXTS = {
    "a known value begins a secret": (f"{SITE}?token=acme-prod-S3cretTail", {"T": "acme-prod"}),
    "it ends one": (f"{SITE}?token=S3cretHead-acme-prod", {"T": "acme-prod"}),
    "it is in the middle": (f"{SITE}?token=S3cretHead-acme-prod-S3cretTail", {"T": "acme-prod"}),
    "it reaches into one": (f"{SITE}?token=S3cretTail", {"T": f"{SITE}?token=S3c"}),
    "it reaches out of one": (f"{SITE}?token=S3cretTail&at=S3cretAt", {"T": "Tail&at=S3cretAt"}),
    "two reach into one": (f"{SITE}?token=S3cretTail&at=1", {"A": "?token=S3", "B": "Tail&at=1"}),
    "a password": ("https://me:acme-prod-S3cretTail@example.com/", {"T": "acme-prod"}),
}
HEADERS = {
    "one begins another": ("a S3cretlong-abcdef", {"A": "S3cretlong", "B": "S3cretlong-abcdef"}),
    "one ends another": ("a S3cretlong-abcdef", {"A": "S3cretlong-abcdef", "B": "long-abcdef"}),
    "two overlap": ("S3cret-long-abcdef-end", {"A": "S3cret-long", "B": "long-abcdef-end"}),
    "a value overlaps itself": ("S3cretS3cretS3cret", {"A": "S3cretS3cret"}),
    "one is twice": ("S3cret-long, S3cret-long", {"A": "S3cret-long"}),
    "three in a chain": ("S3cret-1x-2y-3zz", {"A": "S3cret-1x", "B": "t-1x-2y-", "C": "x-2y-3zz"}),
}


def written(known, **members):
    """Return the file's values of a job, the values of their variables, and the job again."""
    row = {"id": 1, "name": "x", "status": 0, "url": SITE, **members}
    export = export_rows([row], FASTCRON, with_group=False, known=known)
    environ = {**known, **export.environ}
    (table,) = export.tables
    return table.values, environ


def read(text, environ):
    """Return a text with its variables replaced, as a manifest reads it."""
    table = f"[job.x]\nurl = 'http://e.com'\npost_data = '''{text}'''\n"
    (job,) = Manifest.loads(HEAD + table, environ=environ).wanted.jobs
    return job.values["post_data"]


@pytest.mark.parametrize("case", TEXTS)
def test_a_secret_of_a_url_is_whole_in_a_variable(case):
    """Also where the value of a variable is a part of it, or has a part of it."""
    url, known = TEXTS[case]
    values, environ = written(known, url=url)
    assert "S3c" not in values["url"]
    assert "Tail" not in values["url"]
    assert read(values["url"], environ) == url


@pytest.mark.parametrize("case", HEADERS)
def test_values_of_variables_that_overlap_are_one_variable(case):
    """The longest one is taken if it is all, and another one is made if none is."""
    header, known = HEADERS[case]
    values, environ = written(known, httpHeaders=f"X-Plain: {header}", postData=header)
    for text in (values["http_headers"]["X-Plain"], values["post_data"]):
        assert not any(part in text for part in ("S3", "long", "abc", "end", "-3zz", "1x"))
        assert read(text, environ) == header


def test_a_secret_is_the_variable_of_the_file_where_it_has_its_value():
    """A longer known value that has the secret in it is one too."""
    values, environ = written({"T": "acme-prod"}, url=f"{SITE}?token=acme-prod&at=1")
    assert (values["url"], len(environ)) == (f"{SITE}?token=${{T}}&at=1", 1)
    values, environ = written({"BASE": f"{SITE}?token=acme"}, url=f"{SITE}?token=acme&at=1")
    assert (values["url"], len(environ)) == ("${BASE}&at=1", 1)
    both = {"A": "longvalue", "B": "longvalue-abcdef"}
    values, environ = written(both, postData="a longvalue-abcdef b")
    assert (values["post_data"], len(environ)) == ("a ${B} b", 2)
    assert urlsplit(values["url"]).netloc == "example.com"


async def test_an_undo_file_has_no_part_of_a_secret_and_names_every_variable_that_it_needs(
    tmp_path,
):
    """Those of the manifest of the apply too, as the file is used alone."""
    pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")
    app = create_app(rates=FAST, clock=ManualClock(START))
    tables = '[job.a]\nurl = "https://${TENANT}.example.com/x?u=${OTHER}"\n'
    environ = {"TENANT": "acme-prod", "OTHER": "not-needed-there"}
    group = send(app, "group.add", name="g")["id"]
    url = f"{SITE}z?token=acme-prod-S3cretTail"
    send(app, "cron.add", name="z", url=url, httpHeaders="X-Trace: acme-prod", group=group)
    async with client_of(app) as api:
        plan = await manifest(tables, environ=environ).plan(api, prune=True, max_deletes=1)
        await plan.apply(undo=tmp_path / "undo.toml")
    text = (tmp_path / "undo.toml").read_text()
    assert "S3cretTail" not in text
    assert "acme-prod" not in text
    comments = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
    assert "Set these variables first: Z_URL, TENANT." in comments
    given = {"TENANT": "acme-prod", "Z_URL": "acme-prod-S3cretTail"}
    (job,) = Manifest.load(tmp_path / "undo.toml", environ=given).wanted.jobs
    assert job.values["url"] == url
