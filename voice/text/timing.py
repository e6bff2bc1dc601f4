"""Word times of an engine, which spoke numbers in words, as times of what the author wrote."""

from __future__ import annotations

from collections.abc import Iterable

from engines.base import Word
from voice.text.reading import Reading


class ShownWords:
    """The words of one piece as they come; those that were spoken for one written word become that word."""

    def __init__(self, reading: Reading):
        self._said, self._shown = reading.said, reading.shown
        self._place = 0
        self._held: Word | None = None
        self._range = (0, 0)

    def feed(self, words: Iterable[Word]) -> tuple[Word, ...]:
        """Words that are complete; the last one is held until the next begins or the piece ends."""
        done = []
        for word in words:
            start, end = self._source(word.text)
            if self._held and start < self._range[1]:
                self._range = (self._range[0], max(end, self._range[1]))
                self._held = self._named(self._held.start, word.end, min(self._held.probability, word.probability))
                continue
            done += self.end()
            self._range = (start, end)
            self._held = self._named(word.start, word.end, word.probability) if end > start else word
        return tuple(done)

    def end(self) -> tuple[Word, ...]:
        """The word that is held, if any."""
        held, self._held = self._held, None
        return (held,) if held else ()

    def _named(self, start: float, end: float, probability: float) -> Word:
        return Word(self._shown[slice(*self._range)].strip(), start, end, probability)

    def _source(self, word: str) -> tuple[int, int]:
        """Where the word was written; an empty range for one that the engine made up."""
        found = self._said.text.find(word, self._place) if word else -1
        if found < 0:
            return self._range[1], self._range[1]
        self._place = found + len(word)
        return self._said.source(found, self._place)
