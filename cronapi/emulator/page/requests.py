"""The requests as rows, as a strip over time, and one of them whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.page.holds import Hold, holds_in, is_refusal
from cronapi.emulator.page.jobs import TITLES, badge
from cronapi.emulator.page.markup import Html, Shown, counted, element, joined, lines
from cronapi.emulator.page.times import moment, seconds, whole_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cronapi.emulator.store import Document

_TONES = {"ok": "good", "error": "warn", "refused": "bad", "fault": "odd"}
_COLUMNS = 7
_TEXT = 4000
# The strip shows at most this many seconds, in units of its picture.
_WINDOW, _SHORTEST = 60.0, 0.01
_WIDTH, _HEIGHT, _MARK = 1000.0, 24.0, 3.0


def request_rows(
    requests: Sequence[Document],
    now: float,
    shown: Shown,
    link: Callable[[int], str],
    *,
    holds: bool,
) -> Html:
    """Return the rows of requests, the newest first, and with `holds` those between them."""
    ended = {hold.before: hold for hold in holds_in(requests)} if holds else {}
    gaps = _gaps(requests)
    rows: list[Html] = []
    for request in requests:
        number = request["id"]
        rows.append(_row(request, now, shown, gaps.get(number), link(number)))
        if number in ended:
            rows.append(_hold_row(ended[number]))
    return joined(rows)


def strip(requests: Sequence[Document]) -> Html:
    """Return the last minute before the newest request as a picture, a lane for each provider."""
    if not requests:
        return Html("")
    end = max(request["arrived"] for request in requests)
    span = min(_WINDOW, max(_SHORTEST, end - min(request["arrived"] for request in requests)))
    holds = holds_in(requests)
    lanes = [
        _lane(
            provider,
            [r for r in requests if r["provider"] == provider and r["arrived"] >= end - span],
            [hold for hold in holds if hold.provider == provider and hold.end >= end - span],
            lambda at: max(0.0, (at - end + span) / span * (_WIDTH - _MARK)),
        )
        for provider in TITLES
    ]
    scale = element(
        *("div", element("span", f"{seconds(span)} before"), element("span", "newest request")),
        class_="scale",
        aria_hidden="true",
    )
    return element("div", *lanes, scale, class_="strip")


def detail(request: Document | None, shown: Shown, close: str) -> Html:
    """Return one request with its answer, nothing for none."""
    if request is None:
        return Html("")
    head = shown(f"{request['method']} {request['path']}", 300)
    facts = {
        "Time": whole_moment(request["time"]),
        "Verdict": request["verdict"] + (f": {request['fault']}" if request["fault"] else ""),
        "HTTP": str(request["status"] or "no answer"),
        "Took": seconds(request["ms"] / 1000),
        "From": shown(request["peer"]),
    }
    listed = [element("div", element("dt", name), element("dd", facts[name])) for name in facts]
    texts = [
        joined([element("h4", name), element("pre", lines(shown(request[key], _TEXT)), tabindex=0)])
        for name, key in (("Query", "query"), ("Body", "body"), ("Answer", "answer"))
        if request[key]
    ]
    return element(
        "section",
        element("h3", f"Request {request['id']}: ", element("code", head)),
        element("dl", *listed),
        *texts,
        element("p", element("a", "Close", href=close, data_here=True)),
        class_="detail",
        aria_label=f"Request {request['id']}",
    )


def _gaps(requests: Sequence[Document]) -> Mapping[int, float]:
    """Return the seconds since the request before at the same provider, by id."""
    found, last = {}, dict[str, float]()
    for request in reversed(requests):
        if request["provider"] in last:
            found[request["id"]] = max(0.0, request["arrived"] - last[request["provider"]])
        last[request["provider"]] = request["arrived"]
    return found


def _row(request: Document, now: float, shown: Shown, gap: float | None, link: str) -> Html:
    number, refused = request["id"], is_refusal(request)
    known = request["provider"] and not request["function"].startswith("?")
    what = request["function"] if known else f"{request['method']} {request['path']}"
    verdict = request["fault"] or request["verdict"]
    return element(
        "tr",
        element("td", moment(request["time"], now)),
        element("td", "" if gap is None else f"+{gap:.2f} s", class_="num", data_label="Gap"),
        element("th", element("code", element("bdi", shown(what))), scope="row"),
        element("td", TITLES.get(request["provider"], ""), class_="dim"),
        element("td", badge(verdict, "bad" if refused else _TONES[request["verdict"]])),
        element("td", str(request["status"] or "none"), class_="num", data_label="HTTP"),
        element(
            "td",
            seconds(request["ms"] / 1000),
            " ",
            element("a", "Show", href=link, data_here=True, aria_label=f"Show request {number}"),
            class_="num",
        ),
        id=f"request-{number}",
        class_="refused" if refused else None,
    )


def _hold_row(hold: Hold) -> Html:
    text = f"Hold of {seconds(hold.seconds)} after {hold.refusals} refusals in a row"
    who = TITLES.get(hold.provider, "")
    return element(
        "tr",
        element("td", f"{text} · {who}" if who else text, colspan=_COLUMNS),
        id=f"hold-{hold.before}",
        class_="hold",
    )


def _lane(
    provider: str,
    requests: Iterable[Document],
    holds: Iterable[Hold],
    place: Callable[[float], float],
) -> Html:
    marks = [*map(_as_mark(place), requests)]
    bands = [_band(place(hold.begin), place(hold.end)) for hold in holds]
    refused = sum('class="mark bad"' in mark for mark in marks)
    counts = (counted(len(marks), "request"), f"{refused} refused", counted(len(bands), "hold"))
    label = f"{TITLES[provider]}: {', '.join(counts)}"
    picture = element(
        *("svg", *bands, *marks),
        viewBox=f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )
    return element("div", element("span", TITLES[provider]), picture, class_="lane")


def _as_mark(place: Callable[[float], float]) -> Callable[[Document], Html]:
    def mark(request: Document) -> Html:
        tone = "bad" if is_refusal(request) else _TONES[request["verdict"]]
        top = 0 if tone == "bad" else _HEIGHT / 3
        at = f"{place(request['arrived']):.1f}"
        height = _HEIGHT - top
        return element("rect", class_=f"mark {tone}", x=at, y=top, width=_MARK, height=height)

    return mark


def _band(begin: float, end: float) -> Html:
    x, width = f"{begin:.1f}", f"{end - begin:.1f}"
    return element("rect", class_="band", x=x, y=0, width=width, height=_HEIGHT)
