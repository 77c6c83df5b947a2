"""Tests of many combinations: which of them run by default.

A test that is marked `each_value` runs by default until each value of each of its parameters has
had its turn on each event loop. The rest of its combinations are long proofs.
"""

from __future__ import annotations

import pytest


def spare_combinations(items):
    """Make long proofs of the combinations whose every value has had its turn before them."""
    seen = set()
    for item in items:
        if item.get_closest_marker("each_value") is None:
            continue
        values = _values(item)
        if values <= seen:
            item.add_marker(pytest.mark.proof)
        seen |= values


def _values(item):
    """Return the values of a test's parameters, each with the test and the event loop."""
    names = dict(item.callspec.params)
    loop = names.pop("anyio_backend", None)
    test = item.nodeid.partition("[")[0]
    return {(test, loop, name, _identity(value)) for name, value in names.items()}


def _identity(value):
    return value if isinstance(value, str | int | float) else id(value)
