"""Plan and apply at the emulator: what is sent, what it costs, and what stays as it is."""

from __future__ import annotations

import pytest

from cronapi import ConfigurationError, ManifestError, UnsafePlanError
from cronapi.emulator import create_app
from cronapi.emulator.eras import ALL_NAMES
from tests.support.emulated import FAST, client_of, fill
from tests.support.manifests import (
    ENVIRON,
    FULL,
    HEAD,
    Terse,
    applied,
    jobs_text,
    manifest,
    planned,
    shown_jobs,
)

PROVIDERS = pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])


def emulated(**options):
    return create_app(rates=FAST, **options)


def actions(plan):
    return [(change.action, change.name) for change in plan.changes]


def sent_since(app, count):
    """Return the functions that change something, of the requests after the first `count`."""
    reads = {"cron.list", "group.lookup"}
    return [
        one.function for one in list(app.emulator.requests)[count:] if one.function not in reads
    ]


async def test_only_changed_fields_are_sent_and_the_told_cost_is_the_cost():
    """Edits, renames, creates, switches and deletes of one plan, each with its requests."""
    app = emulated(undocumented=["filter"])
    await applied(app, manifest(jobs_text(10, lines='timeout = 20\nfilter = "hour > 3"\n')))
    others = fill(app, "fastcron", 5, word="theirs ")
    before = {number: job for number, job in _by_id(app).items() if number in others}
    tables = jobs_text(6, lines='timeout = 20\nfilter = "hour > 3"\n').replace(
        "timeout = 20", "timeout = 30", 2
    )
    tables += '[job."new"]\nurl = "https://example.com/new"\nenabled = false\n'
    tables += '[job."renamed"]\nwas = "job 6"\nurl = "https://example.com/run/6"\n'
    tables += '[job."job 7"]\nurl = "https://example.com/run/7"\nenabled = false\n'
    count = len(app.emulator.requests)
    plan, result = await applied(app, manifest(tables), prune=True)
    assert actions(plan) == [
        ("edit", "job 0"),
        ("edit", "job 1"),
        ("rename", "renamed"),
        ("create", "new"),
        ("disable", "job 7"),
        ("disable", "new"),
        ("delete", "job 8"),
        ("delete", "job 9"),
    ]
    assert result.is_complete, result
    spent = len(app.emulator.requests) - count
    assert plan.cost.requests + plan.read.requests == spent
    assert sent_since(app, count) == [
        *["cron.edit"] * 3,
        "cron.add",
        *["cron.disable"] * 2,
        "cron.batch_delete",
    ]
    assert [change.sent for change in plan.changes[:3]] == [
        {"timeout": 30},
        {"timeout": 30},
        {"name": "renamed"},
    ]
    jobs = shown_jobs(app)
    assert jobs["new"]["status"] == jobs["job 7"]["status"] == 1
    assert jobs["job 5"]["status"] == 0
    assert {number: job for number, job in _by_id(app).items() if number in others} == before
    assert (await planned(app, manifest(tables))).is_empty


def _by_id(app, provider="fastcron"):
    return {job["id"]: job for job in app.emulator.jobs(provider)}


async def test_the_example_of_the_documentation_is_applied_and_then_all_is_as_it_should_be():
    """A password is sent, cannot be compared, and is no reason for an edit every night."""
    for env in ("staging", "production"):
        app, wanted = emulated(), manifest(FULL, head="", env=env, environ=ENVIRON)
        plan, result = await applied(app, wanted)
        assert result.is_complete
        again = await planned(app, wanted)
        assert again.is_empty
        assert again.hidden == {"password": 1, "username": 1}
        text = f"{plan} {plan.changes} {result} {again}"
        assert not any(secret in text for secret in ENVIRON.values())
        sent = shown_jobs(app)
        assert sent["invoice reminder"]["password"] == ENVIRON["INVOICE_PASSWORD"]


async def test_a_hidden_field_is_sent_again_when_it_is_asked_for():
    """All of them, or one by its name. An edit of a job sends its password too."""
    app, wanted = emulated(), manifest(FULL, head="", env="production", environ=ENVIRON)
    await applied(app, wanted)
    plan = await planned(app, wanted, resend_hidden=True)
    assert [(one.name, sorted(one.sent)) for one in plan.changes] == [
        ("invoice reminder", ["password", "username"])
    ]
    _, result = await applied(app, wanted, resend_hidden=True)
    assert result.is_complete
    plan = await planned(app, wanted, resend_hidden=["password"])
    assert [sorted(one.sent) for one in plan.changes] == [["password"]]
    text = FULL.replace("0 7 * * 1-5", "0 8 * * 1-5")
    plan, result = await applied(app, manifest(text, head="", env="production", environ=ENVIRON))
    assert [sorted(one.sent) for one in plan.changes] == [["expression", "password"]]
    assert result.is_complete


@pytest.mark.few(1)
@PROVIDERS
async def test_a_manifest_of_every_parameter_is_applied_once(provider):
    """The plan after it is empty at both services, in both eras, and if little is shown."""
    common = (
        'expression = "*/7  * * * *"\ntimezone = "Europe/Berlin"\ntimeout = 50\ninstances = 1\n'
        'http_method = "POST"\npost_data = "a=1&b=2"\nusername = "u"\npassword = "p-p-p-p-p"\n'
        "notify_every = 2\nfailure_threshold = 5\nignore_http_status = false\n"
        'retry_failed = true\npattern = "x"\n'
        'http_headers = "X-B: 1\\nx-a: 2"\n'
    )
    own = {
        "fastcron": (
            'notify = false\nfilter = "hour > 3"\ndelay = 3\nuser_agent = "me"\n'
            'notify_match = "x"\nnotify_time = 9\nkeyword = "k"\n'
        ),
        "setcronjob": "notify = 3\nretry = 2\nretry_after = 9\nsingle = true\ndns_cache = false\n",
    }
    # No era has all of them, and a lenient emulator leaves the others out of account.
    apps = [emulated(era=era, undocumented=ALL_NAMES) for era in ("seed", "latest")]
    apps += [emulated(era=era, strict=False) for era in ("seed", "latest")]
    for app in (*apps, Terse(emulated(undocumented=ALL_NAMES))):
        wanted = manifest(jobs_text(2, lines=common + own[provider]), provider=provider)
        _, result = await applied(app, wanted, provider)
        assert result.is_complete, result.errors
        again = await planned(app, wanted, provider)
        assert again.is_empty, again.changes
        assert isinstance(app, Terse) == ("timeout" in again.hidden)


async def test_value_lists_of_setcronjob_are_applied_once():
    """They are compared in their order."""
    app = emulated()
    lines = 'minute = ["0", "30"]\nhour = "5"\nday = ["*"]\nmonth = ["1", "2"]\nweekday = "1,2"\n'
    wanted = manifest(jobs_text(1, lines=lines), provider="setcronjob")
    _, result = await applied(app, wanted, "setcronjob")
    assert result.is_complete
    assert (await planned(app, wanted, "setcronjob")).is_empty


async def test_what_somebody_changed_is_drift_and_is_put_right():
    """Each field is told with both values, a secret header without either."""
    app = emulated()
    lines = 'http_headers.Authorization = "Bearer ${REPORT_TOKEN}"\ntimeout = 20\n'
    wanted = manifest(jobs_text(2, lines=lines), environ=ENVIRON)
    await applied(app, wanted)
    async with client_of(app) as api:
        job = await api.cron.find("job 1")
        await api.cron.edit(
            job.id,
            timeout=99,
            http_headers={"Authorization": "Bearer remote-canary", "X-Key": "k" * 9, "X-B": "b"},
            url="https://joe:password-canary@example.com/run/1?token=url-canary&a=1",
        )
    plan = await planned(app, wanted)
    (change,) = plan.changes
    told = {one.field: (one.change, one.before, one.after, one.secret) for one in change.fields}
    assert told == {
        "timeout": ("changed", "99", "20", None),
        "url": (
            "changed",
            "https://***@example.com/run/1?token=***&a=1",
            "https://example.com/run/1",
            None,
        ),
        "http_headers.Authorization": ("changed", None, None, "REPORT_TOKEN"),
        "http_headers.X-Key": ("removed", None, None, ""),
        "http_headers.X-B": ("removed", "b", None, None),
    }
    assert "canary" not in repr(plan)
    _, result = await applied(app, wanted)
    assert result.is_complete


async def test_jobs_in_the_scope_that_no_table_names_are_left_unless_prune_is_said():
    """Those that `keep` names stay even then, and so does everything outside of the scope."""
    app = emulated()
    head = HEAD.replace('"g"\n', '"g"\nkeep = ["job 1*"]\nmax_deletes = 8\n')
    await applied(app, manifest(jobs_text(12), head=head))
    plan = await planned(app, manifest(jobs_text(2), head=head))
    assert plan.is_empty
    assert {one.name: one.is_kept for one in plan.not_in_file} == {
        **{f"job {number}": False for number in range(2, 10)},
        "job 10": True,
        "job 11": True,
    }
    _, result = await applied(app, manifest(jobs_text(2), head=head), prune=True)
    assert result.count("delete") == 8
    assert sorted(shown_jobs(app)) == ["job 0", "job 1", "job 10", "job 11"]


async def test_the_brake_stops_a_plan_that_deletes_too_much_and_a_number_releases_it():
    """At any number of jobs, and before anything is sent."""
    app = emulated()
    await applied(app, manifest(jobs_text(4)))
    count = len(app.emulator.requests)
    few = manifest(jobs_text(2) + jobs_text(1, word="other"))
    plan = await planned(app, few, prune=True, max_deletes=1)
    assert plan.brake.tripped
    with pytest.raises(UnsafePlanError, match=r"deletes 2 of 4 jobs, and 1 are allowed") as caught:
        await plan.apply()
    assert "allow 2 deletions" in str(caught.value)
    assert sent_since(app, count) == []
    assert len((await planned(app, few, prune=True)).changes) == 3
    assert not (await planned(app, few, prune=True)).brake.tripped  # 30 % of 4, rounded up
    _, result = await applied(app, few, prune=True, max_deletes=2)
    assert result.is_complete


async def test_a_plan_that_has_become_stale_is_not_carried_out():
    """The difference is told, and nothing is sent."""
    app, wanted = emulated(), manifest(jobs_text(3))
    async with client_of(app) as api:
        plan = await wanted.plan(api)
        await api.group.add("g")
        group = (await api.group.lookup("g"))[0]
        await api.cron.add(url="https://example.com/run/1", name="job 1", group=group.id)
        count = len(app.emulator.requests)
        with pytest.raises(UnsafePlanError, match=r"no more create 'job 1'"):
            await plan.apply()
    assert sent_since(app, count) == []


async def test_a_client_of_another_service_is_refused_before_anything_is_sent():
    """The scope names the service that the file is for."""
    app = emulated()
    with pytest.raises(ConfigurationError, match="for setcronjob, and the client is of fastcron"):
        await planned(app, manifest(jobs_text(1), provider="setcronjob"))
    assert not app.emulator.requests


async def test_a_scope_that_fits_two_groups_is_refused_with_both_ids():
    """Nobody can tell which of them is meant."""
    app = emulated()
    async with client_of(app) as api:
        ids = [(await api.group.add("g")).id for _ in range(2)]
    with pytest.raises(ManifestError, match=rf"<text>:2: several groups .* ids {ids[0]}, {ids[1]}"):
        await planned(app, manifest(jobs_text(1)))


async def test_a_group_that_the_service_calls_otherwise_is_not_made_every_night():
    """It is deleted again, and its kept name is told."""
    app = emulated(normalise=["name_lower"])
    wanted = manifest(jobs_text(1), head=HEAD.replace('"g"', '"Billing"'))
    for _ in range(2):
        with pytest.raises(UnsafePlanError, match="keeps the name of the group 'Billing' as 'bil"):
            await applied(app, wanted)
    assert app.emulator.groups("fastcron") == []
    assert app.emulator.jobs("fastcron") == []


async def test_a_job_that_somebody_paused_stays_paused_unless_it_is_said():
    """Status 1 may be a colleague's pause, and a failed job is revived on its own word."""
    app = emulated()
    wanted = manifest(jobs_text(2, lines="enabled = true\n"))
    await applied(app, wanted)
    async with client_of(app) as api:
        job = await api.cron.find("job 0")
        await api.cron.disable(job.id)
    plan = await planned(app, wanted)
    assert plan.is_empty
    assert "job 0" in plan.notes[0]
    assert "disabled or paused" in plan.notes[0]
    assert (await planned(app, wanted, revive=True)).is_empty
    assert actions(await planned(app, wanted, enable=True)) == [("enable", "job 0")]
    stored = next(one for one in app.emulator.jobs("fastcron") if one["id"] == job.id)
    account = app.emulator._accounts["emulator-token-0123456789abcdef"]
    app.emulator.store.put("job", "fastcron", account, {**stored, "status": 4})
    assert (await planned(app, wanted, enable=True)).is_empty
    assert actions(await planned(app, wanted, revive=True)) == [("enable", "job 0")]


async def test_a_job_outside_of_the_scope_that_looks_like_a_wanted_one_blocks_its_creation():
    """It was made by hand: adopting it is safe, a second one is not."""
    app = emulated()
    async with client_of(app) as api:
        job = await api.cron.add(
            url="https://example.com:443/run/0", name="job 0", expression="1 hour"
        )
    plan, result = await applied(app, manifest(jobs_text(2, lines='expression = "1 hour"\n')))
    assert actions(plan) == [("create", "job 1")]
    assert [(one.name, one.ids) for one in plan.blocked] == [("job 0", (job.id,))]
    assert f"adopt {job.id}" in plan.blocked[0].text
    assert result.count("create") == 1


async def test_a_job_is_bound_by_its_id_once():
    """It is renamed to its table, and the id in the file does no harm afterwards."""
    app = emulated()
    await applied(app, manifest(jobs_text(1, word="old")))
    number = shown_jobs(app)["old 0"]["id"]
    wanted = manifest(f'[job."new"]\nid = {number}\nurl = "https://example.com/run/0"\n')
    plan, result = await applied(app, wanted)
    assert actions(plan) == [("rename", "new")]
    assert result.is_complete
    assert shown_jobs(app)["new"]["id"] == number
    assert (await planned(app, wanted)).is_empty


async def test_an_id_that_is_not_in_the_scope_blocks_its_table():
    """A job outside of the scope is never touched, one that is gone is not made anew."""
    app = emulated()
    (outside,) = fill(app, "fastcron", 1)
    for number, said in [(outside, "is outside of the scope: adopt it"), (99, "does not exist")]:
        plan = await planned(app, manifest(f'[job.a]\nid = {number}\nurl = "u"\n'))
        assert plan.is_empty
        assert said in plan.blocked[0].text


async def test_two_jobs_of_one_name_are_named_and_equal_ones_can_be_made_one():
    """The lowest id stays, only where they are equal in all that is shown."""
    app, wanted = emulated(), manifest(jobs_text(2))
    await applied(app, wanted)
    group = app.emulator.groups("fastcron")[0]["id"]
    async with client_of(app) as api:
        twin = await api.cron.add(url="https://example.com/run/1", name="job 1", group=group)
    plan = await planned(app, wanted)
    assert plan.is_empty
    assert plan.blocked[0].name == "job 1"
    assert str(twin.id) in plan.blocked[0].text
    plan, result = await applied(app, wanted, dedupe=True)
    assert actions(plan) == [("delete", "job 1")]
    assert result.is_complete
    assert twin.id not in _by_id(app)
    async with client_of(app) as api:
        await api.cron.add(url="https://example.com/run/1", name="job 1", group=group, timeout=99)
    assert (await planned(app, wanted, dedupe=True)).blocked


async def test_a_rename_without_was_in_a_scope_of_one_job_is_asked_for():
    """A service may keep names in another way, so nobody can tell a rename from that."""
    app = emulated()
    await applied(app, manifest(jobs_text(1)))
    tables = '[job."other"]\nurl = "https://example.com/run/0"\n'
    plan = await planned(app, manifest(tables), prune=True)
    assert plan.is_empty  # not even the old one is deleted
    assert "was = 'job 0'" in plan.blocked[0].text
    assert actions(await planned(app, manifest(tables + 'was = "job 0"\n'))) == [
        ("rename", "other")
    ]
    allowed = manifest(tables + 'allow = ["lookalike"]\n')
    assert actions(await planned(app, allowed)) == [("create", "other")]


@pytest.mark.parametrize("scope", ["group", "prefix"])
async def test_a_service_in_the_middle_of_an_outage_leaves_a_plan_that_goes_on(scope):
    """What failed is told, nothing is deleted, and the same command does the rest."""
    from cronapi.emulator import Fault

    app = emulated()
    head = HEAD if scope == "group" else 'version = 1\n[scope]\nprefix = "job"\n'
    await applied(app, manifest(jobs_text(6), head=head))
    tables = jobs_text(5, lines="timeout = 40\n")
    app.emulator.faults.add(Fault("busy", function="cron.edit", times=2))
    plan, result = await applied(app, manifest(tables, head=head), prune=True)
    assert len(result.errors) == 2
    assert not result.is_complete
    assert [one.status for one in result.outcomes].count("not_tried") == 1
    assert len(result.left) == 3
    assert "2 failed, 1 not tried" in result.summary()
    plan, result = await applied(app, manifest(tables, head=head), prune=True)
    assert len(plan.changes) == 3
    assert result.is_complete
