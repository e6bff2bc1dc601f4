"""What the benchmark of overlaps is made of: who says what, how, and in what noise. Knows nothing of what is measured.

Two sets that share no voice, no phrase of an interruption, no word of a backchannel and no seed: `tuning`, on which the
constants of voice/talk/interruption.py were chosen, and `held_out`, on which they are measured. Speed, pitch, level and
noise are drawn from the same distributions for backchannels and for interruptions, so that none of them gives away
which it is. A third of the backchannels are hums ("mm-hmm"); no voice at hand says one, so they are made by formula. A
quarter of the interruptions are commands of one to three short words, the rest are phrases. No interruption is a word
that people say as a backchannel, or begins with one.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from audio.resample import resample
from audio.value import Audio
from benchmarks._overlap_words import Material
from engines.base import SynthesisRequest
from engines.pool import Pool, PoolConfig
from engines.registry import find

RATE = 16000
LEAD, TAIL = 0.8, 1.6
"""Seconds of noise alone around what is said; a window of 32 ms may begin anywhere in it."""
NOISES = ("quiet", "white", "pink", "babble")
SNR = (25.0, 20.0, 15.0, 10.0)
"""dB, of what is said to the noise; babble, which is speech itself, not under 15."""


@dataclass(frozen=True)
class Plan:
    """One clip, before it sounds."""

    kind: str
    """`backchannel`, `command` or `phrase`."""
    language: str
    text: str
    """Empty for a hum."""
    engine: str
    voice: str
    speed: float
    warp: float
    """Times its pitch, and its pace."""
    level: float
    """dBFS, root mean square of what is said."""
    usual: float
    """dBFS, how loud this caller spoke in the turns before, as a conversation knows it: within some 4 dB of `level`,
    and on whichever side of it, for both kinds alike."""
    noise: str
    snr: float
    telephone: bool
    """Through 8 kHz."""
    seed: int

    @property
    def interrupts(self) -> bool:
        return self.kind != "backchannel"


@dataclass
class Clip:
    """What is heard: noise, in it what is said."""

    plan: Plan
    samples: np.ndarray
    """Float32 at 16 kHz."""
    onset: float
    """Seconds at which what is said begins: its first 10 ms within 30 dB of its loudest."""
    length: float
    """Seconds from there to its last such 10 ms."""
    words: Sequence[tuple[str, float]] = field(default=())
    """With the seconds at which each ends."""


def plans(material: Material, count: int) -> list[Plan]:
    """As many backchannels, and as many interruptions."""
    draw = random.Random(material.seed)
    kinds = ["backchannel"] * count + [("command", "phrase", "phrase", "phrase")[n % 4] for n in range(count)]
    return [_plan(draw, material, kind, n) for n, kind in enumerate(kinds)]


def _plan(draw: random.Random, material: Material, kind: str, number: int) -> Plan:
    languages = list(material.words)
    language = languages[number // 4 % len(languages)]
    words = material.words[language]
    texts = {"backchannel": words.backchannels, "command": words.commands, "phrase": words.phrases}[kind]
    text = "" if kind == "backchannel" and draw.random() < 1 / 3 else draw.choice(texts)
    flite = language == "en-us" and draw.random() < 0.6
    variant = draw.choice(material.variants)
    level = draw.uniform(-36, -18)
    noise = draw.choice(NOISES)
    return Plan(
        kind,
        language,
        text,
        "flite" if flite else "espeak-ng",
        draw.choice(material.flite) if flite else language + ("+" + variant if variant else ""),
        speed=round(draw.uniform(0.9, 1.35), 2),
        warp=draw.choice((0.9, 0.95, 1.0, 1.05, 1.1)),
        level=level,
        usual=level + draw.gauss(0, 4),
        noise=noise,
        snr=draw.choice(SNR[:3] if noise == "babble" else SNR),
        telephone=draw.random() < 1 / 3,
        seed=material.seed * 1_000_000 + number,
    )


async def clips(material: Material, count: int) -> list[Clip]:
    async with speaking() as pool:
        crowd = await _crowd(pool, material)
        return [await _clip(pool, plan, crowd) for plan in plans(material, count)]


@asynccontextmanager
async def speaking() -> AsyncIterator[Pool]:
    with TemporaryDirectory() as folder:
        pool = Pool(PoolConfig(run_dir=Path(folder) / "run", threads=1), engines=find())
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()


async def say(pool: Pool, plan: Plan) -> tuple[np.ndarray, list[tuple[str, float]]]:
    """Samples at 16 kHz, and the words with the seconds they end at."""
    request = SynthesisRequest(plan.text, plan.voice, speed=plan.speed)
    async with aclosing(pool.stream(plan.engine, request)) as stream:
        chunks = [chunk async for chunk in stream]
    audio = resample(Audio.join([chunk.audio for chunk in chunks]), RATE)
    warped = resample(Audio(audio.samples, round(RATE * plan.warp)), RATE)
    # Words are given in seconds of the utterance with either engine, in the order they are said.
    return warped.samples, [(word.text, word.end / plan.warp) for chunk in chunks for word in chunk.words]


async def _clip(pool: Pool, plan: Plan, crowd: np.ndarray) -> Clip:
    random = np.random.default_rng(plan.seed)
    samples, words = (hum(random, plan.warp), []) if not plan.text else await say(pool, plan)
    first, last = audible(samples)
    cut = max(0, first - RATE // 20)
    samples = samples[cut : last + RATE // 20]
    lead = LEAD + random.uniform(0, 0.032)
    samples = samples * (_amplitude(plan.level) / _rms(samples))
    sound = np.concatenate([np.zeros(round(lead * RATE)), samples, np.zeros(round(TAIL * RATE))])
    floor = plan.level - plan.snr if plan.noise != "quiet" else -66.0
    sound = sound + _amplitude(floor) * noise(random, plan.noise, len(sound), crowd)
    heard = Audio(np.clip(sound, -1, 1).astype(np.float32), RATE)
    if plan.telephone:
        heard = resample(resample(heard, 8000), RATE)
    shift = lead - cut / RATE
    words = [(word, end + shift) for word, end in words]
    return Clip(plan, heard.samples, first / RATE + shift, (last - first) / RATE, words)


def hum(random: np.random.Generator, warp: float) -> np.ndarray:
    """ "mm-hmm", "mhm" or "mm": harmonics of a gliding pitch as a closed mouth lets them out, the second syllable
    after a breath and higher."""
    pitch = warp * random.uniform(90, 230)
    syllables = [
        (random.uniform(0.1, 0.18), random.uniform(0.95, 1.05)),
        (random.uniform(0.15, 0.28), random.uniform(1.05, 1.3)),
    ]
    if random.random() < 0.25:
        syllables = [(random.uniform(0.2, 0.4), 1.0)]
    parts: list[np.ndarray] = []
    for index, (seconds, height) in enumerate(syllables):
        if index:
            breath = random.standard_normal(round(random.uniform(0.03, 0.07) * RATE))
            parts.append(0.02 * np.convolve(breath, [1, -0.5], "same"))
        count = round(seconds * RATE)
        glide = pitch * height * np.linspace(1, random.uniform(0.9, 1.12), count)
        phase = 2 * np.pi * np.cumsum(glide) / RATE
        voice = sum(np.sin(n * phase) * _nasal(n * pitch * height) for n in range(1, 25))
        parts.append(voice * np.sin(np.pi * np.arange(count) / count) ** 0.4)
    return np.concatenate([np.zeros(800), *parts, np.zeros(800)])


def _nasal(hertz: float) -> float:
    """A closed mouth's transmission: a peak at 270 Hz, weak ones at 1100 and 2200, falling 12 dB an octave."""
    peaks = ((270, 90, 1.0), (1100, 150, 0.08), (2200, 250, 0.03))
    return sum(gain / (1 + ((hertz - centre) / width) ** 2) for centre, width, gain in peaks) + 0.002


def noise(random: np.random.Generator, kind: str, count: int, crowd: np.ndarray) -> np.ndarray:
    """Of root mean square 1."""
    if kind == "babble":
        begin = int(random.integers(0, len(crowd) - count))
        return crowd[begin : begin + count] / _rms(crowd[begin : begin + count])
    white = random.standard_normal(count)
    if kind == "pink":
        spectrum = np.fft.rfft(white)
        white = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 8)), count)
    return white / _rms(white)


async def ours(material: Material) -> np.ndarray:
    """Our own voice, half a minute of it at -20 dBFS."""
    texts = [phrase for words in material.words.values() for phrase in words.phrases]
    async with speaking() as pool:
        voice = material.flite[0]
        plan = Plan("phrase", "en-us", ". ".join(texts), "flite", voice, 1.0, 1.0, -20, -20, "quiet", 0, False, 0)
        samples, _ = await say(pool, plan)
    return np.resize(samples * (_amplitude(-20) / _rms(samples)), RATE * 30).astype(np.float32)


async def _crowd(pool: Pool, material: Material) -> np.ndarray:
    """Six voices of the set at once, saying its own phrases, for half a minute."""
    draw = random.Random(material.seed + 100)
    crowd = np.zeros(RATE * 30)
    for speaker in range(6):
        language = list(material.words)[speaker]
        voice = language + "+" + draw.choice(material.variants[1:])
        texts = list(material.words[language].phrases)
        draw.shuffle(texts)
        plan = Plan(
            "phrase", language, ". ".join(texts * 4), "espeak-ng", voice, 1.0, 1.0, -26, -26, "quiet", 0, False, 0
        )
        samples, _ = await say(pool, plan)
        crowd += np.resize(samples / _rms(samples), len(crowd))
    return crowd


def audible(samples: np.ndarray) -> tuple[int, int]:
    """The first and last sample of what is within 30 dB of the loudest 10 ms."""
    size = RATE // 100
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power = (frames.astype(np.float64) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > power.max() / 1000)
    return int(loud[0]) * size, (int(loud[-1]) + 1) * size


def _amplitude(decibels: float) -> float:
    return 10 ** (decibels / 20)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) + 1e-12
