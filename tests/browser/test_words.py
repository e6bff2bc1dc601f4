"""A person teaches the house some words: by an example, by hand and by a file, and hears one before it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.browser.chromium import PHONE, opened, tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCRIPT = '<img src=x onerror="window.broken = 1"><b>bold</b>'


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    httpx.delete(f"{address}/v1/pronunciations").raise_for_status()
    page = opened(browser, address)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    tab(page, "Pronunciation")
    page.locator(".vf-words-empty").wait_for()
    yield page
    page.context.close()
    assert problems == []


def field(page: Any, name: str) -> Any:
    return page.locator(f"#{name} input, #{name} textarea").first


def test_an_example_is_heard_saved_changed_and_deleted(page: Any):
    page.locator(".vf-word-example").first.click()
    page.wait_for_function("document.querySelector('#word-written input, #word-written textarea').value === 'nginx'")
    page.locator("#word-listen").click()
    page.locator("#word-player audio, #word-player [data-testid^=waveform]").first.wait_for(state="attached")
    assert page.locator(".vf-word-row").count() == 0
    page.locator("#word-save").click()
    page.locator(".vf-word-row").wait_for()
    page.get_by_role("button", name="Edit").click()
    page.locator("#word-leave").wait_for()
    field(page, "word-spoken").fill("engine eks")
    page.locator("#word-save").click()
    page.locator(".vf-word-row", has_text="engine eks").wait_for()
    page.locator("#word-leave").wait_for(state="hidden")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Sure?").click()
    page.locator(".vf-words-empty").wait_for()


def test_markup_in_an_entry_is_shown_and_never_run(page: Any):
    field(page, "word-written").fill(SCRIPT)
    field(page, "word-spoken").fill(SCRIPT)
    page.locator("#word-save").click()
    page.locator(".vf-word-row").wait_for()
    page.get_by_role("button", name="Edit").click()
    page.locator("#word-leave").wait_for()
    page.locator("#word-save").click()
    page.locator("#word-leave").wait_for(state="hidden")
    assert SCRIPT in page.locator(".vf-word-row").inner_text()
    assert page.locator(".vf-words img, #word-status img").count() == 0
    assert page.evaluate("window.broken") is None


def test_a_page_of_many_is_searched_and_turned(page: Any, address: str):
    files = {"name": "words.csv", "mimeType": "text/csv", "buffer": b"".join(b"word %03d,x\n" % n for n in range(250))}
    with page.expect_file_chooser() as chooser:
        page.locator("button#words-import, #words-import button").first.click()
    chooser.value.set_files([files])
    page.locator(".vf-word-row").first.wait_for()
    assert page.locator(".vf-word-row").count() == 100
    page.get_by_role("button", name="Next").click()
    page.locator(".vf-word-row", has_text="word 100").wait_for()
    field(page, "words-find").fill("WORD 24")
    page.wait_for_function("document.querySelectorAll('.vf-word-row').length === 10")
    field(page, "words-find").fill("nothing like that")
    page.get_by_text("Nothing begins like that").wait_for()
    field(page, "words-find").fill("")
    page.locator(".vf-word-row").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    assert download.value.suggested_filename == "pronunciations.csv"
    assert download.value.path().read_text().splitlines()[:2] == [
        "written,spoken,ipa,language,case_sensitive", "word 000,x,,,",
    ]  # fmt: skip


def test_a_phone_shows_the_form_first_and_nothing_beside_the_window(browser: Any, address: str):
    page = opened(browser, address, viewport=PHONE, is_mobile=True, device_scale_factor=2)
    tab(page, "Pronunciation")
    form, find = (page.locator(name).bounding_box() for name in ("#word-written", "#words-find"))
    assert form["y"] < find["y"]
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.context.close()
