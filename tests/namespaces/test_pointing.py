"""Errors that point: a word that is not ours is answered with the one that is meant."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cronapi import (
    FASTCRON,
    Client,
    ConfigurationError,
    CronJob,
    FastCron,
    Group,
    JobParams,
    JobSpec,
    SetCronJob,
)
from cronapi._protocol.hints import CLIENT_WORDS, JOB_WORDS, OPTIONS
from cronapi.client import CallOptions, ClientOptions
from cronapi.namespaces._many import BulkOptions
from tests.support.emulated import TOKEN, URL, client_of

MEANT = {
    "max_wait": "api.with_options(max_wait=...)",
    "lane": "api.with_options(lane=...)",
    "coalesce": "FastCron(coalesce=...)",
    "base_url": "FastCron(base_url=...)",
    "token": "FastCron(token=...)",
    "journal": "api.cron.add_many(..., journal=...)",
    "json": "did you mean 'post_data'? It takes text, such as json.dumps(...).",
    "body": "did you mean 'post_data'?",
    "data": "did you mean 'post_data'?",
    "cron": "did you mean 'expression'?",
    "schedule": "did you mean 'expression'?",
    "headers": "did you mean 'http_headers'?",
    "tz": "did you mean 'timezone'?",
    "method": "did you mean 'http_method'?",
    "auth": "did you mean 'username' and 'password'?",
    "title": "did you mean 'name'?",
    "retries": "did you mean 'retry'?",
    "groupId": "did you mean 'group'?",
    "group_id": "did you mean 'group'?",
    "enabled": "cron.enable, cron.disable and cron.pause change that.",
    "paused": "cron.enable, cron.disable and cron.pause change that.",
    "params": "put a query into the url.",
    "httpMethod": "did you mean 'http_method'?",
    "Name": "did you mean 'name'?",
    "URL": "did you mean 'url'?",
    "timeout_seconds": "did you mean 'timeout'?",
    "run_at": "did you mean 'run'?",
    "cron_url": "did you mean 'url'?",
    "expresion": "did you mean 'expression'?",
}


def test_a_job_parameter_that_is_not_ours_names_what_is_meant():
    """In add, edit, ensure, rows and specs alike: other libraries' words, options, misspellings."""
    api = client_of(None)
    ways = {
        "cron.add": lambda **wrong: api.cron.add(url=URL, **wrong).send(None),
        "cron.ensure": lambda **wrong: api.cron.ensure(url=URL, name="x", **wrong).send(None),
        "A job": lambda **wrong: JobSpec(url=URL, **wrong),
        "cron.add_many: item 0: A job": lambda **wrong: api.cron.add_many([{"url": URL, **wrong}]),
        "cron.edit_many: item 0: A job": lambda **wrong: api.cron.edit_many([(7, wrong)]),
    }
    for function, way in ways.items():
        for name, meant in MEANT.items():
            with pytest.raises(ConfigurationError) as refused:
                way(**{name: "x"})
            text = str(refused.value)
            assert text.startswith(f"{function} has no parameter {name!r}; "), text
            assert meant in text


def test_a_name_that_is_like_nothing_is_left_alone():
    """No hint is better than a wrong one: `files` is not `filter`, nor `cookies` anything."""
    for name in ("files", "cookies", "jobs", "zzzz", "color"):
        with pytest.raises(ConfigurationError) as refused:
            JobSpec(url=URL, **{name: 1})
        assert str(refused.value) == f"A job has no parameter {name!r}."


OF_CLIENTS = {
    "max_wait": "api.with_options(max_wait=...)",
    "lane": "api.with_options(lane=...)",
    "journal": "api.cron.add_many(..., journal=...)",
    "api_key": "did you mean 'token'?",
    "url": "did you mean 'base_url'?",
    "max_retries": "did you mean 'retry'?",
    "proxy": "give an http_client that has it, such as httpx.AsyncClient(...).",
    "verify": "give an http_client that has it",
    "time_out": "did you mean 'timeout'?",
    "baseurl": "did you mean 'base_url'?",
    "retries": "did you mean 'retry'?",
}


def test_an_option_of_a_client_that_is_none_names_where_it_belongs():
    """FastCron(max_wait=...) is Python's TypeError still, and says that with_options has it."""
    makers = {
        "FastCron": lambda **wrong: FastCron(TOKEN, **wrong),
        "SetCronJob": lambda **wrong: SetCronJob(TOKEN, **wrong),
        "Client": lambda **wrong: Client(FASTCRON, TOKEN, **wrong),
    }
    for owner, make in makers.items():
        for name, meant in OF_CLIENTS.items():
            with pytest.raises(TypeError) as refused:
                make(**{name: 1})
            assert str(refused.value).startswith(f"{owner} has no option {name!r}; ")
            assert meant in str(refused.value)


def test_an_option_of_a_call_or_a_bulk_that_is_none_names_where_it_belongs():
    """with_options and the bulks say which options are others'."""
    api = client_of(None)
    for name, meant in {
        "coalesce": "FastCron(coalesce=...)",
        "http_client": "FastCron(http_client=...)",
        "progress": "api.cron.add_many(..., progress=...)",
        "maxwait": "did you mean 'max_wait'?",
        "retries": "did you mean 'retry'?",
    }.items():
        with pytest.raises(ConfigurationError) as refused:
            api.with_options(**{name: 1})
        assert str(refused.value).startswith(f"with_options has no option {name!r}; ")
        assert meant in str(refused.value)
    for bulk in (
        lambda **wrong: api.cron.add_many([{"url": URL}], **wrong),
        lambda **wrong: api.cron.delete_many([7], **wrong),
        lambda **wrong: api.cron.pause_many([7], for_="1 hour", **wrong),
        lambda **wrong: api.group.delete_many([7], **wrong),
    ):
        for name, meant in {
            "max_wait": "; api.with_options(max_wait=...)",
            "journals": "did you mean 'journal'?",
            "on_progress": "did you mean 'progress'?",
        }.items():
            with pytest.raises(TypeError, match="_many has no option") as refused:
                bulk(**{name: 1})
            assert meant.removeprefix("; ") in str(refused.value)


def test_the_table_of_options_has_all_of_them():
    """A new option of a client, a call or a bulk gets its place in the table of hints."""
    clients = ClientOptions.__annotations__.keys() - CallOptions.__annotations__.keys()
    there = {"with_options": set(), "FastCron": set(), "add_many": set()}
    for name, text in OPTIONS.items():
        there[next(place for place in there if f"{place}(" in text)].add(name)
    assert there == {
        "FastCron": clients | {"token"},
        "with_options": set(CallOptions.__annotations__),
        "add_many": set(BulkOptions.__annotations__),
    }
    assert not JOB_WORDS.keys() & JobParams.__annotations__.keys()
    assert not CLIENT_WORDS.keys() & ClientOptions.__annotations__.keys()


JOB, GROUP = CronJob(id=7), Group(id=5, name="team")
IDS = [
    (lambda api: api.cron.get(JOB), "id cannot be a CronJob; give job.id."),
    (lambda api: api.cron.edit(JOB, name="x"), "id cannot be a CronJob; give job.id."),
    (lambda api: api.cron.batch_delete([JOB]), "item 0: id cannot be a CronJob; give job.id."),
    (lambda api: api.call("cron.get", id=JOB), "id cannot be a CronJob; give job.id."),
    (lambda api: api.cron.delete(GROUP), "a Group; group.items(group.id) has its jobs."),
    (lambda api: api.cron.run(True), "a bool; an id is a number, such as job.id."),
    (lambda api: api.cron.logs("ping"), "a str; cron.find(name) finds a job by its name."),
    (lambda api: api.cron.group_edit(JOB, name="x"), "a CronJob; job.group is that of its group."),
    (lambda api: api.group.get(GROUP), "id cannot be a Group; give group.id."),
    (lambda api: api.group.items(JOB), "a CronJob; job.group is that of its group."),
    (lambda api: api.group.get("team"), "a str; group.lookup(name) finds groups by their name."),
    (lambda api: api.group.edit(False, name="x"), "a bool; an id is a number, such as group.id."),
    (lambda api: api.cron.add(url=URL, group="team"), "its number, such as group.id."),
    (lambda api: api.cron.add(url=URL, group=GROUP), "its number, such as group.id."),
    (lambda api: api.cron.get(None), "cron.get needs an id."),
    (lambda api: api.group.get(None), "group.get needs an id."),
    (lambda api: api.group.add(None), "group.add needs a name."),
    (lambda api: api.group.add(""), "group.add needs a name."),
    (lambda api: api.group.add(" \t"), "group.add needs a name."),
    (lambda api: api.group.lookup(""), "group.lookup needs a name."),
    (lambda api: api.group.edit(7, name=""), "group.edit needs a name."),
]


async def test_an_id_that_is_no_id_and_a_name_that_is_none_are_told_apart():
    """A job, a group, a boolean or a name in place of an id says where the id is."""
    async with client_of(None) as api:
        for call, text in IDS:
            with pytest.raises(ConfigurationError) as refused:
                await call(api)
            assert str(refused.value).endswith(text), str(refused.value)


# --- extras --------------------------------------------------------------------------------------

EXTRAS = [
    ("cronapi.emulator", "uvicorn", "emulator"),
    ("cronapi.emulator.server", "click", "emulator"),
    ("cronapi.cli.root", "click", "cli"),
    ("cronapi.pytest_plugin", "pytest", "testing"),
]
SCRIPT = """
import sys
for module, absent in {table!r}:
    kept = dict(sys.modules)
    sys.modules[absent] = None
    try:
        __import__(module)
    except ModuleNotFoundError as error:
        print(error.name, str(error))
    for name in set(sys.modules) - kept.keys() | {{absent}}:
        sys.modules.pop(name, None)
    sys.modules.update(kept)
"""


def test_a_module_whose_extra_is_missing_says_what_to_install():
    """The package that is absent is named, and the command that brings it."""
    script = SCRIPT.format(table=[row[:2] for row in EXTRAS])
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for said, (module, absent, extra) in zip(run.stdout.splitlines(), EXTRAS, strict=True):
        owner = "cronapi.emulator" if extra == "emulator" else module.removesuffix(".root")
        assert said == f'{absent} {owner} needs {absent}: pip install "cronapi-client[{extra}]"'


def test_a_redis_bucket_without_its_extra_says_what_to_install():
    """The module itself needs no redis: only the bucket does."""
    script = (
        "import sys; sys.modules['redis'] = None\n"
        "from cronapi.scheduler import RedisBucket\n"
        "try: RedisBucket.from_url('redis://localhost', key='x')\n"
        "except ValueError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert 'pip install "cronapi-client[redis]"' in run.stdout
