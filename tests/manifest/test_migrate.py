"""Jobs of one service as a manifest for the other, and all that gets lost."""

from __future__ import annotations

import attrs
import httpx
import pytest

from cronapi import (
    FASTCRON,
    SETCRONJOB,
    Applied,
    Client,
    ConfigurationError,
    FastCron,
    ResponseError,
    Scheduler,
    SetCronJob,
)
from cronapi.emulator import create_app
from cronapi.manifest import Manifest, migrate
from tests.support.emulated import FAST, client_of
from tests.support.manifests import applied, planned, shown_jobs

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")

SPECS = [
    {"name": "plain", "url": "https://example.com/1", "expression": "0 3 * * *", "timeout": 20},
    {"name": "twice", "url": "https://example.com/2", "second": ["0", "30"], "minute": ["5"]},
    {"name": "lists", "url": "https://example.com/3", "minute": ["0", "30"], "hour": ["5"]},
    {"name": "either", "url": "https://example.com/4", "day": ["1"], "weekday": ["1"]},
    {"name": "notified", "url": "https://example.com/5", "notify": 2},
    {"name": "secret", "url": "https://example.com/6", "http_headers": "X-Key: canary-header"},
    {"name": "place", "url": "https://example.com/7?s=__secret__"},
    {"name": "off", "url": "https://example.com/8"},
]


async def test_jobs_of_setcronjob_are_made_at_fastcron_with_each_difference_told():
    """A job that is off is made disabled, and a job without losses is equal in all it shows."""
    app = create_app(rates=FAST)
    async with client_of(app, "setcronjob") as api:
        report = await api.cron.add_many(SPECS)
        assert len(report.done) == len(SPECS)
        await api.cron.disable((await api.cron.find("off")).id)
        moved = await migrate(api, FASTCRON, into="from setcronjob")
    lost = {}
    for one in moved.losses:
        lost.setdefault(one.name, set()).add(one.loss.field)
    assert lost == {
        "twice": {"second"},
        "either": {"weekday"},
        "notified": {"notify"},
        "place": {"url"},
    }
    assert "canary" not in moved.text
    assert "canary" not in repr(moved)
    wanted = Manifest.loads(moved.text, environ=moved.environ)
    _, result = await applied(app, wanted)
    assert result.is_complete, result.errors
    assert (await planned(app, wanted)).is_empty
    before, after = shown_jobs(app, "setcronjob"), shown_jobs(app)
    assert before.keys() == after.keys()
    assert after["off"]["status"] == 1
    assert after["lists"]["expression"] == "0,30 5 * * *"
    for name in ("plain", "secret", "off"):
        for member in ("url", "expression", "timezone", "timeout", "httpHeaders", "postData"):
            assert before[name][member] == after[name][member], (name, member)


async def test_some_jobs_can_be_chosen_and_the_way_back_is_the_same():
    """By a group or by a prefix, and from FastCron to SetCronJob."""
    app = create_app(rates=FAST, undocumented=["filter"])
    async with client_of(app) as api:
        group = await api.group.add("g")
        await api.cron.add_many(
            [
                {"name": "a 1", "url": "https://example.com/1", "group": group.id},
                {"name": "b 1", "url": "https://example.com/2", "filter": "hour > 3"},
            ]
        )
        moved = await migrate(api, SETCRONJOB, into="h", group="g")
        assert [job.name for job in Manifest.loads(moved.text, environ={}).wanted.jobs] == ["a 1"]
        moved = await migrate(api, SETCRONJOB, into="h", prefix="b ")
        assert [job.name for job in Manifest.loads(moved.text, environ={}).wanted.jobs] == ["b 1"]
        with pytest.raises(ConfigurationError, match="no group 'none'"):
            await migrate(api, SETCRONJOB, into="h", group="none")
        with pytest.raises(ConfigurationError, match="not by both"):
            await migrate(api, SETCRONJOB, into="h", group="g", prefix="b")
    _, result = await applied(app, Manifest.loads(moved.text, environ={}), "setcronjob")
    assert result.is_complete


PARAMETERS = [
    *({"notify": code} for code in range(4)),
    {"timeout": 50, "instances": 3, "notify_every": 2},
    {"post_data": "a=1", "http_method": "POST", "http_headers": "X-A: 1\r\nX-B: 2"},
    {"expression": "*/7 * * * *"},
    {"timezone": "Asia/Tokyo", "expression": "0 3 * * *"},
    {"second": ["0", "30"], "minute": ["5"]},
    {"second": ["0"], "minute": ["5"]},
    {"minute": ["0", "30"], "hour": ["5"]},
    {"minute": ["1"], "hour": ["2"], "day": ["1"], "weekday": ["1"]},
    {"weekday": ["1", "2"], "month": ["3"]},
    {"url": "https://example.com/?s=__secret__"},
    {"post_data": "a __random__ b", "http_headers": "X-A: __secret__"},
]
SETTINGS = ("url", "timezone", "timeout", "instances", "http_method", "post_data", "http_headers")
MEANT_ELSE = ("__secret__", "__random__")


def differing(old, new):
    """Return the fields of a job that are, or mean, something else at the other service."""
    found = {name for name in SETTINGS if str(getattr(old, name)) != str(getattr(new, name))}
    found |= {
        name for name in SETTINGS if any(text in str(getattr(old, name)) for text in MEANT_ELSE)
    }
    if int(old.notify.value) != int(new.notify.value):
        found.add("notify")
    if old.second is None and old.minute is None and old.expression != new.expression:
        found.add("expression")
    if old.second is not None and len(old.second) > 1:
        found.add("second")  # an expression has none
    if old.day and old.weekday and "*" not in {*old.day, *old.weekday}:
        found.add("weekday")  # both there, either here
    return found


async def test_each_difference_that_is_shown_is_a_loss_and_each_loss_is_a_difference():
    """For every parameter that a job of SetCronJob shows."""
    app = create_app(rates=FAST)
    async with client_of(app, "setcronjob") as api:
        specs = [
            {"url": "https://example.com/", "name": f"job {number}"} | params
            for number, params in enumerate(PARAMETERS)
        ]
        assert len((await api.cron.add_many(specs)).done) == len(specs)
        before = {job.name: job for job in await api.cron.list()}
        moved = await migrate(api, FASTCRON, into="g")
    lost = {name: set() for name in before}
    for one in moved.losses:
        lost[one.name].add(one.loss.field)
    await applied(app, Manifest.loads(moved.text, environ=moved.environ))
    async with client_of(app) as api:
        after = {job.name: job for job in await api.cron.list()}
    assert {name: differing(job, after[name]) for name, job in before.items()} == lost


async def test_a_job_that_cannot_be_read_is_named():
    """By its name and id, with the member that has another shape. No job is left out silently."""
    row = {}

    def answer(_):
        return httpx.Response(200, json={"status": "success", "code": 0, "data": [row]})

    async with FastCron(
        "t", transport=httpx.MockTransport(answer), scheduler=Scheduler(1e4)
    ) as api:
        for odd in ({"fail": "abc"}, {"points": []}, {"notify": {}}, {"single": 7}, {"url": [1]}):
            (member,) = odd
            row = {"id": 7, "name": "odd", "url": "https://example.com/1"} | odd
            with pytest.raises(ResponseError, match=rf"odd \(7\).*\.{member}: expected") as caught:
                await migrate(api, SETCRONJOB, into="h")
            assert caught.value.applied is Applied.NO
            assert caught.value.problems


LATER = ["delay", "filter", "keyword", "notifyMatch", "notifyTime", "userAgent"]
"""Parameters that the documentation of 2024 does not have yet."""


@pytest.mark.parametrize(("source", "target"), [(SETCRONJOB, FASTCRON), (FASTCRON, SETCRONJOB)])
async def test_a_parameter_that_the_old_service_hides_is_told_once_for_all_jobs(source, target):
    """In one line for each, and no job that has it set differs from one that has not."""
    app = create_app(rates=FAST, undocumented=LATER)
    hidden = {
        "username": "joe",
        "password": "canary-password",
        "failure_threshold": 3,
        "pattern": "x",
        "retry_failed": False,
        "ignore_http_status": False,
        "dns_cache": True,
        "retry": 2,
        "retry_after": 7,
        "user_agent": "mine/1",
        "delay": 3,
        "filter": "hour > 3",
        "keyword": "done",
        "notify_match": "x",
        "notify_time": 5,
    }
    taken = {name: value for name, value in hidden.items() if name in source.hides}
    async with client_of(app, source.name) as api:
        for number in range(3):
            await api.cron.add(
                name=f"job {number}", url="https://example.com/", **(taken if number else {})
            )
        moved = await migrate(api, target, into="g")
        one = await migrate(api, target, into="g", prefix="job 1")
    shown = {name for name in ("single", "notify_every") if name in source.hides}  # by other fields
    assert {one.field for one in moved.unseen} == source.hides - shown == taken.keys()
    assert [str(one) for one in moved.unseen] == [
        f"all 3 jobs: {name} (cannot be read; if it was set, it is lost)" for name in sorted(taken)
    ]
    assert str(one.unseen[-1]).startswith("1 job: ")
    assert moved.losses == ()
    assert "canary" not in f"{moved} {moved.text}"


async def test_a_hidden_parameter_that_is_shown_after_all_is_carried_or_lost_by_its_job():
    """A service that shows more than its documentation has is read as it is."""
    rows = [
        {"id": 7, "name": "a", "url": "https://example.com/1", "username": "joe", "retry": 4},
        {"id": 8, "name": "b", "url": "https://example.com/2", "username": "", "single": True},
        {"id": 9, "name": "c", "url": "https://example.com/3", "username": None, "dnsCache": False},
    ]

    def answer(_):
        return httpx.Response(200, json={"status": "success", "code": 0, "data": rows})

    transport = httpx.MockTransport(answer)
    async with SetCronJob("t", transport=transport, scheduler=Scheduler(1e4)) as api:
        moved = await migrate(api, FASTCRON, into="h")
    jobs = {one.field: one.jobs for one in moved.unseen}
    assert (jobs["username"], jobs["password"], jobs["retry"]) == ((8, 9), (8, 9), (8, 9))
    assert (jobs["single"], jobs["dns_cache"], jobs["pattern"]) == ((7, 9), (7, 8), (7, 8, 9))
    lost = {(one.id, one.loss.field) for one in moved.losses} - {(n, "timezone") for n in (7, 8, 9)}
    assert lost == {(7, "password"), (7, "retry")}
    assert 'username = "joe"' in moved.text
    assert str(moved.unseen[0]) == "2 jobs: dns_cache (cannot be read; if it was set, it is lost)"


async def test_a_service_of_ones_own_says_what_it_hides():
    """A third service is described by its Provider, and the table follows."""
    other = attrs.evolve(SETCRONJOB, name="other", hides=frozenset({"timeout"}))
    rows = [{"id": 7, "name": "a", "url": "https://example.com/1", "timezone": "UTC"}]

    def answer(_):
        return httpx.Response(200, json={"status": "success", "code": 0, "data": rows})

    transport = httpx.MockTransport(answer)
    async with Client(other, "t", transport=transport, scheduler=Scheduler(1e4)) as api:
        moved = await migrate(api, FASTCRON, into="h")
    assert [one.field for one in moved.unseen] == ["timeout"]
    for bad in ({"timeout"}, ["timeout"], frozenset({5}), None):
        with pytest.raises(ConfigurationError, match="hides of a provider"):
            attrs.evolve(FASTCRON, hides=bad)


GROUPINGS = [
    ("in several groups", ["a", "a", "b"], {}, {0, 1, 2}),
    ("in a group or in none", ["a", None, None], {}, {0}),
    ("in one group", ["a", "a", "a"], {}, set()),
    ("in none", [None, None, None], {}, set()),
    ("of one group of several", ["a", "a", "b"], {"group": "a"}, set()),
    ("of one prefix, in one group", ["a", "a", "b"], {"prefix": "first"}, set()),
]


@pytest.mark.parametrize("source", ["fastcron", "setcronjob"])
async def test_groups_that_become_one_are_a_loss_of_each_job(source):
    """A move into one group keeps which jobs belong together only where all of them do."""
    target = SETCRONJOB if source == "fastcron" else FASTCRON
    for case, groups, options, wanted in GROUPINGS:
        app = create_app(rates=FAST)
        names = ["first 0", "first 1", "other"]
        async with client_of(app, source) as api:
            ids = {name: (await api.group.add(name)).id for name in sorted({*groups} - {None})}
            for name, group in zip(names, groups, strict=True):
                more = {} if group is None else {"group": ids[group]}
                await api.cron.add(name=name, url="https://example.com/", **more)
            moved = await migrate(api, target, into="moved", **options)
        lost = {one.name: one.loss for one in moved.losses}
        assert set(lost) == {names[number] for number in wanted}, case
        assert {one.field for one in lost.values()} <= {"group"}, case
        assert [one.value for one in lost.values()] == [
            ids[group] for number, group in enumerate(groups) if number in wanted
        ], case
        assert all("--group" in str(one) for one in lost.values())
        assert set(moved.names) <= set(names)
        assert ("other" in moved.names) == (not options)
