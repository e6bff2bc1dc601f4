"""A page with a microphone holds a turn by WebRTC, as docs/realtime.md shows it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.responses import HTMLResponse

from engines import agent as act
from engines.base import Message
from tests.api._realtime import QUICK, House, ScriptedTalks, house
from tests.api._socket import ADMIN, until
from tests.peers import need, need_webrtc
from voice.simulator.parts import ScriptedAgent, tone

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><meta charset="utf-8"><audio id="ours" autoplay></audio><script>
window.kinds = []; window.loud = 0; window.spoken = "";
async function call(secret) {
  const peer = new RTCPeerConnection();
  peer.ontrack = ({streams}) => {
    document.getElementById("ours").srcObject = streams[0];
    const context = new AudioContext(), meter = context.createAnalyser(), level = new Float32Array(meter.fftSize);
    context.createMediaStreamSource(streams[0]).connect(meter);
    setInterval(() => {
      meter.getFloatTimeDomainData(level);
      if (Math.max(...level.map(Math.abs)) > 0.02) window.loud += 1;
    }, 20);
  };
  const plain = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
  const microphone = await navigator.mediaDevices.getUserMedia({audio: plain});
  peer.addTrack(microphone.getTracks()[0], microphone);
  const events = peer.createDataChannel("oai-events");
  events.onmessage = ({data}) => {
    const event = JSON.parse(data);
    window.kinds.push(event.type);
    if (event.type === "response.output_audio_transcript.done") window.spoken = event.transcript;
    if (event.type === "output_audio_buffer.stopped") peer.close();
  };
  await peer.setLocalDescription();
  const answer = await fetch("/v1/realtime/calls?model=gpt-realtime", {
    method: "POST", body: peer.localDescription.sdp,
    headers: {Authorization: `Bearer ${secret}`, "Content-Type": "application/sdp"},
  });
  await peer.setRemoteDescription({type: "answer", sdp: await answer.text()});
  return [answer.status, answer.headers.get("location")];
}
</script>"""


def answer(event: act.Event, history: Sequence[Message]) -> Sequence[Any]:
    return (act.Say("You are very welcome."),)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path / "house", talks=ScriptedTalks(ScriptedAgent(answer, QUICK))) as found:
        found.app.router.add_route("/page", lambda request: HTMLResponse(PAGE))
        yield found


async def test_a_page_holds_a_turn(opened: House, tmp_path: Path):
    need_webrtc()
    need("chromium")
    admin = await opened.studio.accounts.identify(ADMIN)
    secret, _ = await opened.studio.accounts.client_secrets.mint(admin, {"instructions": "Be brief."})
    rate, quiet = 48000, np.zeros(48000, np.float32)
    soundfile.write(
        tmp_path / "mic.wav", np.concatenate((quiet, quiet, tone(0.8, rate, 350.0, 0.3), *[quiet] * 8)), rate
    )
    url = f"{opened.http.removesuffix('/v1')}/page"
    turn = asyncio.create_task(asyncio.to_thread(_turn, url, secret, tmp_path / "mic.wav"))
    await until(lambda: opened.talks.opened or turn.done())
    opened.talks.last.saying.begins("good morning")
    found = await turn
    assert found["status"] == 201
    assert found["place"].startswith("/v1/realtime/calls/rtc_")
    kinds = found["kinds"]
    assert kinds[0] == "session.created"
    assert kinds.index("input_audio_buffer.speech_started") < kinds.index("output_audio_buffer.started")
    assert "response.output_audio.delta" not in kinds
    assert found["spoken"] == "You are very welcome. "
    assert found["loud"] * 0.02 > 0.6, json.dumps(found)
    await until(lambda: not len(opened.rooms))


def _turn(url: str, secret: str, microphone: Path) -> dict[str, Any]:
    from tests.browser.chromium import chromium

    with chromium(microphone) as browser:
        page = browser.new_page()
        page.goto(url)
        status, place = page.evaluate("secret => call(secret)", secret)
        page.wait_for_function("window.kinds.includes('output_audio_buffer.stopped')", timeout=20_000)
        names = ("kinds", "loud", "spoken")
        return {name: page.evaluate(f"window.{name}") for name in names} | {"status": status, "place": place}
