"""Kokoro on a network of its interface: what it reads, how it is cut, and what it does in a real worker."""

import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from core.errors import BadRequest, NotDownloaded
from engines.base import Chunk, EngineConfig, SynthesisRequest
from engines.pool import Pool, PoolConfig
from engines.tts.kokoro import (
    FILES,
    LANGUAGES,
    LONGEST,
    NAMES,
    POOR,
    PORTION,
    RATE,
    STYLES,
    VOCABULARY,
    Kokoro,
    Phonemes,
    _spelled,
    pieces,
    portions,
)
from tests.engines import _tiny_kokoro
from tests.engines._tiny_kokoro import ROWS, SAMPLES

if lacking := Kokoro.missing():
    pytest.skip(lacking, allow_module_level=True)

pytestmark = pytest.mark.integration

TEXTS = {
    "a": 'Hello! "Is it 5 p.m.?" he asked (twice) — no; a bottle, a button: the judge\'s chair, boy, now go… x² 3.5 %',
    "b": "Go home. The fair near the bird's church, poor lass: bottle, loch and rough day — 25 pounds?",
    "e": "¿Qué tal, señor? «Hola»: la cigüeña y el jamón; ¡vale! Un whisky, por favor. 12,5 años, lluvia, perro.",
    "f": "Bonjour, un bon vin blanc. Le week-end à l'école : 25 œufs ! Ça va, garçon ? Huit juin, fille, ligne.",
    "h": "नमस्ते। आप कैसे हैं? बड़ा घर, ज़रा ढाई computer पढ़ना, ज्ञान, क्षमा, ऋषि, ङ ञ ख़ फ़ ग़, १२३।",
    "i": "L'amico è lì. Perché? Lo zio, la scena, il bagno, gli gnocchi: pizza, zucchero e ciao!",
    "p": "Não, coração; a tia e a mãe no dia do ninho. Carro raro, São Paulo? Trabalho, bem, muito, 15 anos.",
    "j": "こんにちは、せかい。ありがとう! じゃあ、がっこう で コーヒー。東京",
    "z": "你好，世界。中国很大！吃饭了吗？三十四",
}
SENTENCE = "Your table is booked for seven, and the kitchen closes at ten."


@pytest.fixture(scope="module")
def phonemes() -> Phonemes:
    return Phonemes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    models = tmp_path_factory.mktemp("models")
    _tiny_kokoro.make(models / "kokoro")
    return models


@pytest.fixture(scope="module")
def kokoro(folder) -> Kokoro:
    return Kokoro(EngineConfig("int8", models_dir=str(folder)))


def say(kokoro: Kokoro, text: str, voice: str = "", language: str = "", speed: float = 1.0) -> np.ndarray:
    chunks = list(kokoro.synthesize(SynthesisRequest(text, voice, language, speed), threading.Event()))
    return np.concatenate([chunk.audio.samples for chunk in chunks]) if chunks else np.zeros(0, np.float32)


# what it reads


def test_the_vocabulary_is_the_models():
    assert len(VOCABULARY) == len(set(VOCABULARY.values())) == 114
    assert [VOCABULARY[symbol] for symbol in "; aˈᵻ"] == [1, 16, 43, 156, 177]


@pytest.mark.parametrize("letter", LANGUAGES)
def test_every_language_is_read_in_symbols_of_the_vocabulary(phonemes, letter):
    read = phonemes.of(TEXTS[letter], letter)
    assert set(read) <= set(VOCABULARY)
    assert len(read) > len(TEXTS[letter]) / 2
    assert any(sign in read for sign in ".?!")
    assert "  " not in read


@pytest.mark.parametrize("letter", [letter for letter in LANGUAGES if letter not in POOR])
def test_no_sound_of_a_language_it_claims_is_lost(phonemes, letter):
    phonemes.of(TEXTS[letter], letter)  # espeak-ng reads by the voice that was chosen last, and falls without one
    ipa = "".join(_spelled(clause, letter) for clause, _ in phonemes._clauses(TEXTS[letter]))
    assert {symbol for symbol in ipa if symbol.isalpha()} <= set(VOCABULARY)


@pytest.mark.parametrize(
    ("letter", "text", "read"),
    [
        ("a", "Hello, my boy. Now go!", "həlˈO, mI bˈY. nˈW ɡˈO!"),
        ("a", "bird judge chair", "bˈɜɹd ʤˈʌʤ ʧˈɛɹ"),
        ("a", "little button", "lˈɪTᵊl bˈʌtn"),
        ("b", "go home", "ɡˌQ hˈQm"),
        ("b", "fair bird", "fˈɛː bˈɜːd"),
        ("e", "¿Qué? ¡Vale!", "kˈe? bˈale!"),
        ("f", "un bon vin", "œ̃ bˈɔ̃ vˈɛ̃"),
        ("i", "zio, pizza", "ʣˈio, pˈiʦːa"),
        ("p", "São Paulo", "sɐ̃ʊ̃ pˈWlʊ"),
        ("h", "बड़ा घर", "bˈʌɽaː ɡʰˈʌɾ"),
        ("j", "じゃあ", "ʥˈaa"),
    ],
)
def test_it_is_spelled_as_the_network_learned_it(phonemes, letter, text, read):
    assert phonemes.of(text, letter) == read


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("One, two; three: four. Five? Six!", ",;:.?!"),
        ("He said (twice) — no… well.", "()—…."),
        ('"Yes", he said. "No."', "“”,.“.”"),
        ("Mr. Smith met Dr. Jones at 3.5 e.g. today.", "."),
        ("«Hm» – [what]", "“”—()"),
        ("one。Two，three！four？", ".,!?"),
        ("we met. then it rained, e.g. in may, at 5 p.m. or later. good.", ".,,.."),
        ("Wait!!! What?!", "!?"),
        ("…((((((((((((yes", "…("),
    ],
)
def test_signs_are_kept_where_they_stood(phonemes, text, signs):
    assert [sign for sign in phonemes.of(text, "a") if not sign.isalpha() and sign not in " ˈˌː"] == list(signs)


@pytest.mark.parametrize("text", ["", " \n", "...", "—", "()", "\x00\x01", "\ud800"])
def test_where_nothing_can_be_read_there_is_nothing(phonemes, text):
    assert phonemes.of(text, "a") == ""


def test_words_of_another_language_lose_only_their_mark(phonemes):
    assert "(" not in phonemes.of("Le weekend à Paris", "f")
    assert "wiːkˈɛnd" in phonemes.of("Le weekend à Paris", "f")


# how it is cut


def test_long_phonemes_are_cut_at_a_sentence_a_clause_or_a_space():
    for text, end in [("aaa bbb. " * 100, "."), ("aaa, bbb " * 100, ","), ("aaa bbb " * 100, "ab")]:
        parts = list(pieces(text.strip()))
        assert len(parts) > 1
        assert max(map(len, parts)) <= LONGEST
        assert all(part[-1] in end for part in parts[:-1])
        assert " ".join(parts) == text.strip()


def test_what_has_no_space_is_cut_anyway():
    assert [len(part) for part in pieces("a" * 1200)] == [LONGEST, LONGEST, 1200 - 2 * LONGEST]
    assert list(pieces("")) == []


@pytest.mark.parametrize("text", ["One, two. " * 1000, "word " * 2000, "a" * 9000, "", "short"])
def test_a_text_is_read_a_portion_at_a_time(text):
    parts = list(portions(text))
    assert "".join(parts) == text
    assert max(map(len, parts)) <= PORTION


# how it sounds


def test_a_voice_has_a_style_for_each_number_of_phonemes(kokoro, phonemes):
    level = {}
    for text in ("a", SENTENCE):
        spoken = say(kokoro, text, "af_heart")[SAMPLES:-SAMPLES]
        row = len(phonemes.of(text, "a"))
        level[text] = np.abs(spoken).max() / (0.4 * (1 + row / ROWS))
    assert all(0.97 < value <= 1.0 for value in level.values())


def test_it_is_as_long_as_its_phonemes(kokoro, phonemes):
    assert len(say(kokoro, SENTENCE)) == (len(phonemes.of(SENTENCE, "a")) + 2) * SAMPLES
    text = SENTENCE * 40
    assert len(say(kokoro, text)) > len(text) * SAMPLES * 0.8


@pytest.mark.parametrize("speed", [0.5, 2.0, 4.0])
def test_the_speed_divides_its_length(kokoro, speed):
    assert len(say(kokoro, SENTENCE, speed=speed)) == pytest.approx(len(say(kokoro, SENTENCE)) / speed, rel=0.001)


@pytest.mark.parametrize(
    ("voice", "language", "named"),
    [
        ("", "", "af_heart"),
        ("", "en", "af_heart"),
        ("", "en-GB", "bf_emma"),
        ("", "fr", "ff_siwis"),
        ("", "pt_BR", "pf_dora"),
        ("", "cmn", "zf_xiaobei"),
        ("jm_kumo", "ja", "jm_kumo"),
        ("am_puck", "en-GB", "am_puck"),
    ],
)
def test_a_voice_is_found_for_the_language(kokoro, voice, language, named):
    assert kokoro._named(voice, language) == named


@pytest.mark.parametrize(
    "asked", [{"voice": "nobody"}, {"language": "sv"}, {"voice": "ff_siwis", "language": "it"}, {"speed": 5}]
)
def test_what_it_cannot_do_is_a_bad_request(kokoro, asked):
    with pytest.raises(ValueError, match="Kokoro"):
        say(kokoro, SENTENCE, **asked)


def test_a_stop_ends_it_before_the_next_run(kokoro):
    stop = threading.Event()
    chunks = kokoro.synthesize(SynthesisRequest(SENTENCE * 40, ""), stop)
    next(chunks)
    stop.set()
    assert sum(chunk.audio.seconds for chunk in chunks) < LONGEST * SAMPLES / RATE + 1


def test_newer_exports_call_the_tokens_otherwise(tmp_path):
    _tiny_kokoro.make(tmp_path / "kokoro", "fp32", tokens="input_ids")
    assert len(say(Kokoro(EngineConfig(models_dir=str(tmp_path))), "Yes."))


# its files


def test_it_is_downloaded_once_both_files_are_here(tmp_path):
    config = EngineConfig("int8", models_dir=str(tmp_path))
    assert not Kokoro.downloaded(config)
    folder = _tiny_kokoro.make(tmp_path / "kokoro")
    assert Kokoro.downloaded(config)
    assert Kokoro.downloaded(EngineConfig(models_dir=str(tmp_path)))
    assert Kokoro.downloaded(EngineConfig(str(folder)))
    assert not Kokoro.downloaded(EngineConfig("fp32", models_dir=str(tmp_path)))
    (folder / STYLES).unlink()
    assert not Kokoro.downloaded(config)


def test_the_card_claims_only_what_it_reads_well():
    assert Kokoro.spec.languages == ("en", "es", "fr", "hi", "it", "pt")
    assert len(NAMES) == len(set(NAMES)) == 54
    assert {voice.name for voice in Kokoro.voices()} == {name for name in NAMES if name[0] not in POOR}
    assert {voice.gender for voice in Kokoro.voices()} == {"female", "male"}
    assert Kokoro.spec.models == tuple(FILES)


# in a worker


@asynccontextmanager
async def running(folder: Path, run_dir: Path) -> AsyncIterator[Pool]:
    pool = Pool(PoolConfig(models_dir=folder, run_dir=run_dir, threads=1))
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(folder, tmp_path_factory):
    async with running(folder, tmp_path_factory.mktemp("run") / "run") as pool:
        yield pool


async def asked(pool: Pool, text: str, voice: str = "", engine: str = "kokoro:int8") -> list[Chunk]:
    async with aclosing(pool.stream(engine, SynthesisRequest(text, voice))) as chunks:
        return [chunk async for chunk in chunks]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("letter", LANGUAGES)
async def test_every_language_speaks(pool, letter):
    chunks = await asked(pool, TEXTS[letter], LANGUAGES[letter].voices.split()[-1])
    assert {chunk.audio.rate for chunk in chunks} == {RATE}
    assert max(chunk.audio.seconds for chunk in chunks) <= 2.0
    assert sum(chunk.audio.seconds for chunk in chunks) > 1.0
    assert np.sqrt(np.mean(np.concatenate([chunk.audio.samples for chunk in chunks]) ** 2)) > 0.02
    assert not any(chunk.words for chunk in chunks)


@pytest.mark.asyncio(loop_scope="module")
async def test_it_is_left_in_the_middle_and_serves_the_next(pool):
    async with aclosing(pool.stream("kokoro:int8", SynthesisRequest("a" * 100_000, ""))) as chunks:
        await anext(chunks)
    assert await asked(pool, "Yes.")
    assert await asked(pool, "...") == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_bad_request_comes_back_as_one(pool):
    with pytest.raises(BadRequest, match="no voice 'nobody'"):
        await asked(pool, "Yes.", "nobody")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_size_that_is_not_here_is_not_downloaded(pool):
    with pytest.raises(NotDownloaded, match="not here"):
        await asked(pool, "Yes.", engine="kokoro:fp32")


async def test_styles_of_other_voices_are_none(tmp_path):
    _tiny_kokoro.make(tmp_path / "kokoro", names=["somebody"])
    async with running(tmp_path, tmp_path / "run") as pool:
        with pytest.raises(NotDownloaded, match="none of Kokoro's voices"):
            await asked(pool, "Yes.")
