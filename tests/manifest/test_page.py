"""docs/manifest.md: its example is a manifest, and its lists are those of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cronapi
from cronapi import FASTCRON, SETCRONJOB
from cronapi.manifest import Manifest
from cronapi.manifest import format as rules
from scripts.manifest_schema import schema

PAGE = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text(encoding="utf-8")
ENVIRON = {"REPORT_TOKEN": "report-token", "INVOICE_PASSWORD": "invoice-password"}


def test_the_example_of_the_page_can_be_read_for_each_of_its_environments():
    """It is the file that a reader begins with."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    for env, host in [("staging", "staging"), ("production", "app")]:
        wanted = Manifest.loads(text, env=env, environ=ENVIRON).wanted
        assert len(wanted.jobs) == 2
        assert all(job.values["url"].startswith(f"https://{host}.") for job in wanted.jobs)


def test_the_page_tells_each_key_of_the_format():
    """A new key is told there too."""
    for key in (*rules.OWN, *rules.SCOPE, *rules.TOP, *rules.REFUSED):
        if key not in {"name", "token"}:
            assert re.search(rf"\b{key}\b", PAGE), key


def test_the_schema_that_is_shipped_is_that_of_the_tables():
    """Editors complete by it. A new parameter is in it by itself."""
    path = Path(cronapi.__file__).parent / "manifest" / "schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == schema(), (
        "run: python -m scripts.manifest_schema > cronapi/manifest/schema.json"
    )
    assert schema()["properties"].keys() == set(rules.TOP)
    job = schema()["properties"]["job"]["additionalProperties"]["properties"]
    assert job.keys() == set(rules.JOB)
    assert schema()["properties"]["scope"]["properties"].keys() == rules.SCOPE.keys()


def test_the_page_tells_the_parameters_that_each_service_hides():
    """Those that a move cannot carry over."""
    rows = re.findall(r"^\| (SetCronJob|FastCron) \| (.*) \|$", PAGE, re.MULTILINE)
    told = {name.lower(): set(re.findall(r"`(\w+)`", cells)) for name, cells in rows}
    assert told == {one.name: one.hides for one in (FASTCRON, SETCRONJOB)}
