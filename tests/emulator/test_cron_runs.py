"""The runs of a job, called directly: status, pauses, requested runs and logs."""

from __future__ import annotations

import pytest

from .conftest import START, Desk, refused


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


def test_a_disabled_job_cannot_be_run():
    """A disabled job refuses to run, since October 2024."""
    desk = Desk(era="latest")
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


def test_add_and_edit_can_queue_a_run():
    """The parameter run means now if 1, a Unix time if larger, and no run if 0."""
    desk = Desk(era="latest")
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


def test_one_time_jobs_run_once(desk):
    """A job with a date runs once."""
    job = desk.add(expression=f"@{START + 100}")["id"]
    assert desk("cron.next", id=job) == [START + 100]
    desk.now += 1000
    assert len(desk("cron.logs", id=job)) == 1
    assert desk("cron.next", id=job) == []


@pytest.mark.each_value
@pytest.mark.parametrize("expression", ["* * * * *", "1 minute", "R60 * * * *"])
@pytest.mark.parametrize("looks", [1, 4, 200])
def test_failures_and_runs_are_counted_however_rarely_one_looks(expression, looks):
    """Two hundred failures are two hundred, and the last run has their number, while 50 rows are
    kept.
    """
    desk = Desk(log_shape="list")
    job = desk.add(url="https://example.com/404", expression=expression)["id"]
    for _ in range(looks):
        desk.now += 200 * 60 // looks
        fail = desk("cron.get", id=job)["fail"]
    rows = desk("cron.logs", id=job)
    assert (fail, rows[0]["no"], len(rows)) == (200, 200, 50)
    desk("cron.edit", id=job, url="https://example.com/")
    desk.now += 60
    assert (desk("cron.get", id=job)["fail"], desk("cron.logs", id=job)[0]["no"]) == (0, 201)
