"""scripted-llm: an answer that it is told, in the time it is told to take, for load tests and demonstrations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engines.base import ChatRequest, Delta, EngineConfig, EngineSpec, Stop, Voice, engine

TEXT = "You said: {text}"
SAY = "Say: "


@engine(
    EngineSpec(
        name="scripted-llm",
        kind="llm",
        summary="Answers a text that it was given, for load tests and demonstrations.",
        licence="Apache-2.0",
        rate=0,
        memory_mb=48,
        concurrency=256,
        cancel="step",
        quality=-1,
    )
)
class Scripted:
    """Options: `text`, what it always answers, with `{text}` for what was said to it; in seconds `first` before the
    first word and `step` before every other one. Instructions that begin with `Say: ` are its text instead."""

    spec: EngineSpec

    @classmethod
    def missing(cls) -> str:
        return ""

    @classmethod
    def voices(cls) -> list[Voice]:
        return []

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return True

    def __init__(self, config: EngineConfig):
        self._text = str(config.options.get("text", TEXT))
        self._first = float(config.options.get("first", 0.0))
        self._step = float(config.options.get("step", 0.0))

    def complete(self, request: ChatRequest, stop: Stop) -> Iterator[Delta]:
        """A token is a word here."""
        said = next((message.content for message in reversed(request.messages) if message.role == "user"), "")
        told = request.messages[0].content if request.messages and request.messages[0].role == "system" else ""
        text = told.removeprefix(SAY) if told.startswith(SAY) else self._text
        words = re.findall(r"\s*\S+", text.replace("{text}", said))
        delay = self._first
        for word in words[: request.max_tokens]:
            if stop.wait(delay) if delay else stop.is_set():
                return
            yield Delta(word)
            delay = self._step
        finish = "stop" if len(words) <= request.max_tokens else "length"
        asked = sum(len(message.content.split()) for message in request.messages)
        yield Delta(finish=finish, input_tokens=asked, output_tokens=min(len(words), request.max_tokens))
