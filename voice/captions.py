"""What was heard in the shapes people download: SubRip, WebVTT, and the JSON of OpenAI's API.

SubRip has no standard; this is what its players agree on. WebVTT is https://www.w3.org/TR/webvtt1/.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

from engines.base import Segment
from voice.languages import name_of
from voice.transcription import Transcript

LINE, LINES = 42, 2
"""Characters in a line and lines on the screen, where wrapping is wanted."""


def srt(segments: Iterable[Segment], *, wrap: bool = False) -> str:
    """Numbered from 1, `00:00:01,500 --> 00:00:03,000`, a blank line behind each."""
    cues = enumerate(_cues(segments, wrap), 1)
    return "".join(f"{n}\n{stamp(start, ',')} --> {stamp(end, ',')}\n{text}\n\n" for n, (start, end, text) in cues)


def vtt(segments: Iterable[Segment], *, wrap: bool = False) -> str:
    """`WEBVTT`, then `00:00:01.500 --> 00:00:03.000`; what would be markup is escaped."""
    cues = "".join(f"{stamp(a)} --> {stamp(b)}\n{_escaped(text)}\n\n" for a, b, text in _cues(segments, wrap))
    return f"WEBVTT\n\n{cues}"


def stamp(seconds: float, point: str = ".") -> str:
    """`hh:mm:ss.mmm`, with more digits of hours where there are a hundred."""
    whole, milliseconds = divmod(max(0, round(seconds * 1000)), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{milliseconds:03}"


def json(transcript: Transcript) -> dict[str, Any]:
    """OpenAI's `json`."""
    return {"text": transcript.text, "usage": usage(transcript.duration)}


def usage(seconds: float) -> dict[str, Any]:
    """What OpenAI's answers say was used, in whole seconds begun."""
    return {"type": "duration", "seconds": int(-(-seconds // 1))}


def verbose_json(transcript: Transcript, *, words: bool = False, segments: bool = True) -> dict[str, Any]:
    """OpenAI's `verbose_json`; a translation is in English whatever was spoken."""
    language = "en" if transcript.task == "translate" else transcript.language
    answer: dict[str, Any] = {
        "task": transcript.task,
        "language": name_of(language).lower() if language else "unknown",
        "duration": round(transcript.duration, 3),
        "text": transcript.text,
        "usage": usage(transcript.duration),
    }
    if segments:
        answer["segments"] = [segment_json(n, segment) for n, segment in enumerate(transcript.segments)]
    if words:
        answer["words"] = [word for segment in transcript.segments for word in words_json(segment)]
    return answer


def segment_json(number: int, segment: Segment) -> dict[str, Any]:
    """A segment as `verbose_json` has it; `seek` is its start in hundredths of a second."""
    return {
        "id": number,
        "seek": round(segment.start * 100),
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "tokens": list(segment.tokens),
        "temperature": segment.temperature,
        "avg_logprob": segment.logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech,
    }


def words_json(segment: Segment) -> list[dict[str, Any]]:
    """A segment's words as `verbose_json` has them."""
    return [
        {"word": word.text.strip(), "start": round(word.start, 3), "end": round(word.end, 3)} for word in segment.words
    ]


def _cues(segments: Iterable[Segment], wrap: bool) -> Iterable[tuple[float, float, str]]:
    """Start, end and lines of each segment that says something. Lines hold no arrow and are never blank."""
    for segment in segments:
        words = segment.text.replace("-->", "->").replace("\0", " ").split()
        if words:
            text = " ".join(words)
            yield segment.start, max(segment.end, segment.start + 0.001), _wrapped(text) if wrap else text


def _wrapped(text: str) -> str:
    """Lines of 42 characters as long as two are enough; longer text in two lines of one length."""
    width = LINE if len(textwrap.wrap(text, LINE)) <= LINES else -(-len(text) // LINES) + 10
    return "\n".join(textwrap.wrap(text, width))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
