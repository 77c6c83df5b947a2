"""What a plan, an export and a check take for a secret: one table, that of all texts."""

from __future__ import annotations

import pytest

from cronapi.cli.show.masking import masked
from cronapi.emulator import create_app
from cronapi.manifest import export
from cronapi.manifest.masking import is_secret_name, shown
from tests.support.emulated import FAST, NOW, client_of
from tests.support.manifests import jobs_text, manifest, planned, send

URLS = [
    "https://s3cret-user@example.com/",
    "https://s3cret-user:@example.com/",
    "https://joe:s3cret@pw@example.com/",
    *(f"https://example.com/?{name}=s3cret" for name in ("sig", "pwd", "code", "apiSig", "sid")),
    "https://example.com/x;jwt=s3cret",
    "https://example.com/#access_token=s3cret",
]
HEADERS = ["Authorization", "Cookie", "X-Api-Key", "X-Sig", "X-Pwd", "X-Code", "X-Passphrase"]


async def test_a_url_with_a_secret_shows_it_nowhere():
    """Neither the plan, nor a check, nor the export, nor the output of other commands."""
    pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")
    app = create_app(rates=FAST)
    text = "".join(f'[job."job {at}"]\nurl = "{url}"\n' for at, url in enumerate(URLS))
    plan = await planned(app, manifest(text))
    assert "s3cret" not in f"{plan.to_text()} {plan.to_dict()} {plan.changes}"
    found = manifest(text).check(NOW)
    assert [one.job for one in found if one.rule == "plain-secret"] == [
        f"job {at}" for at in range(len(URLS))
    ]
    for at, url in enumerate(URLS):
        assert "s3cret" not in shown("url", url)
        assert "s3cret" not in str(masked({"url": url}))
        send(app, "cron.add", name=f"job {at}", url=url)
    async with client_of(app) as api:
        exported = await export(api, prefix="job")
    assert "s3cret" not in exported.text
    assert set(exported.environ.values()) == {"s3cret-user", "s3cret@pw", "s3cret"}
    lines = [f'http_headers.{name} = "s3cret"\n' for name in HEADERS]
    assert all(is_secret_name(f"http_headers.{name}") for name in HEADERS)
    plan = await planned(app, manifest(jobs_text(1, word="other", lines="".join(lines))))
    assert "s3cret" not in f"{plan.to_text()} {plan.to_dict()}"
