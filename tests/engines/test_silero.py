"""Silero VAD finds speech that espeak-ng and flite made, in silence and at both rates."""

import numpy as np
import pytest
import pytest_asyncio

from audio.resample import resample
from audio.value import Audio
from engines.base import EngineConfig
from engines.vad.silero import Silero
from tests.engines._asked import asked, noise, sound

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

TEXT = "Your table is booked for seven, and the kitchen closes at ten."


@pytest.fixture(scope="module")
def silero():
    return Silero(EngineConfig())


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["espeak-ng", "flite"])
async def speech(request, tmp_path_factory):
    async with asked(request.param, tmp_path_factory.mktemp("pool")) as engine:
        return Audio(sound(await engine.say(TEXT)), engine.spec.rate)


def _probabilities(silero: Silero, audio: Audio) -> np.ndarray:
    """One for each 32 ms."""
    size, state = silero.window(audio.rate), [silero.begin(audio.rate)]
    windows = audio.samples[: len(audio.samples) // size * size].reshape(-1, 1, size)
    return np.array([silero.detect(window, state)[0] for window in windows])


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_speech_between_silences_is_found_where_it_is(silero, speech, rate):
    quiet = Audio.silence(1.5, rate)
    speech = resample(speech, rate)
    heard = np.flatnonzero(_probabilities(silero, Audio.join([quiet, speech, quiet])) > 0.5) * 0.032
    audible = np.flatnonzero(np.abs(speech.samples) > 0.02) / rate + 1.5
    assert heard[0] == pytest.approx(audible[0], abs=0.2)
    assert heard[-1] == pytest.approx(audible[-1], abs=0.25)
    assert len(heard) * 0.032 > 0.7 * (audible[-1] - audible[0])


async def test_noise_is_not_speech(silero):
    for level in (1e-3, 0.02, 0.2):
        assert (_probabilities(silero, noise(3.0, level=level)) > 0.5).mean() < 0.05


async def test_a_stream_costs_little():
    """What 100 streams remember, and nothing else, grows with their number."""
    stream = Silero(EngineConfig()).begin(16000)
    assert stream.state.nbytes + stream.context.nbytes < 2000
