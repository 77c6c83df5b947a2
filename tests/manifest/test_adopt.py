"""An adoption takes a job once, tells what it changes, and can be broken off anywhere."""

from __future__ import annotations

import functools
import os
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from cronapi import APIError, ConfigurationError, ManifestError, RedirectError
from cronapi.emulator import Fault, create_app
from cronapi.manifest import Manifest
from cronapi.manifest.locking import _is_held
from tests.support.emulated import FAST, client_of
from tests.support.manifests import HEAD, Meanwhile, applied, jobs_text, send, sent_since

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")
URL = 'url = "https://h.example"\n'
ALL = "version = 1\n[scope]\nall = true\n"


def made(app, name, number=0, url_query="", **more):
    """Make a job by hand, and return its id."""
    url = f"https://example.com/run/{number}{url_query}"
    return send(app, "cron.add", name=name, url=url, **more)["id"]


async def adopted(app, path, *ids, **options):
    """Adopt jobs with a client of its own, as another process would."""
    async with client_of(app) as api:
        return await Manifest.load(path, environ={}).adopt(api, *ids, **options)


async def planned(app, path):
    async with client_of(app) as api:
        return await Manifest.load(path, environ={}).plan(api)


TAKEN = [
    ("a table of its name", ALL + jobs_text(2), {"name": "{name} {id}"}),
    ("without another name", ALL + jobs_text(2), {}),
    ("its id", ALL + '[job."x"]\nid = {id}\nurl = "https://example.com/x"\n', {"name": "y"}),
    (
        "its former name",
        ALL + '[job."x"]\nwas = "job 0"\nurl = "https://h.example"\n',
        {"name": "y"},
    ),
    ("its id, and no other name", ALL + '[job."x"]\nid = {id}\nurl = "https://h.example"\n', {}),
    ("another spelling", ALL + jobs_text(2, word="Job"), {"name": "{name} {id}"}),
    ("its id, outside", HEAD + '[job."x"]\nid = {id}\nurl = "https://h.example"\n', {"name": "y"}),
]


@pytest.mark.parametrize(("text", "options"), [one[1:] for one in TAKEN], ids=[x[0] for x in TAKEN])
async def test_a_job_that_has_its_table_gets_no_other_one(tmp_path, text, options):
    """Else the next apply would make another job for the old table. Nothing is written or sent."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    ids = [made(app, f"job {number}", number) for number in range(2)]
    text = text.replace("{id}", str(ids[0]))
    path.write_text(text)
    before, count = app.emulator.jobs("fastcron"), len(app.emulator.requests)
    with pytest.raises(ConfigurationError, match="already") as caught:
        await adopted(app, path, ids[0], **options)
    assert str(ids[0]) in str(caught.value)
    assert path.read_text() == text
    assert app.emulator.jobs("fastcron") == before
    assert sent_since(app, count) == []


async def test_a_pattern_leaves_out_the_jobs_that_have_their_tables(tmp_path):
    """Under another name as well: by an id, or by a former name."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    ids = [made(app, f"job {number}", number) for number in range(4)]
    tables = f'[job."x"]\nid = {ids[0]}\n{URL}[job."y"]\nwas = "job 1"\n{URL}[job."job 2"]\n{URL}'
    path.write_text(ALL + tables)
    assert (await adopted(app, path, match="job *")).names == ("job 3",)
    with pytest.raises(ConfigurationError, match="No job was chosen"):
        await adopted(app, path, match="job *")


async def test_of_jobs_of_one_name_one_stays_with_its_table(tmp_path):
    """Any one of them: if all got other names, an apply would make another job."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    ids = [made(app, "twin", 0) for _ in range(3)]
    text = ALL + '[job."twin"]\nurl = "https://example.com/run/0"\n'
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="leave one of them out"):
        await adopted(app, path, *ids, name="{name} {id}")
    assert path.read_text() == text
    await adopted(app, path, *ids[:2], name="{name} {id}")
    plan = await planned(app, path)
    assert (plan.is_empty, plan.blocked, plan.unchanged) == (True, (), 3)


SHOP = ALL.replace("all = true", 'prefix = "shop/"')
HALVES = {
    "into a group": (HEAD + jobs_text(1, word="other"), ["a", "b"], None),
    "into a group under other names": (HEAD + jobs_text(1, word="other"), ["a", "b"], "my {id}"),
    "under a prefix": (SHOP + jobs_text(1, word="shop/other"), ["a", "b"], None),
    "under a prefix and other names": (SHOP + jobs_text(1, word="shop/other"), ["", "b"], "{id}"),
    "of one name": (ALL + jobs_text(1, word="other"), ["twin", "twin"], "{name} {id}"),
    "of no name": (ALL + jobs_text(1, word="other"), ["", ""], "{name} {id}"),
    "of the name of a table": (ALL + jobs_text(1), ["job 0", "job 0"], "{name} {id}"),
}


@pytest.mark.each_value
@pytest.mark.parametrize("done", [0, 1])
@pytest.mark.parametrize("kind", HALVES)
async def test_after_half_an_adoption_a_plan_makes_no_job_again_and_the_same_call_goes_on(
    tmp_path, kind, done
):
    """The first edit fails, or the second: the tables are there, and each has its job."""
    text, names, name = HALVES[kind]
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    path.write_text(text)
    await applied(app, Manifest.load(path, environ={}))
    ids = [made(app, one, 7) for one in names]
    for id in ids[done:]:
        app.emulator.faults.add(Fault("busy", times=None, code=30, match={"id": id}))
    half = await adopted(app, path, *ids, name=name)
    app.emulator.faults.clear()
    assert sum(one.status == "done" for one in half.report) == done
    plan = await planned(app, path)
    assert {one.action for one in plan.changes} <= {"rename"}, plan.to_text()
    left = {one.name for one in plan.changes} | {one.name for one in plan.blocked}
    assert len(left) == 2 - done, plan.to_text()
    written = path.read_text()
    again = await adopted(app, path, *ids, name=name)
    assert [one.id for one in again.jobs] == ids[done:]
    assert path.read_text() == written
    plan = await planned(app, path)
    assert (plan.is_empty, plan.blocked, plan.unchanged) == (True, (), 3), plan.to_text()
    with pytest.raises(ConfigurationError, match="already"):
        await adopted(app, path, *ids, name=name)


async def test_a_plan_that_renames_ends_half_an_adoption_too(tmp_path):
    """And a whole one leaves no ids in the file."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    ids = [made(app, "twin", number) for number in range(3)]
    path.write_text(ALL + '[job."twin"]\nurl = "https://example.com/run/0"\n')
    await adopted(app, path, ids[1], name="{name} {id}")
    assert "id = " not in path.read_text()
    app.emulator.faults.add(Fault("busy", function="cron.edit", times=None, code=30))
    await adopted(app, path, ids[2], name="{name} {id}")
    app.emulator.faults.clear()
    assert f"id = {ids[2]}" in path.read_text()
    _, result = await applied(app, Manifest.load(path, environ={}))
    assert result.summary().startswith("1 renamed")
    assert (await planned(app, path)).unchanged == 3


async def test_what_is_written_into_the_file_meanwhile_is_kept(tmp_path):
    """The ids that bind the jobs stay beside it, and do no harm."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    path.write_text(ALL + jobs_text(1))
    await applied(app, Manifest.load(path, environ={}))
    number = made(app, "a")

    def write():
        path.write_text(path.read_text() + "# mine\n")

    meanwhile = Meanwhile(app, "cron.edit", write)
    await adopted(meanwhile, path, number, name="b")
    assert path.read_text().endswith("# mine\n")
    plan = await planned(app, path)
    assert (plan.is_empty, plan.blocked, plan.unchanged) == (True, (), 2)


async def test_an_adoption_tells_what_changes_at_the_service_and_its_cost(tmp_path):
    """Beforehand too. Blanks around a name are left out where it gets another one."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    path.write_text(HEAD + jobs_text(1))
    ids = [made(app, name) for name in ("  spaced  ", "", "plain")]
    for name, wanted in (
        ("{name} {id}", f"spaced {ids[0]}"),
        ("{id}: {name}", f"{ids[0]}: spaced"),
    ):
        told = await adopted(app, path, *ids, name=name, dry_run=True)
        assert told.names[0] == wanted
        assert (told.jobs[0].before, told.jobs[0].is_renamed) == ("  spaced  ", True)
    count = len(app.emulator.requests)
    told = await adopted(app, path, ids[2], dry_run=True)
    assert [(one.is_renamed, one.is_moved) for one in told.jobs] == [(False, True)]
    assert sent_since(app, count) == []
    done = await adopted(app, path, ids[2])
    assert (done.jobs, done.cost) == (told.jobs, told.cost)
    assert len(sent_since(app, count)) == told.cost.requests == 2


@pytest.mark.each_value
@pytest.mark.parametrize("name", [None, "my {name} {id}"])
@pytest.mark.parametrize("scope", [HEAD, SHOP], ids=["group", "prefix"])
async def test_half_an_adoption_by_a_pattern_goes_on_by_the_same_pattern(tmp_path, scope, name):
    """The jobs that have their tables and not their places or names are chosen again."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    path.write_text(scope + jobs_text(1, word="shop/other"))
    await applied(app, Manifest.load(path, environ={}))
    ids = [made(app, f"tmp {number}", 7) for number in range(2)]
    app.emulator.faults.add(Fault("busy", times=None, code=30, match={"id": ids[1]}))
    await adopted(app, path, match="tmp *", name=name)
    app.emulator.faults.clear()
    again = await adopted(app, path, match="tmp *", name=name)
    assert [one.id for one in again.jobs] == ids[1:]
    plan = await planned(app, path)
    assert (plan.is_empty, plan.blocked, plan.unchanged) == (True, (), 3), plan.to_text()


async def test_a_pattern_for_all_leaves_out_a_nameless_job_that_a_table_has_by_its_id(tmp_path):
    """It need not have a name for that: the next apply gives it the one of its table."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    number = made(app, "")
    made(app, "new")
    path.write_text(ALL + f'[job."x"]\nid = {number}\n{URL}')
    assert (await adopted(app, path, match="*")).names == ("new",)


def test_several_adoptions_at_once_lose_no_table(tmp_path):
    """Each has read the file before the others wrote it, and has a service of its own."""
    path, count = tmp_path / "cronjobs.toml", 6
    path.write_text(ALL + "# a line\n" * 20_000 + f"[job.there]\n{URL}")
    together = threading.Barrier(count)

    def adopt_one(number):
        app = create_app(rates=FAST)
        key = f"X-Key-{number}: canary-key-{number}"
        id = made(app, f"by hand {number}", httpHeaders=key)
        meeting = Meanwhile(app, "cron.list", together.wait)
        env_file = tmp_path / f"{number}.env"
        anyio.run(functools.partial(adopted, meeting, path, id, env_file=env_file))

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(adopt_one, range(count)))
    assert tomllib.loads(path.read_text())["job"].keys() == {
        "there",
        *(f"by hand {number}" for number in range(count)),
    }
    assert {one.suffix for one in tmp_path.iterdir()} == {".toml", ".env"}


async def test_two_adoptions_at_once_that_bring_one_variable_are_not_mixed_up(tmp_path):
    """The second would give the name of the first one's secret to another one."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    path.write_text(f"{ALL}[job.there]\n{URL}")
    ids = [made(app, name, httpHeaders=f"X-Api-Key: canary-{name}") for name in ("job a", "job-a")]
    first, second = (Manifest.load(path, environ={}) for _ in ids)
    async with client_of(app) as api:
        await first.adopt(api, ids[0], env_file=tmp_path / "first.env")
        before = path.read_bytes()
        with pytest.raises(ConfigurationError, match="meanwhile"):
            await second.adopt(api, ids[1], env_file=tmp_path / "second.env")
    assert path.read_bytes() == before
    assert not (tmp_path / "second.env").exists()


MEANWHILE = {
    "with a default": ('filter = "${JOB_A_X_API_KEY:-x}"', True),
    "in a list": ('second = ["0", "${JOB_A_X_API_KEY}"]', True),
    "with escapes of TOML": ('filter = "\\u0024{JOB_A_X_API_KEY}"', True),
    "as a variable of the file": ('[vars]\nJOB_A_X_API_KEY = "x"', True),
    "escaped": ('filter = "$${JOB_A_X_API_KEY}"', False),
    "in a comment": ("# ${JOB_A_X_API_KEY}", False),
    "longer": ('filter = "${JOB_A_X_API_KEY_2:-x}"', False),
}


async def test_a_variable_that_a_file_has_got_meanwhile_is_seen_in_each_spelling(tmp_path):
    """And only where it is one: else the secret of one job would get into another."""
    for place, (line, stops) in MEANWHILE.items():
        app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
        path.write_text(f"{ALL}[job.there]\n{URL}")
        number = made(app, "job a", httpHeaders="X-Api-Key: canary-key")
        loaded = Manifest.load(path, environ={})
        path.write_text(changed := f"{ALL}[job.there]\n{URL}{line}\n")
        async with client_of(app) as api:
            if not stops:
                assert (await loaded.adopt(api, number)).names == ("job a",), place
                continue
            with pytest.raises(ConfigurationError, match="variable JOB_A_X_API_KEY meanwhile"):
                await loaded.adopt(api, number)
        assert path.read_text() == changed, place


@pytest.mark.parametrize("names", [("a", "b"), ("a", None), (None, "b")])
async def test_a_job_that_two_adopt_at_once_gets_one_table(tmp_path, names):
    """The second is told, whatever name it has for the job, and changes nothing."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    path.write_text(f"{ALL}[job.there]\n{URL}")
    job = {"httpHeaders": "X-Api-Key: canary-key"}
    number = made(app, "job", url_query="?token=canary-token", **job)
    first, second = (Manifest.load(path, environ={}) for _ in names)
    async with client_of(app) as api:
        done = await first.adopt(api, number, name=names[0])
        before, jobs = path.read_bytes(), app.emulator.jobs("fastcron")
        with pytest.raises(ConfigurationError, match="meanwhile"):
            await second.adopt(api, number, name=names[1])
        assert (path.read_bytes(), app.emulator.jobs("fastcron")) == (before, jobs)
        plan = await Manifest.load(path, environ=done.environ).plan(api)
    assert done.names[0] not in {one.name for one in (*plan.changes, *plan.blocked)}


async def test_a_file_that_has_become_unreadable_meanwhile_is_left(tmp_path):
    """The error has its line, and no value is kept anywhere."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    path.write_text(f"{ALL}[job.there]\n{URL}")
    number = made(app, "job a", httpHeaders="X-Api-Key: canary-key")
    loaded = Manifest.load(path, environ={})
    for data, said in ((b"[job", "cronjobs.toml:1: "), (b"\xff", "it is not UTF-8")):
        path.write_bytes(data)
        async with client_of(app) as api:
            with pytest.raises(ManifestError, match=said):
                await loaded.adopt(api, number, env_file=tmp_path / "values.env")
        assert path.read_bytes() == data
        assert not (tmp_path / "values.env").exists()


ALIKE = '[job."{}"]\nurl = "https://example.com/run/0"\n'
WHILE_ASKED = {
    "a comment": ("# mine\n", None),
    "a table of another job": (f"[job.other]\n{URL}", None),
    "another table of its url": (ALIKE.format("third"), None),
    "a table with its id": (ALIKE.format("x") + "id = {id}\n", "a table of job {id}"),
    "a table of its name": (ALIKE.format("a"), "a table of job {id}"),
    "its variable": (f'[job.other]\n{URL}filter = "${{{{A_X_API_KEY}}}}"\n', "the variable"),
    "no TOML": ("[job", ":8: "),
}
"""What is written into a file while an adoption asks the service, and the error if it stops it."""


async def test_what_is_written_into_the_file_while_the_service_is_asked_is_kept_and_seen(tmp_path):
    """The folder is free for others meanwhile: an editor, or another adoption."""
    for place, (added, stop) in WHILE_ASKED.items():
        app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
        path.write_text(f"{ALL}[job.there]\n{URL}")
        number = made(app, "a", httpHeaders="X-Api-Key: canary-key")
        loaded, is_free = Manifest.load(path, environ={}), []
        path.write_text(path.read_text() + ALIKE.format("second"))
        line = added.format(id=number)

        def write(line=line, path=path, is_free=is_free):
            is_free.append(_is_held(folder := os.open(path.parent, os.O_RDONLY)))
            os.close(folder)
            path.write_text(path.read_text() + line)

        async with client_of(Meanwhile(app, "cron.get", write)) as api:
            if stop is None:
                await loaded.adopt(api, number)
                assert path.read_text().count("[job.a]") == 1, place
            else:
                with pytest.raises((ConfigurationError, ManifestError)) as caught:
                    await loaded.adopt(api, number)
                assert stop.format(id=number) in str(caught.value), place
        assert line in path.read_text(), place
        assert is_free == [True], place


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("gone", ConfigurationError, "is no longer at the service"),
        ("busy", APIError, "30"),
        ("redirect", RedirectError, "302"),
        ("renamed", ConfigurationError, "a table of job"),
    ],
)
async def test_an_adoption_that_cannot_ask_for_a_job_tells_so_and_not_of_a_table(
    tmp_path, kind, error, said
):
    """The error is that of the service, or says that the job is gone. Nothing is written."""
    app, path = create_app(rates=FAST), tmp_path / "cronjobs.toml"
    path.write_text(f"{ALL}[job.there]\n{URL}")
    number = made(app, "a", httpHeaders="X-Api-Key: canary-key")
    loaded = Manifest.load(path, environ={})
    path.write_text(text := path.read_text() + ALIKE.format("second"))
    happens = {
        "gone": lambda: send(app, "cron.delete", id=number),
        "renamed": lambda: send(app, "cron.edit", id=number, name="second"),
    }
    if kind not in happens:
        code = {"code": 30} if kind == "busy" else {}
        app.emulator.faults.add(Fault(kind, function="cron.get", times=None, **code))
    async with client_of(Meanwhile(app, "cron.list", happens.get(kind))) as api:
        with pytest.raises(error, match=said) as caught:
            await loaded.adopt(api, number, env_file=tmp_path / "values.env")
    assert ("meanwhile" in str(caught.value)) == (kind == "renamed")
    assert path.read_text() == text
    assert [one.name for one in tmp_path.iterdir()] == ["cronjobs.toml"]
