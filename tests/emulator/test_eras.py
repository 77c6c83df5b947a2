"""What the documentation of each era says, where the eras differ."""

from __future__ import annotations

from typing import get_args

import httpx
import pytest

from cronapi.emulator import Era, create_app, functions
from tests.emulator.conftest import START, TOKEN, UNLIMITED, Desk, calling, refused
from tests.support.called import Network, ask, calling_app

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


ALL_BUT = ["cron.batch_edit", "run"]
OLD = ("2013", "2019", "2023")
ERAS = get_args(Era)
# What is seen in one era for the first time, and in which for the last.
SPANS = [
    ("setcronjob", "cron.list", "2013", "latest"),
    ("setcronjob", "server.time", "2013", "latest"),
    ("setcronjob", "cron.run", "2019", "latest"),
    ("setcronjob", "cron.failures", "2019", "latest"),
    ("setcronjob", "group.lookup", "2019", "latest"),
    ("setcronjob", "cron.pause", "2023", "latest"),
    ("fastcron", "cron.list", "2023", "latest"),
    ("fastcron", "cron.next", "seed", "latest"),
    ("fastcron", "cron.batch_add", "seed", "latest"),
    ("fastcron", "cron.batch_edit", "seed", "seed"),
    ("fastcron", "cron.group_edit", "seed", "seed"),
]


def during(first, last):
    return ERAS[ERAS.index(first) : ERAS.index(last) + 1]


def test_a_function_is_there_in_its_eras():
    """Each function has the eras in which a page or a program of the time names it."""
    for provider, function, first, last in SPANS:
        found = [era for era in ERAS if function in functions(provider, era)]
        assert found == list(during(first, last)), function
    assert len(functions("setcronjob", "2013")) == 16  # as its announcement counts
    assert functions("fastcron", "2019") == frozenset()


def test_a_parameter_is_refused_before_its_era():
    """A strict emulator of an era takes what that era had, and no more."""
    table = [
        ("minute", "0", "2013"),
        ("groupID", "", "2013"),
        ("notify", 3, "2013"),
        ("expression", "0 0 * * *", "2019"),
        ("group", "", "2019"),
        ("notifyEvery", 2, "2019"),
        ("pattern", "bad", "2019"),
        ("failureThreshold", 3, "2019"),
        ("timeout", 20, "2023"),
        ("instances", 1, "2023"),
        ("single", 1, "2023"),
    ]
    for name, value, first in table:
        for era in OLD:
            desk = Desk("setcronjob", era=era)
            if era in during(first, "latest"):
                assert desk.add(**{name: value})["id"]
            else:
                refused(f"Unknown parameter: {name}", desk.add, **{name: value})
                assert Desk("setcronjob", era=era, strict=False).add(**{name: value})["id"]
    later = {"run": 1, "payload": "a=1", "filter": "hour == 1", "delay": 5, "keyword": "ok"}
    for name, value in {**later, "userAgent": "me"}.items():
        for era in ("2023", "seed"):
            text = f"Unknown parameter: {name}. Other eras know {name} in latest."
            refused(text, Desk(era=era).add, **{name: value})
            desk = Desk(era=era)
            for function in ("cron.edit", *(["cron.batch_edit"] if era == "seed" else [])):
                number = desk.add()["id"]
                ids = [number] if function == "cron.batch_edit" else number
                refused("Unknown parameter", desk, function, id=ids, **{name: value})
            assert "keyword" not in Desk(era=era, strict=False).add(**{name: value})
        assert Desk(era="latest").add(**{name: value})["id"]
    for name, value in (("notifyMatch", "bad"), ("notifyTime", 5), ("unheard", 1)):
        for era in ("2023", "seed", "latest"):
            refused(f"Unknown parameter: {name}.$", Desk(era=era).add, **{name: value})
    gone = {"pattern": "bad", "notifyEvery": 2, "ignoreHttpStatus": 0, "retryFailed": 1}
    for name, value in {**gone, "failureThreshold": 3}.items():
        assert Desk(era="seed").add(**{name: value})["id"]
        desk = Desk(era="latest")
        refused(f"Unknown parameter: {name}", desk.add, **{name: value})
        refused("Unknown", desk, "cron.edit", id=desk.add()["id"], **{name: value})
        refused("data.0.: Unknown", desk, "cron.batch_add", data=[{"url": URL, name: value}])
    for era, unknown in (("seed", False), ("latest", True)):
        desk = Desk(era=era)
        asked = {"id": desk.add()["id"], "limit": 1}
        if unknown:
            refused("Other eras know limit in 2023 and seed", desk, "cron.failures", **asked)
        else:
            assert desk("cron.failures", **asked) == []
    desk = Desk(era="2023")
    refused("Unknown parameter: time", desk, "cron.run", id=desk.add()["id"], time=START)


def test_the_list_has_pages_since_2023():
    """Before, it was whole, and FastCron's was so still in 2023."""
    for provider, era, paged in [
        *(("setcronjob", "2013", False), ("setcronjob", "2019", False)),
        *(("setcronjob", "2023", True), ("fastcron", "2023", False), ("fastcron", "seed", True)),
    ]:
        desk = Desk(provider, era=era, page_size=2)
        for _ in range(3):
            desk.add()
        assert len(desk("cron.list")) == (2 if paged else 3), (provider, era)
        if paged:
            assert len(desk("cron.list", page=2)) == 1
        else:
            refused("Unknown parameter: page", desk, "cron.list", page=2)


def test_a_job_has_the_members_of_its_era():
    """Value lists and `groupId` came first, then `expression`, and `timeout` in 2023."""
    first = Desk("setcronjob", era="2013").add(minute="5", hour="1,2")
    assert (first["minute"], first["hour"], first["groupId"]) == (["5"], ["1", "2"], None)
    members = [set(Desk("setcronjob", era=era).add()) for era in ERAS]
    for name, first_era, last_era in [
        *(("groupId", "2013", "2013"), ("group", "2019", "latest")),
        *(("expression", "2019", "latest"), ("timeout", "2023", "latest")),
        *(("points", "2013", "seed"), ("notifyEvery", "2019", "seed")),
        ("priority", "latest", "latest"),
    ]:
        found = [era for era, names in zip(ERAS, members, strict=True) if name in names]
        assert found == list(during(first_era, last_era)), name


def test_a_log_row_has_the_shape_of_its_era():
    """A text at first, then a list of attempts, then an object. A switch can name any."""
    kinds = {"2013": str, "2019": list, "2023": dict, "seed": dict, "latest": dict}
    for era, kind in kinds.items():
        for shape, expected in (("era", kind), ("object", dict), ("list", list), ("string", str)):
            desk = Desk("setcronjob", era=era, log_shape=shape)
            job = desk.add(**({"minute": "*"} if era == "2013" else {"expression": "* * * * *"}))
            desk.now += 60
            (row,) = desk("cron.logs", id=job["id"])
            assert isinstance(row["result"], expected)


async def test_an_envelope_and_a_request_are_those_of_the_era(clock):
    """Until 2024 a success has `info`. The header with a token came later, and in 2023 FastCron's
    functions had a dot.
    """
    for era in ERAS:
        async with calling(create_app(clock=clock, rates=UNLIMITED, era=era)) as caller:
            answer = (await caller.setcronjob("cron.list")).json()
            assert answer.get("info") == ([] if era in OLD else None)
            dotted = await caller.http.post("/api/v1/cron.list", json={"token": TOKEN})
            assert (dotted.json()["code"] == 0) == (era == "2023")
            bearer = {"Authorization": f"Bearer {TOKEN}"}
            told = await caller.http.get("/api/v1/cron_list", headers=bearer)
            assert (told.json()["code"] == 0) == (era == "latest")


async def test_a_token_in_the_header_is_known_since_2026(clock):
    """Before, it is no token, and the refusal says so. It is taken if it is named, or by a lenient
    emulator with a warning. SetCronJob never took it.
    """
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    both = ("2023", "seed", "latest")
    for era, more in [(era, more) for era in both for more in ("", "undocumented", "lenient")]:
        options = {"strict": more != "lenient"}
        if more == "undocumented":
            options["undocumented"] = ["Authorization"]
        app = create_app(clock=clock, rates=UNLIMITED, era=era, **options)
        async with calling(app) as caller:
            told = await caller.http.get("/api/v1/cron_list", headers=bearer)
            never = await caller.http.get("/api/cron.list", headers=bearer)
        is_taken = bool(era == "latest" or more)
        assert (told.json()["code"] == 0) == is_taken, (era, more)
        hint = "The era latest knows the header Authorization"
        assert (hint in told.text) == (not is_taken)
        warning = told.headers.get("x-emulator-warning")
        is_odd = more == "lenient" and era != "latest"
        assert warning == ("the token is in the header Authorization" if is_odd else None)
        assert (never.json()["code"], hint in never.text) == (1, False)


def test_defaults_are_those_of_the_era():
    """FastCron notified nobody by default in 2023."""
    assert [Desk(era=era).add()["notify"] for era in ("2023", "seed", "latest")] == [0, 1, 1]


def test_a_disabled_job_ran_by_request_until_october_2024():
    """It runs then, once, and stays as it was: disabled or paused. Its schedule does not run."""
    for era in ("2023", "seed"):
        desk = Desk("setcronjob", era=era)
        off, paused = [desk.add(expression="* * * * *")["id"] for _ in range(2)]
        desk("cron.disable", id=off)
        desk("cron.pause", id=paused, **{"for": "1 hour"})
        asked = [desk("cron.run", id=job) for job in (off, paused)]
        desk.now += 600
        for job, when in zip((off, paused), asked, strict=True):
            rows = desk("cron.logs", id=job)
            assert [row["result"]["time"] for row in rows] == [when]
            assert desk("cron.get", id=job)["status"] == 1
        desk.now += 3600
        assert len(desk("cron.logs", id=off)) == 1
        assert desk("cron.get", id=paused)["status"] == 0
        assert len(desk("cron.logs", id=paused)) > 2
        desk("cron.run", id=off)
        desk("cron.enable", id=off)
        desk.now += 60
        assert len(desk("cron.logs", id=off)) == 3  # the one that was asked for, and a minute's


async def test_a_disabled_job_really_calls_by_request():
    """Where jobs make calls, the run that was asked for is one, and no other."""
    network = Network()
    app = calling_app(network, era="seed")
    job = ask(app, "cron.add", url="http://127.0.0.1/", expression="* * * * *")
    ask(app, "cron.disable", id=job["id"])
    ask(app, "cron.run", id=job["id"])
    await app.run_for(600)
    assert len(network.calls) == 1
    assert ask(app, "cron.get", id=job["id"])["status"] == 1


@pytest.mark.parametrize("era", OLD)
async def test_old_jobs_run_by_the_rules_of_their_time(era):
    """An HTTP error is no failure unless that was asked for, and the output has its headers."""
    network = Network(lambda request: httpx.Response(500, text="out"))
    app = calling_app(network, era=era)
    more = {"minute": "*"} if era == "2013" else {"expression": "* * * * *"}
    job = ask(app, "cron.add", "setcronjob", url="http://127.0.0.1/", **more)
    await app.run_for(60)
    (row,) = ask(app, "cron.logs", "setcronjob", id=job["id"])
    assert "out" in str(row)
    assert "HTTP/1.1 500" in str(row["result"])
    assert ask(app, "cron.get", "setcronjob", id=job["id"])["fail"] == 0


@pytest.mark.parametrize(("path", "status"), [("", "200 OK"), ("/404", "404 Not Found")])
def test_a_pretended_output_begins_with_headers_until_2024(path, status):
    """As that of a call does. Today it is the body alone, in each shape and in the failures."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\n\r\n"
    body = "" if path else "OK"
    for era in ERAS:
        desk = Desk("setcronjob", era=era, log_shape="flat")
        when = {"minute": "*"} if era == "2013" else {"expression": "* * * * *"}
        job = desk.add(url=URL + path, **when)
        desk.now += 60
        (row,) = desk("cron.logs", id=job["id"])
        assert row["output"] == ("" if era == "latest" else head) + body, era
        assert row["downloaded"] == len(body)
        if path and era != "2013":
            assert desk("cron.failures", id=job["id"]) == [row]


def test_a_row_of_text_has_its_headers_once():
    """The text of the oldest log rows is headers and content, in every era that is asked for it."""
    for era in ERAS:
        desk = Desk("setcronjob", era=era, log_shape="string")
        job = desk.add(**({"minute": "*"} if era == "2013" else {"expression": "* * * * *"}))
        desk.now += 60
        (row,) = desk("cron.logs", id=job["id"])
        assert row["result"] == "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nOK", era


async def test_an_era_takes_what_it_is_told_to_take_too():
    """Documents that are silent prove nothing: functions and parameters of other eras by name."""
    both = Desk(era="latest", undocumented=frozenset({"pattern", "notifyMatch"}))
    assert both.add(keyword="a", pattern="b", notifyMatch="c")["id"]
    refused("Unknown parameter: retryFailed", both.add, retryFailed=1)
    app = create_app(rates=UNLIMITED, undocumented=["run", "cron.batch_edit"])
    async with calling(app) as caller:
        number = (await caller.fastcron("cron.add", url=URL, run=1)).json()["data"]["id"]
        edited = {"id": [number], "name": "x"}
        for settings, code in (({"era": "latest"}, 0), ({"undocumented": []}, 1)):
            told = await caller.http.patch("/_emulator/settings", json=settings)
            assert told.json()["undocumented"] == settings.get("undocumented", ALL_BUT)
            assert (await caller.fastcron("cron.batch_edit", **edited)).json()["code"] == code
        answer = await caller.http.patch("/_emulator/settings", json={"undocumented": ["runn"]})
        assert (answer.status_code, "unknown function or parameter" in answer.text) == (400, True)
    with pytest.raises(ValueError, match="unknown function or parameter 'page of nothing'"):
        create_app(undocumented=["page of nothing"])
