from typing import Any

import pytest

from engines.base import Segment, Word
from voice.hallucinations import bare, heard

GOOD: dict[str, Any] = {"logprob": -0.25, "no_speech": 0.02}
WEAK = {"logprob": -0.75, "no_speech": 0.1}
DOUBTFUL = {"logprob": -0.4, "no_speech": 0.45}
NOTHING = {"logprob": -0.5, "no_speech": 0.8}


def kept(text: str, seconds: float = 20.0, **numbers) -> str:
    segments = heard([Segment(text, 0.0, seconds, **numbers)], seconds)
    return segments[0].text if segments else ""


@pytest.mark.parametrize("numbers", [GOOD, WEAK, DOUBTFUL])
@pytest.mark.parametrize(
    "text",
    [
        "no no no no",
        "No, no, no, no, no!",
        "yes yes yes yes yes",
        "Nein, nein, nein, nein.",
        "Oui, oui, oui, oui, oui.",
        "нет, нет, нет, нет",
        "不不不不不",
        "是是是是",
        "いやいやいやいや",
        "नहीं नहीं नहीं नहीं",
        "아니 아니 아니 아니",
        "ไม่ไม่ไม่",
        "zero zero zero zero seven",
        "ha ha ha ha ha",
        "Thank you, thank you, thank you.",
        "I don't know, I don't know.",
        "hello? hello? hello? is anybody there",
        "one two, one two, one two",
        "Thank you.",
        "Danke",
        "Bye bye!",
        "谢谢",
        "Can I have subtitles by tomorrow?",
        "I made the titles by hand",
        "thanks for watching the children",
        "Okay.",
        "42",
    ],
)
def test_what_people_say_stays(text, numbers):
    assert kept(text, **numbers) == text


@pytest.mark.parametrize(
    "text",
    [
        "Subtitles by the Amara.org community",
        "Untertitel der Amara.org-Community",
        "Untertitelung des ZDF, 2020",
        "Untertitel im Auftrag des ZDF für funk, 2017",
        "Sous-titres réalisés par la communauté d'Amara.org",
        "Sous-titrage ST' 501",
        "Sous-titrage Société Radio-Canada",
        "Subtítulos realizados por la comunidad de Amara.org",
        "Sottotitoli creati dalla comunità Amara.org",
        "Sottotitoli e revisione a cura di QTSS",
        "Legendas pela comunidade Amara.org",
        "Ondertitels ingediend door de Amara.org gemeenschap",
        "Napisy stworzone przez społeczność Amara.org",
        "Altyazı M.K.",
        "Субтитры сделал DimaTorzok",
        "Редактор субтитров А.Семкин Корректор А.Егорова",
        "ترجمة نانسي قنقر",
        "字幕by索兰娅",
        "中文字幕志愿者 李宗盛 请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
        "字幕志愿者 杨茜茜",
        "MBC 뉴스 이덕영입니다.",
        "[Music]",
        "♪♪",
        "(laughs)",
        "*sighs*",
        "[BLANK_AUDIO]",
        "...",
        "",
    ],
)
def test_what_nobody_says_goes(text):
    assert kept(text, **GOOD) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Thanks for watching!",
        "Thank you for watching.",
        "Please subscribe to my channel.",
        "Don't forget to like and subscribe!",
        "Vielen Dank fürs Zuschauen!",
        "Merci d'avoir regardé cette vidéo !",
        "¡Gracias por ver el video!",
        "¡Suscríbete al canal!",
        "Obrigado por assistir.",
        "Спасибо за просмотр!",
        "Продолжение следует...",
        "İzlediğiniz için teşekkürler.",
        "ご視聴ありがとうございました",
        "谢谢观看",
        "시청해주셔서 감사합니다.",
        "شكرا للمشاهدة",
    ],
)
def test_the_end_of_a_video_goes_where_the_engine_is_in_doubt(text):
    assert kept(text, **DOUBTFUL) == kept(text, **WEAK) == ""
    assert kept(text, **GOOD) == text


@pytest.mark.parametrize(
    "text", ["Thank you.", "you", "Vielen Dank.", "धन्यवाद", "ありがとうございました", "감사합니다."]
)
def test_a_courtesy_goes_only_where_there_was_no_speech(text):
    assert kept(text, **NOTHING) == ""
    assert kept(text, **DOUBTFUL) == text


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("thank you " * 6, GOOD),
        ("Thank you, " * 4, DOUBTFUL),
        ("no " * 13, GOOD),
        ("no " * 7, WEAK),
        ("I'm going to the store. " * 4, GOOD),
        ("I'm going to the store. " * 3, WEAK),
        ("ich weiß nicht " * 6, GOOD),
        ("我不知道你在说什么" * 4, GOOD),
        ("谢谢你" * 13, GOOD),
        ("谢谢你们" * 6, GOOD),
        ("ご視聴ありがとう" * 4, GOOD),
        ("это был я, " * 6, GOOD),
        ("मैं जा रहा हूँ " * 4, GOOD),
    ],
)
def test_loops_go(text, numbers):
    assert kept(text, **numbers) == ""


def test_a_loop_takes_only_itself():
    text = "I want to book a table " + "for two " * 6
    words = tuple(Word(word, n * 0.2, n * 0.2 + 0.2) for n, word in enumerate(text.split()))
    (segment,) = heard([Segment(text, 0.0, 8.0, words=words, **GOOD)], 8.0)
    assert segment.text == "I want to book a table"
    assert [word.text for word in segment.words] == segment.text.split()
    assert segment.end == pytest.approx(1.2)


def test_a_guess_in_no_speech_goes():
    assert kept("The weather", no_speech=0.7, logprob=-1.1) == ""
    assert kept("The weather", no_speech=0.7, logprob=-0.9) == "The weather"
    assert kept("The weather", no_speech=0.1, logprob=-1.1) == "The weather"


def test_what_the_engine_itself_calls_circles_goes():
    assert kept("The weather", compression_ratio=2.5, **GOOD) == ""


def test_nobody_speaks_that_fast():
    text = "And so my fellow Americans, ask not what your country can do for you."
    assert kept(text, 0.4, **GOOD) == ""
    assert kept(text, 3.0, **GOOD) == text


def test_other_segments_stay():
    segments = [Segment("Hello there.", 0, 1, **GOOD), Segment("Subtitles by the Amara.org community", 1, 9, **GOOD)]
    assert heard(segments, 9.0) == segments[:1]
    assert heard([], 9.0) == []


@pytest.mark.parametrize(
    ("text", "expected"), [("Don't  STOP!", "dont stop"), ("धन्यवाद।", "धन्यवाद"), ("… ¿Qué?", "qué"), ("♪ _", "")]
)
def test_bare(text, expected):
    assert bare(text) == expected
