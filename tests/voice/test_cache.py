import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from audio.value import Audio
from core.errors import EngineError
from engines.base import Chunk, Word
from storage.blobs import Blobs
from tests.fakes import tone
from voice._kept import pack, unpack
from voice.cache import SpeechCache, key_of

KEY = hashlib.sha256(b"a").hexdigest()
HELLO = [
    Chunk(tone(0.5), (Word("hello", 0.0, 0.4, 0.9),)),
    Chunk(Audio(np.zeros(0, np.float32), 16000)),
    Chunk(tone(1.25, hertz=330, loudness=1.0), (Word("wörld", 0.5, 1.0),)),
]
ASKED = {
    "text": "Hello", "voice": "kokoro/af_heart", "language": "en", "speed": 1.0, "instructions": "", "engine": "kokoro",
    "version": "1",
}  # fmt: skip


class Maker:
    """Makes the same each time; counts, and can be held before each chunk."""

    def __init__(self, chunks: list[Chunk] | None = None, error: Exception | None = None):
        self.chunks, self.error = HELLO if chunks is None else chunks, error
        self.made = self.given = self.closed = 0
        self.gate: asyncio.Semaphore | None = None

    async def __call__(self) -> AsyncGenerator[Chunk]:
        self.made += 1
        try:
            for chunk in self.chunks:
                if self.gate:
                    await self.gate.acquire()
                self.given += 1
                yield chunk
            if self.error:
                raise self.error
        finally:
            self.closed += 1


def cache(folder: Path, **options) -> SpeechCache:
    return SpeechCache(Blobs(folder, max_bytes=10_000_000), **options)


async def heard(here: SpeechCache, make: Callable[[], AsyncGenerator[Chunk]], key: str = KEY, **options) -> list[Chunk]:
    async with aclosing(here.stream(key, make, **options)) as chunks:
        return [chunk async for chunk in chunks]


def same(one: list[Chunk], other: list[Chunk]) -> bool:
    return [(chunk.audio.pcm16(), chunk.audio.rate, chunk.words) for chunk in one] == [
        (chunk.audio.pcm16(), chunk.audio.rate, chunk.words) for chunk in other
    ]


async def written(here: SpeechCache) -> None:
    await asyncio.gather(*here._filling)


def test_kept_speech_is_the_very_same_sixteen_bits():
    rng = np.random.default_rng(1)
    noise = Chunk(Audio(rng.uniform(-1.0, 1.0, 30_000).astype(np.float32), 22050))
    assert same([chunk for step in unpack(pack([noise, noise])) for chunk in step], [noise, noise])
    assert same([chunk for step in unpack(pack(HELLO)) for chunk in step], HELLO)


def test_the_first_second_comes_alone():
    steps = list(unpack(pack([Chunk(tone(0.4))] * 60)))
    assert [len(step) for step in steps] == [2, 25, 25, 8]


@pytest.mark.parametrize("bad", [b"", b"\0", b"\xff" * 40, b"\2\0\0\0{}fLaC", pack(HELLO)[:-200], b"\2\0\0\0[]"])
def test_what_is_no_kept_speech_is_a_value_error(bad):
    with pytest.raises(ValueError):  # noqa: PT011
        for _ in unpack(bad):
            pass


@pytest.mark.parametrize(
    "other",
    [
        {"text": "Hello "}, {"voice": "kokoro/af_sky"}, {"language": "en-GB"}, {"speed": 1.01},
        {"instructions": "Sadly."}, {"engine": "kokoro:int8"}, {"version": "2"}, {"rate": 24000},
        {"more": {"words": {"a": "b"}}},
    ],
    ids=lambda other: next(iter(other)),
)  # fmt: skip
def test_all_that_is_heard_is_in_the_key(other):
    assert key_of(**(ASKED | other)) != key_of(**ASKED)


def test_a_key_does_not_depend_on_order_and_takes_any_text():
    assert key_of(**ASKED, more={"a": 1, "b": 2}) == key_of(**ASKED, more={"b": 2, "a": 1})
    assert key_of(**(ASKED | {"speed": 1})) == key_of(**ASKED)
    assert len(key_of(**(ASKED | {"text": "\ud800\0\n"}))) == 64


async def test_speech_is_made_once_and_survives_a_restart(tmp_path):
    here, make = cache(tmp_path), Maker()
    assert same(await heard(here, make), HELLO)
    await written(here)
    assert same(await heard(here, make), HELLO)
    await here.close()
    again = cache(tmp_path)
    assert same(await heard(again, make), HELLO)
    assert make.made == 1
    assert (here.stats().hits, here.stats().misses, again.stats().hits) == (1, 1, 1)
    await again.close()


async def test_chunks_are_passed_on_as_they_come(tmp_path):
    here, make = cache(tmp_path), Maker()
    make.gate = asyncio.Semaphore(1)
    async with aclosing(here.stream(KEY, make)) as chunks:
        assert await anext(chunks) is HELLO[0]
        make.gate.release()
        assert await anext(chunks) is HELLO[1]
    await here.close()


async def test_nothing_is_made_that_nobody_asks_for(tmp_path):
    here, make = cache(tmp_path), Maker([Chunk(tone(0.1))] * 50)
    async with aclosing(here.stream(KEY, make)) as chunks:
        await anext(chunks)
        await asyncio.sleep(0)
        assert make.given == 1
    assert make.closed == 1
    await here.close()


async def test_equal_requests_at_once_are_made_once(tmp_path):
    here, make = cache(tmp_path), Maker()
    all_heard = await asyncio.gather(*(heard(here, make) for _ in range(20)))
    assert all(same(one, HELLO) for one in all_heard)
    assert (make.made, here.stats().shared) == (1, 19)
    await here.close()


async def test_those_who_follow_are_served_when_the_first_is_cancelled(tmp_path):
    here, make = cache(tmp_path), Maker()
    make.gate = asyncio.Semaphore(1)
    begun = asyncio.Event()

    async def first() -> None:
        async with aclosing(here.stream(KEY, make)) as chunks:
            async for _ in chunks:
                begun.set()

    leader = asyncio.create_task(first())
    await begun.wait()
    follower = asyncio.create_task(heard(here, make))
    await asyncio.sleep(0)
    leader.cancel()
    await asyncio.gather(leader, return_exceptions=True)
    assert leader.cancelled()
    for _ in HELLO:
        make.gate.release()
    assert same(await follower, HELLO)
    assert make.made == 1
    await written(here)
    await heard(here, make)
    assert here.stats().hits == 1
    await here.close()


async def test_when_all_have_left_the_making_is_closed_and_nothing_is_kept(tmp_path):
    here, make = cache(tmp_path), Maker()
    async with aclosing(here.stream(KEY, make)) as one, aclosing(here.stream(KEY, make)) as other:
        await anext(one)
        await anext(other)
        await one.aclose()
        assert make.closed == 0
        await other.aclose()
        assert make.closed == 1
    assert same(await heard(here, make), HELLO)
    assert (make.made, here.stats().hits) == (2, 0)
    await here.close()


async def test_an_error_reaches_all_and_is_not_kept(tmp_path):
    here, make = cache(tmp_path), Maker(error=EngineError("It broke."))
    results = await asyncio.gather(heard(here, make), heard(here, make), return_exceptions=True)
    assert [str(result) for result in results] == ["It broke.", "It broke."]
    good = Maker()
    assert same(await heard(here, good), HELLO)
    assert (make.made, good.made) == (1, 1)
    await here.close()


async def test_a_making_that_is_cancelled_from_inside_does_not_look_finished(tmp_path):
    async def broken() -> AsyncGenerator[Chunk]:
        yield HELLO[0]
        raise asyncio.CancelledError

    here = cache(tmp_path)
    with pytest.raises(EngineError, match="broken off"):
        await heard(here, broken)
    assert here._under_way == {}
    await here.close()


async def test_what_is_too_long_is_passed_on_whole_and_not_kept(tmp_path):
    here, make = cache(tmp_path, most_seconds=1.0), Maker([Chunk(tone(0.4))] * 10)
    assert len(await heard(here, make)) == 10
    assert len(await heard(here, make)) == 10
    assert (make.made, here.stats().disk.count) == (2, 0)
    await here.close()


async def test_of_what_is_too_long_no_more_is_held_than_may_be(tmp_path):
    here, make = cache(tmp_path, most_seconds=1.0), Maker([Chunk(tone(0.25))] * 40)
    async with aclosing(here.stream(KEY, make)) as fast, aclosing(here.stream(KEY, make)) as slow:
        await anext(fast)
        await anext(slow)
        shared = here._under_way[KEY, None]

        async def all_of(chunks: AsyncGenerator[Chunk]) -> int:
            return len([chunk async for chunk in chunks])

        hurrying = asyncio.create_task(all_of(fast))
        for _ in range(200):
            await asyncio.sleep(0)
        assert len(shared.chunks) == 5
        assert make.given == 6
        assert await all_of(slow) == 39
        assert await hurrying == 39
    assert make.made == 1
    await here.close()


async def test_the_hurried_do_not_follow_the_patient(tmp_path):
    here, make = cache(tmp_path), Maker()
    make.gate = asyncio.Semaphore(0)
    patient = asyncio.create_task(heard(here, make, lane="batch"))
    hurried = Maker()
    assert same(await heard(here, hurried, lane="realtime"), HELLO)
    for _ in HELLO:
        make.gate.release()
    assert same(await patient, HELLO)
    await here.close()


async def test_a_damaged_entry_is_made_anew(tmp_path):
    here, make = cache(tmp_path), Maker()
    here._blobs.put(KEY, b"whole, but no speech")
    assert same(await heard(here, make), HELLO)
    await written(here)
    await heard(here, make)
    assert (make.made, here.stats().hits) == (1, 1)
    await here.close()


async def test_a_disk_that_takes_nothing_spoils_no_answer(tmp_path):
    (tmp_path / "file").write_text("")
    here, make = cache(tmp_path / "file"), Maker()
    for _ in range(2):
        assert same(await heard(here, make), HELLO)
        await written(here)
    assert make.made == 2
    assert "Nothing is kept" in here.stats().disk.why_off
    await here.close()


async def test_clear_empties_it(tmp_path):
    here, make = cache(tmp_path), Maker()
    await heard(here, make)
    await written(here)
    assert await here.clear() > 0
    await heard(here, make)
    assert make.made == 2
    await here.close()


async def test_a_sentence_is_got_within_five_milliseconds(tmp_path):
    time_line = np.arange(5 * 24000) / 24000
    voice = np.sin(2 * np.pi * 180 * time_line) * (1 + np.sin(2 * np.pi * 3 * time_line)) * 0.3
    noise = np.random.default_rng(0).normal(0, 0.005, len(voice))
    sentence = Audio((voice + noise).astype(np.float32), 24000)
    here, make = cache(tmp_path), Maker([Chunk(sentence.cut(start, start + 0.5)) for start in np.arange(0, 5, 0.5)])
    await heard(here, make)
    await written(here)
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        assert len(await heard(here, make)) == 10
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.005
    await here.close()
