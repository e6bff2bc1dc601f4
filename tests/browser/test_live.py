"""A person watches sessions live below the chat: those of a program, the page's own, and how one is ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.app import running
from tests.browser.chromium import PHONE, opened, tab
from tests.peers import need

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROW = ".vf-session"
RUN = """async (text) => {
  const said = [];
  const kept = { log: console.log, error: console.error };
  const heard = new Promise((done) => {
    console.log = console.error = (line) => { said.push(String(line)); done(); };
  });
  await new (async () => {}).constructor(text)();
  await Promise.race([heard, new Promise((done) => setTimeout(done, 60000))]);
  Object.assign(console, kept);
  return said;
}"""
"""Runs a program of the page's, and gives what it printed first."""


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    page = opened(browser, address)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    tab(page, "Voice chat")
    page.locator(".vf-live").scroll_into_view_if_needed()
    yield page
    page.context.close()
    assert not page.foreign, "the page asked other hosts"
    assert not problems


def client(page: Any, name: str) -> str:
    page.locator(".vf-live .vf-switch").get_by_role("button", name=name, exact=True).click()
    return page.locator(".vf-live code").inner_text()


def test_with_nobody_there_it_shows_programs_with_this_address(page: Any, address: str):
    page.get_by_text("Nobody is talking just now").wait_for()
    text = client(page, "Python")
    assert f'base_url="{address}/v1"' in text
    assert f'websocket_base_url="{address.replace("http", "ws")}/v1"' in text
    assert "{" + "base}" not in text
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".vf-live .vf-copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == text


@pytest.mark.parametrize("name", ["JavaScript", "JavaScript, /ws"])
def test_the_javascript_programs_hear_an_answer(page: Any, name: str):
    said = page.evaluate(RUN, client(page, name))
    assert len(said[0]) > 20
    assert "error" not in said[0].lower()


def test_a_session_is_watched_and_ended(page: Any):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/live" in request.url else None)
    page.locator(".vf-write textarea").fill("What can you do?")
    page.keyboard.press("Enter")
    row = page.locator(f"{ROW}:not([data-state=ended])").first
    row.wait_for()
    assert "Chat" in row.inner_text()
    log = row.locator("ol")
    log.get_by_text("response_started").wait_for()
    log.get_by_text("What can you do?").wait_for()
    page.wait_for_function("document.querySelector('.vf-session').dataset.state === 'speaking'")
    assert page.locator(".vf-live-empty").is_hidden()
    assert page.locator(".vf-live code").count() == 1
    row.get_by_role("button", name="End").click()
    row.get_by_text("End it: sure?").click()
    page.get_by_text("You have ended it elsewhere.").first.wait_for()
    page.locator(f"{ROW}[data-state=ended]").wait_for()
    page.mouse.move(1, 1)  # what lies under the pointer is perhaps being read, and stays
    page.get_by_text("Nobody is talking just now").wait_for(timeout=20_000)
    assert 2 <= len(asked) < 40
    assert all("after=" in url for url in asked if "after=0" not in url and "/v1/live/" not in url)


def test_nothing_is_asked_where_nobody_looks(page: Any):
    page.get_by_text("Nobody is talking just now").wait_for()
    tab(page, "Voices")
    page.wait_for_timeout(1200)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/live" in request.url else None)
    page.wait_for_timeout(2500)
    assert asked == []
    tab(page, "Voice chat")
    page.locator(".vf-live").scroll_into_view_if_needed()
    page.wait_for_timeout(2500)
    assert 1 <= len(asked) <= 5


def test_on_a_phone_nothing_is_wider_than_the_window(browser: Any, address: str):
    page = opened(browser, address, viewport=PHONE)
    tab(page, "Voice chat")
    page.locator(".vf-live").scroll_into_view_if_needed()
    page.get_by_text("Nobody is talking just now").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.context.close()


@pytest.fixture(scope="module")
def relaying() -> Iterator[str]:
    """A house whose owner has a realtime server, which is another house."""
    need("chromium")
    with running(VOICEFORGE_ACCESS="key", VOICEFORGE_ADMIN_KEY="the-key-of-the-other-house") as other:
        told = {"REALTIME_BASE_URL": f"{other}/v1", "REALTIME_API_KEY": "the-key-of-the-other-house"}
        with running(**told, REALTIME_DIRECT="1") as address:
            yield address


@pytest.mark.parametrize(("way", "kind"), [("relay", "Relay"), ("direct", "")])
def test_a_realtime_server_holds_the_conversation(browser: Any, relaying: str, way: str, kind: str):
    page = opened(browser, relaying)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    tab(page, "Voice chat")
    page.locator(".vf-manner summary").click()
    page.locator("[data-pick=way]").select_option(way)
    assert page.locator("[data-pick=voice]").is_hidden()
    page.locator(".vf-write textarea").fill("What can you do?")
    page.keyboard.press("Enter")
    page.locator(".vf-chat[data-mode=speaking]").wait_for(timeout=60_000)
    page.locator(".vf-live").scroll_into_view_if_needed()
    if kind:
        page.locator(".vf-session strong").get_by_text(kind).wait_for()
    else:
        page.get_by_text("Nobody is talking just now").wait_for()
    own = relaying.replace("http", "ws")
    assert [url.startswith(own) for url in sockets] == [way == "relay"]
    page.wait_for_timeout(1500)
    page.locator(".vf-hush").click()
    page.locator(".vf-cut").wait_for()
    heard = page.locator(".vf-heard").last.inner_text()
    assert 0 < len(heard) < len(page.locator(".vf-said.ours p").last.inner_text())
    page.locator(".vf-write textarea").fill("Hello again.")
    page.keyboard.press("Enter")
    page.locator(".vf-said.ours").nth(1).wait_for()
    page.locator(".vf-turn").nth(1).wait_for(timeout=60_000)
    assert page.locator(".vf-aside.bad").count() == 0, page.locator(".vf-aside.bad").all_inner_texts()
    page.locator(".vf-leave").click()
    page.locator(".vf-chat[data-mode=off]").wait_for()
    assert not problems
    page.context.close()
