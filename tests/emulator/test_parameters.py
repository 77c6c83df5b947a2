"""Reading parameters: each kind of value, strict and lenient."""

from __future__ import annotations

import pytest

from cronapi.emulator.parameters import Signature, read_parameters, signature
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.service import PROVIDERS, functions


def read(kind, value, *, strict=True):
    return read_parameters(Signature({"p": kind}), {"p": value}, strict=strict).get("p", "not sent")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("int", 5, 5),
        ("int", "5", 5),
        ("int", "-5", -5),
        ("int", "", "not sent"),
        ("int", None, "not sent"),
        ("string", "a", "a"),
        ("string", "", ""),
        ("string", None, "not sent"),
        ("bool", True, True),
        ("bool", 0, False),
        ("bool", "1", True),
        ("bool", "Yes", True),
        ("bool", "no", False),
        ("bool", "false", False),
        ("bool", "", False),
        ("bool", "true", True),
        ("group", 3, 3),
        ("group", "3", 3),
        ("group", "", None),
        ("group", None, None),
        ("ids", [1, "2"], [1, 2]),
        ("ids", "1,2", [1, 2]),
        ("ids", 7, [7]),
        ("strings", ["0", 30], ["0", "30"]),
        ("strings", "0,12", ["0", "12"]),
        ("strings", "*", ["*"]),
        ("strings", 5, ["5"]),
        ("objects", [{"url": "x"}], [{"url": "x"}]),
    ],
)
def test_values_are_read_by_kind(kind, value, expected):
    """JSON values and their spellings in a form are read as the same value."""
    assert read(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "x"),
        ("int", True),
        ("int", 1.5),
        ("int", [1]),
        ("int", 2**63),
        ("int", "9" * 19),
        ("int", "1_0"),
        ("string", 5),
        ("string", ["a"]),
        ("string", {"a": 1}),
        ("string", "\ud800"),
        ("bool", "maybe"),
        ("bool", 2),
        ("bool", [1]),
        ("group", "x"),
        ("ids", "1,x"),
        ("ids", [[1]]),
        ("strings", ["Mon"]),
        ("objects", "[]"),
        ("objects", [1]),
        ("objects", {"url": "x"}),
    ],
)
def test_a_value_of_another_kind_is_refused(kind, value):
    """The refusal names the parameter and the kind that it must have."""
    with pytest.raises(Refusal, match=r"Parameter p must be an?\b"):
        read(kind, value)


def test_a_strict_reader_names_what_it_does_not_know():
    """A strict reader refuses an unknown name or one of another case, a lenient one drops it."""
    given = signature("fastcron", "cron.get")
    with pytest.raises(Refusal, match=r"Unknown parameter: ID, x\."):
        read_parameters(given, {"id": 1, "x": 1, "ID": 2}, strict=True)
    assert read_parameters(given, {"id": 1, "x": 1}, strict=False) == {"id": 1}


def test_a_lenient_reader_takes_numbers_for_text():
    """A lenient reader accepts a number for a text."""
    assert read("string", 5, strict=False) == "5"


@pytest.mark.parametrize("sent", [{}, {"id": None}, {"id": ""}])
def test_a_missing_parameter_is_named(sent):
    """A parameter that is left out, null or an empty number is missing."""
    with pytest.raises(Refusal, match=r"Missing parameter: id\."):
        read_parameters(signature("setcronjob", "cron.get"), sent, strict=True)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_function_has_a_signature(provider):
    """Every function of a provider has a signature."""
    assert all(signature(provider, function) for function in functions(provider))
