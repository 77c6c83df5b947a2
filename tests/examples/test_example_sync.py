"""examples/sync.py: an account's jobs made those of a file, night after night."""

from __future__ import annotations

import importlib
from collections import Counter

import pytest

JOBS = """
[[job]]
name = "report"
url = "https://example.com/report"
expression = "0 3 * * *"
notify = true
http_method = "POST"
http_headers = { X-Key = "v", Accept = "text/plain" }
password = "secret"
user_agent = "mine"

[[job]]
name = "ping"
url = "https://example.com/ping"
"""


@pytest.fixture
def example(examples):
    return importlib.import_module("sync")


@pytest.fixture
def night(example, hurried, service, tmp_path):
    """Return a function that runs one sync and returns if all went well, and the calls it took."""

    async def run(text, **options):
        path = tmp_path / "jobs.toml"
        path.write_text(text)
        service.emulator.requests.clear()
        async with hurried() as api:
            well = await example.sync(api, example.load(path), **options)
        return well, Counter(seen.function for seen in service.emulator.requests)

    return run


def names(service):
    return sorted(job["name"] for job in service.emulator.jobs("fastcron"))


async def test_a_second_night_only_looks(night, service):
    """The first night adds; the next changes nothing, hidden fields and headers included."""
    assert (await night(JOBS))[0]
    assert names(service) == ["sync: ping", "sync: report"]
    assert await night(JOBS) == (True, {"cron.list": 2})


async def test_what_differs_is_mended_and_what_is_not_listed_goes(night, hurried, service):
    """It edits, adds and deletes as the file says; the jobs of other people stay."""
    await night(JOBS)
    async with hurried() as api:
        for name in ("sync: report", "somebody's sync: job"):
            await api.cron.add(url="https://example.com/", name=name)
    changed = JOBS.replace("0 3 * * *", "30 3 * * *").replace('"ping"', '"pong"')
    assert await night(changed) == (
        True,
        {"cron.list": 2, "cron.edit": 1, "cron.add": 1, "cron.batch_delete": 1},
    )
    assert names(service) == ["somebody's sync: job", "sync: pong", "sync: report"]
    assert (
        next(
            job["expression"]
            for job in service.emulator.jobs("fastcron")
            if job["name"] == "sync: report"
        )
        == "30 3 * * *"
    )


async def test_hidden_fields_are_sent_when_everything_is(night):
    """With `--all` each job that stays is edited, whatever the service shows of it."""
    await night(JOBS)
    assert await night(JOBS, everything=True) == (True, {"cron.list": 2, "cron.edit": 2})


async def test_what_is_refused_is_told_and_shows_no_secret(night, capsys):
    """A refused job is named by its place and reason, not its password; the others are made."""
    well, _ = await night(JOBS.replace("0 3 * * *", "never"))
    output = capsys.readouterr().out
    assert not well
    assert "1 done, 1 failed" in output
    assert "item 0: fastcron cron.add" in output
    assert "secret" not in output


async def test_an_empty_file_deletes_nothing(example, night, service, tmp_path, capsys):
    """A file that lists no job is an error, not the wish to have none."""
    await night(JOBS)
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    assert await example.main(empty, everything=False) == 1
    assert len(names(service)) == 2
    assert "would delete all" in capsys.readouterr().out


async def test_it_can_be_run_as_a_program(example, service, tmp_path):
    """With the token and the address of the environment it makes what the file lists."""
    path = tmp_path / "jobs.toml"
    path.write_text(JOBS.partition('[[job]]\nname = "ping"')[0])
    assert await example.main(path, everything=False) == 0
    assert names(service) == ["sync: report"]
