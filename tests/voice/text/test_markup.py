"""Markup is parsed once, performed or left out, never read aloud; what cannot be is refused with its line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadRequest, TooLarge, VoiceForgeError
from voice.text.markup import parts
from voice.text.parts import MOST_PAUSE, Pause, Phoneme, SayAs, Sound, Spoken
from voice.text.performs import Performs, performs
from voice.text.reading import readings
from voice.text.ssml import MOST_CHARS, is_ssml

SILENT = Performs()


def said(text: str, language: str = "en", engine: Performs = SILENT) -> list[str]:
    """What an engine is given, pauses as their seconds."""
    found = []
    for part in parts(text, dialogue=bool(engine.speaker)):
        if isinstance(part, Pause):
            found.append(f"<{part.seconds:g}>")
        else:
            read = readings(part, part.manner.language or language, engine)
            found += [" ".join(reading.said.text.split()) for reading in read]
    return found


def test_a_pause_stands_between_two_parts():
    assert said("One. [pause:1.5s] Two. [pause:500ms]Three.") == ["One.", "<1.5>", "Two.", "<0.5>", "Three."]
    assert said("One [pause] two") == ["One", "<0.5>", "two"]


@pytest.mark.parametrize(
    "text", ["[pause:soon]", "[pause:-1s]", "[pause:61s]", "[pause:1e9]", "[pause:nan]", "[rate:9]", "[rate:x]"]
)
def test_a_pause_or_rate_that_cannot_be_is_refused(text):
    with pytest.raises(BadRequest):
        list(parts(f"Hello {text} there"))


def test_all_pauses_together_are_bounded():
    with pytest.raises(BadRequest, match="together"):
        list(parts(f"a [pause:{MOST_PAUSE:g}s] " * 11))


def test_voice_rate_and_language_hold_until_they_are_ended():
    found = [
        part
        for part in parts("A [voice:bob]B [rate:1.5]C [lang:de]D[/lang][/rate] E[/voice] F")
        if isinstance(part, Spoken)
    ]
    manners = [(part.text.strip(), part.manner.voice, part.manner.speed, part.manner.language) for part in found]
    assert manners == [
        ("A", "", 1, ""), ("B", "bob", 1, ""), ("C", "bob", 1.5, ""), ("D", "bob", 1.5, "de"), ("E", "bob", 1, ""),
        ("F", "", 1, ""),
    ]  # fmt: skip


def test_a_dialogue_is_a_part_for_each_turn_or_one_where_the_engine_performs_it():
    text = "[S1] Hello. [S2] Hi! [S1] Bye."
    turns = [(part.manner.speaker, part.text.strip()) for part in parts(text) if isinstance(part, Spoken)]
    assert turns == [("S1", "Hello."), ("S2", "Hi!"), ("S1", "Bye.")]
    assert " ".join(said(text, engine=performs("dia"))) == "[S1] Hello. [S2] Hi! [S1] Bye."


@pytest.mark.parametrize(
    "tag",
    [
        "[laugh]",
        "[laughs]",
        "[Laughing]",
        "(laughs)",
        "<laugh>",
        "*laughs*",
        "[laughter]",
        "[laughs harder]",
        "[nervous laughter]",
    ],
)
def test_a_sound_is_performed_or_left_out(tag):
    assert said(f"Oh {tag} no.") == ["Oh no."]
    assert said(f"Oh {tag} no.", engine=performs("dia")) == ["Oh (laughs) no."]
    assert said(f"Oh {tag} no.", engine=performs("orpheus")) == ["Oh <laugh> no."]
    assert said(f"Oh {tag} no.", engine=performs("chatterbox:turbo")) == ["Oh [laugh] no."]
    assert said(f"Oh {tag} no.", engine=performs("chatterbox")) == ["Oh no."]


@pytest.mark.parametrize(
    "tag", ["[happy]", "[sarcastically]", "[emotion:angry]", "[whispers]", "[/happy]", "<sad>", "[style:news]"]
)
def test_a_manner_nobody_performs_is_left_out(tag):
    assert said(f"Oh {tag} no.") == ["Oh no."]


@pytest.mark.parametrize(
    "text", ["He wrote it [sic] twice.", "See [1] (sad) there.", "A (brief) word.", "5 < 6 and a > b"]
)
def test_what_is_no_tag_stays(text):
    words = " ".join(piece for piece in said(text))
    for word in text.replace("[", " ").replace("]", " ").split():
        if word.isalpha():
            assert word in words


def test_a_link_is_no_tag():
    assert said("See [laugh](http://a.de) now.") == ["See laugh now."]


def test_ssml_rests_rates_voices_and_languages():
    text = (
        '<speak>One<break time="250ms"/> two <break strength="strong"/><prosody rate="150%" pitch="+2st">fast '
        '<voice name="bob">Bob</voice></prosody> <lang xml:lang="de">3 Äpfel</lang><mark name="x"/>'
        "<emphasis>end</emphasis></speak>"
    )
    assert said(text) == ["One", "<0.25>", "two", "<0.8>", "fast", "Bob", "drei Äpfel", "end"]
    manners = [part.manner for part in parts(text) if isinstance(part, Spoken) and part.text.strip() in ("fast", "Bob")]
    assert [(manner.speed, manner.voice) for manner in manners] == [(1.5, ""), (1.5, "bob")]


@pytest.mark.parametrize(
    ("inner", "heard"),
    [
        ('<say-as interpret-as="cardinal">1984</say-as>', "one thousand nine hundred eighty-four"),
        ('<say-as interpret-as="ordinal">3</say-as>', "third"),
        ('<say-as interpret-as="characters">ab1</say-as>', "a, b, one"),
        ('<say-as interpret-as="spell-out">ok</say-as>', "o, k"),
        ('<say-as interpret-as="digits">123</say-as>', "one two three"),
        ('<say-as interpret-as="telephone">555-1234</say-as>', "five five five, one two three four"),
        ('<say-as interpret-as="date" format="dmy">3/4/2024</say-as>', "April third, twenty twenty-four"),
        ('<say-as interpret-as="time">2:30pm</say-as>', "two thirty p m"),
        ('<say-as interpret-as="currency">$2</say-as>', "two dollars"),
        ('<say-as interpret-as="unheard-of">2</say-as>', "two"),
        ('<sub alias="World Wide Web">WWW</sub>', "World Wide Web"),
        ('<phoneme alphabet="ipa" ph="təˈmeɪtoʊ">tomato</phoneme>', "tomato"),
        ('<phoneme alphabet="x-sampa" ph="t@">tomato</phoneme>', "tomato"),
        ("AT&amp;T &lt;3", "AT and T <three"),
    ],
)
def test_ssml_says_as_asked(inner, heard):
    assert said(f"<speak>Say {inner} now</speak>") == [f"Say {heard} now"]


def test_phonemes_reach_an_engine_that_takes_them():
    text = '<speak>A <phoneme alphabet="ipa" ph="təˈmeɪtoʊ">tomato</phoneme> &amp; 2 <b/>&lt; 3</speak>'
    assert said(text, engine=performs("x", {"phonemes"})) == ["A [tomato](/təˈmeɪtoʊ/) and two < three"]
    (read,) = said(text, engine=performs("x", {"ssml"}))
    assert read == 'A <phoneme alphabet="ipa" ph="təˈmeɪtoʊ">tomato</phoneme> and two &lt; three'


def test_paragraphs_rest():
    assert said("<speak><p>One.</p><p><s>Two.</s><s>Three.</s></p></speak>") == [
        "One.",
        "<0.6>",
        "Two.",
        "Three.",
        "<0.6>",
    ]


def test_only_what_begins_with_speak_is_ssml():
    assert all(map(is_ssml, [' \n<speak version="1.1">', "<speak>", "<speak/>"]))
    assert not any(map(is_ssml, ["<speaker>", "Say <speak>", "<p>"]))


BOMB = '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<speak>\n<p>open</speak>", "line 2"),
        ("<speak>&nbsp;</speak>", "line 1"),
        ("<speak" + BOMB[9:] + "</speak>", "line"),
        ("<speak>" + BOMB + "&b;</speak>", "line 1"),
        ("<speak>" + "<p>" * 40 + "</p>" * 40 + "</speak>", "nested"),
        ("<speak>" + "<s/>" * 10_001 + "</speak>", "elements"),
        ("<speak>" * 10_000, "nested"),
        ('<speak>\n\n<break time="soon"/></speak>', "line 3"),
        ('<speak>\n<prosody rate="99">x</prosody></speak>', "line 2"),
        ('<speak xml:lang="not a tag!">x</speak>', "line 1"),
        ("<speak>a</speak><speak>b</speak>", "line 1"),
    ],
)
def test_broken_and_hostile_documents_are_refused(text, reason):
    with pytest.raises(BadRequest, match=reason):
        list(parts(text))


@pytest.mark.parametrize(
    "document", ["<speak>" + BOMB + "&b;</speak>", '<speak><!ENTITY x SYSTEM "file:///etc/passwd">&x;</speak>']
)
def test_an_entity_is_never_resolved(document):
    with pytest.raises(BadRequest):
        list(parts(document))


def test_a_document_that_is_too_long_is_refused():
    with pytest.raises(TooLarge):
        list(parts("<speak>" + "a" * MOST_CHARS + "</speak>"))


def test_parts_know_where_they_stood():
    text = "Hello [laugh] <b>world</b>. [pause:1s] Zürich 5."
    for part in parts(text):
        if isinstance(part, Spoken):
            for span in part.spans:
                if span.kept:
                    assert part.text[span.start : span.end] == text[span.source_start : span.source_end]
        else:
            assert text[part.start : part.end] == "[pause:1s]"
    text = '<speak>Zürich &amp; <sub alias="b">Ä</sub> ende 👍</speak>'
    (part,) = [part for part in parts(text) if isinstance(part, Spoken)]
    begin = part.text.index("ende")
    assert text[slice(*part.mapped.source(begin, begin + 4))] == "ende"
    begin = part.text.index("&")
    assert text[slice(*part.mapped.source(begin, begin + 1))] == "&amp;"


@given(st.lists(st.sampled_from(
    ["[laugh]", "[S1]", "[voice:x]", "[pause:1s]", "(sighs)", "<speak>", "</speak>", "<p>", "[", "]", "word ",
     "5 ", "\U000f0000",
     "&amp;", "<break/>", "*", "\u202e", "👍", 
     "<say-as interpret-as='date'>", "</say-as>", "[/voice]", "\ud800", "\0"]), max_size=14,
).map("".join))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_nothing_but_a_plain_refusal_comes_of_any_markup(text):
    try:
        for part in parts(text):
            if isinstance(part, Spoken):
                for reading in readings(part, "en"):
                    assert not any(0xF0000 <= ord(char) <= 0xFFFFD for char in reading.said.text + reading.shown)
                    assert 0 <= reading.start <= reading.end <= len(text)
    except VoiceForgeError:
        pass


@pytest.mark.parametrize(
    "text",
    ["<speak>a\r\nb\rc &#228; <![CDATA[x & y &amp;]]> \ud800 <p>Ä\U000f0001b</p> 👍</speak>",
     "a\U000f0001b [laugh] \ud800 👍"],
)  # fmt: skip
def test_what_is_kept_is_the_same_in_the_original(text):
    for part in parts(text):
        if isinstance(part, Spoken):
            place = 0
            for span in part.spans:
                assert span.start == place
                place = span.end
                if span.kept:
                    assert part.text[span.start : span.end] == text[span.source_start : span.source_end]
            assert place == len(part.text)


def test_a_sound_beside_marks_of_the_text_itself():
    (part,) = parts("a\U000f0000b [laugh] c")
    assert isinstance(part, Spoken)
    assert part.text == "a b \U000f0000 c"
    assert part.marks == (Sound("laugh"),)


def test_every_row_of_the_table_names_sounds_that_tags_can_make():
    from voice.text.performs import _table
    from voice.text.tags import SOUNDS

    rows = _table()
    assert {"dia", "orpheus", "chatterbox:turbo"} <= set(rows)
    for row in rows.values():
        assert set(row.get("sounds", {})) <= set(SOUNDS.values())


def test_values_are_plain():
    assert SayAs("1", "ordinal").format == ""
    assert Phoneme("a", "a") == Phoneme("a", "a")
