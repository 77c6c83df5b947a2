"""`cronapi demo --provider`: a look at an account that changes nothing and gives nothing away."""

from __future__ import annotations

from contextlib import closing

import httpx
import pytest
from click.testing import CliRunner

from cronapi.cli.root import cronapi
from cronapi.emulator import create_app, run_in_thread

TOKEN = "tour-token-0123456789abcdef"
PATHS = {"fastcron": "/api/v1/cron_{}", "setcronjob": "/api/cron.{}"}
READS = {"account.get", "group.list", "cron.list", "cron.logs", "cron.next"}


@pytest.fixture
def app():
    app = create_app(tokens=(TOKEN,), rates={"fastcron": None, "setcronjob": None})
    with closing(app.emulator):
        yield app


def tour(app, provider, jobs=0, token=TOKEN):
    """Add jobs to the account and tour it. Return the result and the functions called."""
    with run_in_thread(app) as origin:
        for number in range(jobs):
            path = PATHS[provider].format("add")
            httpx.post(
                origin + path,
                json={
                    "token": TOKEN,
                    "url": "https://example.com/",
                    "name": f"job {number}",
                    "expression": "0 3 * * *",
                },
            )
        app.emulator.requests.clear()
        base = origin + PATHS[provider].rpartition("/")[0]
        env = {"FASTCRON_TOKEN": None, "SETCRONJOB_TOKEN": None, f"{provider.upper()}_TOKEN": token}
        result = CliRunner().invoke(
            cronapi, ["demo", "--provider", provider, "--base-url", base], env=env
        )
    return result, [seen.function for seen in app.emulator.requests]


@pytest.fixture(scope="module")
def toured():
    """One tour of each service at its own pace.

    SetCronJob has five jobs, FastCron an old one and an idle one.
    """
    app = create_app(tokens=(TOKEN,), rates={"fastcron": None, "setcronjob": None})
    with closing(app.emulator):
        store, key = app.emulator.store, next(iter(app.emulator._accounts.values()))
        with run_in_thread(app) as origin:
            httpx.post(f"{origin}/api/v1/group_add", json={"token": TOKEN, "name": "reports"})
            for name in ("old", "idle"):
                httpx.post(
                    f"{origin}/api/v1/cron_add",
                    json={"token": TOKEN, "url": "https://example.com/", "name": name},
                )
        old, idle = store.all("job", "fastcron")
        store.put(
            "job", "fastcron", key, {**old, "last": old["last"] - 7200, "due": old["last"] - 3600}
        )
        store.put("job", "fastcron", key, {**idle, "status": 1, "name": ""})
        yield {"fastcron": tour(app, "fastcron"), "setcronjob": tour(app, "setcronjob", jobs=5)}


def test_the_tour_of_setcronjob_asks_only_for_what_it_has(toured):
    """SetCronJob has no account.get and no cron.next, and the logs of three jobs are enough."""
    result, called = toured["setcronjob"]
    assert result.exit_code == 0, result.output
    assert called == ["group.list", "cron.list", *["cron.logs"] * 3]


def test_an_empty_account_can_be_toured(app):
    """No job, no logs to read."""
    result, called = tour(app, "setcronjob")
    assert (result.exit_code, called) == (0, ["group.list", "cron.list"])


def test_the_tour_of_fastcron_shows_the_account(toured):
    """The account, the groups, and of each job its last and its next run."""
    result, called = toured["fastcron"]
    assert result.exit_code == 0, result.output
    assert called == ["account.get", "group.list", "cron.list", *["cron.logs", "cron.next"] * 2]
    lines = result.output.splitlines()
    assert lines[1].startswith("account ")
    assert lines[2:4] == ["groups: 1 (reports)", "jobs on the first page: 2, active: 1"]
    assert lines[4].endswith(" old: 1 hour, active")
    assert "HTTP 200, of " in lines[5]
    assert lines[6].startswith("  next run: 20")
    assert lines[7].endswith("(no name): 1 hour, not active")
    assert lines[8:] == ["  last run: none on record", "  next run: none"]


@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
def test_a_missing_token_is_told(app, provider):
    """Without a token the command names the variable and exits with 4, having sent nothing."""
    result, called = tour(app, provider, token=None)
    assert (result.exit_code, called) == (4, [])
    assert f"set {provider.upper()}_TOKEN" in result.output


def test_a_wrong_token_is_told_and_not_repeated(app):
    """A token that the service does not know is an error, without the token in it."""
    result, _ = tour(app, "fastcron", token="wrong-token-123")
    assert result.exit_code == 4
    assert result.output.splitlines()[-1].startswith("Error: fastcron account.get: ")
    assert "wrong-token" not in result.output


@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
def test_the_tour_changes_nothing_and_shows_no_token(toured, provider):
    """Only reads are sent, and the token is not printed."""
    result, called = toured[provider]
    assert set(called) <= READS
    assert TOKEN not in result.output


def test_an_address_that_would_show_the_token_is_refused():
    """Plain http to elsewhere is refused before anything is sent."""
    arguments = ["demo", "--provider", "fastcron", "--base-url", "http://example.com/"]
    result = CliRunner().invoke(cronapi, arguments, env={"FASTCRON_TOKEN": TOKEN})
    assert (result.exit_code, "must be https" in result.output) == (64, True)
