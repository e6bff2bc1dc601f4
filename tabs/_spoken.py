"""Speech made into files that a page can play and offer for download. Knows no component."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from gradio.utils import get_upload_folder

from accounts.lease import Usage
from accounts.principal import Principal
from audio.encode import FORMATS, Encoder
from core.errors import BadRequest
from core.threads import step
from engines.base import Word
from engines.pool import Priority
from studio import Studio
from voice.captions import srt, vtt
from voice.cues import cues
from voice.speech import SpeechPlan, SpeechRequest

PLAYED_AS_IT_IS = ("wav", "mp3", "opus")
"""What every browser plays with a true length; the others get a WAV beside them for the player."""
UPDATE_SECONDS = 0.25


@dataclass
class Spoken:
    """An utterance and its files, while it is being made and after. Times in seconds."""

    plan: SpeechPlan
    """Of who really speaks, once there is audio."""
    file: Path
    player: Path
    began: float = field(default_factory=time.monotonic)
    first: float = 0.0
    """From the beginning to the first audio."""
    took: float = 0.0
    seconds: float = 0.0
    """Of audio."""
    words: list[Word] = field(default_factory=list)
    captions: tuple[Path, ...] = ()
    """As srt and as vtt, once all is spoken."""


async def speak(studio: Studio, principal: Principal, wanted: SpeechRequest, form: str) -> AsyncGenerator[Spoken, None]:
    """Yields the same utterance once it is admitted, a few times a second while it grows, and when its files are whole.

    Metered under the caller's key, in words said as he wants them. Closed early it stops the engine and leaves no file.
    """
    if form not in FORMATS:
        raise BadRequest(f"The format is one of {', '.join(FORMATS)}.", param="response_format")
    plan = await studio.plan(principal, wanted)
    async with await studio.accounts.admit(principal, "speech", characters=len(wanted.text)) as lease:
        spoken = Spoken(plan, *_places(wanted.text, form))
        try:
            yield spoken
            async with aclosing(_write(studio, spoken, form)) as steps:
                async for _ in steps:
                    yield spoken
            spoken.captions = await step(partial(_captions, studio, spoken))
        except BaseException:
            shutil.rmtree(spoken.file.parent, ignore_errors=True)
            raise
        route = spoken.plan.route
        await lease.settle(
            Usage(engine=route.engine, voice=route.voice, characters=len(wanted.text), audio_seconds=spoken.seconds)
        )
    yield spoken


def _places(text: str, form: str) -> tuple[Path, Path]:
    """A folder of its own, whose name cannot be guessed, inside the one the pages may serve."""
    folder = Path(get_upload_folder()) / secrets.token_hex(20)
    folder.mkdir(parents=True)
    words = re.sub(r"[^a-z0-9]+", "-", text[:40].lower()).strip("-") or "speech"
    file = folder / f"{words}.{FORMATS[form].suffix.lstrip('.')}"
    return file, file if form in PLAYED_AS_IT_IS else folder / f"{words}-player.wav"


async def _write(studio: Studio, spoken: Spoken, form: str) -> AsyncGenerator[None, None]:
    sinks = _sinks(spoken, form)
    told = 0.0
    try:
        async with aclosing(await studio.speech.begin(spoken.plan, priority=Priority.INTERACTIVE)) as chunks:
            spoken.plan = chunks.plan
            async for chunk in chunks:
                spoken.took = time.monotonic() - spoken.began
                spoken.first = spoken.first or spoken.took
                spoken.seconds += chunk.audio.seconds
                spoken.words += chunk.words
                for sink in sinks:
                    await step(partial(sink.feed, chunk.audio.samples))
                if spoken.took - told > UPDATE_SECONDS:
                    told = spoken.took
                    yield
    finally:
        for sink in sinks:
            sink.close()
    spoken.took = time.monotonic() - spoken.began


def _captions(studio: Studio, spoken: Spoken) -> tuple[Path, ...]:
    """Its captions as files beside it. Blocks."""
    words = studio.speech.marked(spoken.plan, spoken.words)
    spoken.words.clear()
    if not words:
        return ()
    segments = cues(words, spoken.plan.route.language)
    files = spoken.file.with_suffix(".srt"), spoken.file.with_suffix(".vtt")
    for file, text in zip(files, (srt(segments, wrap=True), vtt(segments, wrap=True)), strict=True):
        file.write_text(text, encoding="utf-8")
    return files


class _Sink(Protocol):
    def feed(self, samples: np.ndarray) -> None: ...
    def close(self) -> None: ...


def _sinks(spoken: Spoken, form: str) -> list[_Sink]:
    rate = spoken.plan.rate
    main = _WavFile(spoken.file, rate) if form == "wav" else _EncodedFile(spoken.file, form, rate)
    return [main] if spoken.player == spoken.file else [main, _WavFile(spoken.player, rate)]


class _WavFile:
    """16-bit WAV whose header tells its true length once closed."""

    def __init__(self, path: Path, rate: int):
        self._file = soundfile.SoundFile(path, "w", rate, 1, "PCM_16", format="WAV")

    def feed(self, samples: np.ndarray) -> None:
        self._file.write(samples)

    def close(self) -> None:
        self._file.close()


class _EncodedFile:
    def __init__(self, path: Path, form: str, rate: int):
        self._encoder = Encoder(form, rate)
        self._file = path.open("wb")

    def feed(self, samples: np.ndarray) -> None:
        self._file.write(self._encoder.feed(samples))

    def close(self) -> None:
        self._file.write(self._encoder.close())
        self._file.close()
