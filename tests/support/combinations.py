"""Tests of many combinations: which of them run by default.

Under a virtual clock each combination of a test runs on one of the event loops. A test that is
marked `each_loop` runs each of them on both. A `crowd` takes one of the loops in any
case, whatever its file is marked. A test that is marked `each_value` runs until each value of each
of its parameters has had its turn, and one that is marked `few` runs so many combinations, which
differ as much as they can. The rest are long proofs.
"""

from __future__ import annotations

import collections
import zlib

import pytest

GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it lie evenly between the whole numbers, however many there are."""


def spare_combinations(items):
    """Make long proofs of the combinations that need not run by default."""
    tests = collections.defaultdict(list)
    for item in items:
        if hasattr(item, "callspec") and item.get_closest_marker("proof") is None:
            tests[item.nodeid.partition("[")[0]].append(item)
    for cases in tests.values():
        kept = _kept(cases)
        for item in cases:
            if item not in kept:
                item.add_marker(pytest.mark.proof)


def _kept(cases):
    """Return the cases of a test that run by default."""
    chosen = list(_combinations(cases).values())
    few = cases[0].get_closest_marker("few")
    if few is not None:
        chosen = _few(chosen, few.args[0])
    elif cases[0].get_closest_marker("each_value") is not None:
        chosen = _each_value(chosen)
    is_each_loop = cases[0].get_closest_marker("each_loop") is not None
    if is_each_loop and cases[0].get_closest_marker("crowd") is None:
        return {item for loops in chosen for item in loops}
    # The order of Thue and Morse, so that no other parameter changes in step with the loops.
    begin = zlib.crc32(cases[0].originalname.encode())
    return {loops[(begin + turn.bit_count()) % len(loops)] for turn, loops in enumerate(chosen)}


def _combinations(cases):
    """Return the cases by combination of their parameters, for each one a case of each loop."""
    combinations = collections.defaultdict(list)
    for item in cases:
        words = item.callspec.id.split("-")
        if "anyio_backend" in item.callspec.params:
            words.remove(item.callspec.params["anyio_backend"])
        combinations["-".join(words)].append(item)
    return combinations


def _each_value(combinations, most=None):
    """Return few combinations that have each value, in which every value meets many others.

    There may be a limit to their number, and then some values are left out.
    """
    values = [_values(loops[0]) for loops in combinations]
    used, chosen = collections.Counter(), []

    def worth(place):
        return sum(not used[value] for value in values[place]), -sum(map(used.get, values[place]))

    used.update(dict.fromkeys(set().union(*values), 0))
    while not all(used.values()) and len(chosen) != most:
        best = max(range(len(values)), key=worth)
        chosen.append(best)
        used.update(values[best])
    return [combinations[place] for place in sorted(chosen)]


def _few(combinations, count):
    """Return so many combinations, which are spread over all of them."""
    spread = sorted(range(len(combinations)), key=lambda place: place * GOLDEN % 1)
    return _each_value([combinations[place] for place in spread], count)


def _values(item):
    """Return the values of a test's parameters but the event loop, each with its name."""
    return {
        (name, _identity(value))
        for name, value in item.callspec.params.items()
        if name != "anyio_backend"
    }


def _identity(value):
    return (type(value), value) if isinstance(value, str | int | float) else id(value)
