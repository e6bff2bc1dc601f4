"""The real page with a scripted house behind `/ws`: loudness is speech, answers are tones, and all that the page says
is kept to be looked at. `python -m tests.browser.chat_server PORT` serves it for a person.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app import create_app
from core.settings import Settings
from tests.browser.app import free_port

RATE, SPOKEN = 16000, 24000
FRAME = SPOKEN // 50
LOUD = 0.02
STOP, SURE, AHEAD = 0.5, 0.6, 0.15
"""Seconds: of quiet that end a turn, of speech that interrupt, and that sound leaves ahead of time."""
HEARD = ("What is the weather like in Cologne?", "Stop, tell me about the forge instead.", "And a third question.")
ANSWERS = (
    "It is mild and a little cloudy in Cologne this evening. The rain comes tomorrow at noon. Take a coat with you.",
    "The forge is warm and the kettle is on. Iron that glows orange is soft enough to shape.",
    "Here is a third answer.",
)


@dataclass
class Script:
    """What the house does, and what it saw."""

    pace: float = 0.055
    """Seconds of sound for each character."""
    answers: tuple[str, ...] = ANSWERS
    told: list[dict[str, Any]] = field(default_factory=list)
    """Messages of the page, each with `at`, the house's clock, in the order they came."""
    frames: int = 0
    odd: int = 0
    """Frames that are not 20 ms."""
    sockets: list[WebSocket] = field(default_factory=list)
    talks: dict[str, Talk] = field(default_factory=dict)
    refuse: int = 0
    """A close code for whoever comes next."""
    held: int = 0
    """How often who comes back is told that another process holds what he wants."""

    def begin_anew(self) -> None:
        """Forget all that was."""
        self.answers, self.frames, self.odd, self.refuse, self.held = ANSWERS, 0, 0, 0, 0
        for kept in (self.told, self.sockets, self.talks):
            kept.clear()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["type"] == kind]


class Talk:
    """One conversation. It outlives its socket."""

    def __init__(self, script: Script, id: str, start: dict[str, Any]):
        self.script, self.id, self.start = script, id, start
        self.socket: WebSocket | None = None
        self.heard = self.loud = self.quiet = 0.0
        self.began: float | None = None
        self.turns = self.position = self.played = 0
        self.item = ""
        self.history: list[dict[str, Any]] = []
        self.answer: asyncio.Task[None] | None = None
        self.going, self.news = asyncio.Event(), asyncio.Event()
        self.marks: dict[str, Any] = {}
        self.made: dict[str, Any] = {}
        """Of the turn that is being answered."""
        self.first, self.due = 0, 0.0
        self.windows: list[tuple[float, float]] = []
        self.sent: list[dict[str, Any]] = []

    async def say(self, type: str, **values: Any) -> None:
        self.sent.append({"type": type, "at_clock": time.monotonic(), **values})
        if self.socket is not None:
            with suppress(RuntimeError, WebSocketDisconnect):
                await self.socket.send_text(json.dumps({"type": type, **values}))

    async def hear(self, frame: bytes) -> None:
        samples = np.frombuffer(frame, np.int16) / 32768
        self.heard += len(samples) / RATE
        level = float(np.sqrt(np.mean(samples**2)))
        self.windows.append((round(self.heard, 3), round(min(0.98, level / LOUD * 0.6), 3)))
        if self.start.get("turns") == "manual":
            return
        if level > LOUD:
            self.loud, self.quiet = self.loud + 0.02, 0.0
            await self._louder()
        else:
            self.quiet += 0.02
            await self._quieter()

    async def _louder(self) -> None:
        if self.began is None and self.loud > 0.1:
            self.began = self.heard - self.loud
            self.item = f"item-{self.turns}"
            self.marks = {"speech_started": self.began, "partials": []}
            await self.say("speech_started", at=self.began, item=self.item)
            if self.answer and self.going.is_set():
                self.going.clear()
                await self.say("pause", response=self.response, position=self.position)
        if self.began is not None and self.answer and self.loud > SURE:
            await self.interrupt("voice")
        if self.began is not None and self.answer is None and int(self.loud * 50) % 15 == 0:
            text = HEARD[self.turns % 3]
            text = text[: int(len(text) * min(1.0, self.loud / 1.6))]
            self.marks["partials"].append((round(self.heard, 3), text))
            sure = max(0, text.rfind(" "))
            await self.say("transcript", item=self.item, text=text, sure=sure, final=False)

    async def _quieter(self) -> None:
        if self.began is None:
            self.loud = self.loud if self.quiet < 0.1 else 0.0
        elif self.quiet >= STOP:
            self.marks |= {"speech_stopped": self.heard - self.quiet, "ended": self.heard, "reason": "silence"}
            seconds, self.began, self.loud = self.loud, None, 0.0
            await self.say("speech_stopped", at=self.marks["speech_stopped"], item=self.item)
            if self.answer:
                self.going.set()
                await self.say("resume", response=self.response, position=self.position, reason="backchannel")
                await self.say("backchannel", seconds=round(seconds, 2), text="")
                return
            await self.turn_over("silence")

    async def turn_over(self, reason: str) -> None:
        await self.say("turn_ended", at=self.heard, item=self.item, reason=reason, waited=round(self.quiet, 3))
        await self.say("transcript", item=self.item, text=HEARD[self.turns % 3], sure=999, final=True)
        self.marks["transcript"] = self.heard
        self.reply(HEARD[self.turns % 3], self.item)

    def reply(self, said: str, item: str) -> None:
        self.history.append({"id": item, "role": "user", "text": said, "status": "done", "heard": None})
        self.answer = asyncio.create_task(self._answer(self.script.answers[self.turns % len(self.script.answers)]))
        self.turns += 1

    @property
    def response(self) -> str:
        return f"resp-{self.turns}"

    async def _answer(self, text: str) -> None:
        item, began, marks = f"answer-{self.turns}", self.heard, self.marks
        self.made = marks
        self.going.set()
        await asyncio.sleep(0.25)
        await self.say("response_started", response=self.response, item=item)
        marks["first_text"] = began + 0.25
        for word in text.split(" "):
            await self.say("text", response=self.response, item=item, delta=word + " ")
        await asyncio.sleep(0.15)
        marks |= {"first_sound": began + 0.4, "first_frame": began + 0.41}
        self.first = self.position
        await self.say("audio", response=self.response, position=self.position)
        start, self.due = 0, asyncio.get_running_loop().time() - AHEAD
        for sentence in text.split(". "):
            end = min(len(text), start + len(sentence) + 2)
            await self.say(
                "speaking", response=self.response, item=item, start=start, end=end, position=self.position,
                voice="tone", engine="tone",
            )  # fmt: skip
            await self._tone(int((end - start) * self.script.pace * SPOKEN) // FRAME)
            start = end
        while self.played < self.position:
            self.news.clear()
            await self.news.wait()
        await self._done("completed", item, text, None)

    async def _tone(self, frames: int) -> None:
        """Paced by the clock; it stops while the house is paused or nobody is there."""
        loop = asyncio.get_running_loop()
        for _ in range(frames):
            while not self.going.is_set() or self.socket is None:
                await asyncio.sleep(0.005)
                self.due = max(self.due, loop.time() - AHEAD)
            phase = (self.position + np.arange(FRAME)) / SPOKEN
            sound = 0.25 * np.sin(2 * np.pi * 330 * phase) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * phase))
            with suppress(RuntimeError, WebSocketDisconnect):
                await self.socket.send_bytes((sound * 32767).astype(np.int16).tobytes())
            self.position += FRAME
            self.due += 0.02
            await asyncio.sleep(max(0.0, self.due - loop.time()))

    async def interrupt(self, reason: str) -> None:
        if self.answer is None:
            return
        self.answer.cancel()
        text = self.script.answers[(self.turns - 1) % len(self.script.answers)]
        share = max(0, self.played - self.first) / SPOKEN / self.script.pace
        heard = text[: max(0, text.rfind(" ", 0, int(share)))]
        item = f"answer-{self.turns}"
        await self.say(
            "interrupted", response=self.response, item=item, heard=heard, position=self.played, reason=reason
        )
        await self._done("interrupted", item, text, len(heard))

    async def _done(self, status: str, item: str, text: str, heard: int | None) -> None:
        told = {"id": item, "role": "assistant", "text": text, "heard": heard,
                "status": "interrupted" if heard is not None else "done"}  # fmt: skip
        self.history.append(told)
        marks, self.answer = self.made, None
        before = marks.get("speech_started") or self.heard
        seconds = max(0, self.played - self.first) / SPOKEN
        turn = {
            "item": item, "done": self.heard, "heard": seconds, "hears": "loudness", "thinks": "script",
            "speaks": "tone", "probabilities": [pair for pair in self.windows if pair[0] > before - 0.5][-1500:],
        }  # fmt: skip
        await self.say("response_done", response=self.response, status=status, item=told, calls=[], turn=turn | marks)


class House:
    """The socket's side."""

    def __init__(self, script: Script):
        self.script = script

    async def serve(self, socket: WebSocket) -> None:
        await socket.accept()
        if self.script.refuse:
            await socket.close(self.script.refuse)
            return
        self.script.sockets.append(socket)
        talk = None
        try:
            talk = await self._begin(socket)
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                if (frame := message.get("bytes")) is not None:
                    self.script.frames += 1
                    self.script.odd += len(frame) != 640
                    await talk.hear(frame)
                else:
                    await self._told(talk, json.loads(message["text"]))
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            if talk is not None and talk.socket is socket:
                talk.socket = None

    async def _begin(self, socket: WebSocket) -> Talk:
        known = self.script.talks
        while True:
            start = json.loads(await socket.receive_text())
            self.script.told.append(start | {"at": time.monotonic()})
            if self.script.held and "session" in start:
                self.script.held -= 1
                held = {"code": "conflict", "message": "Another process holds it.", "fatal": False}
                await socket.send_text(json.dumps({"type": "error", "retryable": False} | held))
                continue
            if start.get("session", "") in ("", *known):
                break
            gone = {"code": "not_found", "message": "There is no such conversation.", "fatal": False}
            await socket.send_text(json.dumps({"type": "error", "retryable": False} | gone))
        resumed = "session" in start
        id = start["session"] if resumed else f"session-{len(self.script.of('start'))}"
        talk = known.setdefault(id, Talk(self.script, id, start))
        if resumed:
            talk.position = start["received"]
        talk.socket = socket
        await talk.say(
            "ready", v=1, session=id, token="secret", resumed=resumed, heard_input=0, position=talk.position,
            models={"hears": "loudness", "thinks": "script", "speaks": "tone"}, lead_ms=150, history=talk.history,
        )  # fmt: skip
        return talk

    async def _told(self, talk: Talk, message: dict[str, Any]) -> None:
        self.script.told.append(message | {"at": time.monotonic()})
        kind = message["type"]
        if kind == "played":
            talk.played = message["position"]
            talk.news.set()
        elif kind == "ping":
            await talk.say("pong", t=message["t"])
        elif kind == "configure":
            talk.start |= message
        elif kind == "interrupt":
            await talk.interrupt("asked")
        elif kind == "commit":
            talk.item, talk.marks = f"item-{talk.turns}", {"ended": talk.heard, "reason": "commit", "partials": []}
            await talk.turn_over("commit")
        elif kind == "message":
            await talk.interrupt("message")
            talk.marks = {"ended": talk.heard, "reason": "message", "partials": []}
            item = {"id": message["id"], "role": "user", "text": message["content"], "status": "done", "heard": None}
            await talk.say("item", item=item, after="")
            talk.reply(message["content"], message["id"])
        elif kind == "end" and talk.socket:
            await talk.say("ended", reason="client")
            await talk.socket.close(1000)


@contextmanager
def scripted(script: Script, port: int = 0) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """The address, and the loop that everything of the script belongs to."""
    began: Future[tuple[uvicorn.Server, asyncio.AbstractEventLoop]] = Future()
    port = port or free_port()

    async def serve(folder: Path) -> None:
        try:
            app = create_app(Settings(data_dir=folder, log_level="ERROR"))
        except Exception as error:
            began.set_exception(error)
            raise
        app.router.routes.insert(0, WebSocketRoute("/ws", House(script).serve))
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=1))
        began.set_result((server, asyncio.get_running_loop()))
        await server.serve()

    with tempfile.TemporaryDirectory() as folder:
        thread = threading.Thread(target=asyncio.run, args=(serve(Path(folder)),))
        thread.start()
        server, loop = began.result(60)
        while not server.started and thread.is_alive():
            thread.join(0.01)
        try:
            yield f"http://127.0.0.1:{port}", loop
        finally:
            server.should_exit = True
            thread.join(30)


if __name__ == "__main__":
    with scripted(Script(), int(sys.argv[1])) as (address, _):
        print(address)
        threading.Event().wait()
