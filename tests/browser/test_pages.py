"""A person at a browser: speaks, transcribes a file and the microphone, makes a key, signs in."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile

from tests.browser.app import running
from tests.browser.chromium import LAPTOP, PHONE, chromium, opened, tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ADMIN = "an-admin-key-for-the-browser"
SAID = "Good morning. The meeting begins at half past nine."
SAID_WORDS = {"morning", "meeting", "begins", "half", "past", "nine"}
"""Of which a small recognizer may miss two."""
INSECURE = "Object.defineProperty(window, 'isSecureContext', {value: false, configurable: true});"
SECURE = INSECURE.replace("false", "true", 1)
FAILS = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', '%s') };"
DENIED, MISSING = FAILS % "NotAllowedError", FAILS % "NotFoundError"


@pytest.fixture(scope="module")
def recording(address: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spoken sentence as 48 kHz WAV, which the fake microphone plays at its own rate."""
    spoken = httpx.post(f"{address}/v1/audio/speech", json={"input": SAID, "response_format": "wav"}, timeout=60)
    files = {"file": ("spoken.wav", spoken.raise_for_status().content)}
    form = {"response_format": "wav", "sample_rate": "48000"}
    wide = httpx.post(f"{address}/v1/audio/convert", files=files, data=form, timeout=60).raise_for_status()
    samples, rate = soundfile.read(BytesIO(wide.content))
    path = tmp_path_factory.mktemp("microphone") / "spoken.wav"
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def browser(recording: Path) -> Iterator[Any]:
    with chromium(microphone=recording) as browser:
        yield browser


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    page = opened(browser, address)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    page.context.close()
    assert not page.foreign, "the page asked other hosts"
    assert not problems


def speak(page: Any, text: str) -> None:
    page.locator("#speak-text textarea").fill(text)
    page.locator("#speak-go").click()
    page.locator("#speak-status .vf-facts").wait_for(timeout=60_000)


def test_typing_and_clicking_speaks(page: Any, address: str):
    speak(page, SAID)
    item = page.locator("#speak-history .vf-item").first
    item.wait_for()
    url = item.locator("a").get_attribute("href")
    sound = httpx.get(f"{address}/{url}").raise_for_status().content
    assert soundfile.info(BytesIO(sound)).duration > 0.5
    item.locator("button").click()
    page.wait_for_function("document.querySelector('#speak-history .vf-item button').ariaLabel === 'Stop'")
    assert "ms" in page.locator("#speak-status").inner_text()


def test_the_history_has_the_newest_first(page: Any):
    speak(page, "One.")
    page.locator("#speak-history .vf-item").first.wait_for()
    page.locator("#speak-text textarea").fill("Two.")
    page.locator("#speak-go").click()
    page.wait_for_function("document.querySelectorAll('#speak-history .vf-item').length === 2")
    assert page.locator("#speak-history .vf-item p").all_inner_texts() == ["Two.", "One."]


def test_cancelling_stops_the_engine(page: Any, address: str):
    page.locator("#speak-text textarea").fill("This is a long text, and it is said again. " * 1500)
    page.locator("#speak-go").click()
    page.get_by_text("of speech after").wait_for(timeout=60_000)
    page.locator("#speak-cancel").click()
    page.get_by_text("Cancelled; the engine has stopped.").wait_for()
    status, running = "", [""]
    for _ in range(50):
        status = httpx.get(f"{address}/v1/usage/recent?limit=1").json()["data"][0]["status"]
        # flite looks at the flag between two chunks, and plans an utterance before its first one.
        running = [state for state in httpx.get(f"{address}/ready").json()["running"] if state["running"]]
        if status == "cancelled" and not running:
            break
        page.wait_for_timeout(100)
    assert status == "cancelled"
    assert not running
    assert page.locator("#speak-status .vf-note").inner_text() == "Cancelled; the engine has stopped."


def test_an_error_is_told_once(page: Any):
    page.locator("#speak-go").click()
    toast = page.get_by_test_id("toast-body")
    toast.first.wait_for()
    assert toast.count() == 1
    assert "There is no text to speak." in toast.inner_text()
    page.get_by_text("Nothing spoken yet").wait_for()


def transcribe(page: Any) -> str:
    page.locator("#transcribe-go").click()
    page.locator("#transcribe-status .vf-facts").wait_for(timeout=90_000)
    return page.locator("#transcribe-text textarea").input_value().lower()


def test_uploading_a_file_transcribes_it(page: Any, recording: Path):
    tab(page, "Transcribe")
    page.locator("#transcribe-source input[type=file]").set_input_files(recording)
    page.locator("#transcribe-source").get_by_text("0:00").first.wait_for()
    assert len(SAID_WORDS & set(transcribe(page).split())) >= 4
    assert page.locator("#transcribe-segments .vf-time").count() >= 1
    with page.expect_download() as download:
        page.get_by_role("button", name="SRT", exact=True).click()
    assert "-->" in Path(download.value.path()).read_text()


def test_the_microphone_is_heard(page: Any):
    tab(page, "Transcribe")
    source = page.locator("#transcribe-source")
    source.get_by_label("Record audio").click()
    source.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(5000)
    source.get_by_role("button", name="Stop", exact=True).click()
    source.get_by_text("0:00").first.wait_for()
    page.wait_for_timeout(1000)
    assert len(SAID_WORDS & set(transcribe(page).split())) >= 4


def test_the_microphone_check_tells_that_it_works(page: Any):
    tab(page, "Transcribe")
    page.get_by_role("button", name="Check my microphone").click()
    page.locator(".vf-mic p.good").wait_for(timeout=10_000)


def test_the_microphone_check_tells_why_it_does_not(browser: Any, address: str):
    page = opened(browser, address)
    tab(page, "Transcribe")
    for setting, reason in [(INSECURE, "HTTPS"), (SECURE + DENIED, "Allow it"), (MISSING, "No microphone")]:
        page.evaluate(f"() => {{ {setting} }}")
        page.get_by_role("button", name="Check my microphone").click()
        page.locator(".vf-mic p.warn", has_text=reason).wait_for()
    page.context.close()


def test_a_key_is_made_shown_once_and_works(page: Any, address: str):
    tab(page, "Keys & usage")
    page.locator("#keys-name input, #keys-name textarea").fill("Browser test")
    page.locator("#keys-create").click()
    page.locator("#keys-secret textarea, #keys-secret input").wait_for()
    secret = page.locator("#keys-secret textarea, #keys-secret input").input_value()
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{address}/v1/models", headers=headers).status_code == 200
    page.locator("#keys-table .vf-key", has_text="Browser test").wait_for()
    assert secret not in page.locator("#keys-table").inner_text()
    page.get_by_role("button", name="Revoke", exact=True).first.click()
    page.get_by_role("button", name="Revoke: are you sure?").click()
    page.locator("#keys-table .vf-key.revoked", has_text="Browser test").wait_for()
    assert httpx.get(f"{address}/v1/models", headers=headers).status_code == 401


def test_people_sign_in_without_a_cookie(browser: Any, recording: Path):
    with running(VOICEFORGE_ACCESS="key", VOICEFORGE_ADMIN_KEY=ADMIN) as address:
        page = opened(browser, address)
        page.locator("#speak-text textarea").fill("Hello.")
        page.locator("#speak-go").click()
        page.get_by_text("This needs an API key, or to be signed in.").wait_for()
        page.get_by_label("API key").fill(ADMIN)
        page.locator("#vf-enter").click()
        page.get_by_text("Signed in as Admin").wait_for()
        assert not page.context.cookies()
        speak(page, "Hello.")
        tab(page, "Transcribe")
        page.locator("#transcribe-source input[type=file]").set_input_files(recording)
        page.locator("#transcribe-source").get_by_text("0:00").first.wait_for()
        page.reload()
        page.get_by_text("Signed in as Admin").wait_for()
        page.get_by_text("Signed in", exact=True).click()
        page.locator("#vf-leave").click()
        page.get_by_text("Not signed in").wait_for()
        page.context.close()


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE])
def test_nothing_is_wider_than_the_window(browser: Any, address: str, viewport: dict[str, int]):
    page = opened(browser, address, viewport=viewport)
    for name in ("Speak", "Transcribe", "Keys & usage"):
        tab(page, name)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
    page.context.close()
