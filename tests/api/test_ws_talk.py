"""A conversation on `/ws` with the house's own parts behind it: scripted engines, real workers, real time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect

from api._wire.outbox import Outbox
from api._ws.session import Session
from audio.decode import decode
from tests.api.conftest import ADMIN, Server
from tests.let_go import let_go
from voice._ahead import Ahead
from voice.listening import Utterance
from voice.talk.conversation import Conversation
from voice.talk.response import Response

pytestmark = pytest.mark.integration

SCRIPTED = {"model": "scripted-llm", "hears": "scripted-stt", "speaks": "scripted-tts", "turns": "manual"}


class Caller:
    """Keeps the sound of each response, and knows where it belongs."""

    def __init__(self, socket: ClientConnection):
        self.socket = socket
        self.sound: dict[str, bytes] = {}
        self.response = ""

    def send(self, type: str, **values: Any) -> None:
        self.socket.send(json.dumps({"type": type} | values))

    def next(self, *types: str) -> dict[str, Any]:
        while True:
            got = self.socket.recv(timeout=20)
            if isinstance(got, bytes):
                self.sound[self.response] = self.sound.get(self.response, b"") + got
                continue
            message = json.loads(got)
            if message["type"] == "audio":
                self.response = message["response"]
                assert message["position"] >= 0
            if message["type"] in types:
                return message
            assert message["type"] != "error", message


@contextmanager
def calling(server: Server, **asked: Any) -> Iterator[tuple[Caller, dict[str, Any]]]:
    """Ended behind the block: others look whether anything is left running."""
    url = server.url.replace("http", "ws") + "/ws"
    with connect(url, additional_headers={"X-API-Key": ADMIN}, compression=None, proxy=None) as socket:
        caller = Caller(socket)
        caller.send("start", **SCRIPTED | asked)
        yield caller, caller.next("ready")
        with suppress(ConnectionClosed, OSError):
            caller.send("end")
            for _ in socket:
                pass


def test_a_message_is_answered_in_words_and_sound(server: Server):
    with calling(server) as (caller, ready):
        assert ready["models"] == {"hears": "scripted-stt", "thinks": "scripted-llm", "speaks": "scripted-tts"}
        caller.send("message", content="Good morning, all of you.")
        started = caller.next("response_started")
        done = caller.next("response_done")
        assert (done["response"], done["status"]) == (started["response"], "completed")
        assert done["item"]["text"] == "You said: Good morning, all of you."
        assert done["turn"]["thinks"].startswith("scripted-llm")
        assert len(caller.sound[done["response"]]) / 48000 > 0.3
        assert done["turn"]["heard"] == pytest.approx(len(caller.sound[done["response"]]) / 48000, abs=0.1)


def test_what_is_said_is_transcribed_and_answered(server: Server, spoken: bytes):
    samples = decode(spoken, 16000, max_seconds=60).samples
    data = (samples * 32767).astype("<i2").tobytes()
    with calling(server, mode="both") as (caller, _):
        for at in range(0, len(data), 3200):
            caller.socket.send(data[at : at + 3200])
        time.sleep(0.2)
        caller.send("commit")
        transcript = caller.next("transcript")
        while not transcript["final"]:
            transcript = caller.next("transcript")
        assert transcript["text"].startswith("I heard")
        done = caller.next("response_done")
        assert transcript["text"] in done["item"]["text"]


def test_an_interrupted_answer_is_cut_to_what_was_heard_and_kept_so(server: Server, client: httpx.Client):
    text = "One two three four five six seven eight nine ten. " * 4
    with calling(server) as (caller, ready):
        caller.send("message", content=text)
        caller.next("speaking")
        time.sleep(0.5)
        caller.send("interrupt")
        cut = caller.next("interrupted")
        done = caller.next("response_done")
        assert done["status"] == "interrupted"
        assert len(cut["heard"]) < len("You said: " + text)
        assert ("You said: " + text).startswith(cut["heard"])
        id = ready["session"]
        assert client.get(f"/v1/conversations/{id}").json()["live"]
        answer = client.post(f"/v1/conversations/{id}/messages", json={"content": "Hello"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
        caller.send("end")
        assert caller.next("ended")["reason"] == "ended by the client"
        with pytest.raises(ConnectionClosedOK):
            caller.next("ready")
    kept = client.get(f"/v1/conversations/{id}").json()
    assert (kept["live"], kept["items"][0]["text"].strip()) == (False, text.strip())
    again = client.post(f"/v1/conversations/{id}/messages", json={"content": "Go on", "speak": False})
    assert again.json()["answer"]["text"] == "You said: Go on"


def test_a_dropped_call_loses_and_repeats_nothing(server: Server):
    text = "One two three four five six."
    with calling(server) as (caller, _):
        for _ in range(2):  # how loud a voice is, and so how it is played, is known once it has spoken
            caller.send("message", content=text)
            caller.next("response_done")
        whole = np.frombuffer(caller.sound[caller.response], "<i2")
    with calling(server) as (caller, ready):
        caller.send("message", content=text)
        caller.next("speaking")
        time.sleep(0.4)
        caller.send("ping")
        caller.next("pong")
        caller.socket.socket.close()
        first = np.frombuffer(caller.sound[caller.response], "<i2")
    asked = {name: ready[name] for name in ("session", "token")}
    with calling(server, **asked, received=len(first)) as (caller, again):
        assert (again["resumed"], again["position"]) == (True, len(first))
        caller.next("response_done")
        rest = np.frombuffer(caller.sound[caller.response], "<i2")
        caller.send("end")
        caller.next("ended")
    both = np.concatenate((first, rest))
    assert len(both) == len(whole)
    assert np.abs(both.astype(int) - whole).max() <= 1


def test_what_is_being_held_is_deleted_when_it_is_over(server: Server, client: httpx.Client):
    with calling(server) as (caller, ready):
        path = f"/v1/conversations/{ready['session']}"
        answer = client.delete(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
        caller.send("end")
        assert caller.next("ended")["reason"] == "ended by the client"
        with pytest.raises(ConnectionClosedOK):
            caller.next("ready")
        assert client.delete(path).status_code == 200
    assert client.get(path).status_code == 404


def test_a_conversation_begun_over_http_goes_on_at_the_socket(server: Server, client: httpx.Client):
    made = client.post("/v1/conversations", json=SCRIPTED).json()
    client.post(f"/v1/conversations/{made['id']}/messages", json={"content": "Remember me", "speak": False})
    with calling(server, session=made["id"], token=made["token"]) as (_, ready):
        assert [item["text"] for item in ready["history"]] == ["Remember me", "You said: Remember me"]


def test_what_is_over_is_let_go_of_at_once(server: Server):
    with let_go(Session, Conversation, Response, Utterance, Outbox, Ahead) as left:
        with calling(server, turns="auto") as (caller, _):
            caller.send("message", content="One two three four five six seven eight nine ten. " * 4)
            caller.next("speaking")
            caller.send("message", content="Something else, please.")
            caller.next("interrupted")
            caller.next("response_done")
            caller.next("response_done")
        assert left(10) == []
