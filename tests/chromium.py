"""A real browser without a screen: Debian's Chromium, driven through playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
NEEDED = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium")
_MICROPHONE = "--use-fake-device-for-media-stream"  # it beeps


@contextmanager
def browser() -> Iterator[Browser]:
    """Runs until the block ends."""
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # which Chromium refuses to root
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, _MICROPHONE])


@dataclass
class Heard:
    """What a page said and asked for: complaints on its console, uncaught errors, and addresses."""

    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)
