"""What moves all conversations: nobody's audio waits for the detector, and nobody's mistake stops the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engines.base import EngineSpec
from voice.talk.ticker import Ticker

WINDOW = np.zeros(512, np.float32)


class Detector:
    """Says of each window that it is speech, as soon as it may."""

    spec: EngineSpec

    def __init__(self):
        self.may = threading.Event()
        self.asked = threading.Event()
        self.sizes: list[int] = []

    def window(self, rate: int) -> int:
        return 512

    def begin(self, rate: int) -> Any:
        return None

    def detect(self, windows: np.ndarray, states: list[Any]) -> np.ndarray:
        self.asked.set()
        assert self.may.wait(10)
        self.sizes.append(len(windows))
        return np.ones(len(windows), np.float32)


class Talker:
    """Has one window to be looked at, each time it is asked."""

    memory: Any = None

    def __init__(self, fails: bool = False):
        self.fails, self.broken = fails, False
        self.sent = self.taken = 0
        self.found: list[float] = []
        self.moved = asyncio.Event()

    def send(self, now: float) -> None:
        self.sent += 1
        self.moved.set()

    def windows(self, now: float) -> Sequence[np.ndarray | None]:
        if self.fails:
            raise ValueError("a mistake")
        self.taken += 1
        return [WINDOW, None]

    def advance(self, now: float, windows: Sequence[np.ndarray | None], probabilities: Sequence[float]) -> None:
        self.found += probabilities
        self.moved.set()

    def broke(self) -> None:
        self.broken = True

    async def until(self, done: Any) -> None:
        async with asyncio.timeout(10):
            while not done():
                self.moved.clear()
                await self.moved.wait()


@pytest.fixture
def detector() -> Any:
    detector = Detector()
    yield detector
    detector.may.set()


async def test_audio_leaves_while_the_detector_is_busy(detector: Detector):
    ticker, talker = Ticker(detector), Talker()
    ticker.add(talker)
    await talker.until(lambda: detector.asked.is_set() and talker.sent > 5)
    assert talker.taken == 1, "what comes meanwhile waits, and is then looked at together"
    assert talker.found == []
    detector.may.set()
    await talker.until(lambda: len(talker.found) >= 4)
    assert talker.found[:4] == [1.0, 0.0, 1.0, 0.0], "of silence that stands in nobody asks the detector"
    await ticker.close()


async def test_a_mistake_ends_one_conversation_and_no_other(detector: Detector, caplog: pytest.LogCaptureFixture):
    detector.may.set()
    ticker, well, ill = Ticker(detector), Talker(), Talker(fails=True)
    ticker.add(ill)
    ticker.add(well)
    await well.until(lambda: well.found)
    assert ill.broken
    assert len(ticker) == 1
    assert "a conversation broke in a tick" in caplog.text
    await ticker.close()


async def test_who_has_left_is_told_nothing(detector: Detector):
    ticker, leaves, stays = Ticker(detector), Talker(), Talker()
    ticker.add(leaves)
    ticker.add(stays)
    await stays.until(lambda: detector.asked.is_set() and stays.taken)
    ticker.remove(leaves)
    detector.may.set()
    await stays.until(lambda: stays.found)
    assert leaves.found == []
    assert detector.sizes[0] == 2
    await ticker.close()
