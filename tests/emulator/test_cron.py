"""The cron functions for one job and for lists, called directly."""

from __future__ import annotations

import pytest

from .conftest import Desk, refused


def test_add_fills_in_every_default(desk):
    """A job made from only a URL has all fields of the data page."""
    assert desk.add(url="example.com/ping") == {
        "id": 100_001,
        "group": None,
        "expression": "1 hour",
        "timezone": "UTC",
        "timeout": 30,
        "instances": 0,
        "url": "http://example.com/ping",
        "httpMethod": "GET",
        "httpHeaders": "",
        "postData": "",
        "fail": 0,
        "status": 0,
        "name": "",
        "notify": True,
        "notifyEvery": 1,
        "points": 1,
    }


def test_the_latest_era_shows_other_fields():
    """In the latest era a job has a priority, no points, and a default of 15 minutes."""
    job = Desk(era="latest").add()
    assert job["expression"] == "15 minutes"
    assert "priority" in job
    assert not {"points", "notifyEvery"} & job.keys()


def test_notify_is_a_code_at_setcronjob():
    """For notify, SetCronJob has codes from 0 to 3 and FastCron a boolean."""
    desk = Desk("setcronjob")
    assert [desk.add()["notify"], desk.add(notify=3)["notify"]] == [0, 3]
    refused("notify must be from 0 to 3", desk.add, notify=4)
    assert Desk().add(notify=0)["notify"] is False


def test_add_keeps_what_is_given(desk):
    """Values within their bounds are answered as sent, in a form or in JSON."""
    given = {
        "timeout": 5,
        "instances": 5,
        "httpMethod": "POST",
        "httpHeaders": "X-A: 1\r\nX-B: 2",
        "postData": "{}",
        "notify": False,
    }
    job = desk.add(**given, failureThreshold=10, pattern="x" * 255)
    assert {name: job[name] for name in given} == given
    assert desk.add(timeout="5", notify="0") == {
        **desk.add(timeout=5, notify=False),
        "id": job["id"] + 1,
    }


def test_an_empty_value_means_the_default(desk):
    """An empty expression, timezone or method and a null all mean the default."""
    job = desk.add(expression="", timezone="", httpMethod="", name=None)
    assert (job["expression"], job["timezone"], job["httpMethod"], job["name"]) == (
        "1 hour",
        "UTC",
        "GET",
        "",
    )


def test_the_accounts_timezone_is_the_default(desk):
    """A new job has the account's timezone by default."""
    desk("account.edit", timezone="Europe/London")
    assert desk.add()["timezone"] == "Europe/London"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"url": ""}, "Invalid URL"),
        ({"url": "ftp://example.com/"}, "Invalid URL"),
        ({"url": "http://exa mple.com/"}, "Invalid URL"),
        ({"url": "http://[::1"}, "Invalid URL"),
        ({"url": "http://example.com:99999/"}, "Invalid URL"),
        ({"expression": "whenever"}, "Invalid expression"),
        ({"timezone": "Mars/Olympus"}, "Invalid timezone"),
        ({"timeout": 0}, "timeout must be from 1"),
        ({"instances": 6}, "instances must be from 0 to 5"),
        ({"httpMethod": "get"}, "Invalid HTTP method"),
        ({"httpMethod": "TRACE"}, "Invalid HTTP method"),
        ({"group": 7}, "Group not found"),
        ({"group": 0}, "Group not found"),
        ({"pattern": "x" * 256}, "pattern can have at most 255"),
        ({"failureThreshold": 0}, "failureThreshold must be"),
    ],
)
def test_wrong_values_are_refused(desk, given, message):
    """Add and edit refuse a bad value and change nothing."""
    refused(message, desk.add, **given)
    job = desk.add()
    refused(message, desk, "cron.edit", id=job["id"], **given)
    assert desk("cron.list") == [job]


def test_wrong_values_of_today_are_refused():
    """A keyword has at most a hundred characters, and a delay ends within a day."""
    for given in ({"keyword": "x" * 101}, {"delay": 1441}, {"delay": -1}):
        refused(
            f"{next(iter(given))} (can have at most 100|must be from 0)",
            Desk(era="latest").add,
            **given,
        )


def test_the_password_is_never_answered(desk):
    """No answer contains the password."""
    job = desk.add(username="me", password="hush")
    assert "hush" not in str([job, desk("cron.get", id=job["id"]), desk("cron.list")])


def test_localhost_may_be_called(desk):
    """Unlike the real services, the emulator accepts local addresses, because tests use them."""
    assert desk.add(url="http://127.0.0.1:8000/x")["url"] == "http://127.0.0.1:8000/x"


@pytest.mark.parametrize(
    ("function", "more"),
    [
        ("cron.get", {}),
        ("cron.edit", {}),
        ("cron.enable", {}),
        ("cron.disable", {}),
        ("cron.delete", {}),
        ("cron.pause", {"for": "1 hour"}),
        ("cron.run", {}),
        ("cron.logs", {}),
        ("cron.failures", {}),
        ("cron.next", {}),
    ],
)
@pytest.mark.parametrize("number", [0, "5", 999_999])
def test_an_unknown_job_is_not_found(desk, function, more, number):
    """Every function with an id refuses an unknown one."""
    refused("Cronjob not found", desk, function, id=number, **more)


def test_a_foreign_job_is_not_found(desk):
    """A job of another account is not found."""
    job = desk.add()
    refused("Cronjob not found", desk.as_other("two"), "cron.get", id=job["id"])


def test_edit_keeps_what_is_left_out(desk):
    """Edit changes only the given values, and an empty group means no group."""
    group = desk("group.add", name="g")["id"]
    job = desk.add(name="a", postData="x", group=group)
    edited = desk("cron.edit", id=str(job["id"]), name="b", postData="")
    assert edited == {**job, "name": "b", "postData": ""}
    assert desk("cron.edit", id=job["id"], group="")["group"] is None
    assert desk("cron.edit", id=job["id"], group=group)["group"] == group
    assert desk("cron.edit", id=job["id"], group=None)["group"] is None


def test_list_searches_name_id_and_address(desk):
    """The keyword matches a part of name, id or URL in any case, and results are ordered by id."""
    first = desk.add(name="Weekly")
    second = desk.add(url="https://example.com/weekly?x")
    desk.add()
    assert desk("cron.list", keyword="WEEKLY") == [first, second]
    assert desk("cron.list", keyword=str(second["id"])) == [second]
    assert desk("cron.list", keyword="nothing") == []


def test_list_comes_in_pages():
    """Pages 0 and 1 are both the first, and a page beyond the end is empty."""
    desk = Desk(page_size=2)
    jobs = [desk.add() for _ in range(3)]
    assert [desk("cron.list", page=page) for page in (0, 1, 2, 3)] == [
        jobs[:2],
        jobs[:2],
        jobs[2:],
        [],
    ]


def test_delete_answers_the_job_without_its_id(desk):
    """Delete removes the job and answers it with a null id."""
    job = desk.add()
    assert desk("cron.delete", id=job["id"]) == {**job, "id": None}
    refused("not found", desk, "cron.get", id=job["id"])


def test_old_value_lists_make_a_schedule():
    """SetCronJob takes and shows lists from second to weekday until an expression replaces them."""
    desk = Desk("setcronjob")
    job = desk.add(second=["0", "30"], minute="0,30", hour=5)
    assert (job["expression"], job["second"], job["hour"]) == ("0,30 5 * * *", ["0", "30"], ["5"])
    edited = desk("cron.edit", id=job["id"], hour=["6"])
    assert (edited["expression"], edited["minute"]) == ("0,30 6 * * *", ["0", "30"])
    assert "hour" not in desk("cron.edit", id=job["id"], expression="1 hour")
    assert "hour" not in desk.add(hour=["6"], expression="1 hour")
    refused("Invalid schedule", desk.add, second=["15"])
    refused("Invalid schedule", desk.add, hour=["25"])


def test_the_old_name_of_group_is_taken():
    """SetCronJob accepts groupID for group."""
    desk = Desk("setcronjob")
    group = desk("group.add", name="g", autoDelete=3, contacts=[1])["id"]
    assert desk.add(groupID=group)["group"] == group
