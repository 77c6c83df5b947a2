"""Emulators in the states in which their page is looked at."""

from __future__ import annotations

import json

from cronapi.emulator import MovableClock, create_app
from cronapi.emulator.request import Request
from tests.support.emulated import FAST, START, TOKEN

NAMES = (
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</td></tr></table><h1>"),
    *("\x1b[31mred\x1b[0m", "\u202etxt.exe \u2066", "x" * 10_000, "two\nlines\tand\r\0", TOKEN),
    *("javascript:alert(1)", "&lt;b&gt;", "'onfocus='alert(1)", "<!--jobs-->", "{{7*7}}"),
    *("مرحبا بالعالم", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍", "\N{ZERO WIDTH SPACE}", "\x9b2J", "\N{SOFT HYPHEN}"),
    *("   ", "\N{GRINNING FACE}\N{ZERO WIDTH JOINER}\N{ROCKET}", "\N{RIGHT-TO-LEFT MARK}אב"),
)
"""Names of jobs that a page has to show harmlessly."""
SECRET = "s3cret-of-a-job"


def page_app(count=3, names=None, **options):
    """Return an app with jobs of both services, whose clock stands still."""
    app = create_app(clock=MovableClock(START, scale=0), rates=FAST, **options)
    for number, name in enumerate(names or [f"job {number}" for number in range(count)]):
        path = "500" if number % 7 == 3 else "ping"
        job = {
            "url": f"https://user:{SECRET}@example.com/{path}/{number}?token={SECRET}",
            "name": name,
            "expression": "*/5 * * * *",
            "timezone": "UTC" if number % 3 else "Europe/Berlin",
        }
        body = json.dumps({"token": TOKEN, **job}).encode()
        provider = "setcronjob" if number % 2 else "fastcron"
        assert app.emulator.apply(Request(provider, "cron.add", body=body))["code"] == 0
    return app
