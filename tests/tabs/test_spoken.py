"""A file that is being written is closed by the one who writes it, and by nobody while he does."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from audio.value import Audio
from engines.base import Chunk
from tabs import _spoken
from voice.speech import Performance


class Slow:
    """A sink that is held inside a feed."""

    def __init__(self):
        self.inside, self.go = threading.Event(), threading.Event()
        self.order: list[str] = []

    def feed(self, samples: np.ndarray) -> None:
        self.inside.set()
        assert self.go.wait(5)
        self.order.append("fed")

    def close(self) -> None:
        self.order.append("closed")


async def one_chunk(*_: Any, **__: Any):
    yield Chunk(Audio.silence(0.1, 24000))


async def begun(plan: Any, priority: Any) -> Performance:
    chunks = one_chunk(plan, priority=priority)
    return Performance(plan, await anext(chunks), chunks)


async def test_who_cancels_does_not_close_a_file_that_is_written(monkeypatch: pytest.MonkeyPatch):
    sink = Slow()
    monkeypatch.setattr(_spoken, "_sinks", lambda *_: [sink])
    studio: Any = SimpleNamespace(speech=SimpleNamespace(begin=begun))
    spoken: Any = SimpleNamespace(plan=None, began=0.0, first=0.0, seconds=0.0, words=[])

    async def whole() -> None:
        async for _ in cast(Any, _spoken)._write(studio, spoken, "mp3"):
            pass

    writing = asyncio.ensure_future(whole())
    await asyncio.to_thread(sink.inside.wait, 5)
    writing.cancel()
    asyncio.get_running_loop().call_later(0.02, sink.go.set)
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert sink.order == ["fed", "closed"]
