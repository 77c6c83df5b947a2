"""The page at `/`: what it shows, what its forms do, and whom it answers."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from urllib.parse import quote

import httpx
import pytest

from cronapi.emulator import KINDS, Fault, MovableClock, create_app
from cronapi.emulator.page.document import filled
from cronapi.emulator.page.holds import holds_in
from cronapi.emulator.page.markup import Html, Shown, element, escaped, lines
from cronapi.emulator.page.times import distance, moment, whole_moment
from tests.support.called import Network, ask, calling_app
from tests.support.emulated import START, TOKEN
from tests.support.page_state import NAMES, SECRET, page_app

ORIGIN = "http://127.0.0.1:8765"
OWN = {"origin": ORIGIN}


@asynccontextmanager
async def browsing(app, peer="127.0.0.1"):
    transport = httpx.ASGITransport(app, client=(peer, 1))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        yield http


async def look(app, query="", **headers):
    async with browsing(app) as http:
        answer = await http.get(f"/{query}", headers=headers)
    assert answer.status_code == 200
    return answer.text


async def act(app, name, headers=OWN, query="", **fields):
    async with browsing(app) as http:
        return await http.post(f"/{query}", data={"act": name, **fields}, headers=headers)


class Outline(HTMLParser):
    """The tags of a page in their order, and the texts in the parts with an id."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


def part(text, name):
    """Return the HTML of a part of a page."""
    found = re.search(rf'<(\w+)[^>]* id="{name}"[^>]*>(.*?)</\1>', text, re.DOTALL)
    return found[2]


# --- HTML ----------------------------------------------------------------------------------------


def test_text_becomes_html_only_escaped():
    """Text in an element or an attribute is shown as it is, HTML alone is taken as HTML."""
    made = element("a", "<b>", Html("<i>x</i>"), None, title='"&', data_here=True, rel=None)
    assert made == '<a title="&quot;&amp;" data-here>&lt;b&gt;<i>x</i></a>'
    assert element("input", name="a", disabled=False) == '<input name="a">'


def test_characters_without_a_look_are_shown_as_escapes():
    """Controls, marks that turn text around, and what cannot be seen are written out."""
    for raw, seen in [
        *(("\x1b[0m", r"\x1b[0m"), ("\u202eabc\u2069", r"\u202eabc\u2069"), ("a\nb", r"a\nb")),
        *(("\0\x7f\x9b", r"\x00\x7f\x9b"), ("\ud800", r"\ud800"), ("\u2028", r"\u2028")),
        *(("\ufeff\xad\u200b", r"\ufeff\xad\u200b"), ("\U000e0041", r"\U000e0041")),
        ("مرحبا 👨\u200d👩 é 日本", "مرحبا 👨\u200d👩 é 日本"),
    ]:
        assert escaped(raw) == seen
    assert lines("a\r\n<b>\x1b\n") == "a\n&lt;b&gt;\\x1b\n"


def test_a_secret_is_hidden_before_a_text_is_cut():
    """No part of a token is left at the end of a text that was cut, and logins are hidden."""
    shown = Shown((TOKEN, "to&ken"))
    for most in range(1, 60):
        assert TOKEN[:8] not in shown(f"{'x' * 20}{TOKEN}{TOKEN}{'y' * 20}", most)
    assert shown("to&ken to%26ken") == "*** ***"
    assert (
        shown("https://me:pass@a.example/?token=abc&b=1") == "https://***@a.example/?token=***&b=1"
    )
    assert shown("abcdef", 3) == "abc…"


def test_times_are_told_from_the_clock_of_the_emulator():
    """A time has its distance, and a day only if it is another one. No time breaks the page."""
    assert [distance(START + span, START) for span in (0, 59, 61, 7300, 90_000, -120)] == [
        *("now", "in 59 s", "in 1 min", "in 2 h", "in 1 d", "2 min ago")
    ]
    assert ">08:01:00<" in moment(START + 60, START)
    assert ">2027-01-16 08:00<" in moment(START + 86_400, START)
    for at in (1e18, -1e18, 253_402_300_800, 10**15):
        assert whole_moment(at) == f"{at:.0f}"
        assert "in" in moment(at, START) or "ago" in moment(at, START)


def row(number, arrived, verdict="ok", provider="fastcron", status=None):
    status = status or (503 if verdict == "refused" else 200)
    about = {"id": number, "arrived": arrived, "verdict": verdict, "ms": 100, "status": status}
    return {**about, "provider": provider}


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([], []),
        ([row(1, 0, "refused"), row(2, 2)], []),
        ([row(1, 0, "refused"), row(2, 1, "refused"), row(3, 4)], [(3, 2, 2.9)]),
        (
            [row(1, 0, "refused"), row(2, 1, "refused"), row(3, 4, "refused"), row(4, 9)],
            [(3, 2, 2.9), (4, 3, 4.9)],
        ),
        ([row(1, 0, "fault", status=503), row(2, 1, "refused"), row(3, 2)], [(3, 2, 0.9)]),
        ([row(1, 0, "refused"), row(2, 1, "ok"), row(3, 2, "refused"), row(4, 3)], []),
        ([row(1, 0, "refused"), row(2, 1, "refused", "setcronjob"), row(3, 2)], []),
        ([row(1, 0, "refused"), row(2, 1, "refused"), row(3, 1.05)], []),
        ([row(1, 0, "fault", status=500), row(2, 1, "fault", status=500), row(3, 2)], []),
    ],
)
def test_a_hold_is_a_pause_after_two_refusals_in_a_row(requests, expected):
    """It lasts from the last refusal's answer to the next request at the same service."""
    found = holds_in(list(reversed(requests)))
    told = [(hold.before, hold.refusals, round(hold.seconds, 3)) for hold in found]
    assert told == expected


# --- what it shows -------------------------------------------------------------------------------


async def test_hostile_names_are_shown_harmlessly_and_no_secret_at_all():
    """Whatever a job is called, the page has the same tags, and no token or password of any."""
    pages = []
    for names in (NAMES, ["plain"] * len(NAMES)):
        app = page_app(names=names)
        app.advance("10 minutes")
        async with browsing(app) as http:
            for name in names:
                query = {"token": TOKEN, "name": name, "password": SECRET}
                await http.post("/api/v1/cron_list", json=query)
                await http.get(
                    f"/{quote(name[:100])}", headers={"authorization": f"Bearer {TOKEN}"}
                )
            await http.get(f"/api/cron.{'x' * 9000}", params={"token": TOKEN})
        pages.append(await look(app, "?request=1&search="))
        assert TOKEN not in await look(app, f"?search={TOKEN}&request=2")
    hostile, plain = map(Outline, pages)
    assert hostile.tags == plain.tags
    assert {name for name, _ in hostile.attributes} == {name for name, _ in plain.attributes}
    for page in pages:
        assert (TOKEN not in page, SECRET not in page) == (True, True)
        assert len(page) < 200_000
    assert "<script>alert(1)</script>" in "".join(hostile.texts)
    assert not set("\x1b\u202e\u2066\0\x9b\u200b\xad") & set(pages[0])


async def test_a_place_of_the_page_is_filled_once():
    """A name that looks like a place of the page is text."""
    page = await look(page_app(names=["<!--switches-->", "<!--nothing-->"]))
    assert page.count('id="fault-lose"') == 1
    assert "&lt;!--nothing--&gt;" in page
    assert not re.search(r"<!--\w+-->", page)


async def test_outputs_and_errors_of_real_calls_are_escaped():
    """What a called URL answers is shown as text, in one line and cut."""
    network = Network(lambda request: httpx.Response(200, text=f"<b>\n{TOKEN}" + "y" * 5000))
    app = calling_app(network, era="latest")
    job = ask(app, "cron.add", url="http://127.0.0.1/", expression="manual")
    await act(app, f"trigger fastcron {job['id']}")
    said = part(await look(app), "runs")
    assert r"&lt;b&gt;\n***yyy" in said
    assert len(said) < 2000


async def test_the_page_tells_how_many_jobs_it_leaves_out():
    """Of many jobs the newest 50 are shown, and the filters find the others."""
    app = page_app(1000)
    page = await look(app)
    assert part(page, "jobcount") == "1,000 jobs; the newest 50 are shown, 950 are left out"
    assert part(page, "jobs").count("<tr") == 50
    assert len(page) < 150_000
    for query, count in [
        ("search=job+77", "11 of 1,000 jobs"),
        ("search=JOB+999", "1 of 1,000 jobs"),
        ("search=ping/12%3F", "1 of 1,000 jobs"),
        ("search=100499&provider=fastcron", "1 of 1,000 jobs"),
        ("search=none", "0 of 1,000 jobs"),
        ("provider=fastcron", "500 of 1,000 jobs; the newest 50 are shown, 450 are left out"),
        ("state=paused&provider=nobody&request=x", "0 of 1,000 jobs"),
    ]:
        assert part(await look(app, f"?{query}"), "jobcount") == count


async def test_jobs_have_their_state_their_next_and_their_last_run():
    """The rows say what the services know of a job, and what its last run ended with."""
    app = page_app(4)
    page = await look(app)
    assert part(page, "jobs").count("never ran") == 4
    app.advance("10 minutes")
    ask(app, "cron.pause", id=100_001, **{"for": "1 hour"})
    page = await look(app)
    assert part(page, "statecount") == "2 active, 1 failing, 1 paused"
    assert "2 in a row" in part(page, "jobs")
    assert "failed" in part(page, "jobs")
    assert "09:10:00" in part(page, "job-fastcron-100001")
    assert part(page, "jobs").count(">08:15:00<") == 3


async def test_runs_are_listed_by_their_time():
    """Runs of several jobs are in the order of their times, the newest first."""
    app = page_app(3)
    app.advance("10 minutes")
    times = re.findall(r">(08:\d\d:00)<", part(await look(app), "runs"))
    assert times == ["08:10:00"] * 3 + ["08:05:00"] * 3


async def test_requests_are_in_red_where_they_were_refused():
    """Each request has its verdict, refusals are marked, and a filter leaves the holds out."""
    app = create_app(clock=MovableClock(START, scale=0), rates={"fastcron": 0.001})
    async with browsing(app) as http:
        for _ in range(4):
            await http.get("/api/v1/cron_list", params={"token": TOKEN})
        await http.get("/api/cron.lsit", params={"token": TOKEN})
        await http.get("/favicon.ico")
    page = await look(app)
    assert part(page, "requestcount") == "6 requests"
    assert part(page, "requests").count('class="refused"') == 3
    assert "FastCron: 4 requests, 3 refused, 1 hold" in page
    assert page.count('class="hold"') == 1
    page = await look(app, "?verdict=refused&request=2")
    assert part(page, "requestcount") == "3 of 6 requests"
    assert page.count('class="hold"') == 0
    assert "503 Service Temporarily Unavailable" in page


async def test_the_page_looks_at_everything_and_counts_as_nothing():
    """Looking uses no rate, meets no fault, and is no request of the services."""
    app = page_app()
    app.emulator.faults.add(Fault("reset", times=None))
    for _ in range(3):
        await look(app)
    assert (app.log.entries(), list(app.emulator.requests)) == ([], [])


# --- what it does --------------------------------------------------------------------------------


async def test_each_button_of_the_page_does_what_it_says():
    """Every button on the page is taken, and answered with the way back and a sentence."""
    app = page_app(2)
    await act(app, "disable fastcron 100001")
    await act(app, "keep-fault lose")
    page = await look(app)
    buttons = set(re.findall(r'name="act" value="([^"]+)"', page)) - {"advance", "fault"}
    assert {"advance 1 hour", "next-run", "trigger setcronjob 100001"} < buttons
    assert {f"fault {kind}" for kind in KINDS} < buttons
    ways = set()
    for name in sorted(buttons):
        answer = await act(app, name, query="?search=job")
        assert (name, answer.status_code) == (name, 303)
        ways.add(answer.headers["location"])
    assert len(ways) == 5
    for way in ways:
        assert way.startswith("./?search=job&done=")
        assert 'id="message" role="status"><p>' in await look(app, way[2:])


async def test_the_buttons_steer_the_emulator():
    """Jobs run and pause, the time moves, faults are ordered and dropped, as over the API."""
    app = page_app(2, execute="fake")
    faults = app.emulator.faults
    await act(app, "advance", span="90 minutes")
    assert app.emulator.clock.now() == START + 5400
    await act(app, "next-run")
    assert app.emulator.clock.now() == START + 5700
    await act(app, "disable fastcron 100001")
    assert ask(app, "cron.get", id=100_001)["status"] == 1
    assert (await act(app, "trigger fastcron 100001")).headers["location"] == "./?done=ok"
    await act(app, "enable fastcron 100001")
    assert ask(app, "cron.get", id=100_001)["status"] == 0
    await act(app, "fault", kind="stall", times="3", function="cron.add", provider="", seconds="")
    await act(app, "keep-fault late")
    await act(app, "fault lose")
    assert faults.pending == [
        Fault("stall", None, "cron.add", 3, seconds=2.0),
        Fault("late", times=None, seconds=2.0),
        Fault("lose"),
    ]
    await act(app, "drop-fault late")
    assert [fault.kind for fault in faults.pending] == ["stall", "lose"]
    await act(app, "drop-faults")
    assert faults.pending == []


@pytest.mark.parametrize(
    ("name", "fields", "status", "text"),
    [
        ("", {}, 400, "There is no such act"),
        ("explode", {}, 400, "There is no such act"),
        ("trigger fastcron 7", {}, 404, "There is no such job"),
        ("trigger fastcron", {}, 404, "There is no such job"),
        ("trigger evil 1", {}, 400, "Unknown name &#x27;evil&#x27;"),
        ("disable fastcron 1 2 3", {}, 404, "There is no such job"),
        ("advance", {"span": "<b>soon"}, 400, "2 hours"),
        ("advance -1 hour", {}, 400, "a span is seconds"),
        ("fault", {"kind": "lsoe"}, 400, "unknown fault"),
        ("fault", {"kind": "lose", "times": "-1"}, 400, "times must be a whole number"),
        ("fault", {"kind": "lose", "times": "9" * 400}, 400, "times must be a whole number"),
        ("fault", {"kind": "lose", "function": TOKEN}, 400, "unknown function &#x27;***"),
        ("drop-fault x y", {}, 400, "Unknown name"),
        ("fault lose", {"x": "y" * 20_000}, 413, "too large"),
        ("fault lose", {f"x{number}": "" for number in range(30)}, 400, "fields"),
    ],
)
async def test_a_wrong_form_is_answered_with_the_page_and_does_nothing(name, fields, status, text):
    """The page says what is wrong, in a message, without HTML or a token of the form."""
    app = page_app()
    answer = await act(app, name, **fields)
    assert answer.status_code == status
    message = part(answer.text, "message")
    assert text in message
    assert "<b>" not in answer.text
    assert TOKEN not in answer.text
    assert (app.emulator.faults.pending, app.emulator.clock.now()) == ([], START)


async def test_where_jobs_do_not_run_none_can_be_run():
    """With execute off the buttons are off, and the act says why."""
    app = page_app(execute="off")
    buttons = re.findall(r"<button[^>]*>Run</button>", await look(app))
    assert len(buttons) == 3
    assert all(" disabled" in button for button in buttons)
    assert "execute is off" in (await act(app, "trigger fastcron 100001")).text


# --- whom it answers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({"origin": ORIGIN}, True),
        ({"origin": "http://LOCALHOST:80", "host": "localhost:80"}, True),
        ({"origin": "http://[::1]:8765", "host": "[::1]:8765"}, True),
        ({}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://127.0.0.1:3000"}, False),
        ({"origin": "http://localhost:8765"}, False),
        ({"origin": "http://127.0.0.1"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": f"{ORIGIN}.evil.example"}, False),
        ({"origin": f"{ORIGIN}@evil.example"}, False),
        ({"origin": ORIGIN, "sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://evil.example", "host": "evil.example"}, False),
        ({"sec-fetch-site": "same-origin"}, False),
    ],
)
async def test_an_act_needs_a_form_of_this_very_page(headers, accepted):
    """A post of another origin or another port is refused, and does nothing."""
    app = page_app()
    answer = await act(app, "fault lose", headers)
    assert answer.status_code == (303 if accepted else 403)
    assert len(app.emulator.faults.pending) == accepted


async def test_a_form_of_another_kind_does_nothing():
    """JSON and parts are no form of the page, and a get with the fields of one is only a look."""
    app = page_app()
    async with browsing(app) as http:
        assert (await http.post("/", json={"act": "fault lose"}, headers=OWN)).status_code == 415
        files = {"act": (None, "fault lose")}
        assert (await http.post("/", files=files, headers=OWN)).status_code == 415
        assert (await http.get("/?act=fault+lose")).status_code == 200
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            assert (await http.request(method, "/", headers=OWN)).status_code == 405
        assert (await http.get("/?" + "a=b&" * 100)).status_code == 400
        assert (await http.head("/")).status_code == 200
    assert app.emulator.faults.pending == []


@pytest.mark.parametrize("path", ["/", "/?done=ok", "/?search=%00%ff%ed%a0%80&request=9"])
async def test_only_the_own_script_and_style_count(path):
    """The policy names the page's script and style by their hashes, and nothing from elsewhere."""
    async with browsing(page_app(names=NAMES)) as http:
        answer = await http.get(path)
    policy = answer.headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for kind, rule in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", answer.text, re.DOTALL)
        digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert "unsafe" not in policy
    assert (rules["default-src"], rules["frame-ancestors"]) == ("'none'", "'none'")
    assert (rules["form-action"], rules["base-uri"]) == ("'self'", "'none'")
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    outline = Outline(answer.text)
    assert not [name for name, _ in outline.attributes if name.startswith("on") or name == "style"]
    assert not [value for name, value in outline.attributes if name == "src"]


async def test_a_sentence_of_an_address_is_never_shown():
    """Only the page's own sentences are shown, so a link cannot make it say anything."""
    for text in ("Your+disk+failed", "<b>", "__class__"):
        assert part(await look(page_app(0), f"?done={text}"), "message") == ""
    assert part(await look(page_app(0), "?done=moved"), "message") == "<p>The time was moved.</p>"


async def test_the_page_is_for_those_who_may_steer():
    """Another machine gets no page, a foreign Host neither, and without control there is none."""
    app = page_app()
    async with browsing(app, "192.0.2.7") as http:
        refused = await http.get("/")
    assert (refused.status_code, "job 1" in refused.text) == (403, False)
    async with browsing(app) as http:
        assert (await http.get("/", headers={"host": "evil.example"})).status_code == 403
    async with browsing(page_app(control=False)) as http:
        assert (await http.get("/")).status_code == 404
        assert (await http.post("/", data={"act": "fault lose"}, headers=OWN)).status_code == 404


async def test_a_browser_elsewhere_logs_in_with_the_admin_token():
    """The token is a bearer or the password of a login. Without it the browser asks for one."""
    app = page_app(admin_token="kéy:1")
    form = {"act": "fault lose"}
    async with browsing(app, "192.0.2.7") as http:
        for auth in (None, ("me", "kéy"), ("kéy:1", ""), ("", "")):
            answer = await http.get("/", auth=auth)
            assert (answer.status_code, "job 1" in answer.text) == (401, False)
            assert answer.headers["www-authenticate"].startswith("Basic realm=")
        for value in ("Basic", "Basic !", "Basic /w==", "Bearer kéy", "Digest x", b"\xff"):
            sent = value if isinstance(value, bytes) else value.encode("latin-1")
            headers = [(b"authorization", sent)]
            assert (await http.get("/", headers=headers)).status_code == 401
        login = httpx.BasicAuth(b"anybody", "kéy:1".encode())
        assert (await http.get("/", auth=login)).status_code == 200
        assert (await http.post("/", auth=login, data=form)).status_code == 403
        assert (await http.post("/", auth=login, data=form, headers=OWN)).status_code == 303
        assert (await http.get("/_emulator/health", auth=login)).status_code == 200
    async with browsing(page_app(admin_token="key"), "192.0.2.7") as http:
        headers = {"authorization": "Bearer key"}
        assert (await http.get("/", headers=headers)).status_code == 200


def test_every_place_of_the_page_is_known():
    """A place without a part is an error, so none is left unfilled."""
    with pytest.raises(KeyError):
        filled({})


def test_no_login_of_an_address_is_on_the_page():
    """All before the last @ of an address's host is hidden, with and without a password."""
    texts = ("https://joe:hunter22@h/", "https://hunter22@h/", "https://a@hunter22@h/?b=c@d")
    assert not [text for text in map(Shown(()), texts) if "hunter" in text]
    assert Shown(())("https://h/@me, joe@h") == "https://h/@me, joe@h"
