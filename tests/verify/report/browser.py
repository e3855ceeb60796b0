"""Headless Chromium for tests, driven through its DevTools protocol over a pair of pipes.

No driver package: `--remote-debugging-pipe` makes Chromium read JSON commands from file descriptor
3 and write answers and events to 4, each ended by a zero byte.

    with chromium() as browser:
        page = browser.open("file:///tmp/report.html", width=390)
        page.evaluate("document.title")
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en",
    "--remote-debugging-pipe",
)
# Puts the two pipes where Chromium expects them; a shell could not name descriptors above 9.
_LAUNCH = "import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 3); os.dup2(w, 4); \
os.execv(sys.argv[3], sys.argv[3:])"
_SECONDS = 30.0


def executable() -> str | None:
    """Where Chromium is, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A fresh browser with an empty profile; ended, with its processes, at the end."""
    path = executable()
    assert path is not None, "no Chromium on this machine"
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # Away from 3 and 4, which the launcher overwrites.
    passed = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs_in, theirs_out)]
    for fd in (theirs_in, theirs_out):
        os.close(fd)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _LAUNCH,
                *map(str, passed),
                path,
                *FLAGS,
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in passed:
            os.close(fd)
        try:
            yield (browser := Browser(ours_in, ours_out))
            with contextlib.suppress(OSError, TimeoutError):
                browser.command("Browser.close")
            process.wait(10)
        finally:
            process.kill()
            process.wait()
            os.close(ours_in)
            os.close(ours_out)


class Browser:
    """The connection: sends commands, waits for their answers, keeps the events."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._buffer = b""
        self._count = 0
        self._context: str | None = None
        self.events: list[dict[str, Any]] = []

    def command(self, method: str, session: str | None = None, **params: Any) -> Any:
        """One command and its result. Raises RuntimeError if Chromium refuses it."""
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._writing, data) :]
        until = time.monotonic() + _SECONDS
        while True:
            answer = self._receive(until)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method: str, session: str) -> dict[str, Any]:
        """The next event of this kind, of those that were not waited for yet."""
        until = time.monotonic() + _SECONDS
        while True:
            for event in self.events:
                if event.get("method") == method and event.get("sessionId") == session:
                    self.events.remove(event)
                    return event
            self.events.append(self._receive(until))

    def open(self, url: str, **options: Any) -> Page:
        """A new tab at this address, loaded, with nothing remembered; options as of `Page.view`.

        It takes the place of the last one.
        """
        if self._context is not None:
            self.command("Target.disposeBrowserContext", browserContextId=self._context)
            self.events.clear()
        self._context = self.command("Target.createBrowserContext")["browserContextId"]
        target = self.command(
            "Target.createTarget", url="about:blank", browserContextId=self._context
        )["targetId"]
        attached = self.command("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.command(f"{domain}.enable")
        page.view(**options)
        page.go(url)
        return page

    def _receive(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reading], [], [], max(until - time.monotonic(), 0))
            if not ready:
                raise TimeoutError("Chromium does not answer")
            data = os.read(self._reading, 1 << 16)
            if not data:
                raise OSError("Chromium has ended")
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(text))


class Page:
    """A tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser, self.session = browser, session

    def command(self, method: str, **params: Any) -> Any:
        return self.browser.command(method, self.session, **params)

    def view(
        self,
        width: int = 1200,
        height: int = 900,
        dark: bool = False,
        javascript: bool = True,
        media: str = "",
        language: str = "en-US",
    ) -> None:
        """How the page is looked at: window, colours, language, with or without JavaScript."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if width < 600 else 1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.command("Emulation.setEmulatedMedia", media=media, features=[scheme, still])
        self.command("Emulation.setScriptExecutionDisabled", value=not javascript)
        self.command("Emulation.setUserAgentOverride", userAgent="test", acceptLanguage=language)

    def go(self, url: str) -> None:
        """Loads an address and waits until it is complete."""
        self.command("Page.navigate", url=url)
        self.browser.wait("Page.loadEventFired", self.session)

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression in the page, awaited if it is a promise.

        Raises RuntimeError if it throws.
        """
        result = self.command(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def click(self, selector: str) -> None:
        """A real click in the middle of an element."""
        x, y = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.command(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    def press(self, key: str, code: int) -> None:
        """A key, pressed and released."""
        for kind in ("rawKeyDown", "keyUp"):
            self.command(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def requests(self) -> list[str]:
        """The addresses that the page has asked for."""
        return [e["params"]["request"]["url"] for e in self._events("Network.requestWillBeSent")]

    def complaints(self) -> list[Any]:
        """Whatever the console has shown, and every script that has failed."""
        self.evaluate("0")  # events that are on their way
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [e["params"] for kind in kinds for e in self._events(kind)]

    def screenshot(self, path: str, whole: bool = True) -> None:
        """A PNG of the page, all of it or what the window shows."""
        picture = self.command("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture))

    def _events(self, method: str) -> list[dict[str, Any]]:
        return [
            e
            for e in self.browser.events
            if e.get("method") == method and e.get("sessionId") == self.session
        ]
