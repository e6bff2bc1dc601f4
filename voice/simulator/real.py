"""The same calls with real engines in real time: voices speak, recognisers listen, the detector hears.

What is answered stays the scenario's, so that its expectations hold; what a scripted voice does on purpose, as to die
in mid-sentence, real ones do not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from random import Random

import numpy as np

from audio.resample import Resampler
from core.errors import VoiceForgeError
from core.settings import Settings, for_workers
from engines.base import EngineConfig, SpeechDetector
from engines.pool import Pool, PoolConfig
from engines.registry import find
from voice.routing import Routing
from voice.simulator.call import Call, answering, over
from voice.simulator.caller import Caller
from voice.simulator.laws import Laws
from voice.simulator.log import Log
from voice.simulator.parts import ScriptedAgent
from voice.simulator.road import FRAME
from voice.simulator.scenario import Act, Scenario
from voice.speech import Speech, SpeechRequest
from voice.talk.settings import INPUT_RATE
from voice.talk.talks import Talks

SAID = ("say", "interrupt", "backchannel", "hold")
CALLERS = ("flite/rms", "espeak-ng/en-us")
"""Voices of the caller, the first that is here; ours is what the house takes for the best."""
DETECTOR = "silero"


async def hold(scenarios: Sequence[Scenario], seed: int = 0) -> list[Call]:
    """One after the other. Raises what the pool raises where an engine cannot be had."""
    settings = Settings.from_environment()
    registry = find()
    models = settings.data_dir / "models"
    pool = Pool(PoolConfig(models_dir=models, environ=for_workers()), engines=registry)
    routing = Routing(registry, EngineConfig(models_dir=str(models)), down=pool.down)
    speech = Speech(pool, routing, max_text_chars=10_000)
    detector: SpeechDetector = registry[DETECTOR](EngineConfig())
    await pool.start()
    try:
        return [await _held(scenario, seed, pool, routing, speech, detector) for scenario in scenarios]
    finally:
        await pool.close()


async def _held(
    scenario: Scenario, seed: int, pool: Pool, routing: Routing, speech: Speech, detector: SpeechDetector
) -> Call:
    voice = await recorded(scenario.caller, speech)
    agent = ScriptedAgent(answering(scenario), scenario.delays)
    talks = Talks(pool, routing, speech, detector, lambda settings: agent)
    log, laws = Log(asyncio.get_running_loop().time), Laws()
    caller = Caller(scenario, voice, log, laws, Random(seed), sleep=asyncio.sleep)
    talk = talks.open(scenario.settings, caller.emit)
    try:
        talk.begin()
        await caller.live(talk)
        await talk.close()
    finally:
        await talks.close()
    return over(scenario, log, laws, talk, real=True)


class Recorded:
    """All that the caller will say, spoken before the call."""

    def __init__(self, said: dict[Act, list[np.ndarray]]):
        self._said = said

    def frames(self, act: Act) -> Iterable[np.ndarray]:
        return self._said[act]


async def recorded(acts: Iterable[Act], speech: Speech) -> Recorded:
    """Raises what speech raises where nobody can speak."""
    name = _voice(speech)
    return Recorded({act: await _spoken(act, speech, name) for act in acts if act.does in SAID})


def _voice(speech: Speech) -> str:
    for name in CALLERS:
        try:
            speech.plan(SpeechRequest("One.", voice=name))
        except VoiceForgeError:
            continue
        return name
    return ""


async def _spoken(act: Act, speech: Speech, voice: str) -> list[np.ndarray]:
    plan = speech.plan(SpeechRequest(act.text, voice=voice))
    resampler = Resampler(plan.rate, INPUT_RATE)
    async with aclosing(speech.stream(plan)) as chunks:
        parts = [resampler.feed(chunk.audio.samples) async for chunk in chunks]
    samples = np.concatenate([*parts, resampler.flush()])
    samples = np.concatenate([samples, np.zeros(-len(samples) % FRAME, np.float32)])
    peak = float(np.abs(samples).max()) if len(samples) else 0.0
    return list((samples * np.float32(act.loudness / max(peak, 1e-6))).reshape(-1, FRAME))
