import pytest

from core.errors import BadRequest
from engines.registry import find
from voice.languages import canonical, checked, guess, is_exact, name_of, speaks


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("नमस्ते दुनिया", "hi"),
        ("مرحبا بالعالم", "ar"),
        ("سلام، چطوری؟ گفت", "fa"),
        ("آپ کیسے ہیں؟ ٹھیک", "ur"),
        ("你好，世界", "cmn"),
        ("今日は世界", "ja"),
        ("안녕하세요", "ko"),
        ("Привет, мир", "ru"),
        ("Привіт, світе", "uk"),
        ("Γειά σου", "el"),
        ("สวัสดี", "th"),
        ("שלום", "he"),
        ("হ্যালো", "bn"),
        ("வணக்கம்", "ta"),
        ("Hello 123", ""),
        ("Grüße, ça va", ""),
        ("12:30 !?", ""),
        ("Use the word नमस्ते to greet people in India", ""),
    ],
)
def test_a_script_suggests_a_language(text, language):
    assert guess(text) == language


def test_only_the_beginning_is_looked_at():
    assert guess("Hello " * 100 + "мир" * 10_000) == ""


def test_tags_that_mean_one_language():
    assert canonical("zh-CN") == canonical("cmn_Hans") == canonical("ZH") == "zh"
    assert canonical("nb") == canonical("no")


def test_names_and_tags_are_both_taken():
    assert checked("English") == "en"
    assert checked("pt_BR") == "pt-BR"
    assert checked("") == ""
    with pytest.raises(BadRequest) as caught:
        checked("<script>")
    assert caught.value.param == "language"


def test_who_speaks_what():
    assert speaks(("en-us",), "en-GB")
    assert speaks(("*",), "tlh")
    assert speaks(("cmn",), "zh")
    assert not speaks(("en",), "de")
    assert is_exact(("en-GB",), "en-gb")
    assert not is_exact(("en-US",), "en-gb")


def test_every_language_of_every_engine_has_a_name():
    tags = {
        tag for cls in find().values() for tag in (*cls.spec.languages, *(t for v in cls.voices() for t in v.languages))
    }
    assert [tag for tag in sorted(tags - {"*"}) if name_of(tag) == tag] == []
