"""A text that is to be spoken, as it is asked for, and who speaks it: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voice.routing import Route
from voice.text.dictionary import Dictionary
from voice.text.parts import Manner, Part


@dataclass(frozen=True)
class SpeechRequest:
    """A text to be spoken, as the faces take it."""

    text: str
    """Plain, with tags such as `[pause:1s]` and `[voice:…]`, or SSML."""
    voice: str = ""
    """An id, a bare name or an alias; empty is the best for the language."""
    model: str = "auto"
    language: str = ""
    speed: float = 1.0
    """0.25 to 4; 1 is the voice's own pace."""
    instructions: str = ""
    """How to speak, in words; engines that cannot follow them ignore them."""
    enhancement: tuple[str, ...] = ()
    """Any of `denoise` and `clarity`."""
    dictionary: Dictionary | None = None
    """How the owner wants words to be said."""
    strict: bool = False
    """Only what was asked for, or an error: no other voice speaks where an engine is down or not here."""


@dataclass(frozen=True)
class SpeechPlan:
    """A request that was found good, and who serves it."""

    request: SpeechRequest
    route: Route
    """Who speaks where the text does not say."""
    rate: int
    """Hz of all the audio that `Speech.stream` will give."""
    parts: tuple[Part, ...] = ()
    cast: Mapping[Manner, Route] = field(default_factory=dict)
    """Who speaks each manner of the text."""
    estimated: bool = False
    """Whether word times are guessed, since an engine of the cast gives none."""
    without: Mapping[str, str] = field(default_factory=dict)
    """Engines that have failed this request, as the pool takes them, and what each said."""

    @property
    def voices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(route.voice for route in self.cast.values()))
