"""Twelve languages read what their tables, written by hand from each language's rules, say they should."""

import re
import unicodedata
from pathlib import Path

import pytest

from voice.text.normalise import languages, normalise

TABLES = {path.stem: path for path in sorted((Path(__file__).parent / "tables").glob("*.tsv"))}
LEAST_ROWS, LEAST_RIGHT = 30, 0.95


def rows(language: str) -> list[tuple[str, list[str]]]:
    lines = [line.split("\t") for line in TABLES[language].read_text(encoding="utf-8").splitlines()]
    return [(written, said.split("|")) for written, said in lines]


def heard(text: str) -> str:
    """What two readings that sound the same have in common: no case, punctuation, hyphens or Arabic vowel signs."""
    text = unicodedata.normalize("NFC", re.sub("[\u064b-\u0652]", "", text)).casefold().replace("i̇", "i")
    return " ".join(re.sub(r"[,.;:!?…–—-]", " ", text).split())


def wrong(language: str) -> list[str]:
    found = []
    for written, expected in rows(language):
        said = normalise(written, language).text
        if heard(said) not in map(heard, expected):
            found.append(f"{written!r} is read {said!r}, not {expected[0]!r}")
    return found


def test_there_is_a_table_for_every_language_with_a_file():
    assert len(TABLES) >= 12
    assert set(TABLES) == set(languages())


@pytest.mark.parametrize("language", TABLES)
def test_a_language_is_read_by_its_rules(language, record_property):
    count, faults = len(rows(language)), wrong(language)
    rate = 1 - len(faults) / count
    record_property("right", rate)
    print(f"\n{language}: {count - len(faults)} of {count} rows right, {rate:.1%}")
    assert count >= LEAST_ROWS
    assert rate >= LEAST_RIGHT, "\n".join(faults)


def test_a_wrong_reading_is_noticed():
    assert heard("twenty-one, please.") == heard("Twenty one please")
    assert heard("twenty") != heard("thirty")
