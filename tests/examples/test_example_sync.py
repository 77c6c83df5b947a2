"""examples/sync.py: an account's jobs made those of a file, night after night."""

from __future__ import annotations

import importlib
from collections import Counter

import pytest

JOBS = """
version = 1
[scope]
prefix = "sync: "

[job."sync: report"]
url = "https://example.com/report"
expression = "0 3 * * *"
notify = true
http_method = "POST"
http_headers = { X-Key = "v", Accept = "text/plain" }
password = "secret"
user_agent = "mine"

[job."sync: ping"]
url = "https://example.com/ping"
"""


@pytest.fixture
def example(examples):
    return importlib.import_module("sync")


@pytest.fixture
def night(example, hurried, service, tmp_path):
    """Return a function that runs one sync and returns if all went well, and the calls it took."""

    async def run(text, *options):
        path = tmp_path / "jobs.toml"
        path.write_text(text)
        service.emulator.requests.clear()
        async with hurried() as api:
            well = await example.sync(api, str(path), options)
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
        await api.cron.add(url="https://example.com/", name="somebody's sync: job")
    changed = JOBS.replace("0 3 * * *", "30 3 * * *").replace("ping", "pong")
    assert not (await night(changed, "--dry-run"))[1]["cron.edit"]
    well, calls = await night(changed, "--prune")
    assert well
    assert {"cron.edit": 1, "cron.add": 1, "cron.delete": 1}.items() <= calls.items()
    assert names(service) == ["somebody's sync: job", "sync: pong", "sync: report"]
    (report,) = [job for job in service.emulator.jobs("fastcron") if job["name"] == "sync: report"]
    assert report["expression"] == "30 3 * * *"


async def test_what_is_refused_is_told_and_shows_no_secret(night, capsys):
    """A refused job is told with the reason, and not its password. The others are made."""
    well, _ = await night(JOBS.replace("0 3 * * *", "never"))
    output = capsys.readouterr().out
    assert not well
    assert "1 created, 0 unchanged, 1 failed" in output
    assert "fastcron cron.add" in output
    assert "secret\n" not in output.replace("(secret)", "")


async def test_an_empty_file_deletes_nothing(example, night, service, tmp_path, capsys):
    """A file that lists no job is an error, not the wish to have none."""
    await night(JOBS)
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    assert await example.main(str(empty), ["--prune"]) == 3
    assert len(names(service)) == 2
    assert "it has no version" in capsys.readouterr().out


async def test_it_can_be_run_as_a_program(example, service, tmp_path):
    """With the token and the address of the environment it makes what the file lists."""
    path = tmp_path / "jobs.toml"
    path.write_text(JOBS.partition('[job."sync: ping"]')[0])
    assert await example.main(str(path)) == 0
    assert names(service) == ["sync: report"]
