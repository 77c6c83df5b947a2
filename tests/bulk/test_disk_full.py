"""A disk that is full in the middle of a bulk with a journal: nothing is made twice afterwards."""

from __future__ import annotations

import os

import pytest

from cronapi import Applied, ConfigurationError
from tests.support.emulated import BOTH, emulator, fill, paced, specs
from tests.support.told import is_true, told_of

pytestmark = pytest.mark.virtual_clock


class Disk:
    """A disk with room for so many writes, until it is freed."""

    def __init__(self, monkeypatch, writes, number=28):
        self._left, self._real = writes, os.fsync
        self._error = OSError(number, os.strerror(number))
        monkeypatch.setattr(os, "fsync", self._fsync)

    def free(self):
        self._left = 10**9

    def _fsync(self, number):
        self._left -= 1
        if self._left < 0:
            raise self._error
        self._real(number)


@pytest.mark.each_value
@BOTH
@pytest.mark.parametrize("client", ["same", "new"])
@pytest.mark.parametrize(
    "writes",
    [
        writes if writes in {1, 4, 11} else pytest.param(writes, marks=pytest.mark.proof)
        for writes in range(1, 12)
    ],
)
async def test_the_same_call_after_space_was_freed_makes_each_job_once(
    tmp_path, monkeypatch, provider, client, writes
):
    """Each job is made once, however much the full disk still took of the first run."""
    app, given = emulator(), specs(250 if provider == "fastcron" else 60)
    disk, path = Disk(monkeypatch, writes), tmp_path / "journal.jsonl"
    async with paced(app, provider) as api:
        error = None
        try:
            await api.cron.add_many(given, journal=path)
        except ConfigurationError as full:
            error = full
        there = len(app.emulator.jobs(provider))
        assert error is None or not there or error.applied is Applied.UNKNOWN
        disk.free()
        if client == "same":
            report = await api.cron.add_many(given, journal=path)
    if client == "new":
        async with paced(app, provider) as api:
            report = await api.cron.add_many(given, journal=path)
    found = told_of(report)
    assert is_true(found, app.emulator.jobs(provider)), found
    assert len(found.done) == len(app.emulator.jobs(provider)) == len(given)


@pytest.mark.few(2)
@pytest.mark.parametrize("number", [5, 27, 28, 30, 122])
async def test_any_failure_of_the_disk_leaves_the_outcome_unknown(tmp_path, monkeypatch, number):
    """A disk that is full, over quota, read-only or broken: what was sent is not denied."""
    app = emulator()
    disk, path = Disk(monkeypatch, 4, number), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        with pytest.raises(ConfigurationError) as caught:
            await api.cron.add_many(specs(250), journal=path)
        assert app.emulator.jobs("fastcron")
        assert caught.value.applied is Applied.UNKNOWN
        assert "othing was sent" not in str(caught.value)
        disk.free()
        report = await api.cron.add_many(specs(250), journal=path)
    assert is_true(told_of(report), app.emulator.jobs("fastcron"))
    assert len(app.emulator.jobs("fastcron")) == 250


@pytest.mark.crowd
async def test_the_third_call_ends_a_bulk_whose_disk_filled_up_twice(tmp_path, monkeypatch):
    """A bulk whose disk fills up twice makes each job once with the third call."""
    app, path = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        for writes in (3, 1):
            disk = Disk(monkeypatch, writes)
            with pytest.raises(ConfigurationError):
                await api.cron.add_many(specs(250), journal=path)
            disk.free()
        report = await api.cron.add_many(specs(250), journal=path)
    assert is_true(told_of(report), app.emulator.jobs("fastcron"))
    assert len(app.emulator.jobs("fastcron")) == 250


@pytest.mark.each_loop
async def test_a_disk_that_is_full_from_the_start_sends_nothing(tmp_path, monkeypatch):
    """Where nothing could be noted, nothing was sent, and the error says so."""
    app = emulator()
    Disk(monkeypatch, 0)
    async with paced(app) as api:
        with pytest.raises(ConfigurationError) as caught:
            await api.cron.add_many(specs(250), journal=tmp_path / "journal.jsonl")
    assert app.emulator.jobs("fastcron") == []
    assert caught.value.applied is Applied.NO


@pytest.mark.few(1)
@pytest.mark.parametrize("change", ["delete_many", "disable_many"])
async def test_other_bulks_end_after_space_was_freed(tmp_path, monkeypatch, change):
    """Deletes and other changes that the full disk broke off are all done by the same call."""
    app = emulator()
    ids, path = fill(app, "fastcron", 100), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        disk = Disk(monkeypatch, 3)
        with pytest.raises(ConfigurationError):
            await getattr(api.cron, change)(ids, journal=path)
        disk.free()
        report = await getattr(api.cron, change)(ids, journal=path)
    assert len(report.done) == 100
