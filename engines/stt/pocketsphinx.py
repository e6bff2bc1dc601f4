"""pocketsphinx: a basic English recogniser that works offline at once, and hears commands from a grammar well."""

from __future__ import annotations

import importlib.util
import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from audio.value import Audio
from engines.base import EngineConfig, EngineSpec, Segment, Stop, TranscriptionRequest, Voice, Word, engine

RATE = 16000
FRAME = 0.01
"""Seconds of a frame in word times."""
LONGEST = 30.0
"""Seconds decoded as one utterance."""
SHORTEST = 0.1
SILENT = 1e-3
"""Peak below which there is nothing to hear, -60 dBFS."""
FLOOR = 3e-4
"""Level of the noise laid under a passage, -70 dBFS: in digital silence between words the decoder hears more words."""
LONGEST_GRAMMAR = 20_000
"""Characters."""
HEAVIEST_GRAMMAR = 500
"""Alternatives, plus five for each group, option, repetition and reference, all counted after expansion: the decoder's
time grows with their third power and reaches seconds here."""
FILLER = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+)$")
VARIANT = re.compile(r"\(\d+\)$")


@engine(
    EngineSpec(
        name="pocketsphinx",
        kind="stt",
        summary="A basic English recogniser: offline, small, best with clear speech or a grammar of commands.",
        licence="BSD-2-Clause",
        rate=RATE,
        languages=("en",),
        capabilities=frozenset({"words", "grammar"}),
        memory_mb=350,
        concurrency=1,
        cancel="chunk",
        quality=10,
    )
)
class PocketSphinx:
    """One decoder; each utterance is normalised by itself, so nothing is carried to the next."""

    spec: EngineSpec

    @classmethod
    def missing(cls) -> str:
        if importlib.util.find_spec("pocketsphinx") is None:
            return "pocketsphinx is not installed here; `pip install pocketsphinx` brings it."
        return ""

    @classmethod
    def voices(cls) -> list[Voice]:
        return []

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return True

    def __init__(self, config: EngineConfig):
        from pocketsphinx import Decoder  # pyright: ignore[reportAttributeAccessIssue]

        self._decoder = Decoder(samprate=RATE, loglevel="FATAL", cmn="batch")
        self._default = self._decoder.current_search()
        self._lock = threading.Lock()

    def transcribe(self, request: TranscriptionRequest, stop: Stop) -> Iterator[Segment]:
        """One segment a passage. Raises ValueError for another language than English, for translation, and for a
        grammar that cannot be read."""
        if request.language and request.language.lower().replace("_", "-").partition("-")[0] != "en":
            raise ValueError("pocketsphinx understands English only.")
        if request.task != "transcribe":
            raise ValueError("pocketsphinx does not translate.")
        with self._lock:
            try:
                if request.grammar.strip():
                    self._use(request.grammar)
                for start, end in request.clips or _passages(request.audio):
                    if stop.is_set():
                        return
                    yield from self._segment(request.audio.cut(start, end), start, request.words)
            finally:
                self._decoder.activate_search(self._default)

    def _use(self, grammar: str) -> None:
        """An import in a grammar would make the library open files, so it is refused."""
        if len(grammar) > LONGEST_GRAMMAR or _weight(grammar) > HEAVIEST_GRAMMAR:
            raise ValueError("The grammar is too large: use fewer groups, options, repetitions and references.")
        if re.search(r"\bimport\b", grammar):
            raise ValueError("A grammar cannot import another one.")
        try:
            self._decoder.add_jsgf_string("grammar", grammar.encode())
            self._decoder.activate_search("grammar")
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                "The grammar cannot be used: it must be JSGF with a public rule, of words that are in the dictionary."
            ) from error

    def _segment(self, audio: Audio, offset: float, words: bool) -> Iterator[Segment]:
        if audio.seconds < SHORTEST or np.abs(audio.samples).max() < SILENT:
            return
        decoder = self._decoder
        decoder.reinit_feat()  # else its answer depends a little on what was heard before
        decoder.start_utt()
        decoder.process_raw(_floored(audio).pcm16(), no_search=False, full_utt=True)
        decoder.end_utt()
        heard = [_word(part, offset) for part in decoder.seg() or () if not FILLER.match(part.word)]
        if not heard:
            return
        yield Segment(
            text=" ".join(word.text for word in heard),
            start=heard[0].start,
            end=min(heard[-1].end, offset + audio.seconds),
            language="en",
            words=tuple(heard) if words else (),
            logprob=float(np.mean(np.log([max(word.probability, 1e-6) for word in heard]))),
        )


def _word(part: Any, offset: float) -> Word:
    text = VARIANT.sub("", part.word)
    start, end = offset + part.start_frame * FRAME, offset + (part.end_frame + 1) * FRAME
    return Word(text, round(start, 3), round(end, 3), min(1.0, part.prob))


def _floored(audio: Audio) -> Audio:
    """The same noise under every passage, so that the same sound always gives the same text."""
    noise = np.random.default_rng(0).standard_normal(len(audio.samples), np.float32)
    return Audio(audio.samples + FLOOR * noise, audio.rate)


def _weight(grammar: str) -> int:
    """How much a grammar grows to once its rules stand in each other's places; a recursion counts once."""
    rules = dict(re.findall(r"(<[^<>]*>)\s*=([^;]*);", grammar))
    if len(rules) > HEAVIEST_GRAMMAR // 5:
        return HEAVIEST_GRAMMAR + 1
    known: dict[str, int] = {}

    def weigh(name: str) -> int:
        if name not in known:
            known[name] = 0
            text = rules.get(name, "")
            known[name] = text.count("|") + 5 * len(re.findall(r"[\[(*+]", text))
            known[name] += sum(5 + weigh(inner) for inner in re.findall(r"<[^<>]*>", text))
        return known[name]

    return max((weigh(name) for name in rules), default=0)


def _passages(audio: Audio) -> Iterator[tuple[float, float]]:
    """All of it in parts of at most 30 s, cut where the last third of a part is quietest."""
    start = 0.0
    while audio.seconds - start > LONGEST:
        window = audio.cut(start + LONGEST * 2 / 3, start + LONGEST).samples
        blocks = window[: len(window) // 1600 * 1600].reshape(-1, 1600)
        cut = start + LONGEST * 2 / 3 + (int(np.argmin((blocks**2).sum(axis=1))) + 0.5) * 0.1
        yield start, cut
        start = cut
    yield start, audio.seconds
