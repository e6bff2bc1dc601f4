"""A table: for each language the voice that `auto` takes here, why, and a sentence with a tag that is really spoken."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audio.value import Audio
from engines.base import EngineConfig
from engines.pool import Pool, PoolConfig
from engines.registry import find
from tests.fakes import engine_class, registry, voice
from voice.catalogue import Catalogue
from voice.languages import canonical, name_of
from voice.routing import Routing
from voice.samples import sentences
from voice.speech import Speech, SpeechRequest
from voice.voices import Voices

TAGS = ("[laugh]", "[sigh]", "<laugh>", "[pause:200ms]", '<break time="100ms"/>')
"""Something a voice performs or leaves out, and never reads."""
NEVER_READ = ("laugh", "sigh", "pause", "break", "200ms", "100ms", "[", "<", "/>")
QUIET = 0.01
SIX = ("alloy", "echo", "fable", "onyx", "nova", "shimmer")


@dataclass
class Listening:
    """The real pool; what engines were given to read is written down."""

    pool: Pool
    read: list[str] = field(default_factory=list)

    def stream(self, engine: str, request: Any, **options: Any) -> AsyncGenerator[Any]:
        self.read.append(request.text)
        return self.pool.stream(engine, request, **options)


def table_of(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


@pytest.mark.integration
async def test_every_language_has_a_voice_that_reads_no_tag(tmp_path: Path):
    engines = {name: cls for name, cls in find().items() if name in ("espeak-ng", "silero")}
    pool = Pool(PoolConfig(models_dir=tmp_path), engines=engines)
    await pool.start()
    listening = Listening(pool)
    try:
        routing = Routing(engines, EngineConfig(models_dir=str(tmp_path)))
        speech = Speech(listening, routing, max_text_chars=10_000)  # type: ignore[arg-type]
        rows, silent, read = [], [], []
        for number, (tag, sentence) in enumerate(spoken_here(routing).items()):
            listening.read.clear()
            words = TAGS[number % len(TAGS)]
            plan = speech.plan(SpeechRequest(f"{words} {sentence} {words}", language=tag))
            async with aclosing(speech.stream(plan)) as chunks:
                audio = Audio.join([chunk.audio async for chunk in chunks])
            loudest = float(np.abs(audio.samples).max())
            heard = " ".join(listening.read)
            if loudest < QUIET or audio.seconds < 0.5:
                silent.append(tag)
            if not heard or any(part in heard for part in NEVER_READ):
                read.append((tag, heard))
            route = plan.route
            rows.append((tag, name_of(tag), route.voice, f"{audio.seconds:.1f} s", f"{loudest:.2f}", route.reason))
    finally:
        await pool.close()
    print(f"\n{table_of(rows)}")
    assert len(rows) >= 30
    assert silent == []
    assert read == []
    assert all(reason for *_, reason in rows)


def spoken_here(routing: Routing) -> dict[str, str]:
    """The sentences of the catalogue's languages and all others that a voice here speaks."""
    here = {canonical(tag) for voice in routing.voices.all() for tag in voice.languages}
    return {tag: sentence for tag, sentence in sentences().items() if tag in here}


def test_the_catalogue_counts_voices_and_languages():
    counts = Catalogue().counts()
    print(f"\n{counts.voices} voices in {counts.languages} languages, without espeak-ng")
    assert counts.voices >= 135
    assert counts.languages >= 30


def kokoro(here: bool) -> type:
    voices = [
        voice("kokoro/af_heart", "en-us", "en", gender="female"),
        voice("kokoro/am_adam", "en-us", "en", gender="male"),
    ]
    return engine_class("kokoro", "tts", voices=voices, languages=("en",), here=lambda _: here, quality=60)


FLITE = "flite is not here."
TIERS = {
    "espeak-ng only": (registry(flite=FLITE), "espeak-ng"),
    "flite and espeak-ng": (registry(), "flite"),
    "kokoro, its weights not here": (registry() | {"kokoro": kokoro(False)}, "flite"),
    "kokoro downloaded": (registry() | {"kokoro": kokoro(True)}, "kokoro"),
}


@pytest.mark.parametrize("tier", TIERS)
def test_the_six_names_speak_on_every_tier(tier: str):
    engines, best = TIERS[tier]
    routing, voices = Routing(engines), Voices(engines)
    routes = {name: routing.speech(name) for name in SIX}
    assert len({route.voice for route in routes.values()}) == len(SIX)
    assert routes["alloy"].engine_name == best
    for name, route in routes.items():
        assert voices.find(name).id == route.voice
        assert route.reason == f"{name} stands for {route.voice} here."
        assert route.alias_of == route.voice


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("model", ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "espeak-ng"])
def test_the_six_names_go_with_every_model(tier: str, model: str):
    routing = Routing(TIERS[tier][0])
    assert all(routing.speech(name, model).voice for name in SIX)
    if model == "espeak-ng":
        assert {routing.speech(name, model).engine_name for name in SIX} == {"espeak-ng"}
