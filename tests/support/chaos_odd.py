"""Services that differ from their documentation, as parts of the chaos.

They respell what they are given, page and search in ways of their own, lag, carry requests out
late, or stand behind a load balancer. A client cannot always tell what such a service did, but it
must not tell anybody anything wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cronapi.emulator import ALTERS, NORMALISE, UNFORESEEN
from tests.support.chaos_service import SHARES

NAME, URL = frozenset({"name"}), frozenset({"url"})
LAG = 0.3
"""Seconds that lists lag: less than the looks of a client take, and more than its first one."""
COMMON = sorted(NORMALISE.keys() - UNFORESEEN)
ODD_NAME = "\u00a0J\u00f6b  <i>{}</i>  & \u201cCo\u201d's 100%_\\ \U0001f680 "
ODD_URL = "http://Chaos.Example:80/{}%c3%a4?b=1&a=\u00e4&utm_source=x#end"
LATE = {**SHARES, "late": 0.05}
FOREIGN = {
    **SHARES,
    "front": 0.05,
    "front_before": 0.05,
    "slow_503": 0.01,
    "timeout_408": 0.02,
    "envelope_503": 0.02,
    "envelope_503_before": 0.02,
    "envelope_429": 0.02,
    "envelope_429_before": 0.02,
    "busy": 0.02,
}


def spec(number: int) -> dict[str, str]:
    """Return a name and a URL that nearly every spelling alters, and that tell jobs apart."""
    return {"name": ODD_NAME.format(number), "url": ODD_URL.format(number)}


def _drawn(known: list[str], count: int, seed: int) -> Mapping[str, Any]:
    return {"normalise": random.Random(f"{seed} {known}").sample(known, count)}


def _altering(what: frozenset[str]) -> list[str]:
    return [kind for kind in NORMALISE if ALTERS[kind] == what]


def _drawn_of_both(seed: int) -> Mapping[str, Any]:
    names, urls = (_drawn(_altering(what), 2, seed)["normalise"] for what in (NAME, URL))
    return {"normalise": [*names, *urls]}


def _always(seed: int, **options: Any) -> Mapping[str, Any]:
    return options


PARTS: dict[str, Callable[[int], Mapping[str, Any]]] = {
    "texts respelt as back ends do": partial(_drawn, COMMON, 4),
    "names respelt": partial(_drawn, _altering(NAME), 2),
    "urls respelt": partial(_drawn, _altering(URL), 2),
    "names and urls respelt": _drawn_of_both,
    "short pages": partial(_always, page_size=7),
    "short pages whose rows move": partial(_always, page_size=7, moves="fail"),
    "search by words": partial(_always, search="words"),
    "search by LIKE": partial(_always, search="like"),
    "lists that lag": partial(_always, lag=LAG),
    "late requests": partial(_always, shares=LATE),
    "foreign 503s": partial(_always, shares=FOREIGN),
}
"""The options of each part's service by seed, as `figures` takes them."""
