"""One turn of a conversation that is not held on a socket: words or a recording in, an answer and its sound out.

The HTTP API and Gradio's do it alike; knows neither.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from accounts.lease import Usage
from accounts.principal import Principal
from api._holds import need_free
from api._ws import messages as wire
from audio.encode import Format, encode
from audio.value import Audio
from core.errors import BadAudio, BadRequest, UnknownModel
from engines import agent as act
from storage import conversations as rows
from storage.conversations import ConversationRecord
from studio import Studio
from voice.routing import Route
from voice.speech import SpeechRequest
from voice.talk.agents import agent
from voice.talk.items import Item, messages
from voice.talk.journal import history, recorded, titled
from voice.talk.sentences import Stream
from voice.talk.settings import TalkSettings
from voice.transcription import TranscriptionOptions

UNANSWERED = "Nobody answered this call."
MOST_SECONDS = 600.0
"""Of a recording that is one turn."""


@dataclass(frozen=True)
class Said:
    """What one side brings to the turn: words, a recording, or what tools answered."""

    text: str = ""
    recording: Path | BinaryIO | None = None
    results: tuple[tuple[str, str], ...] = ()
    """Calls by id, and their output."""


@dataclass(frozen=True)
class Turn:
    """What came of it."""

    conversation: str
    heard: Item | None
    answer: Item | None
    calls: tuple[Item, ...]
    audio: bytes | None
    models: dict[str, str]
    milliseconds: dict[str, float]


@dataclass(frozen=True)
class Answer:
    text: str = ""
    calls: tuple[Item, ...] = ()
    model: str = ""


def new_item() -> str:
    return f"item_{secrets.token_hex(10)}"


def settings_of(kept: ConversationRecord) -> TalkSettings:
    return wire.Manner.model_validate_json(kept.settings).settings(TalkSettings())


async def turn(
    studio: Studio, caller: Principal, id: str, said: Said, *, form: Format, speak: bool, request_id: str = ""
) -> Turn:
    """Hear, think, speak, and keep it. Nothing is kept of a turn that fails.

    Raises NotFound, Conflict where the conversation is held on a socket or another turn came first, BadRequest,
    BadAudio, and what hearing, thinking and speaking raise.
    """
    kept = await studio.storage.read(rows.get, caller.id, id)
    await need_free(studio.storage, kept)
    settings, before, clock = settings_of(kept), await history(studio.storage, id), time.perf_counter
    admitted = await studio.accounts.admit(caller, "conversation", characters=1, request_id=request_id)
    async with admitted as lease:
        began = clock()
        fresh, seconds, hears = await _heard(studio, settings, said, before)
        heard_at = clock()
        answer = await _thought(studio, settings, [*before, *fresh])
        thought_at = clock()
        audio, usage, speaks = None, Usage(audio_seconds=round(seconds, 3)), ""
        if speak and settings.speak and answer.text:
            audio, usage, speaks = await _spoken(studio, caller, settings, answer.text, form, seconds)
        spoken_at = clock()
        reply = Item(new_item(), "assistant", answer.text, spoken=audio is not None) if answer.text else None
        after = [*fresh, *([reply] if reply else []), *answer.calls]
        records = [recorded(item, 0) for item in after]
        seen = before[-1].id if before else ""
        await studio.storage.write(rows.append, caller.id, id, records, time.time(), titled(after), seen)
        await lease.settle(usage)
    times = {"hear": heard_at - began, "think": thought_at - heard_at, "speak": spoken_at - thought_at}
    return Turn(
        id,
        next((item for item in fresh if item.role == "user"), None),
        reply,
        answer.calls,
        audio,
        {"hears": hears, "thinks": answer.model, "speaks": speaks},
        {name: round(1000 * value, 1) for name, value in times.items()},
    )


async def _heard(
    studio: Studio, settings: TalkSettings, said: Said, before: Sequence[Item]
) -> tuple[list[Item], float, str]:
    """The items that the other side adds, the seconds of sound in them, and who heard it."""
    fresh = _answers(before, said)
    if said.recording is None:
        if not said.text.strip() and not said.results:
            raise BadRequest("There is no text in this message.", param="content")
        return [*fresh, *([Item(new_item(), "user", said.text)] if said.text.strip() else [])], 0.0, ""
    options = TranscriptionOptions(model=settings.hears, language=settings.language)
    route = studio.transcription.plan(options)
    transcript = await studio.transcription.whole(said.recording, options, route=route, meter=_short)
    if not transcript.text.strip():
        raise BadAudio("No words could be heard in this recording.", param="file")
    item = Item(new_item(), "user", transcript.text.strip(), spoken=True)
    return [*fresh, item], transcript.duration, route.engine


def _short(seconds: float) -> None:
    if seconds > MOST_SECONDS:
        raise BadRequest(f"A turn is at most {MOST_SECONDS / 60:g} minutes long.", param="file")


def _answers(before: Sequence[Item], said: Said) -> list[Item]:
    """What tools answered, and for calls that nobody answered that it is so, since models take no open ones."""
    answered = {item.call_id for item in before if item.role == "tool"}
    calls = [item.call.id for item in before if item.call and item.call.id not in answered]
    given = dict(said.results)
    if unknown := set(given) - set(calls):
        raise BadRequest(f"There is no open call {min(unknown)[:80]!r}.", param="tool_results")
    return [Item(new_item(), "tool", given.get(call, UNANSWERED), call_id=call) for call in calls]


async def _thought(studio: Studio, settings: TalkSettings, items: Sequence[Item]) -> Answer:
    thinker = agent(studio.thinking, settings.agent, prompt=settings.prompt, model=settings.model)
    parts: list[str] = []
    calls: list[Item] = []
    model = ""
    asked = thinker.respond(_event(items), messages(items), tools=settings.tools)
    async with aclosing(asked) as actions:
        async for action in actions:
            if isinstance(action, act.Say):
                parts.append(action.text)
            elif isinstance(action, act.Call):
                calls.append(Item(new_item(), "assistant", call=action.call))
            elif isinstance(action, act.Thought):
                model = action.model
    return Answer("".join(parts).strip(), tuple(calls), model)


def _event(items: Sequence[Item]) -> act.Event:
    last = items[-1]
    return act.ToolResult(last.call_id, last.text) if last.role == "tool" else act.Heard(last.text)


async def _spoken(
    studio: Studio, caller: Principal, settings: TalkSettings, text: str, form: Format, heard: float
) -> tuple[bytes | None, Usage, str]:
    """The answer's sound as a file, what the turn came to, and who spoke. None where there is nothing to speak."""
    cutter = Stream()
    said = " ".join(piece.text for piece in [*cutter.feed(text), *cutter.end()])
    if not said.strip():
        return None, Usage(audio_seconds=round(heard, 3)), ""
    request = SpeechRequest(said, settings.voice, settings.speaks, settings.language, settings.speed)
    plan = await studio.plan(caller, request)
    parts: list[Audio] = []
    async with aclosing(studio.speech.stream(plan)) as chunks:
        async for chunk in chunks:
            parts.append(chunk.audio)
    audio = Audio.join(parts)
    data = await asyncio.to_thread(partial(encode, audio, form.name))
    seconds = round(heard + audio.seconds, 3)
    return data, Usage(plan.route.engine, plan.route.voice, len(said), seconds), plan.route.engine


async def created(studio: Studio, caller: Principal, manner: wire.Manner, token: str = "") -> ConversationRecord:
    """A conversation in which nothing has been said. Raises what an unknown voice, model or agent raises."""
    caller.need("conversation")
    settings = manner.settings(TalkSettings())
    if settings.speak:
        studio.routing.speech(settings.voice, settings.speaks, settings.language)
    await thinks(studio, agent(studio.thinking, settings.agent, prompt=settings.prompt, model=settings.model).model)
    now = time.time()
    kept = ConversationRecord(
        f"conv_{secrets.token_hex(12)}", caller.id, token, manner.model_dump_json(exclude_none=True), "", now, now
    )
    await studio.storage.write(rows.add, kept)
    return kept


async def thinks(studio: Studio, model: str) -> Route:
    """Who would think. A name that is not known yet may be one that the remote server has learned meanwhile."""
    try:
        return studio.thinking.route(model)
    except UnknownModel:
        await studio.thinking.models()
        return studio.thinking.route(model)
