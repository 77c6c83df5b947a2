"""A foreign judge of pages: Chromium without a window, steered through a pair of pipes.

It speaks the DevTools protocol: messages in JSON, each with a zero byte after it.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ABSENT = "chromium is not installed: the foreign judge of the page is missing"
_OPTIONS = (
    *("--headless", "--no-first-run", "--disable-gpu", "--hide-scrollbars", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--disable-default-apps", "--no-pings", "--disable-breakpad"),
    "--disable-dev-shm-usage",
    # Nothing but this machine is ever asked.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)
_HEIGHT, _NARROW = 800, 500
# Descriptors above those that a shell can name by one digit.
_ABOVE = 10


class Browser:
    """One Chromium with one tab, steered through two pipes.

    `complaints` are the errors that it wrote to its console, and `loads` counts the pages loaded.
    """

    def __init__(self, to: int, back: int) -> None:
        self.complaints: list[str] = []
        self.loads = 0
        self._to, self._from = to, back
        self._session: str | None = None
        self._number, self._rest = 0, b""

    def open_tab(self) -> None:
        """Open the tab and listen to its console."""
        target = self("Target.createTarget", url="about:blank")["targetId"]
        attached = self("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method: str, /, **params: object) -> dict[str, Any]:
        """Carry out a method of the protocol, and return its result."""
        self._number += 1
        about = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": params, **about}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            told = self._take()
            if told.get("id") == self._number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                return dict(told["result"])

    def see(self, *, width: int, dark: bool = False, script: bool = True) -> None:
        """Look at pages with this width in a light or dark theme, with or without scripts."""
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=_HEIGHT,
            deviceScaleFactor=1,
            mobile=width < _NARROW,
        )
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", features=[theme])
        self("Emulation.setScriptExecutionDisabled", value=not script)

    def go(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        before = self.loads
        self("Page.navigate", url=url)
        self.wait_for_load(before)

    def wait_for_load(self, before: int) -> None:
        """Wait until more pages than `before` were loaded."""
        while self.loads <= before:
            self._take()

    def run(self, expression: str) -> Any:
        """Return the value of an expression in the page, awaited."""
        told = self(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in told:
            raise RuntimeError(str(told["exceptionDetails"]))
        return told["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression in the page is true, asked at each frame."""
        self.run(
            "new Promise(done => { const look = () => "
            f"({expression}) ? done(true) : setTimeout(look, 20); look(); }})"
        )

    def click(self, selector: str) -> None:
        """Click the middle of an element, as a mouse does."""
        self.run(f"document.querySelector({json.dumps(selector)}).scrollIntoView()")
        box = self.run(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)})"
            ".getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            about = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
            self("Input.dispatchMouseEvent", type=kind, **about)

    def sideways(self) -> float:
        """Return how many pixels of the page one has to scroll sideways to see."""
        sizes = self("Page.getLayoutMetrics")
        content, view = sizes["cssContentSize"], sizes["cssLayoutViewport"]
        return float(content["width"] - view["clientWidth"])

    def picture(self, height: int | None = None) -> bytes:
        """Return a picture of the page as PNG, of its whole height or of the first pixels."""
        size = self("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"]}
        shot = self("Page.captureScreenshot", captureBeyondViewport=True, clip={**clip, "scale": 1})
        return base64.b64decode(shot["data"])

    def _take(self) -> dict[str, Any]:
        """Return the next message, and note what it tells of the page."""
        while b"\0" not in self._rest:
            read = os.read(self._from, 1 << 16)
            if not read:
                raise RuntimeError("Chromium has ended")
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(line)
        self.loads += told.get("method") == "Page.loadEventFired"
        if told.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"} or (
            told.get("method") == "Runtime.consoleAPICalled"
        ):
            self.complaints.append(json.dumps(told["params"]))
        return told


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium with a profile of its own until the end of the block."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(
        prefix="cronapi-chromium-", ignore_cleanup_errors=True
    ) as room:
        commands, answers = os.pipe(), os.pipe()
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, _ABOVE) for end in (commands[0], answers[1])]
        root = ("--no-sandbox",) if os.geteuid() == 0 else ()
        process = subprocess.Popen(
            [
                *("bash", "-c", f'exec "$@" 3<&{theirs[0]} 4>&{theirs[1]}', "bash"),
                *(CHROMIUM, *_OPTIONS, *root, f"--user-data-dir={room}"),
            ],
            pass_fds=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": room},
        )
        for end in (commands[0], answers[1], *theirs):
            os.close(end)
        try:
            browser = Browser(commands[1], answers[0])
            browser.open_tab()
            yield browser
            browser._session = None
            browser("Browser.close")
        finally:
            for end in (commands[1], answers[0]):
                os.close(end)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
