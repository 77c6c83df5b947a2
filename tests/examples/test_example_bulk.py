"""examples/bulk.py: many coroutines at one client."""

from __future__ import annotations

import importlib
import runpy
import sys

import pytest


@pytest.fixture
def example(examples):
    return importlib.import_module("bulk")


async def test_every_coroutine_adds_its_job_and_a_batch_adds_as_many(
    example, hurried, service, capsys
):
    """Jobs one by one and jobs of a bulk are all at the service, once."""
    async with hurried() as api:
        ids = await example.fill(api, 10)
    jobs = service.emulator.jobs("fastcron")
    assert sorted(job["name"] for job in jobs) == sorted(
        f"customer {number}" for number in range(20)
    )
    assert sorted(ids) == [job["id"] for job in jobs]
    output = capsys.readouterr().out
    assert output.count("added customer") == 10
    assert output.endswith("10 jobs with 10 requests, 10 jobs with few\n")


def test_it_can_be_run_as_a_program(examples, service, monkeypatch, capsys):
    """The number given is how many are made each way; in the end all of them are deleted."""
    monkeypatch.setattr(sys, "argv", ["bulk.py", "1"])
    runpy.run_module("bulk", run_name="__main__")
    output = capsys.readouterr().out
    assert "1 jobs with 1 requests, 1 jobs with few" in output
    assert "deleted 2; " in output.splitlines()[-1]
    assert (service.emulator.created("fastcron"), service.emulator.jobs("fastcron")) == (2, [])
