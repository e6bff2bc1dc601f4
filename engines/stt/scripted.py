"""scripted-stt: an answer that it is told, in the time it is told to take, for load tests and demonstrations."""

from collections.abc import Iterator

from engines.base import EngineConfig, EngineSpec, Segment, Stop, TranscriptionRequest, Word, engine


@engine(
    EngineSpec(
        name="scripted-stt",
        kind="stt",
        summary="Writes a text that it was given, for load tests and demonstrations.",
        licence="Apache-2.0",
        rate=16000,
        capabilities=frozenset({"words"}),
        memory_mb=48,
        concurrency=64,
        quality=-1,
    )
)
class Scripted:
    """Options: `text`, what it has always heard (else it names the seconds), and `delay` in seconds."""

    @classmethod
    def missing(cls) -> str:
        return ""

    @classmethod
    def voices(cls) -> list:
        return []

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return True

    def __init__(self, config: EngineConfig):
        self._text = str(config.options.get("text", ""))
        self._delay = float(config.options.get("delay", 0.0))

    def transcribe(self, request: TranscriptionRequest, stop: Stop) -> Iterator[Segment]:
        seconds = request.audio.seconds
        if not request.audio.samples.any() or (self._delay and stop.wait(self._delay)):
            return
        text = self._text or f"I heard {seconds:.1f} seconds."
        words = tuple(evenly(text, seconds)) if request.words else ()
        yield Segment(text, 0.0, seconds, language=request.language or "en", words=words)


def evenly(text: str, seconds: float) -> Iterator[Word]:
    """The text's words, each as long as the others."""
    words = text.split()
    for place, word in enumerate(words):
        yield Word(word, seconds * place / len(words), seconds * (place + 1) / len(words))
