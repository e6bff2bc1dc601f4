"""The sound of `/v1/realtime`, as telephones and others send and take it."""

from __future__ import annotations

import asyncio
import base64

import numpy as np
import pytest

from audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from tests.api._realtime import House
from voice.simulator.parts import tone

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
async def test_the_sound_of_telephones(opened: House, kind: str):
    encode, decode = (ulaw_encode, ulaw_decode) if kind == "audio/pcmu" else (alaw_encode, alaw_decode)
    async with opened.held(
        audio={"input": {"format": {"type": kind}, "transcription": {}}, "output": {"format": {"type": kind}}}
    ) as client:
        opened.talks.last.saying.begins("good morning")
        for loudness, frames in ((0.3, 25), (0.0, 40)):
            frame = base64.b64encode(encode(tone(0.02, 8000, 350.0, loudness))).decode()
            for _ in range(frames):
                await client.send("input_audio_buffer.append", audio=frame)
                await asyncio.sleep(0.02)
        done = await client.next("response.done")
    assert done["response"]["audio"]["output"]["format"] == {"type": kind}
    samples = decode(client.heard())
    assert len(samples) == pytest.approx(8000 * 0.6, abs=320)
    assert _pitch(samples, 8000) == pytest.approx(150, abs=2)


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_other_rates_of_pcm(opened: House, rate: int):
    form = {"type": "audio/pcm", "rate": rate}
    async with opened.held(audio={"input": {"format": form}, "output": {"format": form}}) as client:
        opened.talks.last.saying.begins("good morning")
        await client.says(0.4, rate=rate)
        await client.says(0.7, 0.0, rate=rate)
        await client.next("response.done")
    samples = np.frombuffer(client.heard(), "<i2") / 32768
    assert len(samples) == pytest.approx(rate * 0.6, abs=rate / 25)
    assert _pitch(samples, rate) == pytest.approx(150, abs=2)


def _pitch(samples: np.ndarray, rate: int) -> float:
    """Hz of the loudest."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2**17))
    return float(np.argmax(spectrum) * rate / 2**17)
