import pytest

from engines.base import Segment, Word
from voice.captions import json, segment_json, srt, stamp, verbose_json, vtt
from voice.transcription import Transcript

SEGMENTS = (
    Segment(
        " Hello there.",
        0.5,
        1.9996,
        "en",
        (Word(" Hello", 0.5, 1.0), Word(" there.", 1.0, 1.9996)),
        -0.25,
        0.01,
        1.2,
        0.2,
        (1, 2),
    ),
    Segment("Tom & Jerry <b>", 3661.25, 3662.5, "en"),
)
TRANSCRIPT = Transcript("Hello there. Tom & Jerry <b>", "en", 3700.2, SEGMENTS)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00:00.000"),
        (59.9996, "00:01:00.000"),
        (3661.25, "01:01:01.250"),
        (360000, "100:00:00.000"),
        (-1, "00:00:00.000"),
    ],
)
def test_stamps(seconds, text):
    assert stamp(seconds) == text


def test_subrip_to_the_letter():
    assert srt(SEGMENTS) == (
        "1\n00:00:00,500 --> 00:00:02,000\nHello there.\n\n2\n01:01:01,250 --> 01:01:02,500\nTom & Jerry <b>\n\n"
    )


def test_webvtt_to_the_letter():
    assert vtt(SEGMENTS) == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nHello there.\n\n"
        "01:01:01.250 --> 01:01:02.500\nTom &amp; Jerry &lt;b&gt;\n\n"
    )


@pytest.mark.parametrize("write", [srt, vtt])
def test_text_cannot_break_out_of_its_cue(write):
    evil = Segment("one\n\n2\n00:00:00,000 --> 00:00:09,000\r\ntwo\u2028three --> four", 1, 2)
    blocks = write([evil]).strip().split("\n\n")
    assert len(blocks) == (1 if write is srt else 2)
    assert blocks[-1].count("-->") == 1
    assert len(blocks[-1].splitlines()) == (3 if write is srt else 2)


def test_nothing_heard_is_an_empty_file():
    assert srt([]) == srt([Segment("  ", 0, 1)]) == ""
    assert vtt([]) == "WEBVTT\n\n"


def test_a_cue_has_a_length():
    assert "00:00:01,000 --> 00:00:01,001" in srt([Segment("a", 1, 1)])


@pytest.mark.parametrize("words", [3, 12, 17, 40])
def test_lines_are_short_where_wanted(words):
    text = " ".join(["words"] * words)
    lines = srt([Segment(text, 0, 1)], wrap=True).strip().split("\n")[2:]
    assert " ".join(lines) == text
    assert len(lines) <= 2
    assert words > 14 or max(map(len, lines)) <= 42


def test_json():
    assert json(TRANSCRIPT) == {"text": TRANSCRIPT.text, "usage": {"type": "duration", "seconds": 3701}}


def test_verbose_json():
    answer = verbose_json(TRANSCRIPT, words=True)
    assert (answer["task"], answer["language"], answer["duration"]) == ("transcribe", "english", 3700.2)
    assert answer["words"] == [
        {"word": "Hello", "start": 0.5, "end": 1.0},
        {"word": "there.", "start": 1.0, "end": 2.0},
    ]
    assert [segment["id"] for segment in answer["segments"]] == [0, 1]
    assert "words" not in verbose_json(TRANSCRIPT)
    assert "segments" not in verbose_json(TRANSCRIPT, segments=False)


def test_a_segment_has_every_field_of_openais():
    assert segment_json(4, SEGMENTS[0]) == {
        "id": 4, "seek": 50, "start": 0.5, "end": 2.0, "text": " Hello there.", "tokens": [1, 2], "temperature": 0.2,
        "avg_logprob": -0.25, "compression_ratio": 1.2, "no_speech_prob": 0.01,
    }  # fmt: skip


def test_a_translation_is_in_english():
    assert verbose_json(Transcript("Hi", "de", 1, (), "translate"))["language"] == "english"


def test_a_language_nobody_knows():
    assert verbose_json(Transcript("", "", 1, ()))["language"] == "unknown"
