"""How well synthesized speech is understood: flite and espeak-ng to pocketsphinx, each in its worker.

Word error rate over twenty sentences as people say them on the telephone; what is heard in silence; and what both cost
as real-time factors. One sentence is one passage; nothing is tuned to the sentences. `--short` takes one voice.
"""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.resample import resample
from audio.value import Audio
from benchmarks._harness import Report, main
from engines.base import SynthesisRequest, TranscriptionRequest
from engines.pool import Pool, PoolConfig
from engines.registry import find

RATE = 16000
HEARER = "pocketsphinx"
VOICES = ("rms", "slt", "awb")
SENTENCES = (
    "hello i would like to book a table for two people tomorrow evening",
    "could you please tell me what time you open on sunday",
    "i am calling about the bill that i got last week",
    "my order has not arrived yet and it is already late",
    "can i speak to someone in the sales department",
    "i need to change my appointment from monday to thursday",
    "please send the invoice to my office address",
    "the internet connection at our house is very slow today",
    "how much does it cost to send a package to london",
    "i forgot my password and i cannot log in to my account",
    "thank you very much for your help and have a nice day",
    "we are looking for a hotel near the station for three nights",
    "is there a doctor who can see my daughter this afternoon",
    "i want to cancel my contract at the end of the month",
    "the heating does not work and we have no hot water",
    "yes that is correct my number is five five one two three",
    "do you have this jacket in a larger size and in black",
    "our flight was delayed and we missed the train home",
    "sorry i did not understand that could you say it again",
    "what is the fastest way to get to the airport from here",
)


@dataclass(frozen=True)
class Told:
    """What one voice said and what was heard: pairs of sentences, and seconds of sound, of speaking, of hearing."""

    pairs: Sequence[tuple[str, str]]
    seconds: float
    speaking: float
    hearing: float


async def measure(report: Report, args: Namespace) -> None:
    async with running() as pool:
        await silence(report, pool)
        if lacking := find()["flite"].missing():  # type: ignore[attr-defined]
            report.note(f"Without the figures of flite: {lacking}")
            report.figure("wer_flite", float("nan"), at_most=0.20)
        else:
            await flite(report, pool, VOICES[:1] if args.short else VOICES)
        await espeak(report, pool)


@asynccontextmanager
async def running() -> AsyncIterator[Pool]:
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool(PoolConfig(run_dir=Path(folder) / "run", threads=1), engines=find())
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()


async def flite(report: Report, pool: Pool, voices: Sequence[str]) -> None:
    """The voices apart, and all their sentences as one figure; several voices over a telephone's band too."""
    heard = {voice: await understood(pool, "flite", voice) for voice in voices}
    pairs = [pair for told in heard.values() for pair in told.pairs]
    report.figure("wer_flite", word_error_rate(pairs), at_most=0.20)
    for voice, told in heard.items():
        report.figure(f"wer_flite_{voice}", word_error_rate(told.pairs))
    for voice in voices if len(voices) > 1 else ():
        told = await understood(pool, "flite", voice, telephone=True)
        report.figure(f"wer_flite_{voice}_8khz", word_error_rate(told.pairs))
    report.figure("rtf_flite", sum(told.speaking for told in heard.values()) / sum(t.seconds for t in heard.values()))
    report.figure("rtf_pocketsphinx", sum(t.hearing for t in heard.values()) / sum(t.seconds for t in heard.values()))


async def espeak(report: Report, pool: Pool) -> None:
    told = await understood(pool, "espeak-ng", "en-us")
    report.figure("wer_espeak", word_error_rate(told.pairs))
    report.figure("rtf_espeak", told.speaking / told.seconds)
    report.note("espeak-ng's voice is not one that pocketsphinx was made for; its figure is printed as it is.")


async def silence(report: Report, pool: Pool) -> None:
    """Words heard in nothing, in the noise of a quiet line, and in hum."""
    seconds = np.arange(RATE * 5) / RATE
    random = np.random.default_rng(0)
    sounds = [
        np.zeros(RATE * 5),
        1e-4 * random.standard_normal(RATE * 5),
        3e-3 * random.standard_normal(RATE * 5),
        0.05 * np.sin(2 * np.pi * 50 * seconds),
    ]
    words = [await hear(pool, Audio(sound.astype(np.float32), RATE)) for sound in sounds]
    report.figure("words_in_silence", sum(len(text.split()) for text in words), at_most=0)


async def understood(pool: Pool, engine: str, voice: str, *, telephone: bool = False) -> Told:
    pairs, seconds, speaking, hearing = [], 0.0, 0.0, 0.0
    await pool.warm(engine)
    await pool.warm(HEARER)
    for sentence in SENTENCES:
        begun = time.perf_counter()
        audio = await say(pool, engine, voice, sentence)
        said = time.perf_counter()
        heard = await hear(pool, resample(resample(audio, 8000), RATE) if telephone else resample(audio, RATE))
        hearing += time.perf_counter() - said
        speaking += said - begun
        seconds += audio.seconds
        pairs.append((sentence, heard))
    return Told(pairs, seconds, speaking, hearing)


async def say(pool: Pool, engine: str, voice: str, text: str) -> Audio:
    async with aclosing(pool.stream(engine, SynthesisRequest(text, voice))) as chunks:
        return Audio.join([chunk.audio async for chunk in chunks])


async def hear(pool: Pool, audio: Audio) -> str:
    async with aclosing(pool.stream(HEARER, TranscriptionRequest(audio))) as segments:
        return " ".join([segment.text async for segment in segments])


def word_error_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """Words substituted, left out and put in, over words said."""
    return sum(edits(said.split(), heard.split()) for said, heard in pairs) / sum(
        len(said.split()) for said, _ in pairs
    )


def edits(said: Sequence[str], heard: Sequence[str]) -> int:
    """Levenshtein's distance."""
    row = list(range(len(heard) + 1))
    for index, word in enumerate(said, 1):
        diagonal, row[0] = row[0], index
        for column, other in enumerate(heard, 1):
            diagonal, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, diagonal + (word != other))
    return row[-1]


if __name__ == "__main__":
    sys.exit(main("stt", measure, rounds=1, short=1))
