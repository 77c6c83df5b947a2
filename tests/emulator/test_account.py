"""The account and server functions, called directly, and the functions of each provider."""

from __future__ import annotations

import pytest

from cronapi.emulator import functions
from cronapi.emulator.refusal import Refusal

from .conftest import START, Desk


def test_an_account_keeps_its_timezone(desk):
    """Edit changes the timezone and nothing else, and changes nothing without one."""
    before = desk("account.get")
    after = desk("account.edit", timezone="Asia/Tokyo")
    assert after == {**before, "timezone": "Asia/Tokyo"}
    assert desk("account.edit") == desk("account.get") == after
    with pytest.raises(Refusal, match="Invalid timezone"):
        desk("account.edit", timezone="Tokyo")


def test_the_secret_is_not_shown(desk):
    """No answer shows the secret."""
    assert desk("account.secret", secret="hush") == desk("account.get")
    assert "hush" not in str(desk("account.get"))


def test_accounts_are_apart(desk):
    """Each token has an account of its own."""
    desk("account.edit", timezone="Asia/Tokyo")
    assert desk.as_other("two")("account.get")["timezone"] == "UTC"


def test_the_latest_account_says_how_many_jobs_it_may_have():
    """The latest era limits an account's jobs instead of its executions per day."""
    account = Desk(era="latest")("account.get")
    assert "cron" in account
    assert "dailyExec" not in account


def test_the_server_tells_time_zones_agent_and_addresses():
    """The functions of the server target answer plain values."""
    desk = Desk("setcronjob")
    assert desk("server.time") == START
    assert "Europe/London" in desk("server.timezones")
    assert "SetCronJob" in desk("server.useragent")
    assert all(server.keys() == {"v4", "v6"} for server in desk("server.ip").values())


def test_each_provider_has_its_functions():
    """FastCron alone has batches and next, SetCronJob alone the server target."""
    fastcron, setcronjob = functions("fastcron"), functions("setcronjob")
    assert (len(fastcron), len(setcronjob)) == (28, 25)
    assert set(setcronjob - fastcron) == {
        f"server.{name}" for name in ("time", "timezones", "useragent", "ip")
    }
    assert "cron.next" in fastcron - setcronjob
    assert fastcron - functions("fastcron", "latest") == {"cron.batch_edit", "cron.group_edit"}


@pytest.mark.parametrize("wrong", [("cronjob", "seed"), ("fastcron", "next")])
def test_unknown_providers_and_eras_are_refused(wrong):
    """An unknown provider or era raises ValueError."""
    with pytest.raises(ValueError, match="unknown provider or era"):
        functions(*wrong)
