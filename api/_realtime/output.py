"""A response of `/v1/realtime` on its way, and the shape in which it is told. Knows no order of events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api._realtime.sound import Wire
from api._wire.codecs import Mouth
from voice.talk import events

CLIENT_REASONS = frozenset({"cancelled", "message", "asked", "truncated", "closed"})
"""Why a response ended early where it was the client's wish, and not a turn of the other side."""


@dataclass(frozen=True)
class Order:
    """How a response is told, beside what it says."""

    spoken: bool
    wire: Wire
    format: Mapping[str, Any]
    voice: str
    most_tokens: int | str
    conversation: str | None
    """None is beside the conversation."""
    metadata: Mapping[str, str] | None = None


@dataclass
class Output:
    """A response on its way."""

    id: str
    item: str
    """The id of its message, where it has one."""
    order: Order
    index: int = -1
    """Of the item it is at."""
    text: list[str] = field(default_factory=list)
    message: bool = False
    """Whether its message has begun."""
    samples: int = 0
    """Sent of its sound, at the conversation's rate."""
    sounded: bool = False
    """Whether the end of its sound was told."""
    mouth: Mouth | None = None
    said: list[dict[str, Any]] = field(default_factory=list)
    """The items it came to."""
    reason: str = ""
    """Why it was interrupted."""
    failure: events.Failed | None = None


def place(output: Output) -> dict[str, Any]:
    """Of a message, which is the first item of its response."""
    return {"response_id": output.id, "item_id": output.item, "output_index": 0, "content_index": 0}


def ending(event: events.ResponseDone, output: Output) -> tuple[str, dict[str, Any] | None]:
    """The status of a response, and its details."""
    if event.status in ("interrupted", "cancelled"):
        wish = event.status == "cancelled" or output.reason in CLIENT_REASONS
        return "cancelled", {"type": "cancelled", "reason": "client_cancelled" if wish else "turn_detected"}
    if event.status == "failed":
        failed = output.failure
        code = failed.code if failed else "internal_error"
        message = failed.message if failed else "Something went wrong in this response."
        return "failed", {"type": "failed", "error": {"type": "server_error", "code": code, "message": message}}
    if event.cut:
        return "incomplete", {"type": "incomplete", "reason": "max_output_tokens"}
    return "completed", None


def shape(
    output: Output, status: str, details: dict[str, Any] | None = None, turn: events.Turn | None = None
) -> dict[str, Any]:
    order = output.order
    told = {
        "object": "realtime.response",
        "id": output.id,
        "status": status,
        "status_details": details,
        "output": output.said,
        "conversation_id": order.conversation,
        "output_modalities": ["audio" if order.spoken else "text"],
        "max_output_tokens": order.most_tokens,
        "metadata": order.metadata,
        "usage": _usage(turn) if turn else None,
    }
    if order.spoken:
        told["audio"] = {"output": {"format": order.format, "voice": order.voice}}
    return told


def _usage(turn: events.Turn) -> dict[str, Any]:
    """Tokens of text: the models of this house read and write nothing else."""
    asked, said = turn.input_tokens, turn.output_tokens
    return {
        "total_tokens": asked + said,
        "input_tokens": asked,
        "output_tokens": said,
        "input_token_details": {"text_tokens": asked, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": said, "audio_tokens": 0},
    }
