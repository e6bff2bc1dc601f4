"""A person talks with the real app: two turns by voice, one in writing, and an interruption. Set VOICEFORGE_SHOTS to a
folder to keep the pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.browser.app import running
from tests.browser.chromium import chromium, opened, tab
from tests.peers import need

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RATE = 48000
SECOND = 16.0
"""Seconds of the microphone's recording at which the second turn begins, which interrupts."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    need("chromium")
    need("flite")
    with running() as address:
        yield address


def said(address: str, text: str) -> np.ndarray:
    body = {"input": text, "voice": "flite/slt", "response_format": "wav", "strict": True}
    spoken = httpx.post(f"{address}/v1/audio/speech", json=body, timeout=60).raise_for_status()
    files, form = {"file": ("a.wav", spoken.content)}, {"response_format": "wav", "sample_rate": str(RATE)}
    wide = httpx.post(f"{address}/v1/audio/convert", files=files, data=form, timeout=60).raise_for_status()
    return soundfile.read(BytesIO(wide.content))[0]


@pytest.fixture(scope="module")
def page(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    sound = np.zeros(int(60 * RATE))
    for at, text in ((2.0, "Good morning to you."), (SECOND, "Stop it please, I want to ask about another thing.")):
        voice = said(address, text)
        sound[int(at * RATE) : int(at * RATE) + len(voice)] = voice
    path = tmp_path_factory.mktemp("microphone") / "turns.wav"
    soundfile.write(path, sound, RATE, subtype="PCM_16")
    with chromium(microphone=path) as browser:
        page = opened(browser, address)
        yield page
        page.context.close()


def test_two_turns_by_voice_and_an_interruption(page: Any):
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    tab(page, "Voice chat")
    page.locator(".vf-talk").click()
    page.locator(".vf-chat[data-mode=listening]").wait_for()
    opened_at = page.evaluate("performance.now()")
    page.locator(".vf-turn").first.wait_for(timeout=12_000)

    # The answer to what is written is long, and the second turn falls into its middle.
    page.wait_for_timeout(max(0.0, (SECOND - 2.5) * 1000 - (page.evaluate("performance.now()") - opened_at)))
    page.locator(".vf-write textarea").fill("What can you do?")
    page.keyboard.press("Enter")
    page.locator(".vf-lost").first.wait_for(timeout=15_000)
    page.locator(".vf-turn").nth(2).wait_for(timeout=30_000)

    mine = [text.lower() for text in page.locator(".vf-said.mine").all_inner_texts()]
    assert len(mine) == 3
    assert "morning" in mine[0]
    assert mine[1] == "what can you do?"
    cut = page.locator(".vf-said.ours").nth(1)
    assert cut.locator(".vf-heard").inner_text().startswith("I am a rule-based")
    assert "You interrupted" in cut.inner_text()
    shots(page)
    assert not problems


def shots(page: Any) -> None:
    page.locator(".vf-turn").first.get_by_role("button", name="Picture").click()
    page.locator(".vf-picture img").first.wait_for()
    page.wait_for_function("document.querySelector('.vf-picture img').naturalWidth > 500")
    if folder := os.environ.get("VOICEFORGE_SHOTS"):
        page.wait_for_timeout(300)
        page.screenshot(path=Path(folder) / "chat.png")
        page.locator(".vf-picture").first.screenshot(path=Path(folder) / "turn.png")
