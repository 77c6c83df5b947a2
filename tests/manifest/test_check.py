"""The rules of `check`: what they find, with its place, and how they are silenced."""

from __future__ import annotations

import pytest

from cronapi.manifest.checking import RULES
from tests.support.emulated import NOW
from tests.support.manifests import ENVIRON, FULL, HEAD, manifest

JOB = '[job.a]\nurl = "https://example.com/"\n'
FOUND = [
    ('expression = "every now and then"', "expression", 6),
    ('expression = "0 0 30 2 *"', "never", 6),
    ('expression = "0 8 24 12 *"', "every-year", 6),
    ('expression = "0 8 1 * 1"', "either-day", 6),
    ('expression = "@86400"', "over", 6),
    ('post_data = "{a: 1}"', "not-json", 6),
    ('timezone = "Europe/Berlinn"', "unknown-zone", 6),
    ('timezone = "Europe/Berlin"\nexpression = "30 2 * * *"', "skipped", 7),
    (r'http_headers = "X-A: 1\rX-B: 2"', "header-cr", 6),
    ('password = "plain-password"', "plain-secret", 6),
    ('http_headers.X-Api-Key = "plain"', "plain-secret", 6),
    ("second = ['30']", "not-taken", 6),
    ('allow = ["every-day"]', "unknown-rule", 6),
    ('[job.A]\nurl = "https://example.com/2"', "similar-name", 4),
]


def found(text, provider="fastcron"):
    return [(one.rule, one.place) for one in manifest(text, provider=provider).check(NOW)]


@pytest.mark.parametrize(("line", "rule", "number"), FOUND, ids=[rule for _, rule, _ in FOUND])
def test_each_rule_finds_its_line_and_can_be_silenced(line, rule, number):
    """`allow` in the table of the job names it."""
    assert (rule, f"<text>:{number}") in found(f"{JOB}{line}\n")
    if rule not in {"unknown-rule", "similar-name"}:
        assert rule not in dict(found(f'{JOB}{line}\nallow = ["{rule}"]\n'))


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://localhost:8000/", "local-target"),
        ("10.0.0.1/cron", "local-target"),
        ("http://[::1]/", "local-target"),
        ("https://joe:pw@example.com/", "plain-secret"),
        ("https://example.com/?token=abc", "plain-secret"),
    ],
)
def test_addresses_that_cannot_be_reached_and_secrets_in_them_are_found(url, rule):
    """A host name is not looked up."""
    assert rule in dict(found(f'[job.a]\nurl = "{url}"\n'))


def test_a_good_manifest_has_nothing_to_look_at():
    """Secrets in variables, a schedule, and a manual job are as they should be."""
    for env in ("staging", "production"):
        wanted = manifest(FULL, head="", env=env, environ=ENVIRON)
        assert wanted.check(NOW) == []
    assert manifest(JOB, head=HEAD).check() == []
    assert len(RULES) == 11


@pytest.mark.parametrize(
    ("expression", "zone", "is_skipped"),
    [
        ("30 2 * * *", "Europe/Berlin", True),
        ("0 2 * * *", "Europe/Berlin", True),
        ("0 3 * * *", "Europe/Berlin", False),
        ("59 1 * * *", "Europe/Berlin", False),
        ("*/30 2 * * 7", "Europe/Berlin", True),
        ("30 2 * * 1", "Europe/Berlin", False),
        ("30 2 * 1 *", "Europe/Berlin", False),
        ("2027-03-28 02:30", "Europe/Berlin", True),
        ("2027-03-27 02:30", "Europe/Berlin", False),
        ("*/15 * * * *", "Europe/Berlin", False),
        ("30 * * * *", "Europe/Berlin", False),
        ("R 2 * * *", "Europe/Berlin", False),
        ("1 day 02:30", "Europe/Berlin", False),
        ("30 2 * * *", "America/New_York", True),
        ("15 2 * * *", "Australia/Lord_Howe", True),
        ("45 2 * * *", "Australia/Lord_Howe", False),
        ("30 2 * * *", "Asia/Tokyo", False),
        ("30 2 * * *", "UTC", False),
    ],
)
def test_a_time_that_the_clock_skips_is_found_and_others_are_not(expression, zone, is_skipped):
    """A job that runs each hour just follows the clock, and nobody knows a random time."""
    rules = dict(found(f'{JOB}timezone = "{zone}"\nexpression = "{expression}"\n'))
    assert ("skipped" in rules) == is_skipped


def test_a_skipped_time_is_told_with_its_date_and_a_wrong_zone_is_no_wrong_expression():
    """Who reads it knows when to look."""
    lines = 'timezone = "Europe/Berlin"\nexpression = "30 2 * * *"\n'
    (one,) = manifest(JOB + lines).check(NOW)
    assert one.text == (
        "the clock of Europe/Berlin skips 02:30 on 2027-03-28: it runs at another time."
    )
    lines = 'timezone = "Mars/Base"\nexpression = "30 2 * * *"\n'
    assert [one.rule for one in manifest(JOB + lines).check(NOW)] == ["unknown-zone"]
