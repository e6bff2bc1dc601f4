"""A text as a list of lines and rests, ready for engines: the one door of this package for those who speak."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from voice.text.dictionary import Dictionary
from voice.text.markup import parts
from voice.text.parts import Manner, Pause, Spoken
from voice.text.performs import Performs
from voice.text.reading import Reading, readings


@dataclass(frozen=True)
class Line:
    """What one voice says in a breath or two."""

    manner: Manner
    reading: Reading


def manners(text: str, *, dialogue: bool = False) -> list[Manner]:
    """Every manner of speaking that the text asks for, each once, in order.

    Reads all the markup, so it raises BadRequest or TooLarge where that is broken, before any sound is made.
    """
    found = (part.manner for part in parts(text, dialogue=dialogue) if isinstance(part, Spoken))
    return list(dict.fromkeys(found))


def script(
    text: str,
    who: Callable[[Manner], tuple[str, Performs]],
    dictionary: Dictionary | None = None,
    *,
    dialogue: bool = False,
) -> Iterator[Line | Pause]:
    """Lines and rests in order, each made as it is taken.

    `who` tells the language that serves a manner and what its engine performs; `dialogue` whether one engine performs
    all speakers of the text.
    """
    for part in parts(text, dialogue=dialogue):
        if isinstance(part, Pause):
            yield part
            continue
        language, performed = who(part.manner)
        for reading in readings(part, language, performed, dictionary):
            yield Line(part.manner, reading)
