"""A language model's answers, by the official `openai` client against a real server."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from pydantic import BaseModel

from api._chat_request import SLICE, ChatBody, decoded, spoken_id, words_of
from audio.decode import decode
from core.errors import BadAudio, BadRequest, TooLarge
from tests.api.conftest import ADMIN, Server
from tests.api.sounds import silence

pytestmark = pytest.mark.integration

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def ai(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=ADMIN, max_retries=0) as client:
        yield client


def user(content: Any) -> Any:
    return {"role": "user", "content": content}


def recording(data: bytes, form: str = "wav") -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(data).decode(), "format": form}}


def told(text: str) -> Any:
    """Messages to which the scripted model answers with this text."""
    return [{"role": "developer", "content": f"Say: {text}"}, user("Go on.")]


def test_words_in_and_out(ai):
    answer = ai.chat.completions.create(model="scripted-llm", messages=[user("Good morning")])
    assert answer.object == "chat.completion"
    assert answer.model == "scripted-llm"
    assert answer.choices[0].message.content == "You said: Good morning"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens == 2 + 4


def test_streamed(ai):
    chunks = list(
        ai.chat.completions.create(
            model="scripted-llm", messages=told("One two three."), stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "One two three."
    assert [chunk.choices[0].finish_reason for chunk in chunks[-3:-1]] == [None, "stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 3
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}


def test_the_stream_helper_of_the_client(ai):
    with ai.chat.completions.stream(model="scripted-llm", messages=told("One two three.")) as stream:
        kinds = {event.type for event in stream}
        assert stream.get_final_completion().choices[0].message.content == "One two three."
    assert {"content.delta", "content.done"} <= kinds


def test_a_limit_of_tokens(ai):
    for limit in ("max_tokens", "max_completion_tokens"):
        answer = ai.chat.completions.create(model="scripted-llm", messages=told("One two three."), **{limit: 2})
        assert answer.choices[0].message.content == "One two"
        assert answer.choices[0].finish_reason == "length"


def test_a_stop(ai):
    usual = {"model": "rules", "messages": [user("Repeat after me: one two three")]}
    whole = ai.chat.completions.create(**usual).choices[0].message.content
    assert "two" in whole
    for stop in ("two", ["never", "two"]):
        assert "two" not in ai.chat.completions.create(**usual, stop=stop).choices[0].message.content


def test_tools(ai):
    messages: list[Any] = [user("What is the weather in Paris?")]
    first = ai.chat.completions.create(model="rules", messages=messages, tools=[WEATHER])
    assert first.choices[0].finish_reason == "tool_calls"
    message = first.choices[0].message
    call = message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": '{"temperature": "12 degrees"}'}]
    second = ai.chat.completions.create(model="rules", messages=messages, tools=[WEATHER])
    assert "12 degrees" in second.choices[0].message.content
    none = ai.chat.completions.create(model="rules", messages=messages[:1], tools=[WEATHER], tool_choice="none")
    assert not none.choices[0].message.tool_calls
    named = {"type": "function", "function": {"name": "get_weather"}}
    forced = ai.chat.completions.create(model="rules", messages=[user("Oslo")], tools=[WEATHER], tool_choice=named)
    assert forced.choices[0].message.tool_calls[0].function.name == "get_weather"


def test_a_call_streamed(ai):
    with ai.chat.completions.stream(
        model="rules", messages=[user("What is the weather in Paris?")], tools=[WEATHER]
    ) as stream:
        for _ in stream:
            pass
        choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls"
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Paris"}


class Person(BaseModel):
    name: str
    age: int


def test_schemas(ai):
    answer = ai.chat.completions.parse(model="auto", messages=[user("Ada is 36.")], response_format=Person)
    assert isinstance(answer.choices[0].message.parsed, Person)
    free = ai.chat.completions.create(
        model="auto", messages=[user("Ada is 36.")], response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(free.choices[0].message.content), dict)


def test_sound_in(ai, server, spoken):
    form = "mp3"
    with server.client() as client:
        asked = {"files": {"file": spoken}, "data": {"response_format": form}}
        packed = client.post("/v1/audio/convert", **asked).raise_for_status().content
    for part in (recording(spoken), recording(packed, form)):
        answer = ai.chat.completions.create(
            model="scripted-llm", messages=[user([{"type": "text", "text": "Listen:"}, part])]
        )
        said = answer.choices[0].message.content
        assert said.startswith("You said: Listen:\n")
        assert len(said) > len("You said: Listen:\n") + 4


@pytest.mark.parametrize("form", ["wav", "mp3", "flac", "opus", "aac", "pcm16"])
def test_sound_out(ai, form):
    answer = ai.chat.completions.create(
        model="scripted-llm",
        messages=told("One two three. Four five six."),
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": form},
    )
    message = answer.choices[0].message
    assert message.content is None
    assert message.audio.transcript == "One two three. Four five six."
    assert message.audio.expires_at > time.time()
    data = base64.b64decode(message.audio.data)
    if form == "pcm16":
        samples = np.frombuffer(data, "<i2") / 32768
        seconds = len(samples) / 24_000
    else:
        samples = decode(data, 24_000, max_seconds=60).samples
        seconds = len(samples) / 24_000
    assert 1.0 < seconds < 8
    assert np.abs(samples).max() > 0.05


def test_sound_both_ways_and_on(ai, spoken):
    usual: dict[str, Any] = {
        "model": "auto",
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
    }
    messages: list[Any] = [user([recording(spoken)])]
    first = ai.chat.completions.create(**usual, messages=messages).choices[0].message
    assert decode(base64.b64decode(first.audio.data), 16_000, max_seconds=60).seconds > 0.5
    messages += [{"role": "assistant", "audio": {"id": first.audio.id}}, user("And now?")]
    assert ai.chat.completions.create(**usual, messages=messages).choices[0].message.audio.transcript


def test_sound_streamed(ai):
    chunks = list(
        ai.chat.completions.create(
            model="scripted-llm",
            messages=told("One two three. Four five six, seven eight. Nine ten."),
            modalities=["text", "audio"],
            audio={"voice": "alloy", "format": "pcm16"},
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    deltas = [chunk.choices[0].delta.model_dump(exclude_unset=True) for chunk in chunks if chunk.choices]
    parts = [delta["audio"] for delta in deltas if "audio" in delta]
    assert (
        "".join(part.get("transcript", "") for part in parts) == "One two three. Four five six, seven eight. Nine ten."
    )
    sound = b"".join(base64.b64decode(part["data"]) for part in parts if "data" in part)
    assert 1.5 < len(sound) / 48_000 < 12
    assert words_of(parts[-1]["id"]).startswith("One two three.")
    assert chunks[-1].usage.completion_tokens > 0


@pytest.mark.parametrize(
    "name", ["gpt-4o", "gpt-4o-mini-2024-07-18", "gpt-4o-audio-preview", "o3-mini", "chatgpt-4o-latest"]
)
def test_another_house_s_names_are_auto_visibly(ai, name):
    answer = ai.chat.completions.with_raw_response.create(model=name, messages=[user("Hello")])
    engine = answer.headers["x-voiceforge-engine"]
    assert engine == answer.parse().model == "rules"
    assert name in answer.headers["x-voiceforge-reason"]


def test_an_unknown_name(ai):
    with pytest.raises(openai.NotFoundError) as caught:
        ai.chat.completions.create(model="rulez", messages=[user("Hello")])
    assert caught.value.param == "model"
    assert "rules" in caught.value.message


def test_models_that_think_are_listed(ai):
    cards = {model.id: model for model in ai.models.list()}
    assert cards["rules"].kind == "llm"
    assert ai.models.retrieve("scripted-llm").kind == "llm"
    with pytest.raises(openai.BadRequestError, match="thinks"):
        ai.audio.speech.create(model="rules", voice="alloy", input="Hello")


def test_it_is_metered(server, client):
    made = client.post("/v1/keys", json={"name": "chat", "scopes": ["conversation", "usage"]}).json()
    body = {"model": "scripted-llm", "messages": told("Six words are said out loud.")}
    audio = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "mp3"}}
    with server.client(made["secret"]) as own:
        own.post("/v1/chat/completions", json=body).raise_for_status()
        own.post("/v1/chat/completions", json=body | audio).raise_for_status()
        spoken, written = own.get("/v1/usage/recent").json()["data"]
    assert [row["op"] for row in (spoken, written)] == ["chat", "chat"]
    assert written["engine"] == spoken["engine"] == "scripted-llm"
    assert (written["characters"], written["audio_seconds"]) == (0, 0.0)
    assert spoken["characters"] == len("Six words are said out loud.")
    assert spoken["audio_seconds"] > 0.5


def test_a_key_without_the_scope_and_none_at_all(server, client):
    secret = client.post("/v1/keys", json={"name": "x", "scopes": ["speech"]}).json()["secret"]
    for key, status in ((secret, 403), (None, 401), ("vf_live_wrong", 401)):
        with server.client(key) as other:
            answer = other.post("/v1/chat/completions", content=b"{", headers={"content-type": "application/json"})
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_limit(server, client):
    body = {"name": "slow", "scopes": ["conversation"], "limits": {"requests_per_minute": 1}}
    secret = client.post("/v1/keys", json=body).json()["secret"]
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=secret, max_retries=0) as ai:
        first = ai.chat.completions.with_raw_response.create(model="rules", messages=[user("Hello")])
        assert first.headers["x-ratelimit-remaining-requests"] == "0"
        with pytest.raises(openai.RateLimitError) as caught:
            ai.chat.completions.create(model="rules", messages=[user("Hello")])
    assert int(caught.value.response.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "wizard", "content": "a"}]}, "messages"),
        ({"messages": [user([{"type": "image_url", "image_url": {"url": "x"}}])]}, "messages"),
        ({"messages": [user([{"type": "input_audio"}])]}, "messages"),
        ({"messages": [user([{"type": "input_audio", "input_audio": {"data": "%%%"}}])]}, "messages"),
        ({"messages": [user([{"type": "input_audio", "input_audio": {"data": "QUJD"}}])]}, None),
        ({"messages": [user([recording(silence(1.0))])]}, "messages"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages"),
        ({"messages": [{"role": "assistant", "audio": {"id": "audio_abc"}}]}, "messages"),
        ({"n": 2}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"tools": [{"type": "function", "function": {"name": "two words"}}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "nothing"}}}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"modalities": ["smell"]}, "modalities"),
        ({"modalities": ["text", "audio"], "audio": {"format": "exe"}}, "audio"),
        ({"modalities": ["text", "audio"], "audio": {"format": "mp3"}, "stream": True}, "audio"),
        ({"modalities": ["text", "audio"], "audio": {"voice": "nobody-by-this-name"}}, "voice"),
    ],
)
def test_bad_input_is_told_apart_and_leaves_nothing(server, client, asked, param):
    body = {"model": "scripted-llm", "messages": [user("Hello.")]} | asked
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code in (400, 404), answer.text
    error = answer.json()["error"]
    assert param is None or error["param"] == param
    assert error["message"]
    assert server.busy() == []


def test_a_body_too_large(client):
    body = {"messages": [user("a" * 17_000_000)]}
    assert client.post("/v1/chat/completions", json=body).status_code == 413


async def test_a_client_that_vanishes_stops_the_model(server):
    """A model that would go on for a minute is idle again soon after its client is gone."""
    body = {"model": "scripted-llm", "messages": told("word " * 5000), "stream": True, "max_tokens": 5000,
            "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}  # fmt: skip
    client = httpx.AsyncClient(base_url=server.url, headers={"x-api-key": ADMIN}, timeout=30)
    async with client, client.stream("POST", "/v1/chat/completions", json=body) as answer:
        async for line in answer.aiter_lines():
            if '"data"' in line:
                break
        assert server.busy() != []
    until = time.monotonic() + 10
    while server.busy():
        assert time.monotonic() < until, server.busy()
        await asyncio.sleep(0)
    with server.client() as again:
        row = again.get("/v1/usage/recent?limit=1").json()["data"][0]
    assert (row["op"], row["status"], row["engine"]) == ("chat", "cancelled", "scripted-llm")
    assert row["characters"] > 50


# What needs no server


def asked(**body: Any) -> Any:
    return ChatBody.model_validate({"messages": [user("Hello")]} | body).asked()


def test_ids_of_spoken_answers_hold_their_words():
    for text in ("Hello.", "Grüße, 你好, 👋", "a" * 10_000):
        assert words_of(spoken_id(text)) == text
    for id in ("", "audio_", "audio_x", spoken_id("a")[:-6], spoken_id("a" * 2_000_000), "other" + spoken_id("a")[5:]):
        with pytest.raises(BadRequest):
            words_of(id)


def test_what_ids_hold_counts_among_the_characters():
    spoken = {"role": "assistant", "audio": {"id": spoken_id("a" * 150_000)}}
    assert len(spoken["audio"]["id"]) < 1000
    assert len(asked(messages=[spoken, spoken, user("Hello")]).bodies) == 3
    with pytest.raises(TooLarge):
        asked(messages=[spoken] * 2000)


def test_messages_as_a_model_reads_them():
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    request = asked(
        messages=[
            {"role": "developer", "content": "Be brief."},
            user([{"type": "text", "text": "Hear:"}, recording(b"1"), recording(b"2")]),
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "done"}]},
            {"role": "assistant", "audio": {"id": spoken_id("I said this.")}},
        ]
    )
    assert [decoded(data) for data in request.recordings] == [b"1", b"2"]
    messages = request.messages(("one", "two"))
    assert [message.role for message in messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert [message.content for message in messages] == ["Be brief.", "Hear:\none\ntwo", "", "done", "I said this."]
    assert messages[2].calls[0].arguments == '{"a": 1}'
    assert messages[3].call_id == "c1"
    with pytest.raises(BadAudio):
        asked(messages=[user([recording(b"1")])]).messages(("",))


def test_recordings_are_decoded_in_slices():
    data = bytes(range(256)) * (SLICE // 200)
    assert decoded(base64.b64encode(data).decode()) == data
    for wrong in ("%%%%", "QUJ", "QUJD" * SLICE + "é"):
        with pytest.raises(BadAudio):
            decoded(wrong)


def test_too_much_is_refused():
    with pytest.raises(TooLarge):
        asked(messages=[user("a" * 300_000)] * 2)
    with pytest.raises(TooLarge):
        asked(messages=[user([recording(b"1")] * 33)])
