import asyncio
import io
import math
import wave
from contextlib import aclosing

import numpy as np
import pytest

from audio.value import Audio
from core.errors import BadAudio, BadRequest, BudgetSpent, TooLarge, WorkerDied
from engines.base import EngineConfig, Segment, TranscriptionRequest, Word
from engines.pool import Priority
from tests.fakes import FakePool, LoudIsSpeech, engine_class, hears, registry, tone
from voice.routing import Routing
from voice.segments import Rules
from voice.transcription import Transcription, TranscriptionOptions, joined


def wav(*parts: Audio | float) -> bytes:
    """Tones and seconds of silence, as a file."""
    audio = Audio.join([part if isinstance(part, Audio) else Audio.silence(part, 16000) for part in parts])
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(audio.rate)
        out.writeframes(audio.pcm16())
    return file.getvalue()


def transcription(pool: FakePool, max_seconds: float = 3600, **here) -> Transcription:
    routing = Routing(registry(**here), EngineConfig())
    return Transcription(pool, routing, LoudIsSpeech(), max_seconds=max_seconds)


def words(request: TranscriptionRequest) -> list[Segment]:
    """A segment a passage, with a word at each of its ends."""
    clips = request.clips or ((0.0, request.audio.seconds),)
    return [
        Segment(f"part {n}", start, end, "en", (Word("part", start, start + 0.1), Word(str(n), end - 0.1, end)))
        for n, (start, end) in enumerate(clips)
    ]


TWO = (1.0, tone(1.0), 2.0, tone(1.5), 0.5)


async def test_times_are_those_of_the_recording():
    pool = FakePool(default=words)
    transcript = await transcription(pool).whole(wav(*TWO), TranscriptionOptions(words=True))
    assert transcript.text == "part 0 part 1"
    assert transcript.duration == pytest.approx(6.0)
    assert [s.start for s in transcript.segments] == pytest.approx([0.9, 3.9], abs=0.04)
    assert [s.end for s in transcript.segments] == pytest.approx([2.1, 5.6], abs=0.04)
    for segment in transcript.segments:
        assert segment.words[0].start == pytest.approx(segment.start)
        assert segment.words[1].end == pytest.approx(segment.end)


async def test_an_engine_that_batches_gets_passages_together():
    pool = FakePool(default=words)
    parts = [part for _ in range(19) for part in (tone(0.5), 1.0)]
    transcript = await transcription(pool).whole(wav(*parts), TranscriptionOptions())
    assert [len(request.clips) for request in pool.requests] == [8, 8, 3]
    assert [s.start for s in transcript.segments] == pytest.approx([max(0, n * 1.5 - 0.1) for n in range(19)], abs=0.04)
    for request in pool.requests:
        assert request.clips[-1][1] == pytest.approx(request.audio.seconds)


async def test_another_engine_gets_one_passage_at_a_time():
    pool = FakePool(default=words)
    await transcription(pool).whole(wav(*TWO), TranscriptionOptions(model="pocketsphinx"))
    assert [request.clips for request in pool.requests] == [(), ()]
    assert [request.audio.seconds for request in pool.requests] == pytest.approx([1.2, 1.7], abs=0.05)
    assert {request.audio.rate for request in pool.requests} == {16000}


async def test_long_speech_is_cut_into_passages_an_engine_can_take():
    pool = FakePool(default=hears)
    transcript = await transcription(pool).whole(wav(tone(100)), TranscriptionOptions(model="pocketsphinx"))
    assert max(request.audio.seconds for request in pool.requests) <= 28
    assert sum(request.audio.seconds for request in pool.requests) == pytest.approx(100, abs=0.1)
    assert transcript.segments[-1].end == pytest.approx(100, abs=0.1)


async def test_an_engine_of_another_rate_gets_its_own():
    pool = FakePool(default=hears)
    low = engine_class("low", "stt", rate=8000)
    here = Transcription(pool, Routing({"low": low}, EngineConfig()), LoudIsSpeech(), max_seconds=60)
    await here.whole(wav(tone(1.0)), TranscriptionOptions())
    assert pool.requests[0].audio.rate == 8000
    assert pool.requests[0].audio.seconds == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("seconds", [0.1, 5, 60])
async def test_silence_is_no_text_and_no_work(seconds):
    pool = FakePool(default=hears)
    transcript = await transcription(pool).whole(wav(seconds), TranscriptionOptions())
    assert (transcript.text, transcript.segments, pool.requests) == ("", (), [])
    assert transcript.duration == pytest.approx(seconds)


async def test_the_engine_is_told_what_is_wanted():
    pool = FakePool(default=hears)
    options = TranscriptionOptions(
        model="whisper-1",
        language="Hindi",
        task="translate",
        prompt="A talk.",
        hotwords=("Chai",),
        temperature=0.4,
        words=True,
    )
    await transcription(pool).whole(wav(tone(1.0)), options, priority=Priority.BATCH)
    request = pool.requests[0]
    assert (request.language, request.task, request.prompt, request.hotwords) == (
        "hi",
        "translate",
        "A talk.",
        ("Chai",),
    )
    assert (request.temperature, request.words, pool.priorities) == (0.4, True, [Priority.BATCH])
    assert pool.engines == ["faster-whisper:small"]


async def test_a_grammar_goes_to_an_engine_that_follows_one():
    pool = FakePool(default=hears)
    await transcription(pool).whole(wav(tone(1.0)), TranscriptionOptions(grammar="#JSGF V1.0;"))
    assert (pool.engines, pool.requests[0].grammar) == (["pocketsphinx"], "#JSGF V1.0;")


async def test_the_language_found_first_holds_for_the_rest():
    def finds(request):
        return [Segment("x", 0, 0.5, request.language or "de")]

    pool = FakePool(default=finds)
    parts = [part for _ in range(9) for part in (tone(0.5), 1.0)]
    transcript = await transcription(pool).whole(wav(*parts), TranscriptionOptions())
    assert [request.language for request in pool.requests] == ["", "de"]
    assert transcript.language == "de"


async def test_the_meter_hears_of_every_second_and_progress_of_what_is_done():
    pool, metered, done = FakePool(default=hears), [], []
    await transcription(pool).whole(wav(*TWO), TranscriptionOptions(), meter=metered.append, progress=done.append)
    assert metered == sorted(metered)
    assert metered[0] == pytest.approx(1.0)
    assert metered[-1] == done[-1] == pytest.approx(6.0)
    assert done == sorted(done)


async def test_the_meter_may_end_it():
    def spend(seconds: float) -> None:
        if seconds > 10:
            raise BudgetSpent("The budget is spent.")

    pool = FakePool(default=hears)
    parts = [part for _ in range(30) for part in (tone(0.5), 1.0)]
    with pytest.raises(BudgetSpent):
        await transcription(pool).whole(wav(*parts), TranscriptionOptions(model="pocketsphinx"), meter=spend)
    assert len(pool.requests) < 10
    assert pool.open == 0


async def test_closing_cancels_the_engine():
    async def endless(request):
        yield Segment("a", 0, 0.2)
        await asyncio.Event().wait()

    pool = FakePool(default=endless)
    async with aclosing(transcription(pool).stream(wav(*TWO), TranscriptionOptions())) as segments:
        assert (await anext(segments)).text == "a"
        assert pool.open == 1
    assert pool.open == 0
    assert len(pool.cancelled) == 1


async def test_an_engine_that_fails_is_not_hidden():
    def failing(request):
        raise WorkerDied("The engine's process ended.")

    with pytest.raises(WorkerDied):
        await transcription(FakePool(default=failing)).whole(wav(*TWO), TranscriptionOptions())


async def test_times_never_leave_their_passage():
    def wild(request):
        return [Segment("x", -5, 50, words=(Word("x", -5, 500),))]

    transcript = await transcription(FakePool(default=wild)).whole(
        wav(*TWO), TranscriptionOptions(model="pocketsphinx")
    )
    assert all(0.8 < s.start <= s.end <= 6 for s in transcript.segments)
    assert all(s.start <= w.start <= w.end <= s.end for s in transcript.segments for w in s.words)


async def test_a_file_and_an_open_file_are_taken_too(tmp_path):
    path = tmp_path / "speech.wav"
    path.write_bytes(wav(*TWO))
    here = transcription(FakePool(default=words))
    texts = [
        (await here.whole(source, TranscriptionOptions())).text for source in (path, io.BytesIO(path.read_bytes()))
    ]
    assert texts == ["part 0 part 1"] * 2


@pytest.mark.parametrize("source", [b"", b"this is no sound", wav(1.0)[:30]])
async def test_what_is_no_audio(source):
    with pytest.raises(BadAudio):
        await transcription(FakePool()).whole(source, TranscriptionOptions())


async def test_what_is_too_long():
    with pytest.raises(TooLarge):
        await transcription(FakePool(default=hears), max_seconds=2).whole(wav(*TWO), TranscriptionOptions())


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"task": "sing"}, "task"),
        ({"task": "translate", "model": "pocketsphinx"}, "task"),
        ({"grammar": "#JSGF", "model": "faster-whisper"}, "grammar"),
        ({"temperature": 1.5}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"prompt": "a" * 10_000}, "prompt"),
        ({"grammar": "a" * 100_000}, "grammar"),
        ({"hotwords": ("a",) * 1000}, "hotwords"),
        ({"language": "hi", "model": "pocketsphinx"}, "language"),
    ],
)
def test_what_cannot_be_heard(options, param):
    with pytest.raises(BadRequest) as caught:
        transcription(FakePool()).plan(TranscriptionOptions(**options))
    assert caught.value.param == param


async def test_speech_is_found_without_any_engine():
    pool, metered = FakePool(), []
    found = await transcription(pool).segments(wav(*TWO), Rules(padding=0), meter=metered.append)
    assert [(span.start, span.end) for span in found] == [
        pytest.approx((1, 2), abs=0.04),
        pytest.approx((4, 5.5), abs=0.04),
    ]
    assert metered[-1] == pytest.approx(6)
    assert pool.requests == []


async def test_hearing_does_not_hold_up_the_loop():
    beats = 0

    async def beat():
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    beating = asyncio.ensure_future(beat())
    rng = np.random.default_rng(3)
    noise = Audio(rng.normal(0, 0.1, 16000 * 20).astype(np.float32), 16000)
    await transcription(FakePool()).segments(wav(noise))
    beating.cancel()
    assert beats > 20


@pytest.mark.parametrize(
    ("language", "text"), [("en", "a b"), ("", "a b"), ("ja", "ab"), ("zh-CN", "ab"), ("ko", "a b")]
)
def test_text_is_joined_as_the_language_writes(language, text):
    assert joined([Segment(" a", 0, 1), Segment("  ", 1, 1), Segment("b ", 1, 2)], language) == text
