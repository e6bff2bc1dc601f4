"""What runs on the browser's audio thread, sample by sample, without a sound card: the real scripts in a blank page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import chromium
from tests.peers import need

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ASSETS = Path(__file__).parents[2] / "tabs" / "assets"
LOAD = """([source, rate]) => {
  class AudioWorkletProcessor {
    constructor() { this.port = { sent: [], postMessage(message) { this.sent.push(message); } }; }
  }
  window.made = {};
  const register = (name, kind) => { window.made[name] = kind; };
  const load = new Function("AudioWorkletProcessor", "registerProcessor", "sampleRate", source);
  load(AudioWorkletProcessor, register, rate);
  window.tone = (hertz, rate, from, count) => {
    const value = (_, n) => 0.5 * Math.sin(2 * Math.PI * hertz * (from + n) / rate);
    return Float32Array.from({ length: count }, value);
  };
  window.steepest = (out) => out.reduce((most, value, n) => Math.max(most, Math.abs(value - (out[n - 1] ?? value))), 0);
  window.until = (out) => out.findLastIndex((value) => value !== 0) + 1;
  window.player = () => {
    const player = new window.made["voiceforge-player"]({ processorOptions: { rate: 24000 } });
    return {
      player,
      tell: (data) => player.port.onmessage({ data }),
      add(hertz, from, count) {
        const samples = Int16Array.from(window.tone(hertz, 24000, from, count), (value) => Math.round(value * 32767));
        player.port.onmessage({ data: { samples: samples.buffer } });
      },
      run(seconds) {
        const out = [];
        for (let block = 0; block < Math.ceil(seconds * rate / 128); block += 1) {
          const channel = new Float32Array(128);
          player.process([], [[channel]]);
          out.push(...channel);
        }
        return out;
      },
    };
  };
}"""


@pytest.fixture(scope="module")
def blank() -> Iterator[Any]:
    need("chromium")
    with chromium() as browser:
        yield browser.new_page()


@pytest.fixture(params=[44100, 48000, 96000])
def rate(request: pytest.FixtureRequest, blank: Any) -> int:
    blank.evaluate(LOAD, [(ASSETS / "chat_worklet.js").read_text(), request.param])
    return request.param


CAPTURE = """([hertz, rate]) => {
  const capture = new window.made["voiceforge-capture"]({ processorOptions: { rate: 16000 } });
  for (let at = 0; at < rate; at += 128) capture.process([[window.tone(hertz, rate, at, 128)]]);
  const frames = capture.port.sent.map(({ frame }) => new Int16Array(frame));
  const heard = frames.slice(2).flatMap((frame) => [...frame]);
  const power = heard.reduce((sum, value) => sum + (value / 32767) ** 2, 0) / heard.length;
  const zeros = heard.filter((value, n) => n && (heard[n - 1] < 0) !== (value < 0)).length;
  return { sizes: [...new Set(frames.map((frame) => frame.length))], count: frames.length, rms: Math.sqrt(power),
    hertz: zeros / 2 / (heard.length / 16000), level: capture.port.sent.at(-1).level };
}"""


@pytest.mark.parametrize("hertz", [100, 1000, 6000])
def test_what_a_voice_consists_of_is_kept(blank: Any, rate: int, hertz: int):
    heard = blank.evaluate(CAPTURE, [hertz, rate])
    assert heard["sizes"] == [320]
    assert heard["count"] in (49, 50)
    assert heard["rms"] == pytest.approx(0.5 / 2**0.5, rel=0.02)
    assert heard["level"] == pytest.approx(heard["rms"], rel=0.05)
    assert heard["hertz"] == pytest.approx(hertz, rel=0.02)


@pytest.mark.parametrize("hertz", [9000, 12000, 15000, 20000])
def test_what_is_above_the_rate_does_not_fold_back(blank: Any, rate: int, hertz: int):
    """60 dB under what came in."""
    assert blank.evaluate(CAPTURE, [hertz, rate])["rms"] < 0.5 / 2**0.5 / 1000


def test_a_microphone_without_a_channel_is_silence(blank: Any, rate: int):
    told = blank.evaluate("""() => {
      const capture = new window.made["voiceforge-capture"]({ processorOptions: { rate: 16000 } });
      for (let block = 0; block < 200; block += 1) capture.process([[]]);
      return capture.port.sent.map(({ frame, level }) => [new Int16Array(frame).every((value) => value === 0), level]);
    }""")
    assert len(told) > 10
    assert {tuple(one) for one in told} == {(True, 0)}


def test_every_sample_is_played_once_and_counted(blank: Any, rate: int):
    told = blank.evaluate("""() => {
      const one = window.player();
      one.tell({ at: 5000 });
      for (let at = 0; at < 24000; at += 480) one.add(440, at, 480);
      const out = one.run(1.3);
      const first = out.findIndex((value) => value !== 0);
      return { length: window.until(out) - first, most: window.steepest(out), sent: one.player.port.sent };
    }""")
    last = told["sent"][-1]
    assert last["position"] == 29000
    assert [one["why"] for one in told["sent"] if one["why"]] == ["dry"]
    assert told["length"] == pytest.approx(rate, rel=0.01)
    # The steepest step of a 440 Hz tone of this loudness: nothing clicks.
    assert told["most"] < 1.1 * 0.5 * 2 * 3.1416 * 440 / rate


def test_a_pause_is_silent_in_5_ms_and_keeps_the_rest(blank: Any, rate: int):
    told = blank.evaluate("""(rate) => {
      const one = window.player();
      one.add(440, 0, 24000);
      one.run(0.3);
      const before = one.player.read;
      one.tell({ hold: true });
      const fading = one.run(0.1);
      const held = one.player.read;
      one.run(0.5);
      const still = one.player.read;
      one.tell({ go: true });
      const again = one.run(0.01);
      one.run(1);
      return {
        fade: window.until(fading) / rate, most: window.steepest(fading), played: held - before, still: still === held,
        again: again.some((value) => value !== 0), end: one.player.port.sent.at(-1).position,
        whys: one.player.port.sent.map(({ why }) => why).filter(Boolean),
      };
    }""", rate)  # fmt: skip
    assert 0.003 <= told["fade"] <= 0.005
    assert told["played"] == pytest.approx(0.004 * 24000, abs=4)
    assert told["still"]
    assert told["again"]
    assert told["end"] == 24000
    assert told["whys"] == ["hold", "go", "dry"]
    assert told["most"] < 2 * 0.5 * 2 * 3.1416 * 440 / rate


def test_an_interruption_empties_all_and_says_where_it_stopped(blank: Any, rate: int):
    told = blank.evaluate("""(rate) => {
      const one = window.player();
      one.add(440, 0, 24000);
      one.run(0.3);
      const before = one.player.read;
      one.tell({ drop: true });
      const after = one.run(0.2);
      one.tell({ at: 30000 });
      one.add(440, 0, 4800);
      const next = one.run(0.5);
      const drop = one.player.port.sent.find(({ why }) => why === "drop");
      return {
        fade: window.until(after) / rate, before, drop, end: one.player.port.sent.at(-1).position,
        heard: next.some((value) => value !== 0),
      };
    }""", rate)  # fmt: skip
    assert told["fade"] <= 0.005
    assert told["before"] <= told["drop"]["position"] <= told["before"] + 110
    assert told["drop"]["left"] == 0
    assert told["heard"]
    assert told["end"] == 34800


def test_sound_that_comes_late_makes_the_next_beginning_later_and_calm_makes_it_earlier(blank: Any, rate: int):
    told = blank.evaluate("""() => {
      const one = window.player();
      const delays = [one.player.delay];
      for (let round = 0; round < 6; round += 1) {
        one.add(440, 0, 4800);
        one.run(0.5);
        delays.push(one.player.delay);
      }
      for (let second = 0; second < 25; second += 1) {
        one.add(440, 0, 24000);
        one.run(1);
      }
      delays.push(one.player.delay);
      return delays;
    }""")
    assert told[0] == pytest.approx(0.1)
    assert told[:7] == sorted(told[:7])
    assert told[2] > told[1]
    assert told[6] <= 0.4
    assert told[7] < told[6]


def test_a_run_that_goes_back_is_played_again_from_there(blank: Any, rate: int):
    told = blank.evaluate("""() => {
      const one = window.player();
      one.add(440, 0, 24000);
      one.run(0.5);
      one.tell({ at: 4800 });
      const back = one.player.read;
      one.add(440, 4800, 2400);
      one.run(0.6);
      return [back, one.player.port.sent.at(-1).position];
    }""")
    assert told == [4800, 7200]
