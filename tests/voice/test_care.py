from collections.abc import AsyncGenerator
from contextlib import aclosing

import numpy as np
import pytest

from audio.loudness import loudness
from audio.value import Audio
from engines.base import Chunk, Word
from tests.fakes import tone
from voice.care import CEILING, KNEE, Care, Cares, enhanced, limited
from voice.levels import TARGET, Levels

RATE = 16000


async def stream(audio: Audio, size: int = 960, words: tuple[Word, ...] = ()) -> AsyncGenerator[Chunk]:
    for at in range(0, len(audio.samples), size):
        yield Chunk(Audio(audio.samples[at : at + size], audio.rate), words if at == 0 else ())


async def cared(
    chunks: AsyncGenerator[Chunk], levels: Levels, voice: str, rate: int, enhancement: tuple[str, ...] = ()
) -> AsyncGenerator[Chunk]:
    """One voice's text from its first chunk to its last."""
    cares = Cares(levels, rate)
    async with aclosing(enhanced(chunks, rate, enhancement) if enhancement else chunks) as source:
        async for chunk in source:
            yield await cares.feed(voice, chunk)
    await cares.learn()


async def said(audio: Audio, levels: Levels, *enhancement: str, size: int = 960) -> list[Chunk]:
    async with aclosing(cared(stream(audio, size), levels, "a/a", RATE, enhancement)) as chunks:
        return [chunk async for chunk in chunks]


def whole(chunks: list[Chunk]) -> Audio:
    return Audio.join([chunk.audio for chunk in chunks])


@pytest.mark.parametrize(("level", "lufs"), [(0.02, -37.8 + 12), (0.1, TARGET), (0.3, TARGET)])
async def test_a_voice_reaches_the_target_once_it_was_heard(level, lufs):
    """Or comes as near to it as 12 dB bring it."""
    levels = Levels()
    await said(tone(2.0, loudness=level), levels)
    assert loudness(whole(await said(tone(2.0, loudness=level), levels))) == pytest.approx(lufs, abs=0.3)


async def test_the_gain_stays_the_same_within_an_utterance():
    levels = Levels()
    await said(tone(2.0, loudness=0.05), levels)
    quiet_then_loud = Audio.join([tone(1.0, loudness=0.02), tone(1.0, loudness=0.1)])
    out = whole(await said(quiet_then_loud, levels))
    ratio = np.abs(out.samples[RATE // 2 : RATE]).max() / np.abs(out.samples[-RATE // 2 :]).max()
    assert ratio == pytest.approx(0.2, rel=0.01)


async def test_each_chunk_comes_as_it_is_without_a_delay():
    given = [chunk async for chunk in stream(tone(0.5))]
    out = await said(tone(0.5), Levels())
    assert [len(chunk.audio.samples) for chunk in out] == [len(chunk.audio.samples) for chunk in given]


@pytest.mark.parametrize("enhancement", [(), ("denoise",), ("denoise", "clarity")])
async def test_nothing_is_lost_or_added(enhancement):
    out = await said(tone(1.003), Levels(), *enhancement)
    assert len(whole(out).samples) == len(tone(1.003).samples)
    held = 960 - len(out[0].audio.samples)
    assert held <= 0.02 * RATE


async def test_long_chunks_sound_like_short_ones():
    short, long = [whole(await said(tone(2.0), Levels(), size=size)).samples for size in (500, 32000)]
    assert np.allclose(short, long, atol=1e-6)


async def test_words_stay_where_they_are():
    word = Word("hello", 0.1, 0.4)
    async with aclosing(cared(stream(tone(0.5), words=(word,)), Levels(), "a/a", RATE)) as chunks:
        assert [word for chunk in [chunk async for chunk in chunks] for word in chunk.words] == [word]


def test_an_offset_is_taken_away():
    audio = tone(1.0, loudness=0.1)
    out = Care(RATE).feed(audio.samples + np.float32(0.2))
    assert abs(float(out[RATE // 10 :].mean())) < 1e-3


@pytest.mark.parametrize("gain_db", [0, 12, 40])
def test_nothing_clips_and_the_quiet_part_is_exact(gain_db):
    out = Care(RATE, gain_db).feed(tone(1.0, loudness=0.9).samples)
    assert out.dtype == np.float32
    assert np.abs(out).max() <= CEILING


def test_the_limiter_is_smooth_and_leaves_what_is_below_the_knee():
    ramp = np.linspace(-3, 3, 60001)
    out = limited(ramp).astype(np.float64)
    inside = np.abs(ramp) <= KNEE
    assert np.array_equal(out[inside], ramp[inside].astype(np.float32))
    slope = np.diff(out) / np.diff(ramp)
    assert slope.min() >= -1e-3
    assert np.abs(np.diff(slope)).max() < 0.01


async def test_a_stream_left_early_teaches_nothing_and_is_closed():
    closed, levels = [], Levels()

    async def endless() -> AsyncGenerator[Chunk]:
        try:
            while True:
                yield Chunk(tone(0.1))
        finally:
            closed.append(True)

    async with aclosing(cared(endless(), levels, "a/a", RATE)) as chunks:
        await anext(chunks)
    assert closed
    assert len(levels.learnt) == 0


async def test_what_was_learnt_is_kept(tmp_path):
    await said(tone(2.0), Levels(tmp_path / "levels.json"))
    assert len(Levels(tmp_path / "levels.json").learnt) == 1


async def test_an_unknown_enhancement_is_refused():
    with pytest.raises(ValueError, match="sparkle"):
        await anext(enhanced(stream(tone(0.1)), RATE, ["sparkle"]))


async def test_each_voice_of_a_text_has_a_gain_of_its_own():
    levels = Levels()
    levels.learn("a/loud", TARGET + 6, 10.0)
    levels.learn("a/soft", TARGET - 6, 10.0)
    cares = Cares(levels, RATE)
    loud = await cares.feed("a/loud", Chunk(tone(0.2, loudness=0.1)))
    soft = await cares.feed("a/soft", Chunk(tone(0.2, loudness=0.1)))
    assert np.abs(soft.audio.samples).max() / np.abs(loud.audio.samples).max() == pytest.approx(
        10 ** (12 / 20), rel=0.01
    )
