"""The head of the page: the version, the settings, the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.page.jobs import TITLES, button
from cronapi.emulator.page.markup import Html, element, escaped, joined
from cronapi.emulator.page.times import distance, whole_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronapi.emulator.store import Document

_STEPS: Mapping[str, str] = {"1 minute": "+1 min", "1 hour": "+1 h"}


def head_of(health: Document) -> dict[str, Html]:
    """Return the version, the settings and the clock of a report of health."""
    return {
        "version": escaped(health["version"]),
        "settings": _settings(health["settings"]),
        "clock": _clock(health["clock"], health["running"]),
    }


def _settings(settings: Document) -> Html:
    rates = [f"{TITLES[name]} {_rate(rate)}" for name, rate in settings["rates"].items()]
    told = [
        *(f"era {settings['era']}", "strict" if settings["strict"] else "lenient"),
        *(f"execute {settings['execute']}", *rates, f"by {settings['limit_by']}"),
    ]
    return joined(element("li", text) for text in told)


def _rate(rate: float | None) -> str:
    return "without limit" if rate is None else f"{rate:g}/s"


def _clock(clock: Document, running: int) -> Html:
    now, due = clock["now"], clock["next_due"]
    scale = clock["scale"]
    pace = (
        "" if scale in {1, None} else "stands still" if scale == 0 else f"{scale:g} times as fast"
    )
    coming = "no run to come" if due is None else f"next due {distance(due, now)}"
    work = f"{running} at work" if running else ""
    return joined(
        [
            element("span", whole_moment(now), class_="now"),
            element("span", "UTC", class_="dim"),
            element(
                "span", " · ".join(part for part in (pace, coming, work) if part), class_="dim"
            ),
            element(
                "span",
                *(button(text, f"advance {span}") for span, text in _STEPS.items()),
                button("Next run", "next-run", disabled=due is None),
                class_="acts",
            ),
        ]
    )
