"""The page's contents at one moment: facts from the control functions, made HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cronapi.emulator.control import faults, jobs, requests, runs, settings
from cronapi.emulator.control.asked import Asked, ControlError
from cronapi.emulator.control.jobs import STATES
from cronapi.emulator.page.faults import kinds, pending_rows, switches
from cronapi.emulator.page.filters import link, options
from cronapi.emulator.page.head import head_of
from cronapi.emulator.page.jobs import TITLES, job_rows, run_rows
from cronapi.emulator.page.markup import Html, Shown, counted, element, escaped, joined
from cronapi.emulator.page.requests import detail, request_rows, strip
from cronapi.emulator.service import HANDLERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronapi.emulator.app import App
    from cronapi.emulator.store import Document

MOST_JOBS, MOST_RUNS, MOST_REQUESTS = 50, 30, 100
"""The rows of each table. The page says how many are left out."""


async def parts_of(
    app: App, filters: Mapping[str, str], text: str, *, failed: bool
) -> dict[str, Html]:
    """Return the HTML of each place of the page, with a text about the last act."""
    facts = await _facts(app, filters)
    shown = shown_by(app)
    now = facts["health"]["clock"]["now"]
    return {
        "action": escaped(link(filters)),
        "message": element("p", shown(text, 500), class_=failed and "alert") if text else Html(""),
        "search": escaped(filters.get("search", "")),
        "providers": options("provider", filters, TITLES),
        "providerchoices": options("provider", {}, TITLES),
        "states": options("state", filters, {}),
        "verdicts": options("verdict", filters, {}),
        **head_of(facts["health"]),
        **_jobs(facts, now, shown),
        **_requests(facts, filters, now, shown),
        "pending": pending_rows(facts["faults"], facts["chaos"], shown),
        "switches": switches(facts["faults"]),
        "kinds": kinds(facts["faults"]),
        "functions": joined(element("option", name, value=name) for name in HANDLERS),
    }


def shown_by(app: App) -> Shown:
    """Return the way in which texts from outside are shown, without the tokens of an emulator."""
    return Shown(tuple(sorted(app.emulator.tokens, key=len, reverse=True)))


async def _facts(app: App, filters: Mapping[str, str]) -> dict[str, Any]:
    wanted = {name: filters[name] for name in ("search", "provider", "state") if name in filters}
    listed = {name: filters[name] for name in ("verdict",) if name in filters}
    return {
        # A look at the jobs brings them up to date, so it comes first.
        "jobs": await jobs.show(app, Asked(query={**wanted, "limit": str(MOST_JOBS)})),
        "runs": await runs.executions(app, Asked(query={"limit": str(MOST_RUNS)})),
        "requests": await requests.show(
            app, Asked(query={**listed, "limit": str(MOST_REQUESTS), "brief": "1"})
        ),
        "request": await _request(app, filters.get("request")),
        "faults": await faults.show(app, Asked()),
        "chaos": await faults.show_chaos(app, Asked()),
        "health": await settings.health(app, Asked()),
    }


async def _request(app: App, number: str | None) -> Document | None:
    try:
        return None if number is None else await requests.get(app, Asked({"id": number}))
    except ControlError:  # it has left the log meanwhile
        return None


def _jobs(facts: Mapping[str, Any], now: float, shown: Shown) -> dict[str, Html]:
    jobs, runs = facts["jobs"], facts["runs"]
    can_run = facts["health"]["settings"]["execute"] != "off"
    counts = jobs["states"]
    unreadable = len(facts["health"]["unreadable"])
    states = [f"{counts[state]:,} {state}" for state in STATES if state in counts]
    states += [f"{counted(unreadable, 'row')} of the state cannot be read"] * bool(unreadable)
    return {
        "jobs": job_rows(jobs["jobs"], now, shown, runs=can_run) or _no_jobs(jobs["total"]),
        "jobcount": _count(len(jobs["jobs"]), jobs["found"], jobs["total"], "job"),
        "statecount": escaped(", ".join(states)),
        "runs": run_rows(runs["runs"], now, shown) or _empty("Nothing has run.", 6),
        "runcount": _count(len(runs["runs"]), runs["found"], runs["found"], "run"),
    }


def _requests(
    facts: Mapping[str, Any], filters: Mapping[str, str], now: float, shown: Shown
) -> dict[str, Html]:
    listed, total = facts["requests"], facts["health"]["requests"]
    rows = listed["requests"]

    def show(number: int) -> str:
        return link(filters, request=str(number))

    # With a filter the requests between two refusals are not there to be seen.
    whole = "verdict" not in filters
    return {
        "requests": request_rows(rows, now, shown, show, holds=whole) or _empty("No request.", 7),
        "requestcount": _count(len(rows), listed["found"], total, "request"),
        "strip": strip(rows) if whole else Html(""),
        "detail": detail(facts["request"], shown, link(filters, request=None)),
    }


def _count(shown: int, found: int, total: int, word: str) -> Html:
    """Return how many there are, and how many of those that fit are left out."""
    every = counted(total, word)
    fits = "" if found == total else f"{found:,} of "
    left = found - shown
    rest = f"; the newest {shown} are shown, {left:,} are left out" if left else ""
    return escaped(f"{fits}{every}{rest}")


def _no_jobs(total: int) -> Html:
    how = "No job yet. A client adds one, and so does: cronapi cron add --url URL"
    return _empty("No job fits the filter." if total else how, 6)


def _empty(text: str, columns: int) -> Html:
    return element("tr", element("td", text, colspan=columns, class_="dim"))
