"""A "mm-hmm" leaves us speaking, a "wait, no" does not: what voice/talk/interruption.py makes of either.

Silero VAD hears every clip of benchmarks/_overlaps.py window by window, and PauseFirst decides, shown level and bands
of each window, without knowing when what is said begins, or what it is. Times count from the first sound of what is
said to the end of the window in which the verdict falls.

backchannels_pass: of the backchannels, those in whose clip no INTERRUPT falls.
interrupted_500ms: of the interruptions, those whose INTERRUPT falls within 500 ms.
honoured_500ms: of the interruptions, those at which we fall silent within 500 ms (PAUSE or INTERRUPT) and stay silent,
for no RESUME comes before an INTERRUPT does: what the ear of the one who interrupts can tell.
An INTERRUPT before anything is said, at babble in the background, counts against the clip in each of the three.

With a transcript: the true words, each 300 ms after it has ended, one in ten wrong or missing. With our own voice as
echo: 20 to 300 ms late, 10 to 30 dB down, behind a room's reverberation, with voice/talk/echo.py on guard, to which it
has come back for three seconds before the clip.
"""

from __future__ import annotations

import random
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from benchmarks._harness import Report, main, percentile
from benchmarks._overlap_words import HELD_OUT, TUNING, Material
from benchmarks._overlaps import LEAD, RATE, Clip, clips, ours
from engines.base import EngineConfig
from engines.vad.silero import Silero
from voice.talk.echo import EchoGuard
from voice.talk.interruption import WINDOW, PauseFirst, Rules, Sight, Verdict, seen

SIZE = 512
IN_TIME = 0.5
DELAY, ERRORS = 0.3, 0.1
"""Of the transcript: seconds after a word's end, and the share of words that are wrong or missing."""
SPOKEN = 94
"""Windows, three seconds, for which our own voice has come back before a clip begins."""
CURVE = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Outcome:
    """Seconds from the onset; None for what did not come."""

    clip: Clip
    paused: float | None
    interrupted: float | None
    resumed: bool
    """After the onset, before an INTERRUPT."""

    @property
    def in_time(self) -> bool:
        return self.interrupted is not None and 0 < self.interrupted <= IN_TIME

    @property
    def honoured(self) -> bool:
        """Silent within 500 ms, and for good."""
        if self.interrupted is None or self.interrupted <= 0 or self.resumed:
            return False
        return min(self.interrupted, self.paused or self.interrupted) <= IN_TIME


async def measure(report: Report, args: Namespace) -> None:
    vad = Silero(EngineConfig())
    count = 300 if args.short else 450
    heard = await sights(vad, HELD_OUT, count)
    figures(report, "", outcomes(heard))
    figures(report, "_transcript", outcomes(heard, transcribed))
    by_language(report, outcomes(heard))
    curve(report, heard, CURVE[::3] if args.short else CURVE)
    if args.short:
        return
    figures(report, "_echo", outcomes(await sights(vad, HELD_OUT, count, echo=True)))
    figures(report, "_tuning", outcomes(await sights(vad, TUNING, count)))


def figures(report: Report, name: str, found: Sequence[Outcome]) -> None:
    """Targets are on what is held out, without help."""
    passes = [outcome for outcome in found if not outcome.clip.plan.interrupts]
    breaks = [outcome for outcome in found if outcome.clip.plan.interrupts]
    aimed = 0.0 if name else 1.0
    rate(report, f"backchannels_pass{name}", [item.interrupted is None for item in passes], 0.9 * aimed)
    rate(report, f"interrupted_500ms{name}", [item.in_time for item in breaks], 0.99 * aimed)
    rate(report, f"honoured_500ms{name}", [item.honoured for item in breaks])
    for kind in ("phrase", "command"):
        of = [item for item in breaks if item.clip.plan.kind == kind]
        rate(report, f"interrupted_500ms_{kind}s{name}", [item.in_time for item in of])
        rate(report, f"honoured_500ms_{kind}s{name}", [item.honoured for item in of])
    rate(report, f"hums_pass{name}", [item.interrupted is None for item in passes if not item.clip.plan.text])
    pauses = [item.paused for item in breaks if item.paused is not None and item.paused > 0]
    verdicts = [item.interrupted for item in breaks if item.interrupted is not None and item.interrupted > 0]
    for what, times in (("pause", pauses), ("verdict", verdicts)):
        for percent in (50, 99):
            report.figure(f"{what}_p{percent}{name}", 1000 * percentile(times, percent), unit="ms")
    early = [item.interrupted is not None and item.interrupted <= 0 for item in found]
    rate(report, f"interrupted_by_noise{name}", early)


def rate(report: Report, name: str, hits: Sequence[bool], least: float = 0.0) -> None:
    share = report.figure(name, sum(hits) / len(hits), at_least=least or None)
    low, high = wilson(sum(hits), len(hits))
    report.note(f"{name}: {sum(hits)} of {len(hits)}, {share:.3f}, 95 % interval {low:.3f} to {high:.3f}")


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927)."""
    share, square = hits / count, z * z
    centre = (share + square / (2 * count)) / (1 + square / count)
    spread = z / (1 + square / count) * sqrt(share * (1 - share) / count + square / (4 * count * count))
    return max(0.0, centre - spread), min(1.0, centre + spread)


def by_language(report: Report, found: Sequence[Outcome]) -> None:
    report.note("language  backchannels_pass  interrupted_500ms  honoured_500ms")
    for language in dict.fromkeys(outcome.clip.plan.language for outcome in found):
        of = [outcome for outcome in found if outcome.clip.plan.language == language]
        passes = [item.interrupted is None for item in of if not item.clip.plan.interrupts]
        breaks = [item for item in of if item.clip.plan.interrupts]
        shares = (passes, [item.in_time for item in breaks], [item.honoured for item in breaks])
        cells = [f"{sum(hits) / len(hits):.3f} of {len(hits):3}" for hits in shares]
        report.note(f"{language:8}  {cells[0]:17}  {cells[1]:17}  {cells[2]}")


def curve(report: Report, heard: Sequence[tuple[Clip, list[Sight]]], bars: Sequence[float]) -> None:
    """What a lower or higher bar of evidence would give."""
    report.note("evidence  backchannels_pass  interrupted_500ms  honoured_500ms")
    for evidence in bars:
        found = outcomes(heard, rules=replace(Rules(), evidence=evidence))
        passes = [item.interrupted is None for item in found if not item.clip.plan.interrupts]
        breaks = [item for item in found if item.clip.plan.interrupts]
        in_time = sum(item.in_time for item in breaks) / len(breaks)
        honoured = sum(item.honoured for item in breaks) / len(breaks)
        report.note(f"{evidence:8}  {sum(passes) / len(passes):17.3f}  {in_time:17.3f}  {honoured:14.3f}")


async def sights(vad: Silero, material: Material, count: int, *, echo: bool = False) -> list[tuple[Clip, list[Sight]]]:
    """Each clip with its windows, as the floor is shown them."""
    made = await clips(material, count)
    voice = await ours(material) if echo else None
    width = max(len(clip.samples) for clip in made) // SIZE
    rows, shares = np.zeros((len(made), width * SIZE), np.float32), np.zeros((len(made), width))
    for row, share, clip in zip(rows, shares, made, strict=True):
        samples = clip.samples[: len(row)]
        row[: len(samples)] = samples
        if voice is not None:
            share[:] = echoed(row, voice, clip)
    probabilities = detected(vad, rows)
    return [
        (clip, [sight(*window, clip) for window in zip(row.reshape(-1, SIZE), chances, share, strict=True)])
        for clip, row, chances, share in zip(made, rows, probabilities, shares, strict=True)
    ]


def sight(window: np.ndarray, probability: float, echo: float, clip: Clip) -> Sight:
    return seen(window, float(probability), echo=float(echo), usual=clip.plan.usual)


def detected(vad: Silero, rows: np.ndarray) -> np.ndarray:
    """Probabilities, (clips, windows)."""
    states = [vad.begin(RATE) for _ in rows]
    windows = rows.reshape(len(rows), -1, SIZE)
    return np.stack([vad.detect(windows[:, index], states) for index in range(windows.shape[1])], axis=1)


def echoed(row: np.ndarray, voice: np.ndarray, clip: Clip) -> list[float]:
    """Adds our voice, as it comes back, to what is heard; the guard's shares, window by window. We have been speaking
    for SPOKEN before, over the noise that is there in the clip before anything is said."""
    draw = np.random.default_rng(clip.plan.seed + 1)
    before = SPOKEN * SIZE
    begin = int(draw.integers(0, len(voice) - before - len(row)))
    spoken = voice[begin : begin + before + len(row)]
    room = np.zeros(800)
    room[0] = 1.0
    room[20:] = draw.standard_normal(780) * 0.12 * np.exp(-np.arange(780) / 200)
    late = int(draw.uniform(0.02, 0.3) * RATE)
    back = np.convolve(spoken, room)[: len(spoken)] * 10 ** (draw.uniform(-30, -10) / 20)
    heard = np.concatenate([np.resize(row[: int(LEAD * RATE)], before), row])
    heard[late:] += back[: len(heard) - late].astype(np.float32)
    row[:] = heard[before:]
    guard, shares = EchoGuard(), []
    for at in range(0, len(heard), SIZE):
        guard.played(spoken[at : at + SIZE])
        shares.append(guard.share(heard[at : at + SIZE]))
    return shares[SPOKEN:]


def outcomes(
    heard: Iterable[tuple[Clip, list[Sight]]],
    texts: Callable[[Clip, list[Sight]], list[Sight]] | None = None,
    rules: Rules | None = None,
) -> list[Outcome]:
    return [outcome(clip, texts(clip, sights) if texts else sights, rules or Rules()) for clip, sights in heard]


def outcome(clip: Clip, sights: Sequence[Sight], rules: Rules) -> Outcome:
    """As a conversation does it: an overlap begins with a window of speech that is not our echo."""
    floor, overlap = PauseFirst(rules, clip.plan.language), None
    paused, resumed = None, False
    for number, sight in enumerate(sights, 1):
        if overlap is None:
            if sight.probability < 0.5 or sight.echo >= 0.5:
                continue
            overlap = floor.begin()
        at = number * WINDOW - clip.onset
        verdict = overlap.feed(sight)
        if verdict is Verdict.INTERRUPT:
            return Outcome(clip, paused, at, resumed)
        if verdict is Verdict.PAUSE and paused is None:
            paused = at
        if verdict is Verdict.RESUME:
            resumed |= at > 0 and overlap.reason != "noise"
            paused = paused if at > 0 else None
            overlap = None
    return Outcome(clip, paused, None, resumed)


def transcribed(clip: Clip, sights: Sequence[Sight]) -> list[Sight]:
    """With what a recogniser would have understood by then."""
    draw = random.Random(clip.plan.seed)
    words = clip.words or [("mhm", clip.onset + clip.length)]
    heard = [(draw.choice(("", "blue", "tern")) if draw.random() < ERRORS else word, end) for word, end in words]
    texts = [
        " ".join(word for word, end in heard if word and end + DELAY <= number * WINDOW)
        for number in range(1, len(sights) + 1)
    ]
    return [replace(sight, text=text) for sight, text in zip(sights, texts, strict=True)]


if __name__ == "__main__":
    sys.exit(main("overlaps", measure, rounds=1, short=1))
