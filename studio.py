"""The Studio: every part of the house, built once and handed to every face."""

from __future__ import annotations

import time
from dataclasses import dataclass

from accounts.accounts import Accounts
from core.metrics import Metrics
from core.settings import Settings, for_workers
from engines.base import REGISTRY, EngineConfig, SpeechDetector
from engines.pool import Pool, PoolConfig
from engines.registry import find
from storage.db import Storage
from voice.routing import Routing
from voice.speech import Speech
from voice.transcription import Transcription
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
    transcription: Transcription
    started_at: float
    """Seconds since the epoch."""

    @classmethod
    def build(cls, settings: Settings) -> Studio:
        """Raises StorageError where the database cannot be opened, BadRequest where a setting names no engine."""
        metrics = Metrics()
        registry = find(scripted=settings.scripted)
        models_dir = settings.data_dir / "models"
        routing = Routing(
            registry,
            EngineConfig(models_dir=str(models_dir)),
            tts_engine=settings.tts_engine,
            stt_engine=settings.stt_engine,
        )
        config = PoolConfig(models_dir=models_dir, memory_mb=settings.memory_mb, environ=for_workers())
        pool = Pool(config, metrics, engines=registry)
        detector: SpeechDetector = REGISTRY[DETECTOR](EngineConfig())
        storage = Storage.open(settings.database_url, settings.data_dir)
        return cls(
            settings=settings,
            metrics=metrics,
            storage=storage,
            accounts=Accounts(storage, settings, metrics),
            pool=pool,
            detector=detector,
            voices=routing.voices,
            routing=routing,
            speech=Speech(pool, routing, max_text_chars=settings.max_text_chars),
            transcription=Transcription(pool, routing, detector, max_seconds=settings.max_audio_minutes * 60.0),
            started_at=time.time(),
        )

    async def start(self) -> None:
        await self.accounts.start()
        await self.pool.start()

    async def close(self) -> None:
        """End every worker, then close the database, so that what ended requests cost is still written."""
        await self.pool.close()
        self.storage.close()
