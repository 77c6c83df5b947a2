"""Draw the page of an emulator in use, as Chromium shows it.

The picture is `docs/page.png`. With a folder, the page is drawn in all the states in which a person
should look at it after a change: widths, themes, with and without scripts, with no job, few, many,
and hostile names.

    python -m scripts.page_pictures [FOLDER]
"""

from __future__ import annotations

import sys
import time
from itertools import product
from pathlib import Path

import httpx

from cronapi.emulator import App, MovableClock, create_app, run_in_thread
from cronapi.emulator.seeding import seed_jobs
from tests.support.chromium import Browser, chromium
from tests.support.emulated import START, TOKEN
from tests.support.page_state import NAMES, page_app

PICTURE = Path(__file__).parent.parent / "docs" / "page.png"
WIDTH, HEIGHT = 1180, 640
WIDTHS, NARROW = (1280, 360), 360
JOBS = {
    "fastcron": {
        "jobs": [
            {"name": "nightly report", "url": "shop.example/report", "expression": "0 2 * * *"},
            {"name": "warm the cache", "url": "shop.example/warm", "expression": "*/10 * * * *"},
            {"name": "sync orders", "url": "shop.example/500/sync", "expression": "*/5 * * * *"},
        ]
    },
    "setcronjob": {
        "jobs": [
            {
                "name": "send the digest",
                "url": "mail.example/digest",
                "expression": "30 7 * * 1-5",
                "timezone": "Europe/Berlin",
            },
            {"name": "ping", "url": "mail.example/ping", "expression": "*/15 * * * *"},
        ]
    },
}


def in_use() -> App:
    """Return an emulator with some jobs that have run."""
    app = create_app(clock=MovableClock(START, scale=0))
    seed_jobs(app.emulator, JOBS)
    app.advance("17 minutes")
    return app


def use(app: App, origin: str) -> None:
    """Let a client hurry until it is refused and holds, and order faults."""
    app.emulator.change({}, {"rates": {"fastcron": 2.0, "setcronjob": 10.0}})
    with httpx.Client(base_url=origin, params={"token": TOKEN}) as http:
        for pause in (0.55, 0.55, 0, 0, 1.1, 0.55, 0.55, 0):
            http.get("/api/v1/cron_list")
            time.sleep(pause)
        for number in (100_001, 100_002, 7):
            http.get("/api/cron.get", params={"token": TOKEN, "id": number})
            time.sleep(0.15)
        app.fail_next("bad_gateway")
        http.get("/api/cron.list")
    app.fail_next("lose", function="cron.add", times=2)
    app.fail_next("outage", times=None)


def draw(browser: Browser, url: str, path: Path, height: int | None = None) -> None:
    """Write a picture of a page."""
    browser.go(url)
    path.write_bytes(browser.picture(height))


def draw_all(browser: Browser, folder: Path) -> None:
    """Write pictures of the page in all its states."""
    apps = {"none": page_app(0), "few": in_use(), "many": page_app(1000)}
    for name, app in {**apps, "hostile": page_app(names=NAMES)}.items():
        with run_in_thread(app) as origin:
            if name != "none":
                use(app, origin)
            for width, dark, script in product(WIDTHS, (False, True), (True, False)):
                browser.see(width=width, dark=dark, script=script)
                theme, scripts = "dark" if dark else "light", "script" if script else "plain"
                query = "?request=1" if name == "hostile" else ""
                path = folder / f"{name}-{width}-{theme}-{scripts}.png"
                draw(browser, f"{origin}/{query}", path, None if width == NARROW else HEIGHT * 3)


def main(arguments: list[str]) -> int:
    """Write the picture of the docs, or all pictures into a folder."""
    with chromium() as browser:
        if arguments:
            draw_all(browser, Path(arguments[0]))
            return 0
        app = in_use()
        with run_in_thread(app) as origin:
            use(app, origin)
            browser.see(width=WIDTH)
            draw(browser, f"{origin}/", PICTURE, HEIGHT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
