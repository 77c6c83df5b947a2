"""Export, adopt and undo: what is there becomes a file, and the rest of a file stays as it is."""

from __future__ import annotations

import stat
import tomllib

import pytest

from cronapi import ConfigurationError, ManifestError, UnsafePlanError
from cronapi.emulator import create_app
from cronapi.manifest import Manifest, export
from tests.support.emulated import FAST, NOW, client_of
from tests.support.manifests import (
    ENVIRON,
    FULL,
    HEAD,
    applied,
    jobs_text,
    manifest,
    planned,
    shown_jobs,
)

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")

CANARIES = {
    "url": "https://joe:canary-user-pw@example.com/x?token=canary-query&a=1",
    "http_headers": "Authorization: Bearer canary-header\r\nX-Api-Key: canary-key\r\nX-A: ${A}",
    "post_data": '{"token": "canary-body"}',
}


async def hand_made(api, group="g"):
    """Fill an account as people do: odd names, secrets, disabled jobs, twins, jobs of no name."""
    number = (await api.group.add(group)).id
    many = [
        {"name": 'odd "name" [x].y', "url": "https://example.com/1", "expression": "5 minutes"},
        {"name": "ünï \u2028 🚀", "url": "https://example.com/2", "timeout": 20},
        {"name": "secret", "expression": "0 3 * * *", "http_method": "POST", **CANARIES},
        {"name": "", "url": "https://example.com/3"},
        {"name": "twin", "url": "https://example.com/4"},
        {"name": "twin", "url": "https://example.com/4"},
        {"name": "off", "url": "https://example.com/5", "instances": 2},
        {"name": "lines", "url": "https://example.com/6", "post_data": "a\r\n\t\x7f'''\"\"\"\\"},
    ]
    await api.cron.add_many([{**spec, "group": number} for spec in many])
    await api.cron.disable((await api.cron.find("off")).id)
    await api.cron.add(name="outside", url="https://example.com/7")


@pytest.mark.each_value
@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
@pytest.mark.parametrize("secrets", ["placeholder", "plain"])
async def test_a_plan_of_an_export_is_empty_and_its_apply_elsewhere_makes_the_same_jobs(
    provider, secrets
):
    """The second export of an account is the same text."""
    app = create_app(rates=FAST)
    async with client_of(app, provider) as api:
        await hand_made(api)
        exported = await export(api, group="g", secrets=secrets)
        assert (await export(api, group="g", secrets=secrets)).text == exported.text
        wanted = Manifest.loads(exported.text, environ=exported.environ)
        plan = await wanted.plan(api)
        assert plan.is_empty, plan.to_text()
        assert [one.name for one in plan.blocked] == ["twin"]
        assert "canary" not in plan.to_text()
    assert len(exported.skipped) == 2
    assert ("canary" in exported.text) == (secrets == "plain")
    other = create_app(rates=FAST)
    _, result = await applied(other, wanted, provider)
    assert result.is_complete
    mine, theirs = shown_jobs(app, provider), shown_jobs(other, provider)
    assert mine.keys() - theirs.keys() == {"", "outside"}
    for name, job in theirs.items():
        own = {"id", "group", "last", "due", "next", "name"}
        assert {k: v for k, v in job.items() if k not in own} == {
            k: v for k, v in mine[name].items() if k not in own
        }


async def test_an_export_by_prefix_keeps_the_groups_and_shared_values_are_defaults():
    """A group is its number there, and what all jobs have in common is said once."""
    app = create_app(rates=FAST)
    async with client_of(app) as api:
        number = (await api.group.add("h")).id
        await api.cron.add_many(
            [{"name": f"x {n}", "url": "u.example/", "group": number, "timeout": 7} for n in (1, 2)]
        )
        exported = await export(api, prefix="x ")
        data = tomllib.loads(exported.text)
        assert data["scope"] == {"provider": "fastcron", "prefix": "x "}
        assert data["defaults"]["group"] == number
        assert data["defaults"]["timeout"] == 7
        assert data["job"]["x 1"] == {"url": "http://u.example/", "expression": "1 hour"}
        assert (await Manifest.loads(exported.text, environ={}).plan(api)).is_empty
        with pytest.raises(ConfigurationError, match="no group 'none'"):
            await export(api, group="none")
        for chosen in ({}, {"prefix": ""}, {"prefix": "x", "everything": True}):
            with pytest.raises(ConfigurationError, match="exactly one"):
                await export(api, **chosen)


@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
async def test_a_whole_account_is_a_manifest_whose_plan_is_empty(provider):
    """Its scope is `all = true`, its groups are numbers, and it owns the jobs without a name."""
    app = create_app(rates=FAST)
    async with client_of(app, provider) as api:
        await hand_made(api)
        exported = await export(api, everything=True)
        data = tomllib.loads(exported.text)
        assert data["scope"] == {"provider": provider, "all": True}
        assert data["job"].keys() == shown_jobs(app, provider).keys() - {""}
        plan = await Manifest.loads(exported.text, environ=exported.environ).plan(api)
        assert plan.is_empty
        assert "the whole account" in plan.to_text()
        assert plan.to_dict()["scope"] == {"all": True, "id": None}
        assert [one.name for one in plan.not_in_file] == [""]
        few = Manifest.loads(f"version = 1\n[scope]\nall = true\n{jobs_text(1)}", environ={})
        with pytest.raises(UnsafePlanError, match="deletes"):
            await (await few.plan(api, prune=True)).apply()


HAND_WRITTEN = """\
# The jobs of the shop.
version = 1   # of the format

[scope]
group = "g" # ours


[defaults]
timeout = 30
http_headers.X-Team = "shop"
notify = true
# [job."outside"] is a comment

[job."first"]
  url = 'https://example.com/0' # keep
[vars]
a = "b"
"""


@pytest.mark.each_value
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n", " # end"])
async def test_an_adoption_keeps_the_file_byte_for_byte_and_moves_the_jobs(tmp_path, newline, end):
    """The tables stand at its end, the jobs are in the scope, and the plan is empty."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    text = (HAND_WRITTEN.rstrip("\n") + end).replace("\n", newline)
    path.write_bytes(text.encode())
    path.chmod(0o640)
    async with client_of(app) as api:
        await Manifest.load(path, environ={}).plan(api)
        await (await Manifest.load(path, environ={}).plan(api)).apply()
        await hand_made(api, "other")
        ids = [(await api.cron.find(name)).id for name in ("secret", "off")]
        done = await Manifest.load(path, environ={}).adopt(api, *ids, match="o* *")
        assert done.names == ("secret", "off", 'odd "name" [x].y')
        assert [outcome.status for outcome in done.report] == ["done"] * 3
        assert path.read_bytes().startswith(text.encode())
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert (b"\r\n" in path.read_bytes()) == (newline == "\r\n")
        assert b"\n\n" not in path.read_bytes().replace(b"\r\n", b"") or newline == "\n"
        plan = await Manifest.load(path, environ=done.environ).plan(api)
        assert plan.is_empty, plan.to_text()
        assert not plan.blocked
        assert "canary" not in path.read_text()
        with pytest.raises(ConfigurationError, match="'secret' already"):
            await Manifest.load(path, environ=done.environ).adopt(api, ids[0])


async def test_an_adoption_renames_where_the_scope_is_a_prefix(tmp_path):
    """`name` gives one job another name, and the prefix comes before it if it is missing."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    head = 'version = 1\n[scope]\nprefix = "shop/"\n'
    path.write_text(head + '[job."shop/a"]\nurl = "https://example.com/a"\n')
    async with client_of(app) as api:
        await hand_made(api)
        number = (await api.cron.find("outside")).id
        nameless = next(job.id for job in [*await api.cron.list()] if job.name == "")
        with pytest.raises(ConfigurationError, match="has no name"):
            await Manifest.load(path, environ={}).adopt(api, nameless)
        await Manifest.load(path, environ={}).adopt(api, number, name="within")
        await Manifest.load(path, environ={}).adopt(api, nameless, name="shop/named")
        assert (await api.cron.get(number)).name == "shop/within"
        assert (await api.cron.get(nameless)).name == "shop/named"
        plan = await Manifest.load(path, environ={}).plan(api)
    assert [(one.action, one.name) for one in plan.changes] == [("create", "shop/a")]


async def test_jobs_of_one_name_or_of_none_are_adopted_under_names_with_their_ids(tmp_path):
    """So that a whole account becomes a file, whatever its jobs are called."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    async with client_of(app) as api:
        await hand_made(api)
        await api.cron.add(name="{id} {name}", url="https://example.com/braces")
        exported = await export(api, everything=True)
        path.write_text(exported.text)
        listed = await api.cron.list()
        left = [job for job in listed if job.name == ""]
        left += [job for job in listed if job.name == "twin"][1:]
        done = await Manifest.load(path, environ=exported.environ).adopt(
            api, *(job.id for job in left), name="{name} {id}"
        )
        assert done.names == (str(left[0].id), f"twin {left[1].id}")
        plan = await Manifest.load(path, environ=exported.environ).plan(api)
    assert plan.is_empty
    assert plan.blocked == plan.not_in_file == ()
    assert plan.unchanged == len(listed)


async def test_an_adoption_that_cannot_be_meant_writes_and_sends_nothing(tmp_path):
    """Missing jobs, nothing chosen, one name for two, a file that cannot be extended."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    inline = HEAD.replace("version", 'job = {a = {url = "u"}}\nversion')
    async with client_of(app) as api:
        await hand_made(api, "other")
        number = (await api.cron.find("off")).id
        count = len(app.emulator.requests)
        for text, ids, options, said in [
            (HEAD + jobs_text(1), (99,), {}, "There is no job 99"),
            (HEAD + jobs_text(1), (), {}, "No job was chosen"),
            (HEAD + jobs_text(1), (), {"match": "nothing*"}, "No job was chosen"),
            (HEAD + jobs_text(1), (), {"match": "*", "name": "a"}, "Only one job"),
            (HEAD + jobs_text(1), (), {"match": "twin", "name": "{name}"}, "Only one job"),
            (inline, (number,), {}, 'Paste this:\n\n[job.off]\nurl = "https://example.com/5"'),
        ]:
            path.write_text(text)
            with pytest.raises((ConfigurationError, ManifestError)) as caught:
                await Manifest.load(path, environ={}).adopt(api, *ids, **options)
            assert said in str(caught.value)
            assert path.read_text() == text
        assert {one.function for one in list(app.emulator.requests)[count:]} == {
            "cron.list",
            "group.lookup",
        }
        with pytest.raises(ConfigurationError, match="read from a text"):
            await manifest(jobs_text(1)).adopt(api, number)


async def test_what_is_deleted_is_kept_in_a_private_file_and_can_be_made_again(tmp_path):
    """Twins get their ids as names, a job without a name gets one, and no secret is in it."""
    app, undo = create_app(rates=FAST), tmp_path / "undo.toml"
    async with client_of(app) as api:
        await hand_made(api)
    wanted = manifest(jobs_text(1))
    before = shown_jobs(app)
    async with client_of(app) as api:
        plan = await wanted.plan(api, prune=True, max_deletes=8)
        result = await plan.apply(undo=undo)
    assert result.count("delete") == 8
    assert stat.S_IMODE(undo.stat().st_mode) == 0o600
    assert "canary" not in undo.read_text()
    names = tomllib.loads(undo.read_text())["job"].keys()
    assert {'odd "name" [x].y', "secret", "off", "twin"} < names
    assert len(names) == 8
    environ = dict.fromkeys(_variables(undo.read_text()), "value-of-it")
    _, result = await applied(app, Manifest.load(undo, environ=environ))
    assert result.is_complete
    assert shown_jobs(app)["off"]["instances"] == before["off"]["instances"]
    async with client_of(app) as api:
        plan = await wanted.plan(api, prune=True, max_deletes=8)
        count = len(app.emulator.requests)
        with pytest.raises(ConfigurationError, match="is there already"):
            await plan.apply(undo=undo)
        assert "cron.batch_delete" not in [
            one.function for one in list(app.emulator.requests)[count:]
        ]


def _variables(text):
    return {part.partition("}")[0] for part in text.split("${")[1:]}


async def test_a_saved_plan_is_the_plan_of_now_or_stale():
    """It has no secret and no digest of one, and tells what has become other."""
    app, wanted = create_app(rates=FAST), manifest(FULL, head="", env="staging", environ=ENVIRON)
    saved = (await planned(app, wanted)).to_dict()
    assert saved["schema"] == 1
    assert saved["cost"] == {"requests": 7, "seconds": pytest.approx(7 / 10_000)}
    assert not any(secret in repr(saved) for secret in ENVIRON.values())
    (await planned(app, wanted)).check_saved(saved)
    async with client_of(app) as api:
        number = (await api.group.add("billing staging")).id
        await api.cron.add(url="https://example.com/", name="new", group=number)
    with pytest.raises(UnsafePlanError, match="other scope, jobs in the scope now"):
        (await planned(app, wanted)).check_saved(saved)
    other = manifest(
        FULL.replace("timeout = 60", "timeout = 61"), head="", env="staging", environ=ENVIRON
    )
    with pytest.raises(UnsafePlanError, match="other manifest, scope, changes, jobs in the scope"):
        (await planned(app, other)).check_saved(saved)


async def test_a_plan_for_people_shows_what_is_done_and_what_it_costs():
    """Signs, former and new values, hidden fields, the cost, and no control characters."""
    app = create_app(rates=FAST)
    wanted = manifest(FULL, head="", env="production", environ=ENVIRON)
    await applied(app, wanted)
    async with client_of(app) as api:
        number = (await api.group.lookup("billing"))[0].id
        report = await api.cron.find("nightly report")
        await api.cron.edit(report.id, expression="0 3 * * *", http_headers={"Authorization": "x"})
        job = await api.cron.find("import")
        await api.cron.edit(job.id, name="old \x1b[31mimport")
        extra = await api.cron.add(url="https://example.com/", name="tmp probe", group=number)
    text = FULL.replace('[job."import"]\n', f'[job."import"]\nid = {job.id}\n', 1)
    wanted = manifest(text, head="", env="production", environ=ENVIRON)
    plan = await planned(app, wanted, now=NOW)
    assert (
        plan.to_text()
        == f"""\
<text>, env production: fastcron, group "billing" ({number})
> import             {job.id}     rename from "old \\x1b[31mimport"
~ nightly report     {report.id}     edit
    expression    0 3 * * *  ->  30 3 * * *    Europe/Berlin, next Sat 16 Jan 03:30
    http_headers.Authorization (secret REPORT_TOKEN, changed)
- tmp probe          {extra.id}     not in the file: deleted with --prune
1 is as they should be; of 1 the service does not show all (password 1, username 1): \
--resend-hidden sends them, 1 request

0 to create, 2 to edit, 0 to delete (1 with --prune)
7 requests, about 0 s at 10000 requests a second; read with 3
"""
    )


async def test_a_secret_that_several_jobs_have_is_one_variable():
    """So that a new value is one line of the environment. Another value is another variable."""
    app = create_app(rates=FAST)
    async with client_of(app) as api:
        await api.cron.add_many(
            [
                {
                    "name": f"x {number}",
                    "url": f"https://joe:{'other' if number % 2 else 'first'}-pw@example.com/",
                    "http_headers": {"Authorization": "Bearer one", "x-key": "Bearer one"},
                }
                for number in range(6)
            ]
        )
        exported = await export(api, prefix="x")
        wanted = Manifest.loads(exported.text, environ=exported.environ)
        assert (await wanted.plan(api)).is_empty
    assert exported.environ == {
        "X_0_URL": "first-pw",
        "X_0_AUTHORIZATION": "Bearer one",
        "X_0_X_KEY": "Bearer one",
        "X_1_URL": "other-pw",
    }
