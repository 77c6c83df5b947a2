"""The rows of jobs and of their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.page.markup import Html, Shown, element, joined
from cronapi.emulator.page.times import moment, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cronapi.emulator.store import Document

TITLES: Mapping[str, str] = {"fastcron": "FastCron", "setcronjob": "SetCronJob"}
"""The providers' names for people."""
_BY_TONE = {
    "good": ("active", "ok"),
    "warn": ("failing", "skipped", "dropped", "missed"),
    "calm": ("paused", "due"),
}
_TONES = {word: tone for tone, words in _BY_TONE.items() for word in words}
_OUTPUT = 160


def job_rows(jobs: Sequence[Document], now: float, shown: Shown, *, runs: bool) -> Html:
    """Return the rows of jobs. Unless `runs`, they cannot be run by hand."""
    return joined(_job_row(job, now, shown, runs=runs) for job in jobs)


def run_rows(runs: Sequence[Document], now: float, shown: Shown) -> Html:
    """Return the rows of runs."""
    return joined(_run_row(run, now, shown) for run in runs)


def badge(word: str, tone: str | None = None) -> Html:
    """Return a word with a mark in its tone."""
    return element("span", word, class_=f"badge {tone or _TONES.get(word, 'bad')}")


def _job_row(job: Document, now: float, shown: Shown, *, runs: bool) -> Html:
    place = f"{job['provider']} {job['id']}"
    service = f"{TITLES[job['provider']]} {job['id']}"
    title = _title(job, shown)
    schedule = job["schedule"] if isinstance(job["schedule"], str) else "value lists"
    zone = None if job["timezone"] == "UTC" else shown(job["timezone"])
    return element(
        "tr",
        element("th", _two(title, service, shown(job["url"])), scope="row"),
        element("td", _two(element("code", shown(schedule, 60)), zone), data_label="Schedule"),
        element("td", _state(job, now)),
        element("td", _next(job, now), data_label="Next run"),
        element("td", _last(job["last_run"], now), data_label="Last result"),
        element("td", _buttons(job, place, title, runs=runs), class_="acts"),
        id=f"job-{job['provider']}-{job['id']}",
    )


def _title(job: Document, shown: Shown) -> str:
    return shown(job["name"], 80).strip() or "(no name)"


def _two(first: str, *below: str | None) -> Html:
    """Return a line with a fainter one below it."""
    parts = [element("bdi", part) for part in below if part]
    rest = element("span", *_with_spaces(parts), class_="sub") if parts else None
    return joined([element("bdi", first, class_="line"), " ", rest])


def _with_spaces(parts: Sequence[Html]) -> list[Html | str]:
    return [piece for part in parts for piece in (part, " ")][:-1]


def _state(job: Document, now: float) -> Html:
    until = joined(["until ", moment(job["resumes"], now)]) if job["resumes"] else None
    count = f"{job['fail']} in a row" if job["fail"] else None
    return _two(badge(job["state"]), until or count)


def _next(job: Document, now: float) -> Html:
    # What is due for a paused job is the end of its pause.
    if job["due"] is None or job["state"] == "paused":
        return element("span", "none", class_="dim")
    return moment(job["due"], now, below=True)


def _last(row: Document | None, now: float) -> Html:
    if row is None:
        return element("span", "never ran", class_="dim")
    result = badge("failed", "bad") if row["status"] else badge("ok")
    status = f" {row['httpStatus']}" if row["httpStatus"] else ""
    return _two(joined([result, status]), moment(row["time"], now))


def _buttons(job: Document, place: str, title: str, *, runs: bool) -> Html:
    turn = ("Enable", "enable") if job["state"] in {"paused", "failed"} else ("Pause", "disable")
    return joined(
        [
            button("Run", f"trigger {place}", f"Run {title}", disabled=not runs),
            " ",
            button(turn[0], f"{turn[1]} {place}", f"{turn[0]} {title}"),
        ]
    )


def button(text: str, act: str, label: str | None = None, **attributes: object) -> Html:
    """Return a button of the page's form. The label begins with the button's text."""
    given = {"aria_label": label, **attributes}
    return element("button", text, form="act", name="act", value=act, **given)


def _run_row(run: Document, now: float, shown: Shown) -> Html:
    row = run["row"] or {}
    said = row.get("error") or row.get("output") or ""
    status, took = row.get("httpStatus"), row.get("executionTime")
    return element(
        "tr",
        element("td", moment(run["time"], now)),
        element(
            "th", _two(_title(run, shown), f"{TITLES[run['provider']]} {run['id']}"), scope="row"
        ),
        element("td", badge(run["result"])),
        element("td", str(status) if status else "", class_="num", data_label="HTTP"),
        element("td", "" if took is None else seconds(took), class_="num", data_label="Took"),
        element("td", element("code", shown(said, _OUTPUT)), class_="wide", data_label="Said"),
        id=f"run-{run['provider']}-{run['id']}-{run['no']}",
    )
