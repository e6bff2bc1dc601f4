"""The official `openai` client, of which only base_url and the key are set, against a real server."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import openai
import pytest

from audio.decode import decode
from tests.api.conftest import ADMIN, Server
from tests.api.sounds import named, silence

pytestmark = pytest.mark.integration

TEXT = "One two three."


@pytest.fixture(scope="session")
def ai(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=ADMIN, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_speech_in_every_format(ai, form):
    answer = ai.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=form)
    if form == "pcm":
        samples = np.frombuffer(answer.content, "<i2") / 32768
        seconds, loudness = len(samples) / 24_000, np.abs(samples).max()
    else:
        audio = decode(answer.content, 24_000, max_seconds=60)
        seconds, loudness = audio.seconds, np.abs(audio.samples).max()
    assert 0.5 < seconds < 5
    assert loudness > 0.05


@pytest.mark.parametrize("form", ["mp3", "wav", "pcm"])
def test_speech_streamed(ai, form):
    stream = ai.audio.speech.with_streaming_response.create(
        model="scripted-tts", voice="tone", input=TEXT * 20, response_format=form
    )
    with stream as answer:
        parts = list(answer.iter_bytes())
    assert len(parts) > 3
    assert answer.headers["x-voiceforge-engine"] == "scripted-tts"


def test_speech_as_events(ai):
    stream = ai.audio.speech.with_streaming_response.create(
        model="scripted-tts", voice="tone", input=TEXT, response_format="pcm", stream_format="sse"
    )
    with stream as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert lines[0] == "event: speech.audio.delta"
    assert lines[-2] == "event: speech.audio.done"
    assert '"total_tokens":14' in lines[-1]


def test_a_voice_may_be_an_object(ai):
    voice = {"id": "scripted-tts/tone-high"}
    answer = ai.audio.speech.with_raw_response.create(model="tts-1", voice=voice, input=TEXT, response_format="pcm")
    assert answer.headers["x-voiceforge-voice"] == "scripted-tts/tone-high"


def test_speed_and_instructions(ai):
    usual = {"model": "scripted-tts", "voice": "tone", "input": TEXT, "response_format": "pcm"}
    slow = ai.audio.speech.create(**usual, speed=0.5, instructions="Whisper.").content
    fast = ai.audio.speech.create(**usual, speed=2).content
    assert len(slow) == pytest.approx(4 * len(fast), rel=0.05)


@pytest.mark.parametrize("model", ["pocketsphinx", "scripted-stt"])
@pytest.mark.parametrize("form", ["json", "text", "srt", "verbose_json", "vtt"])
def test_transcription_in_every_format(ai, spoken, form, model):
    answer = ai.audio.transcriptions.create(model=model, file=named(spoken), response_format=form)
    if form == "json":
        assert answer.text
        assert answer.usage.type == "duration"
    elif form == "verbose_json":
        assert answer.duration == pytest.approx(decode(spoken, 16_000, max_seconds=60).seconds, abs=0.05)
        assert answer.segments[0].end > answer.segments[0].start
        assert answer.language == "english"
        assert answer.words is None
    else:
        assert isinstance(answer, str)
        assert answer.startswith({"text": "", "srt": "1\n00:00:", "vtt": "WEBVTT\n\n00:00:"}[form])
        assert answer.strip()


@pytest.mark.parametrize(("granularities", "words", "segments"), [(["word"], 1, 0), (["word", "segment"], 1, 1)])
def test_word_times(ai, spoken, granularities, words, segments):
    answer = ai.audio.transcriptions.create(
        model="scripted-stt",
        file=named(spoken),
        response_format="verbose_json",
        timestamp_granularities=granularities,
        language="en",
        prompt="Greetings.",
        temperature=0.2,
        include=["logprobs"],
        chunking_strategy={"type": "server_vad", "threshold": 0.4},
    )
    assert bool(answer.words) == bool(words)
    assert bool(answer.segments) == bool(segments)


def test_transcription_streamed(ai, spoken):
    events = list(ai.audio.transcriptions.create(model="scripted-stt", file=named(spoken), stream=True))
    kinds = [event.type for event in events]
    assert kinds[0] == "transcript.text.delta"
    assert kinds[-1] == "transcript.text.done"
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == events[-1].text
    assert any(event.type == "transcript.text.segment" and event.end > event.start for event in events)


def test_silence_is_no_text(ai):
    answer = ai.audio.transcriptions.create(model="whisper-1", file=named(silence(2.0)), response_format="verbose_json")
    assert (answer.text, answer.segments) == ("", [])


def test_a_recording_in_another_coat(ai, server, spoken):
    with server.client() as client:
        ogg = client.post("/v1/audio/convert", files={"file": spoken}, data={"response_format": "opus"}).content
    assert ai.audio.transcriptions.create(model="scripted-stt", file=("a.ogg", BytesIO(ogg))).text


def test_a_wrong_key(server):
    stranger = openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-wrong", max_retries=0)
    with stranger, pytest.raises(openai.AuthenticationError) as caught:
        stranger.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
    assert caught.value.status_code == 401
    assert caught.value.code == "invalid_api_key"
    assert caught.value.response.headers["www-authenticate"].startswith("Bearer")


def test_a_limit(server, client):
    body = {"name": "slow", "scopes": ["speech"], "limits": {"requests_per_minute": 2}}
    secret = client.post("/v1/keys", json=body).json()["secret"]
    request = {"model": "scripted-tts", "voice": "tone", "input": "Hi.", "response_format": "pcm"}
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=secret, max_retries=0) as ai:
        first = ai.audio.speech.with_raw_response.create(**request)
        assert first.headers["x-ratelimit-limit-requests"] == "2"
        assert first.headers["x-ratelimit-remaining-requests"] == "1"
        ai.audio.speech.create(**request)
        with pytest.raises(openai.RateLimitError) as caught:
            ai.audio.speech.create(**request)
    headers = caught.value.response.headers
    assert caught.value.code == "rate_limit_exceeded"
    assert 1 <= int(headers["retry-after"]) <= 31
    assert headers["x-ratelimit-remaining-requests"] == "0"


@pytest.mark.parametrize(("voice", "near"), [("aloy", "alloy"), ("scripted-tts/ton", "scripted-tts/tone")])
def test_an_unknown_voice(ai, voice, near):
    with pytest.raises(openai.NotFoundError) as caught:
        ai.audio.speech.create(model="tts-1", voice=voice, input=TEXT)
    assert caught.value.param == "voice"
    assert near in caught.value.message


def test_an_unknown_model(ai):
    with pytest.raises(openai.NotFoundError) as caught:
        ai.audio.speech.create(model="espeak", voice="alloy", input=TEXT)
    assert caught.value.param == "model"
    assert "espeak-ng" in caught.value.message


def test_models(ai):
    ids = [model.id for model in ai.models.list()]
    assert {"auto", "tts-1", "whisper-1", "espeak-ng", "pocketsphinx"} <= set(ids)
    assert ai.models.retrieve("espeak-ng").object == "model"
    with pytest.raises(openai.NotFoundError, match="whisper-1"):
        ai.models.retrieve("whisper1")
