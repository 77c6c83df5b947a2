"""docs/parameters.md tells the parameters, fields and options that the code has."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from cronapi import JobParams
from cronapi._names import wire_name
from cronapi.emulator.parameters import JOB_PARAMETERS
from cronapi.namespaces.cron import CronNamespace
from scripts.parameters_page import page, shown

PAGE = Path(__file__).parents[1] / "docs" / "parameters.md"


def test_the_page_of_parameters_is_current():
    """What docs/parameters.md says of parameters, fields and options is what the code has."""
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run: python -m scripts.parameters_page > docs/parameters.md"
    )


def test_every_parameter_is_one_of_a_service():
    """No row of the page has a parameter that neither service takes."""
    known = set(chain.from_iterable(JOB_PARAMETERS.values()))
    assert {wire_name(name) for name in JobParams.__annotations__} <= known


def test_ensure_says_what_costs_an_edit_each_time():
    """The docstring of ensure names each parameter that a service does not show."""
    hidden = {name for name in JobParams.__annotations__ if shown(wire_name(name)) != "yes"}
    assert {
        name for name in JobParams.__annotations__ if f"`{name}`" in CronNamespace.ensure.__doc__
    } == hidden | {"name"}
