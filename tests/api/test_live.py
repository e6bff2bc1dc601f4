"""The conversations that are being held, over HTTP: who sees which, what of them, and who may end one."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from accounts.principal import ADMIN as PRINCIPAL
from api import live
from api._live_relay import Passing
from engines import agent as act
from providers.realtime import Upstream
from tests.api import _realtime, _socket
from tests.api._realtime import QUICK, ScriptedTalks
from tests.api._socket import ADMIN, until
from tests.providers.realtime_server import upstream
from voice.simulator.parts import ScriptedAgent

pytestmark = pytest.mark.integration

MODEL = "gpt-realtime-2.1"


@asynccontextmanager
async def calling(url: str, key: str | None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"X-API-Key": key} if key else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        yield client


async def rows(url: str, key: str | None = ADMIN, **asked: Any) -> dict[str, Any]:
    async with calling(url, key) as client:
        return (await client.get("/v1/live", params=asked)).raise_for_status().json()


async def made(studio: Any, *scopes: str) -> str:
    return (await studio.accounts.create_key(PRINCIPAL, " and ".join(scopes), frozenset(scopes))).secret


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[_realtime.House]:
    agent = ScriptedAgent(lambda event, history: (act.Say("It is five degrees."),), QUICK)
    async with _realtime.house(tmp_path, talks=ScriptedTalks(agent)) as found:
        yield found


def url(house: _realtime.House) -> str:
    return f"http://127.0.0.1:{house.port}"


async def asked(client: _realtime.Client) -> None:
    await client.send("conversation.item.create", item=_realtime.said("My number is 4711."))
    await client.send("response.create")
    await client.next("response.done")


async def test_a_realtime_session_is_seen_while_it_is_held(house: _realtime.House):
    assert (await rows(url(house)))["data"] == []
    async with house.held(output_modalities=["text"]) as client:
        await asked(client)
        found = await rows(url(house))
        (one,) = found["data"]
        assert (found["total"], found["everybody"], found["has_more"]) == (1, True, False)
        assert (one["kind"], one["own"], one["state"], one["cost_usd"]) == ("realtime", True, "listening", None)
        assert one["id"] in house.rooms._talks
        kinds = [(event["type"], event["from"]) for event in one["events"]]
        assert kinds[:3] == [("session.update", "client"), ("conversation.item.create", "client"), ("item", "server")]
        assert kinds[-1] == ("response_done", "server")
        assert one["events"][-1]["words"] == "It is five degrees."
        assert [event["ms"] for event in one["events"]] == sorted(event["ms"] for event in one["events"])
        assert (await rows(url(house), after=found["now"]))["data"][0]["events"] == []
        await client.send("response.cancel")
        await client.next("error")
        later = (await rows(url(house), after=found["now"]))["data"][0]["events"]
        assert [(event["type"], event["about"]) for event in later][-1] == ("error", "response_cancel_not_active")
        await client.says(0.3, 0.0)
        await until(lambda: house.rooms._talks[one["id"]][0].heard > 0.25)
        assert (await rows(url(house)))["data"][0]["heard_seconds"] == 0.3
    await until(lambda: not house.studio.live.of(None))


async def test_others_see_no_session_and_administrators_no_words(house: _realtime.House):
    mine, other = await made(house.studio, "conversation"), await made(house.studio, "conversation")
    async with house.client(key=mine) as client:
        await client.next("session.created")
        await asked(client)
        (own,) = (await rows(url(house), mine))["data"]
        assert [event["words"] for event in own["events"] if "words" in event] == [
            "My number is 4711.", "It is five degrees.",
        ]  # fmt: skip
        assert (await rows(url(house), other))["data"] == []
        (seen,) = (await rows(url(house), ADMIN))["data"]
        assert (seen["own"], seen["key"]) == (False, "conversation")
        assert len(seen["events"]) == len(own["events"])
        assert not any("words" in event for event in seen["events"])
        assert "4711" not in str(seen)
        assert "degrees" not in str(seen)


async def test_who_ends_a_session(house: _realtime.House):
    mine, other = await made(house.studio, "conversation"), await made(house.studio, "conversation")
    for key, said in ((mine, "You have ended it elsewhere."), (ADMIN, "An administrator has ended it.")):
        async with house.client(key=mine) as client:
            await client.next("session.created")
            id = next(iter(house.rooms._talks))
            async with calling(url(house), other) as stranger:
                assert (await stranger.delete(f"/v1/live/{id}")).status_code == 404
            async with calling(url(house), key) as owner:
                assert (await owner.delete(f"/v1/live/{id}")).json()["ended"] is True
                assert (await owner.delete(f"/v1/live/{id}")).status_code == 404
            assert await client.closed() == (1000, said)


@pytest.mark.parametrize(
    ("scope", "status"), [("", 401), ("ek_none", 401), ("speech", 403), ("usage", 403), ("conversation", 200)]
)
async def test_who_may_ask(house: _realtime.House, scope: str, status: int):
    key = scope if scope in ("", "ek_none") else await made(house.studio, scope)
    async with calling(url(house), key or None) as client:
        assert (await client.get("/v1/live")).status_code == status
        assert (await client.delete("/v1/live/nothing")).status_code == (404 if status == 200 else status)


@pytest.mark.parametrize("after", ["-1", "nan", "inf", "soon", "", "1e400"])
async def test_a_bad_time_is_refused(house: _realtime.House, after: str):
    async with calling(url(house), ADMIN) as client:
        assert (await client.get("/v1/live", params={"after": after})).status_code == 400


async def test_an_answer_holds_the_newest(house: _realtime.House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "MOST", 2)
    async with house.held(), house.held(), house.held():
        found = await rows(url(house))
        assert (found["total"], found["has_more"]) == (3, True)
        assert [row["id"] for row in found["data"]] == list(house.rooms._talks)[:0:-1]


async def test_a_chat_is_seen_while_it_is_held_and_waited_for(tmp_path: Path):
    async with _socket.house(tmp_path) as house:
        base = house.url.replace("ws://", "http://")
        async with house.started(voice="") as (client, ready):
            await client.send("message", content="Good morning")
            await client.send("nonsense")
            await client.settled()
            (one,) = (await rows(base, None))["data"]
            assert (one["id"], one["kind"], one["state"]) == (ready["session"], "chat", "listening")
            assert one["models"] == {"hears": "stt", "thinks": "llm", "speaks": "tts"}
            told = [(event["type"], event["from"], event["about"]) for event in one["events"]]
            assert told[0] == ("message", "client", "")
            assert told[-1] == ("error", "server", "invalid_request")
        await until(lambda: house.studio.live.of(None)[0].away)
        assert (await rows(base, None))["data"][0]["state"] == "away"
        async with calling(base, None) as owner:
            await owner.delete(f"/v1/live/{ready['session']}")
        assert (await rows(base, None))["data"] == []
        assert len(house.sessions) == 0


async def test_a_relayed_session_is_seen_billed_and_ended(house: _realtime.House):
    async with upstream() as there:
        house.studio.upstream = Upstream("openai", "sk-owner", MODEL)
        house.studio.upstream._base = there.url
        async with house.client(f"?model={MODEL}") as client:
            await client.next("session.created")
            await client.send("conversation.item.create", item=_realtime.said("My number is 4711."))
            await client.send("input_audio_buffer.append", audio=_realtime.silence(0.5))
            await client.send("response.create")
            await until(lambda: house.studio.live.of(None)[0].cost)
            (one,) = (await rows(url(house)))["data"]
            assert (one["kind"], one["models"]) == ("relay", {"thinks": f"openai:{MODEL}"})
            assert (one["heard_seconds"], one["input_tokens"], one["output_tokens"]) == (0.5, 100, 200)
            assert one["cost_usd"] == round((80 * 32 + 150 * 64) / 1e6, 6)
            kinds = [event["type"] for event in one["events"] if event["from"] == "client"]
            assert kinds == ["conversation.item.create", "response.create"]
            assert "4711" not in str(one), "what passes is not read"
            async with calling(url(house), ADMIN) as owner:
                assert (await owner.delete(f"/v1/live/{one['id']}")).status_code == 200
            with suppress(ConnectionClosed):
                while True:
                    await client.socket.recv()
            assert (client.socket.close_code, client.socket.close_reason) == (1000, "You have ended it elsewhere.")
        assert house.studio.live.of(None) == []
        await until(lambda: not there.open)


def test_what_passes_is_counted_as_it_is_named():
    passing = Passing("sess_1", "key:1", "Robot", "xai:grok", per_second=0.01)
    frame = base64.b64encode(bytes(4800)).decode()
    passing.up(f'{{"type": "input_audio_buffer.append", "audio": "{frame}"}}')
    passing.up(f'{{"event_id": "a", "type":"input_audio_buffer.append","audio":"{frame}","more":1}}')
    assert passing.seen.sound().heard == pytest.approx(0.2)
    input, output = {"format": {"type": "audio/pcmu"}}, {"format": {"type": "audio/pcm"}, "voice": "eve"}
    passing.down({"type": "session.updated", "session": {"audio": {"input": input, "output": output}}})
    passing.up(f'{{"type": "input_audio_buffer.append", "audio": "{frame}"}}')
    assert passing.seen.sound().heard == pytest.approx(0.8)
    states = []
    for event in (
        {"type": "input_audio_buffer.speech_started"},
        {"type": "input_audio_buffer.committed"},
        {"type": "response.output_audio.delta", "delta": frame},
        {"type": "response.output_audio_transcript.done", "transcript": "My number is 4711."},
        {"type": "response.done", "response": {"status": "completed"}},
    ):
        passing.down(event)
        states.append(passing.seen.state)
    assert states == ["listening", "thinking", "speaking", "speaking", "listening"]
    assert passing.seen.sound().said == pytest.approx(0.1)
    lines = passing.seen.lines()
    assert [line.type for line in lines if "4711" in line.words] == ["response.output_audio_transcript.done"]
    assert not any("4711" in line.about for line in lines)
    assert (lines[-1].about, passing.seen.voice) == ("completed", "eve")
    assert passing.seen.costs(60.0) == pytest.approx(0.6)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"type": "message"}', '{"type": "input_audio_buffer.append"}', "x" * 5_000_000,
     '{"type": "input_audio_buffer.append", "audio": 5}', '{"type": "input_audio_buffer.append", "audio": "'],
)  # fmt: skip
def test_a_client_may_send_what_it_likes(text: str):
    passing = Passing("sess_1", "key:1", "Robot", "openai:gpt-realtime")
    passing.up(text)
    assert passing.seen.sound().heard < 0.01


@pytest.mark.parametrize(
    "event",
    [{}, {"session": 5}, {"session": {"audio": {"input": 5, "output": {"format": {"rate": -1}, "voice": {"id": "x"}}}}},
     {"response": []}, {"error": "no"}, {"delta": 5}, {"name": 5, "transcript": []}],
)  # fmt: skip
@pytest.mark.parametrize(
    "type", ["session.created", "response.done", "error", "response.output_audio.delta", "unheard.of", "x" * 9999]
)
def test_a_server_may_send_what_it_likes(type: str, event: dict[str, Any]):
    passing = Passing("sess_1", "key:1", "Robot", "openai:gpt-realtime")
    passing.down({"type": type} | event)
    assert all(len(line.type) <= 80 for line in passing.seen.lines())
