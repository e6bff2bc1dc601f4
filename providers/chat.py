"""A language model behind any server that speaks OpenAI's chat completions: vLLM, Ollama, a cloud. Knows the dialect,
and not who asks."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from core.errors import BadRequest, EngineError, EngineTimeout, Overloaded, Unavailable, UnknownModel
from core.settings import is_loopback
from engines.base import ChatRequest, Delta, Message
from engines.schema import satisfied
from providers._answer import Answer, NotUnderstood, Refused, body, names
from providers._events import Events, TooLong

logger = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often an answer that must satisfy a schema is asked for."""
OPTIONAL = ("response_format", "stream_options")
"""What is left out for a server that does not take it."""
MOST_ERROR_BYTES = 16 << 10
MOST_BYTES = 4 << 20
BROKEN = "The language model's server broke off in the middle of its answer."


@dataclass(frozen=True)
class Patience:
    """Seconds."""

    connect: float = 5.0
    first: float = 30.0
    """From the request to the first piece."""
    between: float = 15.0
    """Between two pieces."""
    listing: float = 5.0
    """For the list of models."""
    fresh: float = 60.0
    """How long a list of models is not asked for again."""


class ChatServer:
    """One server and the key to it. `model` is the one that is asked where a request names none; empty is the first
    that the server lists. Lives on one event loop; `close` ends its connections."""

    def __init__(
        self,
        base_url: str,
        key: str = "",
        model: str = "",
        patience: Patience = Patience(),
        clock: Callable[[], float] = time.monotonic,
    ):
        base_url = base_url.rstrip("/")
        url = httpx.URL(base_url)
        self._base = base_url if url.path.strip("/") else f"{base_url}/v1"
        self._patience = patience
        self._clock = clock
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(None, connect=patience.connect),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            # A proxy leads out of this machine, and not back into it.
            trust_env=not is_loopback(url.host),
        )
        self._refused: set[str] = set()
        self._listing = asyncio.Lock()
        self._listed_at = -math.inf
        self.model = model
        self.known: tuple[str, ...] = ()
        """The models that it listed last."""

    async def close(self) -> None:
        await self._client.aclose()

    async def models(self) -> tuple[str, ...]:
        """What the server offers. Raises what `stream` raises."""
        async with self._listing:
            if self._clock() - self._listed_at > self._patience.fresh:
                self.known = await self._list()
                self._listed_at = self._clock()
        return self.known

    async def stream(self, request: ChatRequest, model: str = "") -> AsyncGenerator[Delta]:
        """Pieces of the answer. Use with `contextlib.aclosing`: closing ends the connection, which stops the server.

        Raises Unavailable where it cannot be reached or does not take the key, UnknownModel, BadRequest where it
        refuses the request, Overloaded, EngineTimeout, or EngineError where it fails or breaks off.
        """
        model = model or self.model or await self._first()
        schema = request.schema
        answering = self._once(body(request, model)) if schema is None else self._valid(request, schema, model)
        async with aclosing(answering) as deltas:
            async for delta in deltas:
                yield delta

    async def _first(self) -> str:
        if models := await self.models():
            return models[0]
        raise Unavailable("The language model's server lists no model; LLM_MODEL can name one.")

    async def _valid(self, request: ChatRequest, schema: dict[str, Any], model: str) -> AsyncGenerator[Delta]:
        """An answer that satisfies the request's schema: some servers take `response_format` and do not follow it."""
        wrong = ""
        for _ in range(ATTEMPTS):
            async with aclosing(self._once(body(request, model))) as deltas:
                pieces = [delta async for delta in deltas]
            text = "".join(delta.text for delta in pieces)
            answer, wrong = satisfied(text, schema)
            if not wrong:
                yield Delta(answer)
                yield replace(pieces[-1], text="")
                return
            correction = Message("user", f"{wrong} {instruction(schema)}")
            request = replace(request, messages=(*request.messages, Message("assistant", text), correction))
        raise EngineError(f"The model's answer does not satisfy the schema: {wrong}")

    async def _once(self, asked: dict[str, Any]) -> AsyncGenerator[Delta]:
        """One answer, asked for without what the server has refused so far."""
        for name in self._refused:
            asked = without(asked, name)
        while True:
            try:
                with _wrapped():
                    async with aclosing(self._pieces(asked)) as deltas:
                        async for delta in deltas:
                            yield delta
                return
            except _NotTaken as error:
                if error.named:
                    self._refused.add(error.option)
                asked = without(asked, error.option)

    async def _pieces(self, asked: dict[str, Any]) -> AsyncGenerator[Delta]:
        answer = Answer()
        due = asyncio.get_running_loop().time() + self._patience.first
        response = await self._sent("POST", "chat/completions", due, json=asked)
        try:
            if not response.is_success:
                raise _error(response, await self._whole(response, due, MOST_ERROR_BYTES), asked)
            if response.headers.get("content-type", "").startswith("application/json"):
                whole = await self._whole(response, due, MOST_BYTES)
                if text := answer.feed(whole.decode("utf-8", "replace")):
                    yield Delta(text)
            else:
                async with aclosing(self._texts(response, answer, due)) as texts:
                    async for text in texts:
                        yield Delta(text)
        finally:
            await response.aclose()
        if not answer.finish:
            raise EngineError(BROKEN)
        yield answer.last()

    async def _texts(self, response: httpx.Response, answer: Answer, due: float) -> AsyncGenerator[str]:
        """What each event adds; a comment that keeps the connection alive is no sign of an answer."""
        events, parts = Events(), response.aiter_bytes()
        while True:
            async with asyncio.timeout_at(due):
                part = await anext(parts, b"")
            for data in events.feed(part) if part else events.end():
                if data.strip() == "[DONE]":
                    return
                if text := answer.feed(data):
                    yield text
                due = asyncio.get_running_loop().time() + self._patience.between
            if not part:
                return

    async def _list(self) -> tuple[str, ...]:
        due = asyncio.get_running_loop().time() + self._patience.listing
        with _wrapped():
            response = await self._sent("GET", "models", due)
            try:
                whole = await self._whole(response, due, MOST_BYTES)
            finally:
                await response.aclose()
            if not response.is_success:
                raise _error(response, whole, {})
            return tuple(names(_json(whole)))

    async def _sent(self, method: str, path: str, due: float, **body: Any) -> httpx.Response:
        request = self._client.build_request(method, f"{self._base}/{path}", **body)
        async with asyncio.timeout_at(due):
            return await self._client.send(request, stream=True)

    async def _whole(self, response: httpx.Response, due: float, most: int) -> bytes:
        """The body, at most so many bytes of it."""
        found = bytearray()
        async with asyncio.timeout_at(due), aclosing(response.aiter_bytes()) as parts:  # type: ignore[type-var]
            async for part in parts:
                found += part
                if len(found) >= most:
                    break
        return bytes(found[:most])


class _NotTaken(Exception):
    """The server refuses the request, maybe for one option. `named` where its words say so."""

    def __init__(self, option: str, named: bool):
        super().__init__(option)
        self.option, self.named = option, named


def instruction(schema: dict[str, Any]) -> str:
    return f"Answer with one JSON value and nothing else. It satisfies this JSON schema: {json.dumps(schema)}"


def without(asked: dict[str, Any], option: str) -> dict[str, Any]:
    """A request without an option. What `response_format` demands is said in words instead."""
    left = {name: value for name, value in asked.items() if name != option}
    if option == "response_format" and option in asked:
        told = instruction(asked[option]["json_schema"]["schema"])
        left["messages"] = [*asked["messages"], {"role": "user", "content": told}]
    return left


@contextmanager
def _wrapped() -> Iterator[None]:
    """What goes wrong on the way, as errors of the house."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise Unavailable("The language model's server cannot be reached.") from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise EngineTimeout("The language model's server did not go on in time.") from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise EngineError(BROKEN) from error
    except (NotUnderstood, TooLong) as error:
        raise EngineError("The language model's server sent something that is not understood.") from error
    except Refused as error:
        logger.warning("the language model's server failed: %s", error)
        raise EngineError("The language model's server failed in the middle of its answer.") from error


def _error(response: httpx.Response, whole: bytes, asked: dict[str, Any]) -> Exception:
    """What a status means. The server's own words are for the owner: they may tell what the caller is not to know."""
    status, words = response.status_code, whole.decode("utf-8", "replace")
    if status in (400, 422):
        named = [option for option in OPTIONAL if option in asked and option in words]
        if named or "response_format" in asked:
            return _NotTaken(*named[:1] or ["response_format"], named=bool(named))
    logger.warning("the language model's server answered %d: %s", status, words[:500])
    if status in (401, 403):
        return Unavailable("The language model's server does not take the key that this app has for it.")
    if status == 404 and asked:
        return UnknownModel(f"The language model's server has no model {asked['model'][:60]!r}.", param="model")
    if status == 429:
        after = response.headers.get("retry-after", "")
        return Overloaded("The language model's server is busy.", retry_after=float(after) if after.isdecimal() else 1)
    if status in (400, 413, 422):
        return BadRequest("The language model's server refuses the request.")
    if status in (502, 503, 504):
        return Unavailable("The language model's server cannot answer now.")
    return EngineError("The language model's server failed.")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood("the answer is not JSON") from error
