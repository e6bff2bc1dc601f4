"""A headless chromium whose microphone is a file, driven by playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
LAPTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@contextmanager
def chromium(microphone: Path | None = None) -> Iterator[Browser]:
    """`microphone` is a WAV file that is heard once, from its beginning, by whoever opens the microphone."""
    flags = list(FLAGS)
    if microphone is not None:
        flags += [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}%noloop",
        ]
    program = shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=flags)
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Browser, url: str, **options: Any) -> Any:
    """The page at `url`, drawn and connected. Requests to other hosts are noted in `page.foreign`."""
    page = browser.new_context(**{"viewport": LAPTOP, **options}).new_page()
    page.foreign = []
    page.on("request", lambda request: page.foreign.append(request.url) if not _own(request.url, url) else None)
    page.goto(url)
    page.locator("#vf-brand h1").wait_for()
    page.locator("#speak-go").wait_for()
    page.wait_for_timeout(800)
    return page


def _own(asked: str, url: str) -> bool:
    home = "/".join(url.split("/")[:3])
    return asked.startswith((home, "data:", "blob:"))


def tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).first.click()
    page.wait_for_timeout(300)
