"""What an engine is: its card, what it is asked, what it answers, and the registry of all engines.

Both sides of the worker wire load this file, one of them in a foreign Python: standard library, numpy and
`audio.value` only, syntax of Python 3.10.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from audio.value import Audio


@dataclass(frozen=True)
class EngineSpec:
    """An engine's card: all that can be known without loading it."""

    name: str
    kind: str
    """`tts`, `stt`, `llm` or `vad`."""
    summary: str
    """One sentence for the person who chooses."""
    licence: str
    rate: int
    """Hz: of what a tts engine yields, of what an stt or vad engine takes; 0 of an llm."""
    languages: tuple[str, ...] = ("*",)
    """BCP-47 tags; `*` is any."""
    capabilities: frozenset[str] = frozenset()
    """Of tts: `words speed ssml phonemes streaming instructions description cloning`. Of stt: `words translate
    hotwords grammar detect batch partials`, the last for one that may be asked about speech still going on and whose
    words can be relied on. Of llm: `tools schema`."""
    models: tuple[str, ...] = ()
    """Names of the sizes it comes in, best first; empty where there is one only."""
    environment: str = "app"
    """Whose Python runs it: `app` is the app's own, any other name an entry of engines/envs."""
    gpu: bool = False
    """Whether it needs one: it is then listed and left alone where `EngineConfig.device` is `cpu`."""
    memory_mb: int = 64
    """What one loaded worker takes, for the pool's ledger until it has measured."""
    concurrency: int = 1
    """Requests one worker serves side by side."""
    cancel: str = "chunk"
    """When `stop` is looked at: at every `step`, between `chunk`s, or `never`."""
    quality: int = 0
    """`auto` prefers the higher among engines that can serve a request; negative is never picked by `auto`."""


@dataclass(frozen=True)
class Voice:
    """A voice as people choose it."""

    id: str
    """Unique in the house, `engine/name`."""
    engine: str
    name: str
    """The engine's own name for it."""
    languages: tuple[str, ...]
    gender: str = ""
    description: str = ""


@dataclass(frozen=True)
class Word:
    text: str
    start: float
    """Seconds from the beginning of the request's audio."""
    end: float
    probability: float = 1.0


@dataclass(frozen=True)
class SynthesisRequest:
    """One piece of text for one voice, short enough to be spoken in a breath or two."""

    text: str
    voice: str
    """The engine's own name of the voice, empty for its default."""
    language: str = ""
    speed: float = 1.0
    """1 is the voice's own pace, 2 twice as fast."""
    instructions: str = ""
    """How to speak, in words; an engine that cannot follow them ignores them."""


@dataclass(frozen=True)
class Chunk:
    """Audio that can be played now, and the words that begin in it."""

    audio: Audio
    words: tuple[Word, ...] = ()
    """Times count from the first chunk of the request, not from this one."""


@dataclass(frozen=True)
class TranscriptionRequest:
    audio: Audio
    """At the engine's `spec.rate`."""
    language: str = ""
    """Empty: the engine detects it, or uses the one it has."""
    task: str = "transcribe"
    """`transcribe` keeps the language, `translate` writes English."""
    prompt: str = ""
    hotwords: tuple[str, ...] = ()
    grammar: str = ""
    """JSGF; where the engine can, only what the grammar allows is heard."""
    words: bool = False
    """Whether word times are wanted."""
    temperature: float = 0.0
    clips: tuple[tuple[float, float], ...] = ()
    """Passages of speech in seconds, in order; empty is all of it. An engine that batches decodes them together."""


@dataclass(frozen=True)
class Segment:
    """Text between two times, in seconds from the beginning of the request's audio."""

    text: str
    start: float
    end: float
    language: str = ""
    words: tuple[Word, ...] = ()
    logprob: float = 0.0
    """Mean log probability of the tokens."""
    no_speech: float = 0.0
    compression_ratio: float = 1.0
    temperature: float = 0.0
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True)
class ToolCall:
    """What a model asks to be done."""

    id: str
    name: str
    arguments: str = "{}"
    """JSON, as the model wrote it."""


@dataclass(frozen=True)
class Message:
    """One part of a conversation as a language model reads it."""

    role: str
    """`system`, `user`, `assistant` or `tool`."""
    content: str = ""
    calls: tuple[ToolCall, ...] = ()
    """Of an assistant."""
    call_id: str = ""
    """Of a tool's answer: the call it answers."""


@dataclass(frozen=True)
class Tool:
    """What a model may ask for."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    """JSON schema of an object; empty is one without properties."""


@dataclass(frozen=True)
class ChatRequest:
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of the one that must be called."""
    schema: dict[str, Any] | None = None
    """JSON schema that the answer must satisfy."""
    temperature: float = 0.7
    max_tokens: int = 512
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Delta:
    """The next piece of a model's answer."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    """Whole, never in pieces."""
    finish: str = ""
    """Why it ended, in the last one: `stop`, `length` or `tool_calls`."""
    input_tokens: int = 0
    """In the last one, 0 where nobody counted; so is `output_tokens`."""
    output_tokens: int = 0


@dataclass(frozen=True)
class EngineConfig:
    """What a worker is told when it loads an engine."""

    model: str = ""
    """One of `spec.models`, or a folder that holds weights."""
    device: str = "cpu"
    threads: int = 1
    models_dir: str = ""
    """Where downloaded weights lie."""
    options: dict[str, Any] = field(default_factory=dict)


class Stop(Protocol):
    """A flag that another thread may raise; `threading.Event` is one."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


class Synthesizer(Protocol):
    """Text to audio. One instance serves up to `spec.concurrency` calls at once and holds no call's state."""

    spec: EngineSpec

    def synthesize(self, request: SynthesisRequest, stop: Stop) -> Iterator[Chunk]:
        """Chunks as soon as they exist; ends early, without an error, once `stop` is set."""
        ...


class Transcriber(Protocol):
    """Audio to text, under the same promises."""

    spec: EngineSpec

    def transcribe(self, request: TranscriptionRequest, stop: Stop) -> Iterator[Segment]:
        """Segments in order of time; audio without speech yields none."""
        ...


class ChatModel(Protocol):
    """Messages to an answer, under the same promises."""

    spec: EngineSpec

    def complete(self, request: ChatRequest, stop: Stop) -> Iterator[Delta]:
        """Pieces as soon as they exist, the last of them with `finish`. With a `schema` the text of all is JSON that
        satisfies it."""
        ...


class SpeechDetector(Protocol):
    """Windows of many streams to the probability that each holds speech. What a stream remembers belongs to it."""

    spec: EngineSpec

    def window(self, rate: int) -> int:
        """Samples in one window at this rate; the rates taken are 8000 and 16000."""
        ...

    def begin(self, rate: int) -> Any:
        """The state of a stream that has heard nothing."""
        ...

    def detect(self, windows: np.ndarray, states: list[Any]) -> np.ndarray:
        """Float32 (n, window) of one rate and the n streams' states, which move on, to probabilities (n,)."""
        ...


class Engine(Protocol):
    """What the house asks of an engine's class before anything is loaded. Nothing here may import a heavy library."""

    spec: EngineSpec

    @classmethod
    def missing(cls) -> str:
        """Empty if it can be loaded here, else a sentence with the command that installs it."""
        ...

    @classmethod
    def voices(cls) -> list[Voice]:
        """A tts engine's voices; empty for the others."""
        ...

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        """Whether the weights of `config.model` are here; true for an engine that needs none."""
        ...

    def __init__(self, config: EngineConfig):
        """Load, warm up, return ready. Runs in the worker; heavy imports belong here."""
        ...


REGISTRY: dict[str, type] = {}
"""Every engine by name, filled by `@engine` as the files of engines/tts, stt, llm and vad are found."""

E = TypeVar("E", bound=type)


def engine(spec: EngineSpec) -> Callable[[E], E]:
    """Class decorator that hangs the card on the class and enters it in the registry."""

    def enter(cls: E) -> E:
        cls.spec = spec
        REGISTRY[spec.name] = cls
        return cls

    return enter


def pulled(push: Callable[[Callable[[Any], bool]], None], ahead: int = 2) -> Generator[Any, None, None]:
    """A library that calls back, as an iterator of what it hands over.

    `push(take)` runs in a thread of its own; `take(item)` waits while `ahead` items lie unread and answers False once
    nobody reads any more. What `push` raises is raised here. Closing the iterator returns when the thread has ended.
    """
    shelf: queue.Queue[tuple[bool, Any]] = queue.Queue(ahead)
    closed = threading.Event()

    def put(last: bool, item: Any) -> bool:
        if not closed.is_set():
            shelf.put((last, item))
        return not closed.is_set()

    def run():
        error: BaseException | None = None
        try:
            push(lambda item: put(False, item))
        except BaseException as caught:
            error = caught
        put(True, error)

    thread = threading.Thread(target=run, name="push", daemon=True)
    thread.start()
    try:
        while not (got := shelf.get())[0]:
            yield got[1]
        if got[1] is not None:
            raise got[1]
    finally:
        closed.set()
        while not shelf.empty():
            shelf.get()
        thread.join()


__all__ = [
    "REGISTRY",
    "ChatModel",
    "ChatRequest",
    "Chunk",
    "Delta",
    "Engine",
    "EngineConfig",
    "EngineSpec",
    "Message",
    "Segment",
    "SpeechDetector",
    "Stop",
    "SynthesisRequest",
    "Synthesizer",
    "Tool",
    "ToolCall",
    "Transcriber",
    "TranscriptionRequest",
    "Voice",
    "Word",
    "engine",
    "pulled",
    "replace",
]
