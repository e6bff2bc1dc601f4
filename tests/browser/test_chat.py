"""A person at the Voice chat tab, by voice and in writing, against a scripted house that keeps all the page says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from tests.browser.chat_server import ANSWERS, HEARD, Script, Talk, scripted
from tests.browser.chromium import PHONE, chromium, opened, tab
from tests.peers import need

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DENIED = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };"
AT_ONCE = 0.5
"""Seconds in which the page answers, on a machine that does much else."""


def voice(seconds: float, rate: int = 48000) -> np.ndarray:
    """A buzz with a melody and syllables, which no noise suppression takes for noise."""
    at = np.arange(int(seconds * rate)) / rate
    turn = 2 * np.pi * np.cumsum(140 + 20 * np.sin(2 * np.pi * 2.3 * at)) / rate
    buzz = sum(np.sin(k * turn) / k for k in range(1, 14))
    return 0.2 * buzz * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * at))


def quiet(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * 48000))


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A question, a short sound into the answer, then an interruption."""
    said = [quiet(1.5), voice(1.6), quiet(3.0), voice(0.4), quiet(2.0), voice(1.5), quiet(60)]
    path = tmp_path_factory.mktemp("microphone") / "turns.wav"
    soundfile.write(path, np.concatenate(said), 48000, subtype="PCM_16")
    return path


@dataclass
class House:
    address: str
    loop: asyncio.AbstractEventLoop
    script: Script

    @property
    def talk(self) -> Talk:
        return list(self.script.talks.values())[-1]

    def hang_up(self, code: int = 1011) -> None:
        asyncio.run_coroutine_threadsafe(self.script.sockets[-1].close(code), self.loop).result(10)

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """What the latest conversation told, if there is one yet."""
        return [message for message in self.talk.sent if message["type"] == kind] if self.script.talks else []


@pytest.fixture(scope="module")
def started() -> Iterator[House]:
    need("chromium")
    script = Script()
    with scripted(script) as (address, loop):
        yield House(address, loop, script)


@pytest.fixture
def house(started: House) -> House:
    started.script.begin_anew()
    return started


@pytest.fixture(scope="module")
def browser(microphone: Path) -> Iterator[Any]:
    with chromium(microphone=microphone) as browser:
        yield browser


@pytest.fixture
def page(browser: Any, house: House) -> Iterator[Any]:
    page = opened(browser, house.address)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    tab(page, "Voice chat")
    page.locator(".vf-talk").wait_for()
    yield page
    page.context.close()
    assert not page.foreign, "the page asked other hosts"
    assert not problems


def until(page: Any, mode: str, seconds: float = 20) -> None:
    page.locator(f".vf-chat[data-mode={mode}]").wait_for(timeout=seconds * 1000)


def wait(page: Any, true: Any, seconds: float = 20) -> None:
    for _ in range(int(seconds * 50)):
        if true():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it did not happen in time")


def write(page: Any, text: str) -> None:
    page.locator(".vf-write textarea").fill(text)
    page.keyboard.press("Enter")


def test_two_turns_a_sound_of_listening_and_an_interruption(page: Any, house: House):
    page.locator(".vf-talk").click()
    for mode in ("listening", "hearing", "thinking", "speaking", "paused", "speaking", "paused"):
        until(page, mode)
    wait(page, lambda: len(house.sent("response_done")) == 2, 40)
    page.locator(".vf-turn").nth(1).wait_for()

    start = house.script.of("start")[0]
    assert (start["v"], start["turns"]) == (1, "auto")
    assert start["input"] == {"format": "pcm16", "rate": 16000}
    assert house.script.frames > 400
    assert house.script.odd == 0, "each frame is 20 ms"
    assert [done["status"] for done in house.sent("response_done")] == ["interrupted", "completed"]

    mine, ours = page.locator(".vf-said.mine"), page.locator(".vf-said.ours")
    assert mine.all_inner_texts() == list(HEARD[:2])
    heard = house.sent("interrupted")[0]["heard"]
    assert heard
    assert ours.nth(0).locator(".vf-heard").inner_text() == heard
    assert ours.nth(0).locator(".vf-lost").inner_text().strip() == ANSWERS[0][len(heard) :].strip()
    assert ours.nth(1).locator(".vf-heard").inner_text() == ANSWERS[1]
    assert ours.nth(1).locator(".vf-lost, .vf-ahead").count() == 0


def test_a_pause_and_an_interruption_are_answered_at_once_with_the_exact_position(page: Any, house: House):
    page.locator(".vf-talk").click()
    wait(page, lambda: house.sent("interrupted"), 40)
    page.wait_for_timeout(500)
    played = house.script.of("played")
    paused, interrupted = house.sent("pause")[-1], house.sent("interrupted")[-1]
    between = [one for one in played if paused["at_clock"] <= one["at"] < interrupted["at_clock"]]
    held = next(one for one in between if one["position"] == between[-1]["position"])
    dropped = next(one for one in played if one["at"] >= interrupted["at_clock"])
    for kind, told, answer in (("pause", paused, held), ("interruption", interrupted, dropped)):
        took = answer["at"] - told["at_clock"]
        print(f"the {kind} was answered after {took * 1000:.1f} ms")
        assert took < AT_ONCE
    assert held["position"] <= paused["position"]
    assert dropped["position"] == held["position"], "nothing was played in between"
    positions = [one["position"] for one in played]
    assert positions == sorted(positions)
    gaps = np.diff([one["at"] for one in played if one["position"] > 0])
    assert np.median(gaps) < 0.3


def test_writing_needs_no_microphone_and_the_turn_has_figures_and_a_picture(page: Any, house: House):
    write(page, "What is the weather like?")
    until(page, "speaking")
    wait(page, lambda: house.sent("response_done"))
    message = house.script.of("message")[0]
    assert message["content"] == "What is the weather like?"
    assert house.script.frames == 0
    assert page.locator(".vf-said.mine").all_inner_texts() == ["What is the weather like?"]
    assert page.locator(".vf-write textarea").input_value() == ""
    line = page.locator(".vf-turn")
    line.wait_for()
    assert line.locator("dt").all_inner_texts() == ["first words", "first sound", "at your ear"]
    assert "thought by script" in line.inner_text()
    line.get_by_role("button", name="Picture").click()
    line.locator("img").wait_for()
    page.wait_for_function("document.querySelector('.vf-picture img').naturalWidth > 500")
    with page.expect_download() as picture:
        line.get_by_role("button", name="Save SVG").click()
    assert "The answer was heard" in "".join(ElementTree.parse(picture.value.path()).getroot().itertext())
    with page.expect_download() as turn:
        line.get_by_role("button", name="Save JSON").click()
    told = json.loads(Path(turn.value.path()).read_text())
    assert told["first_frame"] < told["first_heard"] < told["first_frame"] + 1


def test_all_of_an_answer_is_played_and_reported(page: Any, house: House):
    write(page, "Go on.")
    wait(page, lambda: house.sent("response_done"))
    assert house.script.of("played")[-1]["position"] == house.talk.position


def test_a_dropped_line_goes_on_at_the_very_sample(page: Any, house: House):
    write(page, "What is the weather like?")
    until(page, "speaking")
    page.wait_for_timeout(700)
    house.hang_up()
    until(page, "again", 5)
    until(page, "speaking", 10)
    wait(page, lambda: house.sent("response_done"))
    first, again = house.script.of("start")
    assert "session" not in first
    assert (again["session"], again["token"]) == (house.talk.id, "secret")
    assert again["received"] > 0
    assert again["received"] % 480 == 0
    assert len(house.sent("audio")) == 1
    assert house.script.of("played")[-1]["position"] == house.talk.position
    assert page.locator(".vf-said.ours .vf-heard").inner_text() == ANSWERS[0]


@pytest.mark.parametrize("how", ["dropped", "ended"])
def test_what_another_process_still_holds_is_waited_for(page: Any, house: House, how: str):
    write(page, "One.")
    wait(page, lambda: house.sent("response_done"))
    house.script.held = 2
    if how == "dropped":
        house.hang_up()
    else:
        page.get_by_role("button", name="End", exact=True).click()
        until(page, "off")
        write(page, "Two.")
    wait(page, lambda: len(house.script.of("start")) == 4)
    assert {start["session"] for start in house.script.of("start")[1:]} == {house.talk.id}
    if how == "dropped":
        write(page, "Two.")
    wait(page, lambda: len(house.sent("response_done")) == 2)
    assert page.locator(".vf-said.mine").all_inner_texts() == ["One.", "Two."]


def test_ending_and_writing_again_goes_on_with_the_same_conversation(page: Any, house: House):
    write(page, "One.")
    wait(page, lambda: house.sent("response_done"))
    page.get_by_role("button", name="End", exact=True).click()
    until(page, "off")
    wait(page, lambda: house.script.of("end"))
    write(page, "Two.")
    wait(page, lambda: len(house.sent("response_done")) == 2)
    assert house.script.of("start")[1]["session"] == house.talk.id
    assert page.locator(".vf-said.mine").all_inner_texts() == ["One.", "Two."]


def test_a_conversation_that_is_gone_is_begun_anew_and_said_so(page: Any, house: House):
    write(page, "One.")
    wait(page, lambda: house.sent("response_done"))
    page.get_by_role("button", name="End", exact=True).click()
    until(page, "off")
    house.script.talks.clear()
    write(page, "Two.")
    page.get_by_text("The earlier conversation is not known here any more").wait_for()
    wait(page, lambda: house.sent("response_done"))
    assert [message["content"] for message in house.script.of("message")] == ["One.", "Two."]


def test_push_to_talk_sends_nothing_until_the_space_bar_is_held(page: Any, house: House):
    page.locator(".vf-turns span", has_text="Push to talk").click()
    page.locator(".vf-talk").click()
    until(page, "hold")
    page.wait_for_timeout(2600)
    assert max(probability for _, probability in house.talk.windows) == 0, "the microphone was open and was not heard"
    page.keyboard.down("Space")
    until(page, "hearing")
    page.wait_for_timeout(400)
    page.keyboard.up("Space")
    wait(page, lambda: house.script.of("commit"))
    assert [one["type"] for one in house.script.told if one["type"] in ("clear", "commit")] == ["clear", "commit"]
    until(page, "speaking")
    # The next press is an interruption.
    page.keyboard.down("Space")
    wait(page, lambda: house.sent("interrupted"))
    page.keyboard.up("Space")


def test_muting_sends_silence(page: Any, house: House):
    page.locator(".vf-talk").click()
    until(page, "listening")
    page.get_by_role("button", name="Mute", exact=True).click()
    until(page, "muted")
    page.wait_for_timeout(2500)
    assert house.script.frames > 100
    assert max(probability for _, probability in house.talk.windows) < 0.1


def test_stop_speaking_stops_it(page: Any, house: House):
    write(page, "What is the weather like?")
    until(page, "speaking")
    page.wait_for_timeout(800)
    page.get_by_role("button", name="Stop speaking").click()
    wait(page, lambda: house.sent("interrupted"))
    page.locator(".vf-said.ours .vf-lost").wait_for()
    until(page, "writing")


def test_a_choice_is_told_and_kept(page: Any, house: House):
    write(page, "One.")
    wait(page, lambda: house.sent("response_done"))
    page.locator(".vf-manner summary").click()
    page.locator("[data-pick=prompt]").fill("You are a poet.")
    page.locator("[data-pick=language]").select_option("de")
    wait(page, lambda: house.script.of("configure"))
    assert house.script.of("configure")[-1]["prompt"] == "You are a poet."
    assert house.script.of("configure")[-1]["language"] == "de"
    page.reload()
    page.locator("#vf-brand h1").wait_for()
    page.wait_for_timeout(800)
    tab(page, "Voice chat")
    page.locator(".vf-manner summary").click()
    page.wait_for_function("document.querySelector('[data-pick=prompt]').value === 'You are a poet.'")
    assert page.locator("[data-pick=language]").input_value() == "de"


def test_a_microphone_that_is_refused_is_explained_and_writing_still_works(page: Any, house: House):
    page.evaluate(f"() => {{ {DENIED} }}")
    page.locator(".vf-talk").click()
    page.locator(".vf-chat-trouble", has_text="Allow it beside the address").wait_for()
    until(page, "off")
    write(page, "Then I write.")
    wait(page, lambda: house.sent("response_done"))


@pytest.mark.parametrize(("code", "reason"), [(1013, "All places are taken"), (4401, "Sign in with your key")])
def test_a_house_that_refuses_is_explained(page: Any, house: House, code: int, reason: str):
    house.script.refuse = code
    write(page, "Hello?")
    page.locator(".vf-chat-trouble", has_text=reason).wait_for()
    until(page, "off")
    assert page.locator(".vf-said").count() == 0
    assert page.locator(".vf-write textarea").input_value() == "Hello?"
    page.locator(".vf-talk").click()
    page.locator(".vf-chat-trouble", has_text=reason).wait_for()
    until(page, "off")
    assert page.locator(".vf-talk").inner_text() == "Talk"


def test_markup_is_shown_and_never_run(page: Any, house: House):
    evil = '<img src=x onerror="window.broken = 1">'
    house.script.answers = (f"{evil} said the house.",)
    write(page, evil)
    wait(page, lambda: house.sent("response_done"))
    page.locator(".vf-turn").wait_for()
    assert page.locator(".vf-lines img").count() == 0
    assert page.evaluate("window.broken") is None
    assert evil in page.locator(".vf-said.ours").inner_text()


def test_nothing_is_wider_than_a_phone(browser: Any, house: House):
    page = opened(browser, house.address, viewport=PHONE, is_mobile=True, device_scale_factor=2)
    tab(page, "Voice chat")
    page.locator(".vf-talk").wait_for()
    write(page, "A" * 300)
    page.locator(".vf-turn").wait_for(timeout=20_000)
    page.get_by_role("button", name="Picture").click()
    page.locator(".vf-picture img").wait_for()
    page.locator(".vf-manner summary").click()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.context.close()
