"""The Studio: every part of the house, built once and handed to every face."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial

from accounts.accounts import Accounts
from accounts.principal import Principal
from core.lag import LoopLag
from core.metrics import Metrics
from core.settings import Settings, for_workers
from core.trials import Trials
from engines.base import REGISTRY, EngineConfig, SpeechDetector
from engines.pool import Pool, PoolConfig
from engines.registry import find
from providers.chat import ChatServer
from providers.realtime import Upstream
from storage.blobs import Blobs
from storage.db import Storage
from voice.cache import SpeechCache
from voice.catalogue.cards import read
from voice.downloads import Downloads, Hub
from voice.levels import Levels
from voice.pronunciations import Pronunciations
from voice.routing import Routing
from voice.speech import Speech, SpeechPlan, SpeechRequest
from voice.talk.agents import ChatAgent, agent
from voice.talk.live import Live
from voice.talk.settings import TalkSettings
from voice.talk.talks import Talks
from voice.thinking import REMOTE, Thinking
from voice.transcription import Transcription
from voice.versions import Versions
from voice.voices import Voices

DETECTOR = "silero"


@dataclass(frozen=True)
class Studio:
    """Ready parts. `build` opens the database and starts nothing else; `start` and `close` frame a server's life."""

    settings: Settings
    metrics: Metrics
    storage: Storage
    accounts: Accounts
    pool: Pool
    detector: SpeechDetector
    voices: Voices
    routing: Routing
    speech: Speech
    remote: ChatServer | None
    """The owner's server of language models."""
    upstream: Upstream | None
    """The owner's server of realtime conversations."""
    thinking: Thinking
    talks: Talks
    live: Live
    pronunciations: Pronunciations
    transcription: Transcription
    downloads: Downloads
    cache: SpeechCache
    levels: Levels
    versions: Versions
    lag: LoopLag
    trials: Trials
    started_at: float
    """Seconds since the epoch."""

    @classmethod
    def build(cls, settings: Settings) -> Studio:
        """Raises StorageError where the database cannot be opened, BadRequest where a setting names no engine."""
        metrics = Metrics()
        registry = find(scripted=settings.scripted)
        models_dir = settings.data_dir / "models"
        config = PoolConfig(
            models_dir=models_dir,
            memory_mb=settings.memory_mb,
            environ=for_workers(),
            options={"scripted-tts": _delays(settings.scripted_delays), "scripted-llm": _delays(settings.scripted_llm)},
        )
        pool = Pool(config, metrics, engines=registry)
        routing = Routing(
            registry,
            EngineConfig(models_dir=str(models_dir), device=config.device),
            tts_engine=settings.tts_engine,
            stt_engine=settings.stt_engine,
            down=pool.down,
            commercial_only=settings.commercial_only,
        )
        detector: SpeechDetector = REGISTRY[DETECTOR](EngineConfig())
        files = {card.name: card.files for card, _ in read() if card.files}
        hub = Hub(settings.hf_endpoint, settings.hf_token, settings.hf_offline)
        downloads = Downloads(files, models_dir, hub=hub, found=routing.is_downloaded, metrics=metrics)
        blobs = Blobs(settings.data_dir / "cache" / "speech", max_bytes=settings.cache_mb * 1_000_000)
        cache = SpeechCache(blobs, metrics=metrics)
        levels, versions = Levels(settings.data_dir / "voice-levels.json"), Versions(registry, downloads.version)
        storage = Storage.open(settings.database_url, settings.data_dir)
        speech = Speech(
            pool,
            routing,
            max_text_chars=settings.max_text_chars,
            levels=levels,
            cache=cache if settings.cache_mb else None,
            versions=versions,
        )
        url = settings.llm_base_url
        remote = ChatServer(url, settings.llm_api_key, settings.llm_model) if url else None
        url = settings.realtime_base_url
        upstream = (
            Upstream(url, settings.realtime_api_key, settings.realtime_model, most=settings.max_conversations)
            if url
            else None
        )
        thinking = Thinking(
            pool,
            routing.voices.engines,
            remote,
            settings.llm_engine,
            EngineConfig(models_dir=str(models_dir)),
        )
        talks = Talks(
            pool,
            routing,
            speech,
            detector,
            partial(_agent, thinking),
            thinks=partial(_thinks, thinking),
            most=settings.max_conversations,
            metrics=metrics,
        )
        return cls(
            settings=settings,
            metrics=metrics,
            storage=storage,
            accounts=Accounts(storage, settings, metrics),
            pool=pool,
            detector=detector,
            voices=routing.voices,
            routing=routing,
            speech=speech,
            remote=remote,
            upstream=upstream,
            thinking=thinking,
            talks=talks,
            live=Live(),
            pronunciations=Pronunciations(storage),
            transcription=Transcription(pool, routing, detector, max_seconds=settings.max_audio_minutes * 60.0),
            downloads=downloads,
            cache=cache,
            levels=levels,
            versions=versions,
            lag=LoopLag(),
            trials=Trials(settings.data_dir / "benchmarks", for_workers()),
            started_at=time.time(),
        )

    async def plan(self, caller: Principal, request: SpeechRequest) -> SpeechPlan:
        """Speech for a caller, in which words are said as he has asked for: the way of every face to `speech.stream`.

        A request that has a dictionary keeps it. Raises what `Speech.plan` raises.
        """
        if request.dictionary is None and (own := await self.pronunciations.dictionary(caller.id)):
            request = replace(request, dictionary=own)
        return await self.speech.prepare(request)

    async def start(self) -> None:
        self.lag.start()
        await self.accounts.start()
        await self.pool.start()

    async def close(self) -> None:
        """End every worker, then close the database, so that what ended requests cost is still written."""
        await self.talks.close()
        if self.remote:
            await self.remote.close()
        await self.trials.close()
        await self.downloads.close()
        await self.pool.close()
        await self.cache.close()
        await self.lag.close()
        self.storage.close()


def _delays(given: tuple[str, ...]) -> dict[str, float]:
    return dict(zip(("first", "step"), map(float, given), strict=False))


def _agent(thinking: Thinking, settings: TalkSettings) -> ChatAgent:
    return agent(
        thinking,
        settings.agent,
        prompt=settings.prompt,
        model=settings.model,
        tool_choice=settings.tool_choice,
        max_tokens=settings.max_tokens,
    )


def _thinks(thinking: Thinking, settings: TalkSettings) -> str:
    """The pool's engine that will think, empty where it is a remote server."""
    name = thinking.route(_agent(thinking, settings).model).engine
    return "" if name.startswith(REMOTE) else name
