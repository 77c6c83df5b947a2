"""The error for an unknown timezone, with the name that is likely meant."""

from __future__ import annotations

from difflib import get_close_matches
from zoneinfo import available_timezones


def unknown_zone(name: str) -> str:
    """Return an error text for a timezone that is not known on this machine."""
    known = sorted(available_timezones())
    if not known:
        return f"Unknown timezone {name!r}: no time zone data is installed. Install tzdata."
    meant = _nearest(name.strip().replace(" ", "_"), known)
    return f"Unknown timezone {name!r}." + (f" Did you mean {meant!r}?" if meant else "")


def _nearest(name: str, known: list[str]) -> str | None:
    """Return a zone by another spelling, by its city alone, or by a name that is close."""
    lowered = {zone.lower(): zone for zone in known}
    cities = {zone.rpartition("/")[2]: zone for zone in lowered}
    for names in (lowered, cities):
        near = get_close_matches(name.lower(), names, 1, cutoff=0.8)
        if near:
            return lowered[near[0]] if near[0] in lowered else lowered[cities[near[0]]]
    return None
