"""An answer in pieces as OpenAI's chat completions write it, put together. Knows the dialect and no connection."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engines.base import ChatRequest, Delta, Message, Tool, ToolCall

FINISHES = {"length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls"}
"""Every other reason is `stop`."""
MOST_CALLS = 128


class NotUnderstood(ValueError):
    """The server sent what is no chat completion."""


class Refused(ValueError):
    """The server told in the middle of the stream that it cannot go on."""


def body(request: ChatRequest, model: str) -> dict[str, Any]:
    """A request as the dialect has it."""
    asked: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in request.messages],
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.stop:
        asked["stop"] = list(request.stop[:4])
    if request.tools:
        asked["tools"] = [{"type": "function", "function": _tool(tool)} for tool in request.tools]
        asked["tool_choice"] = _choice(request.tool_choice)
    if request.schema is not None:
        asked["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": request.schema},
        }
    return asked


def _message(message: Message) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.calls:
        shown["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
            for call in message.calls
        ]
    return shown | ({"tool_call_id": message.call_id} if message.call_id else {})


def _tool(tool: Tool) -> dict[str, Any]:
    parameters = tool.parameters or {"type": "object", "properties": {}}
    return {"name": tool.name, "description": tool.description, "parameters": parameters}


def _choice(choice: str) -> Any:
    return choice if choice in ("auto", "none", "required") else {"type": "function", "function": {"name": choice}}


@dataclass
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""

    @property
    def said(self) -> tuple[str, str]:
        return self.name, self.arguments.strip() or "{}"


class Answer:
    """What has come of one answer. Calls come in fragments, and are given away whole with the last piece."""

    def __init__(self):
        self.finish = ""
        """Why it ended; empty while it goes on."""
        self._calls: dict[int, _Call] = {}
        self._usage: tuple[int, int] = (0, 0)
        self._half = ""
        """The first half of a letter that a server which counts in UTF-16 has cut in two."""

    def feed(self, data: str) -> str:
        """The text that an event adds. Raises NotUnderstood or Refused."""
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise NotUnderstood("an event is not JSON") from error
        if not isinstance(event, dict):
            raise NotUnderstood("an event is no object")
        if event.get("error"):
            raise Refused(_words(event["error"]))
        return self._event(event)

    def last(self) -> Delta:
        calls = tuple(
            # Of a server that names none, each call of a conversation still has a name of its own.
            ToolCall(_joined(call.id) or f"call_{secrets.token_hex(8)}", *map(_joined, call.said))
            for _, call in sorted(self._calls.items())
            if call.name
        )
        finish = "tool_calls" if calls else self.finish if self.finish != "tool_calls" else "stop"
        return Delta(calls=calls, finish=finish, input_tokens=self._usage[0], output_tokens=self._usage[1])

    def _event(self, event: dict[str, Any]) -> str:
        try:
            if usage := event.get("usage"):
                self._usage = (int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
            text = ""
            for choice in (event.get("choices") or ())[:1]:
                # A server that does not stream answers with `message`.
                piece = choice.get("delta") or choice.get("message") or {}
                text += self._piece(piece)
                if reason := choice.get("finish_reason"):
                    self.finish = FINISHES.get(reason, "stop")
        except (AttributeError, TypeError, ValueError) as error:
            raise NotUnderstood("an event is no chat completion") from error
        return text

    def _piece(self, piece: dict[str, Any]) -> str:
        for place, part in enumerate(piece.get("tool_calls") or ()):
            call = self._call(part, place)
            function = part.get("function") or {}
            call.id = str(part.get("id") or call.id)
            call.name += function.get("name") or ""
            call.arguments += function.get("arguments") or ""
        content = piece.get("content") or ""
        if not isinstance(content, str):
            raise TypeError("content is no text")
        content = self._half + content
        self._half = content[-1:] if "\ud800" <= content[-1:] <= "\udbff" else ""
        return _joined(content.removesuffix(self._half))

    def _call(self, part: dict[str, Any], place: int) -> _Call:
        """The call that a fragment belongs to. Some servers number none and send each call whole."""
        index = part.get("index")
        if index is None:
            known = [number for number, call in self._calls.items() if part.get("id") and call.id == str(part["id"])]
            index = known[0] if known else (len(self._calls) if part.get("id") else place)
        if not isinstance(index, int) or not 0 <= index < MOST_CALLS:
            raise TypeError("a call has no place")
        return self._calls.setdefault(index, _Call())


def _joined(text: str) -> str:
    """The text with every pair of surrogates as the letter that it is; half of one can be sent and kept nowhere."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def names(listing: Any) -> Iterator[str]:
    """The ids in an answer of /v1/models. Raises NotUnderstood."""
    rows = listing.get("data") if isinstance(listing, dict) else None
    if not isinstance(rows, list):
        raise NotUnderstood("the list of models is no list")
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("id"), str):
            yield row["id"]


def _words(error: Any) -> str:
    return str(error.get("message", "") if isinstance(error, dict) else error)[:500]
