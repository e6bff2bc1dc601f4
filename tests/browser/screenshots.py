"""`python -m tests.browser.screenshots OUTDIR [URL]`: each tab in light, dark and at phone width, as PNG files.

Without a URL the app is started for it, on a folder of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx

from tests.browser.app import running
from tests.browser.chromium import LAPTOP, PHONE, chromium, opened, tab

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": LAPTOP, "color_scheme": "light"},
    "dark": {"viewport": LAPTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "device_scale_factor": 2, "is_mobile": True},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark", "device_scale_factor": 2, "is_mobile": True},
}
PRONUNCIATIONS = [
    {"written": "GIF", "spoken": "jif", "ipa": "dʒɪf", "case_sensitive": True},
    {"written": "Worcestershire sauce", "spoken": "wooster sauce", "language": "en"},
    {"written": "Łódź", "spoken": "wootch"},
    {"written": "北京", "spoken": "Beijing"},
    {"written": "شكراً", "spoken": "shukran"},
    {"written": "<b>bold</b> & <img src=x onerror=alert(1)>", "spoken": "nothing but text"},
    *({"written": f"part {number:03}", "spoken": f"part number {number}"} for number in range(120)),
]


def shoot(url: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for look, options in LOOKS.items():
            page = opened(browser, f"{url}/?__theme={options['color_scheme']}", **options)
            _empty(page, folder, look)
            _used(page, folder, look)
            page.context.close()


def _empty(page: Any, folder: Path, look: str) -> None:
    for name in ("Speak", "Transcribe", "Pronunciation", "Keys & usage"):
        _shot(page, folder, f"{name}-empty", look)


def _used(page: Any, folder: Path, look: str) -> None:
    tab(page, "Speak")
    page.get_by_role("button", name="English", exact=True).click()
    page.wait_for_timeout(500)
    page.locator("#speak-go").click()
    page.locator("#speak-history .vf-item").first.wait_for(timeout=60_000)
    _shot(page, folder, "Speak", look)
    tab(page, "Transcribe")
    page.locator("#transcribe-sample").click()
    page.locator("#transcribe-source audio, #transcribe-source [data-testid^=waveform]").first.wait_for(
        state="attached", timeout=60_000
    )
    page.wait_for_timeout(1500)
    page.locator("#transcribe-go").click()
    page.locator("#transcribe-status .vf-facts").first.wait_for(timeout=120_000)
    page.wait_for_timeout(500)
    _shot(page, folder, "Transcribe", look)
    tab(page, "Voice chat")
    page.locator(".vf-talk").wait_for()
    _shot(page, folder, "Voice chat-empty", look)
    page.locator(".vf-write textarea").fill("What can you do?")
    page.keyboard.press("Enter")
    page.locator(".vf-turn").first.wait_for(timeout=60_000)
    page.locator(".vf-turn").first.get_by_role("button", name="Picture").click()
    page.locator(".vf-picture img").first.wait_for()
    _shot(page, folder, "Voice chat", look)
    tab(page, "Voices")
    page.locator(".vf-voice").first.wait_for()
    _shot(page, folder, "Voices", look)
    page.locator(".vf-find").fill("hindi")
    _shot(page, folder, "Voices-hindi", look)
    tab(page, "Status")
    page.locator(".vf-engine").first.wait_for()
    _shot(page, folder, "Status", look)
    tab(page, "Pronunciation")
    if page.locator(".vf-word-example").count():
        page.locator(".vf-word-example").first.click()
        page.wait_for_timeout(700)
        page.locator("#word-save").click()
        page.locator(".vf-word-row").first.wait_for()
        httpx.post(f"{page.url.partition('?')[0]}v1/pronunciations/import", json=PRONUNCIATIONS).raise_for_status()
        page.locator("#words-find input, #words-find textarea").fill(" ")
    page.locator(".vf-word-row button").first.click()
    page.wait_for_timeout(700)
    page.locator("#word-listen").click()
    page.locator("#word-player audio, #word-player [data-testid^=waveform]").first.wait_for(
        state="attached", timeout=60_000
    )
    page.wait_for_timeout(800)
    _shot(page, folder, "Pronunciation", look)
    tab(page, "Keys & usage")
    page.locator("#keys-name input, #keys-name textarea").fill("Telephone robot")
    page.locator("#keys-create").click()
    page.locator("#keys-table .vf-key").first.wait_for(timeout=20_000)
    _shot(page, folder, "Keys & usage", look)


def _shot(page: Any, folder: Path, name: str, look: str) -> None:
    tab(page, name.split("-")[0])
    page.wait_for_timeout(700)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        print(f"{name} {look}: {wide} px wider than the window")
    file = f"{name.lower().replace(' & ', '-')}-{look}.png"
    page.screenshot(path=folder / file, full_page=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        shoot(sys.argv[2], Path(sys.argv[1]))
    else:
        with running() as address:
            shoot(address, Path(sys.argv[1]))
