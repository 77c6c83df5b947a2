"""The page in a real browser: how it fits, what it says to the console, and how it follows."""

from __future__ import annotations

from itertools import product

import httpx
import pytest

from cronapi.emulator import MovableClock, run_in_thread
from tests.support.called import ask
from tests.support.chromium import ABSENT, CHROMIUM, chromium
from tests.support.emulated import TOKEN
from tests.support.judges import free_port
from tests.support.page_judge import NAMELESS, PALE, STICKING_OUT
from tests.support.page_state import NAMES, page_app

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=ABSENT)

WIDTHS = (360, 1280)
HELD = "document.getElementById('hold').click()"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def open_page(browser):
    """Return a function that opens a page as somebody sees it, who finds no fault with it."""

    def look(url, **seen):
        browser.see(**seen)
        browser.go(url)
        if seen.get("script", True):
            browser.run(HELD)
        return browser

    return look


def used(app, origin):
    """Let a client be refused, a fault strike, and jobs run."""
    app.advance("12 minutes")
    app.emulator.change({}, {"rates": {"fastcron": 0.01}})
    with httpx.Client(base_url=origin) as http:
        for function in ("cron_list",) * 4 + ("cron_lsit",):
            http.get(f"/api/v1/{function}", params={"token": TOKEN})
        app.fail_next("error")
        http.get("/api/cron.list", params={"token": TOKEN})
    app.fail_next("stall", seconds=3)
    app.fail_next("lose", times=None)


def faults_of(browser):
    """Return what does not fit, cannot be read, has no name, or was complained about."""
    found = [*browser.run(STICKING_OUT), *browser.run(PALE), *browser.run(NAMELESS)]
    sideways = browser.sideways()
    return [*found, *browser.complaints, *([f"{sideways} px sideways"] if sideways else [])]


def test_the_page_fits_and_follows_what_happens(open_page):
    """It fits at both widths, and shows a new job and a new request without being loaded again."""
    app = page_app(names=NAMES)
    with run_in_thread(app) as origin:
        used(app, origin)
        browser = open_page(f"{origin}/?request=1", width=360, dark=True)
        assert faults_of(browser) == []
        browser = open_page(f"{origin}/", width=1280)
        assert faults_of(browser) == []
        assert browser.run("document.querySelectorAll('h1').length") == 1
        loads = browser.loads
        browser.run("document.querySelector('[name=span]').value = '3 days'")
        browser.run("document.querySelector('#fault-lose button').focus()")
        ask(app, "cron.add", url="https://example.com/new", name="<i>brand new</i>")
        browser.run(f"pause = 10; {HELD}")
        browser.until("document.getElementById('jobs').textContent.includes('<i>brand new</i>')")
        assert browser.run("document.querySelector('[name=span]').value") == "3 days"
        assert browser.run("document.activeElement.value") == "fault lose"
        browser.run(HELD)
        browser.click("#job-fastcron-100001 button")
        browser.until("document.getElementById('message').textContent === 'The run ended well.'")
        browser.run("document.querySelector('[name=search]').value = 'brand'")
        browser.run(
            "document.querySelector('[name=search]')"
            ".dispatchEvent(new Event('input', {bubbles: true}))"
        )
        browser.until("document.querySelectorAll('#jobs tr').length === 1")
        assert browser.run("location.search") == "?search=brand"
        assert (browser.loads, browser.complaints) == (loads, [])


def test_without_scripts_the_forms_do_the_same(open_page):
    """A button is a form of the page: it runs a job, and the browser shows the page again."""
    app = page_app(3)
    with run_in_thread(app) as origin:
        browser = open_page(f"{origin}/?search=job+0", width=1280, script=False)
        before = browser.loads
        browser.click("#job-fastcron-100001 button")
        browser.wait_for_load(before)
        assert browser.run("location.search") == "?search=job+0&done=ok"
        assert "The run ended well." in browser.run("document.body.textContent")
        assert len(app.runner.executions) == 1
        assert (browser.sideways(), browser.complaints) == (0, [])


def test_the_judge_sees_what_is_wrong(open_page):
    """Pale text, a box that sticks out, a nameless button and an error on the console are found."""
    with run_in_thread(page_app(1)) as origin:
        browser = open_page(f"{origin}/", width=360)
        browser.run(
            "document.querySelector('h1').style.color = '#bbb';"
            "document.querySelector('button').style.minWidth = '2000px';"
            "document.querySelector('[name=search]').removeAttribute('aria-label');"
            "console.error('wrong')"
        )
        found = "".join(faults_of(browser))
        browser.complaints.clear()
    for part in ('<h1 style="color', "min-width: 2000px", 'type="search"', "wrong", "px sideways"):
        assert part in found


@pytest.mark.proof
@pytest.mark.parametrize("jobs", [0, 3, 1000, NAMES], ids=["none", "few", "many", "hostile"])
def test_the_page_fits_with_any_jobs_width_and_theme(open_page, jobs):
    """Nothing sticks out, is pale, nameless or complained about, with and without scripts."""
    app = page_app(names=jobs) if jobs is NAMES else page_app(jobs)
    with run_in_thread(app) as origin:
        for query, happen in (("", None), ("?request=4&search=9", used)):
            if happen:
                happen(app, origin)
            for width, dark, script in product(WIDTHS, (False, True), (True, False)):
                browser = open_page(f"{origin}/{query}", width=width, dark=dark, script=script)
                assert faults_of(browser) == []


@pytest.mark.proof
def test_another_site_can_neither_frame_the_page_nor_post_to_it(open_page):
    """A page of another port shows no frame of it, and its forms and scripts change nothing."""
    app, stranger = page_app(3), page_app(0)
    with run_in_thread(app) as origin, run_in_thread(stranger) as other:
        browser = open_page(f"{other}/", width=1280, script=True)
        browser.go(f"{other}/_emulator/livez")
        loads = browser.loads
        told = browser.run(
            f"fetch('{origin}/', {{method: 'POST', mode: 'no-cors', credentials: 'include',"
            " body: new URLSearchParams({act: 'fault lose'})}).then(answer => answer.type)"
        )
        assert told == "opaque"
        browser.run(
            f"document.body.innerHTML = `<form method=post action={origin}/>"
            "<button name=act value='fault lose'>x</button></form>`;"
            " document.querySelector('button').click()"
        )
        browser.wait_for_load(loads)
        assert "comes from no form of its own page" in browser.run("document.body.textContent")
        browser.go(f"{other}/_emulator/livez")
        browser.run(
            f"new Promise(done => {{ const frame = document.createElement('iframe');"
            f" frame.onload = () => done(); frame.src = '{origin}/';"
            " document.body.append(frame) })"
        )
        complaints, browser.complaints[:] = list(browser.complaints), []
        assert any("frame" in complaint.lower() for complaint in complaints)
    assert app.emulator.faults.pending == []


@pytest.mark.proof
def test_the_page_says_when_the_emulator_is_gone_and_asks_ever_less_often(open_page):
    """Without an answer it says so, waits longer each time, and follows again afterwards."""
    app, port = page_app(3), free_port()
    with run_in_thread(app, port=port) as origin:
        browser = open_page(f"{origin}/", width=1280)
    browser.run(HELD)
    browser.until("document.getElementById('live').textContent.includes('does not answer')")
    browser.until("pause >= 8000")
    with run_in_thread(app, port=port):
        browser.run("ask()")
        browser.until("document.getElementById('live').textContent === 'Live' && pause === 2000")
    browser.run(HELD)
    browser.complaints.clear()


@pytest.mark.proof
def test_a_running_clock_and_many_requests_are_followed(open_page):
    """The page keeps up with 1,000 requests, and asks one question at a time."""
    app = page_app(1000, execute="fake")
    app.emulator.clock = MovableClock(1_800_000_000, scale=60)
    with run_in_thread(app) as origin, httpx.Client(base_url=origin) as http:
        browser = open_page(f"{origin}/", width=1280)
        before = browser.run("document.querySelector('.now').textContent")
        browser.run(HELD)
        for _ in range(1000):
            http.get("/api/cron.get", params={"token": TOKEN, "id": 100_001})
        browser.until("document.getElementById('requestcount').textContent.startsWith('1,000 ')")
        assert browser.run("document.querySelector('.now').textContent") != before
        assert browser.run("document.querySelectorAll('#requests tr').length") == 100
        browser.run(HELD)
        assert browser.complaints == []


CUT_OFF = """
[...document.querySelectorAll(".head select")].filter(box => {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = getComputedStyle(box).font;
  const text = pen.measureText(box.selectedOptions[0].text).width;
  return text + 2 * parseFloat(getComputedStyle(box).paddingLeft) + 20 > box.clientWidth;
}).map(box => box.name)
"""


LEFT_OF_BUTTONS = """
[...new Set([...document.querySelectorAll("#jobs td.acts button:first-of-type")].map(
  button => Math.round(button.getBoundingClientRect().left)
))]
"""


def test_a_narrow_page_shows_what_is_chosen_and_what_its_button_does(browser):
    """No choice is cut off, no line of settings begins with a dot, the buttons of all jobs stand at
    the same place, and a pause can be resumed.
    """
    app = page_app()
    app.advance("7 minutes")
    ask(app, "cron.add", url="https://a.example/", expression="0 0 1 1 *")
    with run_in_thread(app) as origin:
        browser.see(width=360)
        browser.go(origin)
        assert browser.run(CUT_OFF) == []
        assert len(browser.run(LEFT_OF_BUTTONS)) == 1
        before = 'getComputedStyle(document.querySelector(".settings li + li"), "::before").content'
        assert browser.run(before) == "none"
        told = []
        for _ in range(3):
            told.append(browser.run("document.getElementById('hold').textContent"))
            browser.run(HELD)
        assert told == ["Pause updates", "Resume updates", "Pause updates"]
