"""faster-whisper: Whisper on CTranslate2, in every size; passages of speech are decoded together."""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from audio.value import Audio
from engines.base import EngineConfig, EngineSpec, Segment, Stop, TranscriptionRequest, Voice, Word, engine

logger = logging.getLogger(__name__)

RATE = 16000
LONGEST = 30.0
"""Seconds the network hears at once."""
SHORTEST = 0.1
REPOSITORIES = {
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "large-v3": "Systran/faster-whisper-large-v3",
    "medium": "Systran/faster-whisper-medium",
    "small": "Systran/faster-whisper-small",
    "base": "Systran/faster-whisper-base",
    "tiny": "Systran/faster-whisper-tiny",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
    "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
    "medium.en": "Systran/faster-whisper-medium.en",
    "small.en": "Systran/faster-whisper-small.en",
    "base.en": "Systran/faster-whisper-base.en",
    "tiny.en": "Systran/faster-whisper-tiny.en",
    "distil-medium.en": "Systran/faster-distil-whisper-medium.en",
    "distil-small.en": "Systran/faster-distil-whisper-small.en",
    "large-v2": "Systran/faster-whisper-large-v2",
    "distil-large-v2": "Systran/faster-distil-whisper-large-v2",
    "large-v1": "Systran/faster-whisper-large-v1",
}
"""Where each size lies on the model hub, best first, those of English only after those of all languages."""
_TAGS = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml "
    "cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am "
    "yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue"
)
LANGUAGES = tuple(_TAGS.split())
SAME = {"jv": "jw", "nb": "no", "fil": "tl", "cmn": "zh", "iw": "he", "in": "id"}
"""Other tags of languages that the network has a name of its own for."""

# The rules of Whisper's own decoding (openai/whisper, transcribe.py).
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
TOO_REPETITIVE = 2.4
"""Compression ratio of a text that goes round in circles."""
TOO_UNLIKELY = -1.0
"""Mean log probability of a guess."""
NO_SPEECH = 0.6
SILENT = 1e-3
"""Peak below which there is nothing to hear, -60 dBFS; Whisper writes of its own accord in silence."""
MOST_PROMPT, MOST_HOTWORDS = 200, 100
"""Tokens; together with the answer they must fit the decoder's 448."""


@engine(
    EngineSpec(
        name="faster-whisper",
        kind="stt",
        summary="Whisper in every size: accurate, a hundred languages, translates into English.",
        licence="MIT",
        rate=RATE,
        languages=LANGUAGES,
        capabilities=frozenset({"words", "translate", "hotwords", "detect", "batch", "partials"}),
        models=tuple(REPOSITORIES),
        memory_mb=700,
        concurrency=1,
        cancel="chunk",
        quality=60,
    )
)
class FasterWhisper:
    """One network. `options`: `beam_size`, `batch_size`, `temperatures`, `compute_type`, `download`, `token`."""

    spec: EngineSpec

    @classmethod
    def missing(cls) -> str:
        if importlib.util.find_spec("faster_whisper") is None:
            return "faster-whisper is not installed here; `pip install faster-whisper` brings it."
        return ""

    @classmethod
    def voices(cls) -> list[Voice]:
        return []

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return _weights(config) is not None

    def __init__(self, config: EngineConfig):
        """Raises FileNotFoundError unless the weights are here, or may be fetched because `download` is set."""
        import faster_whisper

        folder = _weights(config) or _fetched(config)
        device, _, index = config.device.partition(":")
        self._model = faster_whisper.WhisperModel(
            str(folder),
            device=device,
            device_index=int(index or 0),
            compute_type=config.options.get("compute_type") or ("int8" if device == "cpu" else "float16"),
            cpu_threads=config.threads,
            local_files_only=True,
        )
        self._batches = faster_whisper.BatchedInferencePipeline
        self._beam_size = int(config.options.get("beam_size", 5))
        self._batch_size = int(config.options.get("batch_size", 8))
        self._temperatures = tuple(config.options.get("temperatures", TEMPERATURES))

    def transcribe(self, request: TranscriptionRequest, stop: Stop) -> Iterator[Segment]:
        """Several clips are decoded together. What comes out of that as a guess or in circles is decoded again by
        itself, with rising temperature, and left out if it was no speech. Raises ValueError for a language or a task
        that the network does not have."""
        language = self._language(request.language)
        if request.task not in ("transcribe", "translate"):
            raise ValueError(f"Whisper transcribes and translates; it has no task {request.task!r}.")
        if request.task == "translate" and not self._model.model.is_multilingual:
            raise ValueError("This model is of English only and does not translate.")
        clips = _clips(request)
        if len(clips) > 1:
            language = language or self._detect(request, clips)
            yield from self._together(request, clips, language, stop)
            return
        for clip in clips:
            yield from self._alone(request, clip, language, stop)

    def _together(
        self, request: TranscriptionRequest, clips: list[tuple[float, float]], language: str, stop: Stop
    ) -> Iterator[Segment]:
        """One batch at a time, so that `stop` is looked at between them."""
        for first in range(0, len(clips), self._batch_size):
            batch = clips[first : first + self._batch_size]
            spans = [{"start": start, "end": end} for start, end in batch]
            segments, _ = self._batches(self._model).transcribe(
                request.audio.samples,
                clip_timestamps=spans,
                vad_filter=False,
                batch_size=self._batch_size,
                temperature=request.temperature,
                without_timestamps=True,
                **self._options(request, language),
            )
            found = {} if stop.is_set() else {segment.seek: segment for segment in segments}
            for start, end in batch:
                if stop.is_set():
                    return
                segment = found.get(int(int(start * RATE) / RATE * 100))  # `seek`, as the library reckons it
                if segment is None or _doubtful(segment):
                    yield from self._alone(request, (start, end), language, stop)
                elif segment.text.strip():
                    yield _segment(segment, 0.0, (start, end), language)

    def _alone(
        self, request: TranscriptionRequest, clip: tuple[float, float], language: str, stop: Stop
    ) -> Iterator[Segment]:
        segments, info = self._model.transcribe(
            request.audio.cut(*clip).samples,
            temperature=[request.temperature] if request.temperature else list(self._temperatures),
            compression_ratio_threshold=TOO_REPETITIVE,
            log_prob_threshold=TOO_UNLIKELY,
            no_speech_threshold=NO_SPEECH,
            condition_on_previous_text=False,
            **self._options(request, language),
        )
        for segment in segments:
            if stop.is_set():
                return
            if segment.compression_ratio <= TOO_REPETITIVE:
                yield _segment(segment, clip[0], clip, info.language)

    def _options(self, request: TranscriptionRequest, language: str) -> dict[str, Any]:
        return {
            "language": language or None,
            "task": request.task,
            "beam_size": self._beam_size,
            "initial_prompt": self._last(request.prompt.strip(), MOST_PROMPT) or None,
            "hotwords": self._last(", ".join(request.hotwords), MOST_HOTWORDS) or None,
            "word_timestamps": request.words,
        }

    def _last(self, text: str, most: int) -> str:
        """The end of a text, at most so many tokens."""
        offsets = self._model.hf_tokenizer.encode(text, add_special_tokens=False).offsets
        return text[offsets[-most][0] :] if len(offsets) > most else text

    def _language(self, tag: str) -> str:
        """Empty where the network is to find out."""
        base = tag.lower().replace("_", "-").partition("-")[0]
        base = SAME.get(base, base)
        if base and base not in self._model.supported_languages:
            raise ValueError(f"This model does not know the language {tag!r}.")
        return base

    def _detect(self, request: TranscriptionRequest, clips: list[tuple[float, float]]) -> str:
        """By what is said first, up to 30 s of it."""
        heard = np.concatenate([request.audio.cut(*clip).samples for clip in clips])[: round(LONGEST * RATE)]
        return self._model.detect_language(heard)[0] if self._model.model.is_multilingual else "en"


def _clips(request: TranscriptionRequest) -> list[tuple[float, float]]:
    """The request's passages inside its audio: in order, apart, none longer than the network hears. Or all of it."""
    audio = request.audio
    clips = [] if request.clips else [(0.0, audio.seconds)]
    last = 0.0
    for start, end in request.clips:
        start, last = max(last, start), max(last, min(end, audio.seconds))
        clips += [(begin, min(begin + LONGEST, last)) for begin in np.arange(start, last, LONGEST).tolist()]
    return [clip for clip in clips if clip[1] - clip[0] >= SHORTEST and _audible(audio.cut(*clip))]


def _audible(audio: Audio) -> bool:
    return bool(np.abs(audio.samples).max() > SILENT)


def _doubtful(segment: Any) -> bool:
    return segment.compression_ratio > TOO_REPETITIVE or segment.avg_logprob < TOO_UNLIKELY


def _segment(segment: Any, offset: float, clip: tuple[float, float], language: str) -> Segment:
    """A segment of the library as one of ours, its times moved by `offset` and held inside the clip."""

    def at(seconds: float) -> float:
        return round(min(max(float(seconds) + offset, clip[0]), clip[1]), 3)

    words = [
        Word(word.word.strip(), at(word.start), at(word.end), float(word.probability)) for word in segment.words or ()
    ]
    return Segment(
        text=segment.text.strip(),
        start=at(segment.start),
        end=at(segment.end),
        language=language,
        words=tuple(word for word in words if word.text),
        logprob=float(segment.avg_logprob),
        no_speech=float(segment.no_speech_prob),
        compression_ratio=float(segment.compression_ratio),
        temperature=float(segment.temperature),
        tokens=tuple(int(token) for token in segment.tokens),
    )


def _repository(model: str) -> str:
    """The hub's name of a size, or of a model named in full as `owner/name`; empty for anything else."""
    return REPOSITORIES.get(model) or (model if re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", model) else "")


def _fetched(config: EngineConfig) -> Path:
    """The weights from the model hub, where `options` allow that."""
    repository = _repository(config.model)
    if not repository or not config.options.get("download"):
        raise FileNotFoundError(f"The weights of Whisper {config.model} are not downloaded.")
    from faster_whisper import download_model

    token = config.options.get("token") or None
    return Path(download_model(repository, cache_dir=config.models_dir or None, use_auth_token=token))


def _weights(config: EngineConfig) -> Path | None:
    """The folder that holds a model's weights: the one named, one in `models_dir`, or a snapshot in a hub cache."""
    return next((folder for folder in _folders(config) if _complete(folder)), None)


def _folders(config: EngineConfig) -> Iterator[Path]:
    """Without a model's name, those of every size, best first."""
    if Path(config.model).is_absolute():
        yield Path(config.model)
        return
    models = [config.model] if config.model else list(REPOSITORIES)
    roots = [Path(config.models_dir)] if config.models_dir else []
    for model in models:
        if repository := _repository(model):
            for root in [*roots, Path.home() / ".cache" / "huggingface" / "hub"]:
                yield root / model
                yield root / "faster-whisper" / model
                yield from sorted((root / f"models--{repository.replace('/', '--')}" / "snapshots").glob("*"))


def _complete(folder: Path) -> bool:
    """Without a tokenizer of its own the library would ask the network for one."""
    return (folder / "model.bin").is_file() and (folder / "tokenizer.json").is_file()
