"""What every engine that tells speech from silence must do. It runs in the process that asks."""

import threading

import numpy as np
import pytest

from engines.base import REGISTRY, EngineConfig
from tests.engines._asked import names, noise, voiced

RATES = (8000, 16000)


@pytest.fixture(params=names("vad"), scope="module")
def detector(request):
    cls = REGISTRY[request.param]
    if lacking := cls.missing():  # type: ignore[attr-defined]
        pytest.skip(lacking)
    return cls(EngineConfig())


def _windows(detector, rate: int, streams: int, steps: int) -> np.ndarray:
    """Different sound for each stream, float32 (steps, streams, window)."""
    size = detector.window(rate)
    samples = np.stack([noise(steps * size / 16000, level=0.02 * (stream + 1)).samples for stream in range(streams)])
    samples += voiced(steps * size / 16000).samples * np.arange(1, streams + 1)[:, None]
    return samples.astype(np.float32).reshape(streams, steps, size).transpose(1, 0, 2).copy()


@pytest.mark.parametrize("rate", RATES)
def test_many_streams_at_once_hear_what_each_hears_alone(detector, rate):
    windows = _windows(detector, rate, streams=5, steps=20)
    together = [detector.begin(rate) for _ in range(5)]
    alone = [detector.begin(rate) for _ in range(5)]
    for step in windows:
        batch = detector.detect(step, together)
        single = [float(detector.detect(row[None], [state])[0]) for row, state in zip(step, alone, strict=True)]
        assert batch.shape == (5,)
        assert np.allclose(batch, single, atol=1e-6)


@pytest.mark.parametrize("rate", RATES)
def test_a_probability_is_one_and_silence_has_none(detector, rate):
    states = [detector.begin(rate), detector.begin(rate)]
    for _ in range(10):
        answer = detector.detect(np.zeros((2, detector.window(rate)), np.float32), states)
        assert answer.dtype == np.float32
        assert (answer >= 0).all()
        assert (answer < 0.2).all()


@pytest.mark.parametrize("rate", RATES)
def test_what_a_stream_remembers_is_its_own_and_begins_anew(detector, rate):
    windows = _windows(detector, rate, streams=1, steps=30)

    def run() -> list[float]:
        states = [detector.begin(rate)]
        return [float(detector.detect(step, states)[0]) for step in windows]

    assert run() == run()
    states = [detector.begin(rate)]
    detector.detect(windows[0], states)
    assert float(detector.detect(windows[0], states)[0]) != run()[0]


def test_it_does_not_keep_the_windows_it_was_given(detector):
    window, kept = _windows(detector, 16000, streams=1, steps=2)
    state, other = detector.begin(16000), detector.begin(16000)
    detector.detect(window, [state])
    detector.detect(window, [other])
    window[:] = 0
    assert detector.detect(kept, [state]) == detector.detect(kept, [other])
    fresh = [detector.begin(16000)]
    detector.detect(np.zeros_like(window), fresh)
    assert detector.detect(kept, fresh) != detector.detect(kept, [other])


def test_threads_with_streams_of_their_own_do_not_disturb_each_other(detector):
    windows = _windows(detector, 16000, streams=1, steps=30)
    heard: list[list[float]] = []

    def run() -> None:
        states = [detector.begin(16000)]
        heard.append([float(detector.detect(step, states)[0]) for step in windows])

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == [heard[0]] * 4


def test_no_streams_is_no_work(detector):
    assert detector.detect(np.zeros((0, detector.window(8000)), np.float32), []).shape == (0,)


def test_other_rates_and_windows_are_refused(detector):
    with pytest.raises(ValueError, match="44100"):
        detector.window(44100)
    with pytest.raises(ValueError, match="480"):
        detector.detect(np.zeros((1, 480), np.float32), [detector.begin(16000)])
