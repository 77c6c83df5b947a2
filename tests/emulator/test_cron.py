"""The cron functions, called directly."""

from __future__ import annotations

import pytest

from cronapi.emulator.refusal import Refusal

from .conftest import START, Desk


def refused(match, function, *args, **params):
    with pytest.raises(Refusal, match=match):
        function(*args, **params)


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
    job = desk.add(**given, delay=10, pattern="x" * 255)
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
        ({"keyword": "x" * 101}, "keyword can have at most 100"),
        ({"failureThreshold": 0}, "failureThreshold must be"),
    ],
)
def test_wrong_values_are_refused(desk, given, message):
    """Add and edit refuse a bad value and change nothing."""
    refused(message, desk.add, **given)
    job = desk.add()
    refused(message, desk, "cron.edit", id=job["id"], **given)
    assert desk("cron.list") == [job]


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


def test_disable_and_enable_change_the_status(desk):
    """A disabled job has status 1 and no runs, and enabling restarts its schedule."""
    job = desk.add(expression="10 minutes")
    assert desk("cron.disable", id=job["id"])["status"] == 1
    assert desk("cron.next", id=job["id"]) == []
    desk.now += 3600
    assert desk("cron.enable", id=job["id"])["status"] == 0
    desk.now += 60
    assert desk("cron.enable", id=job["id"])["status"] == 0
    assert desk("cron.next", id=job["id"])[0] == START + 3600 + 600
    assert desk("cron.logs", id=job["id"]) == []


def test_a_pause_ends_by_itself(desk):
    """A paused job has status 1 and becomes active again when its span is over."""
    job = desk.add(expression="10 minutes")
    assert desk("cron.pause", id=job["id"], **{"for": "1 hour"})["status"] == 1
    desk("cron.run", id=desk.add(expression="manual")["id"])
    assert desk("cron.next", id=job["id"])[0] == START + 3600 + 600
    desk.now += 3599
    assert desk("cron.get", id=job["id"])["status"] == 1
    desk.now += 1
    assert desk("cron.get", id=job["id"])["status"] == 0
    assert desk("cron.logs", id=job["id"]) == []
    desk.now += 600
    assert len(desk("cron.logs", id=job["id"])) == 1


def test_a_pause_can_be_renewed_and_ended(desk):
    """A second pause counts from now, enable ends a pause, and disable makes it permanent."""
    job = desk.add()["id"]
    desk("cron.pause", id=job, **{"for": "1 hour"})
    desk.now += 3000
    desk("cron.pause", id=job, **{"for": "1 hour"})
    desk.now += 3000
    assert desk("cron.get", id=job)["status"] == 1
    assert desk("cron.enable", id=job)["status"] == 0
    desk("cron.pause", id=job, **{"for": "1 hour"})
    desk("cron.disable", id=job)
    desk.now += 7200
    assert desk("cron.get", id=job)["status"] == 1


def test_a_disabled_job_stays_so_after_a_pause(desk):
    """Pausing a disabled job changes nothing."""
    job = desk.add()["id"]
    desk("cron.disable", id=job)
    desk("cron.pause", id=job, **{"for": "1 minute"})
    desk.now += 120
    assert desk("cron.get", id=job)["status"] == 1


def test_a_pause_needs_a_span(desk):
    """A pause without a span, or with an unreadable one, is refused."""
    job = desk.add()["id"]
    refused("Missing parameter: for", desk, "cron.pause", id=job)
    refused("must be a span", desk, "cron.pause", id=job, **{"for": "a while"})


def test_run_answers_when(desk):
    """A future time is kept, else the run is 15 to 20 seconds away on a multiple of 5."""
    job = desk.add(expression="manual")["id"]
    desk.now = START + 2
    assert desk("cron.run", id=job, time=START + 500) == START + 500
    assert desk("cron.run", id=job) == START + 20
    assert desk("cron.run", id=job, time=5) == START + 20
    assert desk("cron.next", id=job) == [START + 20, START + 20, START + 500]


def test_queued_runs_happen(desk):
    """A queued run that came due is in the log and no longer announced."""
    job = desk.add(expression="manual")["id"]
    desk("cron.run", id=job)
    desk.now += 60
    assert [row["result"]["time"] for row in desk("cron.logs", id=job)] == [START + 15]
    assert desk("cron.next", id=job) == []


def test_queued_runs_of_a_sleeping_job_are_dropped(desk):
    """Runs that came due while a job was paused or disabled are dropped."""
    paused, disabled = desk.add(expression="manual")["id"], desk.add(expression="manual")["id"]
    for job in (paused, disabled):
        desk("cron.run", id=job)
        desk("cron.run", id=job, time=START + 7200)
    desk("cron.pause", id=paused, **{"for": "1 hour"})
    desk("cron.disable", id=disabled)
    desk.now += 3600
    desk("cron.enable", id=disabled)
    for job in (paused, disabled):
        assert desk("cron.logs", id=job) == []
        assert desk("cron.next", id=job) == [START + 7200]


def test_a_disabled_job_cannot_be_run(desk):
    """A disabled job refuses to run."""
    job = desk.add()["id"]
    desk("cron.disable", id=job)
    refused("disabled", desk, "cron.run", id=job)


@pytest.mark.parametrize(
    ("method", "payload", "message"),
    [
        ("POST", "a=1&b=2", None),
        ("POST", '{"a": 1}', None),
        ("PUT", "[1,\n2]", None),
        ("GET", "a=1", None),
        ("POST", "", None),
        ("POST", "a\nb", "valid JSON"),
        ("PATCH", "{a", "valid JSON"),
        ("GET", '{"a": 1}', "query string"),
        ("DELETE", "a\nb", "query string"),
    ],
)
def test_payloads_must_fit_the_method(desk, method, payload, message):
    """A payload with a newline or a brace must be JSON, and needs a method with a body."""
    job = desk.add(httpMethod=method)["id"]
    if message:
        refused(message, desk, "cron.run", id=job, payload=payload)
    else:
        assert desk("cron.run", id=job, payload=payload)


def test_add_and_edit_can_queue_a_run(desk):
    """The parameter run means now if 1, a Unix time if larger, and no run if 0."""
    job = desk.add(expression="manual", run=1)["id"]
    desk("cron.edit", id=job, run=START + 99, payload="a=1")
    desk("cron.edit", id=job, run=0)
    assert desk("cron.next", id=job) == [START + 15, START + 99]


def test_next_is_at_most_a_hundred(desk):
    """Next answers at most a hundred runs, ascending, with the queued ones among them."""
    job = desk.add(expression="*/5 * * * *")["id"]
    desk("cron.run", id=job)
    times = desk("cron.next", id=job)
    assert (len(times), times[0], times == sorted(times)) == (100, START + 15, True)


def test_logs_are_newest_first_and_the_last_fifty(desk):
    """Logs keep the last fifty runs, newest first, and obey limit and keyword."""
    job = desk.add(expression="* * * * *")["id"]
    desk.now += 3600
    rows = desk("cron.logs", id=job)
    times = [row["result"]["time"] for row in rows]
    assert (len(rows), times[0], times == sorted(times, reverse=True)) == (50, START + 3600, True)
    assert desk("cron.logs", id=job, limit=2) == rows[:2]
    assert desk("cron.logs", id=job, limit=-1) == []
    assert desk("cron.logs", id=job, keyword=str(START + 3600)) == rows[:1]
    assert desk("cron.failures", id=job) == []


def test_logs_grow_from_look_to_look(desk):
    """Later runs are added to the log, also after an edit of the schedule."""
    job = desk.add(expression="10 minutes")["id"]
    desk.now += 1500
    assert len(desk("cron.logs", id=job)) == 2
    desk("cron.edit", id=job, expression="1 minute", url="https://example.com/500")
    desk.now += 120
    assert [row["result"]["time"] - START for row in desk("cron.logs", id=job)] == [
        1620,
        1560,
        1200,
        600,
    ]


def test_addresses_can_be_made_to_fail(desk):
    """A URL with /404 or /500 fails with that status until it is changed."""
    job = desk.add(url="https://example.com/404", expression="10 minutes")["id"]
    other = desk.add(url="https://example.com/500", expression="10 minutes")["id"]
    desk.now += 1200
    failures = [row["result"] for row in desk("cron.failures", id=job)]
    assert [(row["httpStatus"], row["status"], row["error"]) for row in failures] == [
        (404, 1, "HTTP error 404")
    ] * 2
    assert desk("cron.get", id=job)["fail"] == 2
    assert len(desk("cron.failures")) == 4
    assert len(desk("cron.failures", limit=3)) == 3
    desk("cron.edit", id=other, url="https://example.com/ok")
    desk.now += 600
    assert desk("cron.get", id=other)["fail"] == 0
    assert len(desk("cron.failures", id=other)) == 2


@pytest.mark.parametrize(
    ("shape", "members"),
    [
        ("object", {"result"}),
        ("list", {"jobId", "no", "startTime", "executionTime", "status", "result"}),
        ("string", {"jobId", "no", "startTime", "ip", "status", "result", "downloaded"}),
    ],
)
def test_log_rows_come_in_the_shape_chosen(shape, members):
    """Each log shape has its own members and its own type of result."""
    desk = Desk(log_shape=shape)
    job = desk.add(expression="10 minutes")["id"]
    desk.now += 600
    (row,) = desk("cron.logs", id=job)
    assert row.keys() == members
    assert (
        type(row["result"]).__name__ == {"object": "dict", "list": "list", "string": "str"}[shape]
    )


def test_the_flat_shape_has_no_result():
    """A flat row has the members of the result at its top."""
    desk = Desk(log_shape="flat")
    job = desk.add(expression="10 minutes")["id"]
    desk.now += 600
    assert desk("cron.logs", id=job)[0]["httpStatus"] == 200


def test_batch_add_is_all_or_nothing(desk):
    """A batch adds all items in order, or none and names the bad one."""
    refused(
        r"data\[1\]: Invalid URL", desk, "cron.batch_add", data=[{"url": "a.example"}, {"url": ""}]
    )
    refused(
        r"data\[0\]: Unknown parameter: token",
        desk,
        "cron.batch_add",
        data=[{"url": "a.example", "token": "x"}],
    )
    assert desk("cron.list") == []
    made = desk("cron.batch_add", data=[{"url": "a.example", "name": name} for name in "abc"])
    assert [job["name"] for job in made] == ["a", "b", "c"]
    assert desk("cron.batch_add", data=[]) == []


def test_batch_edit_changes_all_or_nothing(desk):
    """A batch edits every job named, or none if one is unknown."""
    jobs = [desk.add()["id"] for _ in range(3)]
    refused("not found", desk, "cron.batch_edit", id=[*jobs, 5], name="x")
    assert {job["name"] for job in desk("cron.list")} == {""}
    assert [job["name"] for job in desk("cron.batch_edit", id=jobs[:2] + jobs[:1], name="x")] == [
        "x",
        "x",
    ]
    assert [job["name"] for job in desk("cron.list")] == ["x", "x", ""]


def test_batch_delete_deletes_all_or_nothing(desk):
    """A batch deletes every job named once, or none if one is unknown."""
    jobs = [desk.add()["id"] for _ in range(3)]
    refused("not found", desk, "cron.batch_delete", id=[jobs[0], 5])
    assert [job["id"] for job in desk("cron.batch_delete", id=[jobs[0], jobs[1], jobs[0]])] == [
        None,
        None,
    ]
    assert [job["id"] for job in desk("cron.list")] == [jobs[2]]


def test_group_edit_changes_the_jobs_of_a_group(desk):
    """Group edit changes every job of the group and no other."""
    group = desk("group.add", name="g")["id"]
    inside, outside = desk.add(group=group), desk.add()
    assert desk("cron.group_edit", id=group, name="x") == [{**inside, "name": "x"}]
    assert desk("cron.get", id=outside["id"]) == outside
    refused("Group not found", desk, "cron.group_edit", id=5, name="x")


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


def test_one_time_jobs_run_once(desk):
    """A job with a date runs once."""
    job = desk.add(expression=f"@{START + 100}")["id"]
    assert desk("cron.next", id=job) == [START + 100]
    desk.now += 1000
    assert len(desk("cron.logs", id=job)) == 1
    assert desk("cron.next", id=job) == []
