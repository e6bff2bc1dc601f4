"""What the operator sees of use and of refusals at /metrics."""

from core.metrics import Metrics
from storage.usage import UsageRecord


class Counted:
    def __init__(self, metrics: Metrics):
        self.refused = metrics.counter("refused", "Requests refused by a limit", ("op", "reason"))
        self._requests = metrics.counter("requests", "Requests settled", ("op", "engine", "status"))
        self._characters = metrics.counter("characters", "Characters spoken", ("engine",))
        self._audio = metrics.counter("audio_seconds", "Seconds of audio heard or spoken", ("op", "engine"))

    def count(self, record: UsageRecord) -> None:
        self._requests.labels(record.op, record.engine, record.status).inc()
        self._characters.labels(record.engine).inc(record.characters)
        self._audio.labels(record.op, record.engine).inc(record.audio_seconds)
