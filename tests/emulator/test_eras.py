"""What the documentation of each era says, where the eras differ."""

from __future__ import annotations

import pytest

from tests.emulator.conftest import Desk, refused

URL = "https://example.com/ping"
BODIES = ['{"a": 1}', '{"a":\n1}', "a=1&b=2", "", "[1, 2", "__timestamp__"]
BAD_BODIES = ["a\nb", "{bad", "{", '{"a": 1}\nb', "a=1\n", "{'a': 1}"]


def of(era):
    return Desk(era=era)


@pytest.mark.parametrize(("era", "least"), [("seed", 1), ("latest", 5)])
def test_the_shortest_timeout_is_that_of_the_era(era, least):
    """Today a job waits five seconds or more."""
    desk = of(era)
    assert desk.add(timeout=least)["timeout"] == least
    for seconds in (least - 1, 0, -1):
        refused("timeout must be from", desk.add, timeout=seconds)
    refused("timeout must be from", desk, "cron.edit", id=desk.add()["id"], timeout=least - 1)


def test_post_data_is_checked_today():
    """A text with a line end or a brace at its begin must be JSON, as for a payload."""
    for body in BODIES:
        assert of("latest").add(httpMethod="POST", postData=body)["postData"] == body
    for body in BAD_BODIES:
        assert of("seed").add(httpMethod="POST", postData=body)["postData"] == body
        refused("postData must be a query string", of("latest").add, postData=body)
        desk = of("latest")
        refused("postData", desk, "cron.edit", id=desk.add()["id"], postData=body)


def test_failures_of_all_jobs_are_of_the_past():
    """Today the failures of one job are asked for, by its id."""
    for era, expected in (("seed", 2), ("latest", None)):
        desk = of(era)
        jobs = [desk.add(url=f"{URL}/500", expression="* * * * *") for _ in range(2)]
        desk.now += 60
        if expected is None:
            refused("Missing parameter: id", desk, "cron.failures")
        else:
            assert len(desk("cron.failures")) == expected
        assert len(desk("cron.failures", id=jobs[0]["id"])) == 1


@pytest.mark.parametrize("shape", ["object", "flat", "list"])
def test_a_log_row_of_today_has_seven_members(shape):
    """The address, the URL, the message and the start are gone since August 2024."""
    seven = {
        *("output", "downloaded", "httpStatus", "error", "time", "executionTime", "status"),
    }
    for era, more in (("seed", 5), ("latest", 0)):
        desk = Desk(era=era, log_shape=shape)
        job = desk.add(expression="* * * * *")
        desk.now += 60
        (row,) = desk("cron.logs", id=job["id"])
        result = row["result"] if shape != "flat" else row
        result = result[0] if isinstance(result, list) else result
        assert seven <= set(result)
        assert len(result) == 7 + more


def test_a_group_deletes_after_the_days_that_there_are():
    """`autoDelete` is 0, 1, 3, 7, 15 or 30 days."""
    desk = Desk("setcronjob")
    for days in (0, 1, 3, 7, 15, 30):
        group = desk("group.add", name="g", autoDelete=days)
    for days in (5, 2, -1, 31, 100):
        refused("autoDelete must be one of", desk, "group.add", name="g", autoDelete=days)
        refused("autoDelete must be", desk, "group.edit", id=group["id"], autoDelete=days)


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost/", "localhost/x", "http://LOCALHOST:8080/", "http://127.0.0.1/"),
        *("http://127.9.9.9/", "http://[::1]/", "http://localhost./", "https://u:p@localhost/"),
    ],
)
def test_a_service_may_refuse_localhost(url):
    """With the switch a job cannot name this machine, and without it it can."""
    assert Desk().add(url=url)["url"].endswith(url)
    refused("its host is refused", Desk(refuse_localhost=True).add, url=url)
    assert Desk(refuse_localhost=True).add(url=URL)["url"] == URL
