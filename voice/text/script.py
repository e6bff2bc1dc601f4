"""A text as a list of lines and rests, ready for engines: the one door of this package for those who speak."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from voice.sentences import cut
from voice.text.dictionary import Dictionary
from voice.text.markup import parts
from voice.text.parts import Manner, Part, Pause, Spoken
from voice.text.performs import Performs
from voice.text.reading import Reading, reading


@dataclass(frozen=True)
class Line:
    """What one voice says in a breath or two."""

    manner: Manner
    reading: Reading
    read: Callable[[str, Performs], Reading | None] = field(compare=False, repr=False)
    """The same words as another engine reads them; None where it has nothing to speak."""


def parsed(text: str, *, dialogue: bool = False) -> tuple[Part, ...]:
    """The text by its markup. Raises BadRequest or TooLarge where that is broken. `dialogue` tells whether one engine
    performs all speakers of the text."""
    return tuple(parts(text, dialogue=dialogue))


def manners(parts: Iterable[Part]) -> list[Manner]:
    """Every manner of speaking that the text asks for, each once, in order."""
    return list(dict.fromkeys(part.manner for part in parts if isinstance(part, Spoken)))


def script(
    parts: Iterable[Part], who: Callable[[Manner], tuple[str, Performs]], dictionary: Dictionary | None = None
) -> Iterator[Line | Pause]:
    """Lines and rests in order, each made as it is taken. `who` tells the language that serves a manner and what its
    engine performs, and is asked anew for each line."""
    for part in parts:
        if isinstance(part, Pause):
            yield part
            continue
        for piece in cut(part.text):
            read = partial(reading, part, piece, dictionary=dictionary)
            if found := read(*who(part.manner)):
                yield Line(part.manner, found, read)
