"""Speech as it is heard, from every engine that is installed: how fast, how loud, how smooth where pieces are joined.

Through the pool's workers and `voice.speech`, as requests go. Loudness is that of ten voices, each after its first
utterance, with and without `voice.care`. `--short` takes fewer rounds.
"""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import numpy as np

from audio.enhance import Enhancer
from audio.loudness import loudness
from audio.value import Audio
from benchmarks._harness import Report, main
from engines.base import Chunk, EngineConfig
from engines.pool import Pool, PoolConfig
from engines.registry import find, is_scripted
from storage.blobs import Blobs
from voice.cache import SpeechCache, key_of
from voice.care import Care
from voice.levels import Levels
from voice.routing import Routing
from voice.speech import Speech, SpeechPlan, SpeechRequest

MAX_TEXT = 10_000
SENTENCES = (
    "Hello, I would like to book a table for two people tomorrow evening.",
    "The heating does not work, and we have no hot water.",
    "Thank you very much for your help, and have a nice day!",
    "What is the fastest way to get to the airport from here?",
    "Your appointment is on Thursday; please be there in good time.",
)
LONG = " ".join(SENTENCES * 4)
"""Several pieces, so that there are joins."""
VOICES = ("flite/slt", "flite/rms", "flite/awb", "flite/kal16", "espeak-ng/en-us", "espeak-ng/en-gb",
          "espeak-ng/en-us+f3", "espeak-ng/en-gb-scotland", "espeak-ng/en-029", "espeak-ng/en-gb+f3")  # fmt: skip
CLICK_SECONDS = 0.005
"""A click is over within this; the highest third of the band, where one shows, is looked at in such windows."""
CLICK = 0.01
"""Power of the highest band at a join, over the 99th percentile of the speech around. A hundredth is 20 dB under a
sharp consonant; joins that cut through a wave have 0.4 to 1.5, which `click_of_hard_cuts` measures anew."""


async def measure(report: Report, args: Namespace) -> None:
    async with running() as (speech, careful):
        engines = installed()
        for engine in engines:
            await speed(report, speech, engine, args.rounds)
            await joins(report, speech, engine)
        await loudnesses(report, speech, careful, [voice for voice in VOICES if voice.split("/")[0] in engines])
        await hits(report, speech, engines[0], args.rounds)
    costs(report, args.rounds)


def installed() -> list[str]:
    """Engines that can speak here now, those whose weights are not here left out."""
    config = EngineConfig(models_dir="data/models")
    return [
        name
        for name, cls in find().items()
        if cls.spec.kind == "tts" and not is_scripted(name) and not cls.missing() and cls.downloaded(config)
    ]


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Speech, Speech]]:
    """Speech without care for loudness and with it, by the same engines."""
    with tempfile.TemporaryDirectory() as folder:
        registry = find()
        pool = Pool(PoolConfig(run_dir=Path(folder) / "run", threads=1), engines=registry)
        await pool.start()
        try:
            routing = Routing(registry)
            bare = Speech(pool, routing, max_text_chars=MAX_TEXT)
            yield bare, Speech(pool, routing, max_text_chars=MAX_TEXT, levels=Levels())
        finally:
            await pool.close()


async def speed(report: Report, speech: Speech, engine: str, rounds: int) -> None:
    """Seconds of work for a second of sound, and the wait for the first, of a sentence when the engine is warm."""
    await said(speech, SENTENCES[0], model=engine)
    first, factor = [], []
    for number in range(rounds * 2):
        begun, wait, seconds = time.perf_counter(), 0.0, 0.0
        async with aclosing(stream(speech, SENTENCES[number % len(SENTENCES)], model=engine)) as chunks:
            async for chunk in chunks:
                wait = wait or (time.perf_counter() - begun) * 1000
                seconds += chunk.audio.seconds
        first.append(wait)
        factor.append((time.perf_counter() - begun) / seconds)
    name = engine.replace("-", "_")
    report.figure(f"real_time_factor_{name}", factor, at_most=0.2)
    report.figure(f"first_audio_ms_{name}", first, unit="ms", at_most=100)


async def joins(report: Report, speech: Speech, engine: str) -> None:
    """The strongest click at the joins of a long text, beside what speech itself has of high frequencies; and what the
    same joins would be if each cut through a wave."""
    async with aclosing(stream(speech, LONG, model=engine)) as chunks:
        parts = [chunk.audio async for chunk in chunks]
    audio, places = Audio.join(parts), pauses(parts)
    name = engine.replace("-", "_")
    report.figure(f"joins_{name}", len(places) // 2, at_least=3)
    report.figure(f"click_at_joins_{name}", click(audio, places), at_most=CLICK)
    report.figure(f"click_of_hard_cuts_{name}", click(*hard_cuts(audio, places[1::2])), at_least=10 * CLICK)


def pauses(parts: Sequence[Audio]) -> list[int]:
    """Samples where each pause that was put between pieces begins and ends: chunks of digital silence."""
    places, at = [], 0
    for part in parts:
        if len(part.samples) and not part.samples.any():
            places += [at, at + len(part.samples)]
        at += len(part.samples)
    return places


def highest(audio: Audio) -> np.ndarray:
    """Power of the band's highest third in windows of 5 ms, each half over the next."""
    size = round(CLICK_SECONDS * audio.rate)
    frames = np.lib.stride_tricks.sliding_window_view(audio.samples, size)[:: size // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    return power[:, power.shape[1] * 2 // 3 :].sum(axis=1)


def click(audio: Audio, places: Sequence[int]) -> float:
    """The strongest high-frequency power within 5 ms of a place, over the 99th percentile of all the sound."""
    power, step = highest(audio), round(CLICK_SECONDS * audio.rate) // 2
    near = [power[max(0, place // step - 2) : place // step + 2].max() for place in places]
    return float(max(near) / np.percentile(power, 99))


def hard_cuts(audio: Audio, places: Sequence[int]) -> tuple[Audio, list[int]]:
    """The sound with nothing before the loudest moment behind each place, and these moments."""
    reach, samples = audio.rate // 5, audio.samples.copy()
    begins = [place + int(np.abs(samples[place : place + reach]).argmax()) for place in places]
    for place, begin in zip(places, begins, strict=True):
        samples[place:begin] = 0
    return Audio(samples, audio.rate), begins


async def loudnesses(report: Report, speech: Speech, careful: Speech, voices: Sequence[str]) -> None:
    """LUFS of ten voices over five sentences: as they come, and by what the first utterance of each has taught."""
    bare, care, first, each = [], [], [], []
    for voice in voices:
        first.append(loudness(await said(careful, SENTENCES[0], voice=voice)))
        bare.append(loudness(Audio.join([await said(speech, text, voice=voice) for text in SENTENCES])))
        spoken = [await said(careful, text, voice=voice) for text in SENTENCES]
        care.append(loudness(Audio.join(spoken)))
        each += [loudness(audio) for audio in spoken]
    report.figure("voices", len(voices))
    report.figure("loudness_spread_bare", max(bare) - min(bare), unit="LU")
    report.figure("loudness_spread_first_utterance", max(first) - min(first), unit="LU", at_most=4)
    report.figure("loudness_spread", max(care) - min(care), unit="LU", at_most=2)
    report.figure("loudness_of_sentences", each, unit="LUFS")
    report.figure("loudness_spread_of_sentences", max(each) - min(each), unit="LU", at_most=4)
    report.note("Spreads are the loudest less the softest; that of sentences is over every voice and sentence.")


async def hits(report: Report, speech: Speech, engine: str, rounds: int) -> None:
    """Until the first chunk of speech that is kept on disk."""
    with tempfile.TemporaryDirectory() as folder:
        cache = SpeechCache(Blobs(Path(folder), max_bytes=10**8))
        plan = speech.plan(SpeechRequest(LONG, model=engine))
        key = key_of(
            LONG, voice=plan.route.voice, language="", speed=1.0, instructions="", engine=engine, version="benchmark"
        )
        async for _ in cache.stream(key, lambda: speech.stream(plan)):
            pass
        await cache.close()
        cache = SpeechCache(Blobs(Path(folder), max_bytes=10**8))
        waits = [await first_of(cache, key, speech, plan) for _ in range(rounds * 5)]
        await cache.close()
    report.figure("cache_hit_ms", waits, unit="ms", at_most=5)


async def first_of(cache: SpeechCache, key: str, speech: Speech, plan: SpeechPlan) -> float:
    begun = time.perf_counter()
    async with aclosing(cache.stream(key, lambda: speech.stream(plan))) as chunks:
        await anext(chunks)
        wait = (time.perf_counter() - begun) * 1000
        async for _ in chunks:
            pass
    return wait


def costs(report: Report, rounds: int) -> None:
    """Milliseconds that care takes of each second of sound."""
    noise = (0.1 * np.random.default_rng(0).standard_normal(24_000 * 10)).astype(np.float32)
    makers = {"care": lambda: Care(24_000, 3.0), "enhancement": lambda: Enhancer(24_000, ("denoise", "clarity"))}
    for name, most in (("care", 5), ("enhancement", 20)):
        taken = []
        for _ in range(rounds):
            worker, begun = makers[name](), time.perf_counter()
            for at in range(0, len(noise), 2400):
                worker.feed(noise[at : at + 2400])
            taken.append((time.perf_counter() - begun) * 100)
        report.figure(f"{name}_ms_per_second", taken, unit="ms", at_most=most)


def stream(speech: Speech, text: str, *, voice: str = "", model: str = "auto") -> AsyncGenerator[Chunk]:
    return speech.stream(speech.plan(SpeechRequest(text, voice=voice, model=model)))


async def said(speech: Speech, text: str, *, voice: str = "", model: str = "auto") -> Audio:
    async with aclosing(stream(speech, text, voice=voice, model=model)) as chunks:
        return Audio.join([chunk.audio async for chunk in chunks])


if __name__ == "__main__":
    sys.exit(main("tts", measure, rounds=9, short=3))
