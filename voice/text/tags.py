"""Markup in brackets: `[pause:1s]`, `[voice:…]`, `[rate:1.5]`, `[lang:de]`, `[S1]`, and sounds as `[laugh]`,
`(laughs)`, `<laugh>`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace

from core.errors import BadRequest
from voice.languages import checked
from voice.text.parts import FASTEST, SLOWEST, Manner, Part, Pause, Sound, Speaker, Stretch, pause_seconds

_FORMS = """
laugh: laugh laughs laughing laughter giggle giggles giggling lol
chuckle: chuckle chuckles chuckling
sigh: sigh sighs sighing
gasp: gasp gasps gasping
cough: cough coughs coughing
groan: groan groans groaning
yawn: yawn yawns yawning
sniffle: sniffle sniffles sniff sniffs sniffing
clear_throat: clear_throat clears_throat clearing_throat clear_throats clears_his_throat clears_her_throat
mumble: mumble mumbles mumbling
scream: scream screams screaming shout shouts shouting
inhale: inhale inhales inhaling breath breathes breathing deep_breath
exhale: exhale exhales exhaling
applause: applause
clap: clap claps clapping
burp: burp burps burping
hum: hum hums humming
sneeze: sneeze sneezes sneezing
whistle: whistle whistles whistling
sing: sing sings singing
cry: cry cries crying sob sobs sobbing
snort: snort snorts snorting
shush: shush shushes
beep: beep
gulp: gulp gulps gulping swallows
whisper: whisper whispers whispering whispered
"""
_MOODS = """
happy sad angry excited calm fearful scared surprised disgusted neutral sarcastic sarcastically excitedly happily sadly
angrily softly quietly loudly nervous nervously curious cheerful cheerfully serious seriously confused bored tired
worried hopeful proud shy playful playfully mischievously tender tenderly dramatic dramatically urgent urgently joyful
amused annoyed frustrated relieved embarrassed disappointed fast slow slowly quickly pauses long_pause short_pause
"""
SOUNDS = {
    form: name
    for name, _, forms in (row.partition(": ") for row in _FORMS.strip().splitlines())
    for form in forms.split()
}
"""Every way to write a sound to its name."""
_KNOWN = SOUNDS | {mood: mood for mood in _MOODS.split()}
_PERFORMED = frozenset(form for form in SOUNDS if form.endswith(("s", "ing"))) | {
    "laughter",
    "applause",
    "beep",
    "chuckle",
    "sigh",
}
"""What may stand in round brackets or stars, which also hold ordinary words."""
_SETTINGS = {
    "pause", "break", "silence", "voice", "rate", "speed", "lang", "language", "emotion", "style",
    "mood", "pitch", "volume",
}  # fmt: skip
_TAG = re.compile(
    r"\[(?P<close>/)?(?P<name>[A-Za-z][A-Za-z_ ]{0,24}?\d?)(?:\s?[:=]\s?(?P<value>[^\[\]\n]{0,100}))?\](?!\()"
    r"|\((?P<round>[A-Za-z][A-Za-z ]{1,24})\)|(?<![*\w])\*(?P<star>[A-Za-z][A-Za-z ]{1,24})\*(?![*\w])"
    r"|<(?:/)?(?P<angle>[A-Za-z][A-Za-z_ ]{1,24})\s?/?>"
)


def tagged(text: str, *, dialogue: bool = False) -> Iterator[Part]:
    """The parts of a text with markup in brackets; brackets that are no markup stay text.

    With `dialogue` a change of speaker is a mark inside a part, for an engine that performs it, else a new part.
    Raises BadRequest on a pause or a rate that cannot be.
    """
    stretch, manner, place = Stretch(), Manner(), 0
    for found in _TAG.finditer(text):
        name, value = _name(found), found["value"]
        if not _is_tag(found, name):
            continue
        stretch.add(text[place : found.start()], place, found.start())
        start, place = found.span()
        if name in ("pause", "break", "silence"):
            yield from stretch.take(manner)
            yield Pause(pause_seconds(value or "0.5s"), start, place)
        elif re.fullmatch(r"s\d", name) and dialogue:
            stretch.mark(Speaker(name.upper()), start, place)
        elif (changed := _changed(manner, name, "" if found["close"] else value)) is not None:
            yield from stretch.take(manner)
            manner = changed
        elif (sound := _sound(name)) and not found["close"]:
            stretch.mark(Sound(sound), start, place)
        else:
            stretch.drop(start, place)
    stretch.add(text[place:], place, len(text))
    yield from stretch.take(manner)


def _name(found: re.Match[str]) -> str:
    name = found["name"] or found["round"] or found["star"] or found["angle"] or ""
    return name.strip().lower().replace(" ", "_")


def _is_tag(found: re.Match[str], name: str) -> bool:
    if found["round"] or found["star"]:
        return name in _PERFORMED
    if found["angle"]:
        return name in _KNOWN
    if name in _SETTINGS:
        return found["value"] is not None or bool(found["close"]) or name in ("pause", "break", "silence")
    return name in _KNOWN or bool(_sound(name)) or bool(re.fullmatch(r"s\d", name))


def _sound(name: str) -> str:
    """The sound a tag names, alone or with a word or two, as in `laughs harder` and `nervous laughter`."""
    words = name.split("_")
    around = (name, words[0], words[-1]) if len(words) < 4 else (name,)
    return next((SOUNDS[word] for word in around if word in SOUNDS), "")


def _changed(manner: Manner, name: str, value: str | None) -> Manner | None:
    """The manner after a tag that sets one; nothing for other tags."""
    value = (value or "").strip()
    if re.fullmatch(r"s\d", name):
        return replace(manner, speaker=name.upper())
    if name == "voice":
        return replace(manner, voice=value)
    if name in ("lang", "language"):
        return replace(manner, language=checked(value))
    if name in ("rate", "speed"):
        return replace(manner, speed=rate(value) if value else 1.0)
    return None


_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}


def rate(value: str) -> float:
    """A pace: `1.5`, `150%`, `+20%` or a word of SSML. Raises BadRequest."""
    text = value.strip().lower()
    if text in _RATES:
        return _RATES[text]
    digits = text.removesuffix("%").lstrip("+-")
    if not re.fullmatch(r"\d{1,4}(?:\.\d{1,4})?", digits):
        raise BadRequest(f"{value[:20]!r} is no rate; give one such as 1.5, 80% or slow.", param="input")
    speed = float(digits) / 100 if text.endswith("%") else float(digits)
    if text[0] in "+-":
        speed = 1 + speed if text[0] == "+" else 1 - speed
    if not (math.isfinite(speed) and SLOWEST <= speed <= FASTEST):
        raise BadRequest(f"A rate of {value[:20]} is not possible; it takes {SLOWEST:g} to {FASTEST:g}.", param="input")
    return speed
