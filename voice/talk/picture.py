"""A turn as a picture: when speech was heard, when the turn was over and why, how long each step to the answer took.

Pure: an SVG from values. Text that comes from outside is escaped, and nothing in the picture asks for another file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from voice.talk.events import Turn

WIDTH = 960
LEFT, RIGHT = 132, 936
"""Where time is drawn."""
TOP, WAVE, ROW = 84, 64, 36
BACK = 6.0
"""Seconds of speech drawn before its end; a longer turn begins outside the picture."""
AHEAD = 1.2
"""Seconds drawn after the last thing that happened."""
LONGEST = 600.0
FURTHEST = 1e7
"""Seconds, beyond which a time is a mistake."""
LETTER = 6.4
"""Pixels of a letter, about; SVG cannot be asked how wide a text becomes."""
STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)

REASONS = {
    "silence": "it was quiet long enough",
    "semantic": "the sentence was whole",
    "longest": "a turn may not be longer",
    "commit": "the button was let go",
    "message": "it was written",
    "idle": "nobody said anything",
    "tool": "a tool had answered",
    "backchannel": "it was only a sound of listening",
}


@dataclass(frozen=True)
class Shown:
    """A turn, and what only the other end knows of it."""

    turn: Turn
    first_heard: float | None = None
    """When the first sound of the answer was audible, on the conversation's clock."""


@dataclass(frozen=True)
class _Colours:
    paper: str
    ink: str
    soft: str
    line: str
    speech: str
    wait: str
    think: str
    make: str
    travel: str
    heard: str


_LIGHT = _Colours(
    "#fdfcff", "#2a1150", "#5c5172", "#e3daf3", "#8c57ec", "#d98a1f", "#7538d8", "#b03fc4", "#8d82a3", "#17804f"
)
_DARK = _Colours(
    "#1b1230", "#f3f0f9", "#b9aecb", "#3a2d5c", "#a87ff8", "#f0b357", "#c4a9ff", "#e08bee", "#a79cbd", "#5fd39b"
)


@dataclass(frozen=True)
class _Scale:
    """Seconds to pixels."""

    begin: float
    end: float
    zero: float

    def x(self, at: float) -> float:
        share = (at - self.begin) / (self.end - self.begin)
        return LEFT + (RIGHT - LEFT) * min(1.0, max(0.0, share))

    def since(self, at: float) -> str:
        return f"{at - self.zero:+.2f} s".replace("-", "\N{MINUS SIGN}")


def draw(shown: Shown, *, dark: bool = False) -> str:
    """The SVG. Points that lie outside the picture are left out; a turn in which little happened has few bars."""
    shown = _plausible(shown)
    scale, colours = _scale(shown), _DARK if dark else _LIGHT
    height = TOP + WAVE + 24 + 6 * ROW + 46
    body = [
        f'<rect width="{WIDTH}" height="{height}" fill="{colours.paper}"/>',
        *_heading(shown, colours),
        *_grid(scale, colours, height),
        *_speech(shown.turn, scale, colours),
        *_rows(shown, scale, colours),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" font-family="\'IBM Plex Sans\', system-ui, sans-serif" font-size="13">{"".join(body)}</svg>\n'
    )


def _plausible(shown: Shown) -> Shown:
    """Without the times that cannot be drawn."""
    turn = shown.turn
    names = (
        "speech_started",
        "speech_stopped",
        "ended",
        "transcript",
        "first_text",
        "first_sound",
        "first_frame",
        "done",
    )
    unlikely: dict[str, Any] = {name: None for name in names if not _known(getattr(turn, name))}
    heard = min(turn.heard, FURTHEST) if math.isfinite(turn.heard) else 0.0
    return Shown(replace(turn, **unlikely, heard=heard), *(_known(shown.first_heard) or [None]))


def _known(*times: float | None) -> list[float]:
    return [at for at in times if at is not None and abs(at) < FURTHEST]


def _scale(shown: Shown) -> _Scale:
    turn = shown.turn
    happened = (turn.ended, turn.transcript, turn.first_text, turn.first_sound, turn.first_frame, shown.first_heard)
    zero = (_known(turn.speech_stopped, turn.ended, *happened, turn.done) or [0.0])[0]
    started = (_known(turn.speech_started) or [zero])[0]
    begin = max(min(started, zero) - 0.3, zero - BACK)
    last = min(max([zero, *_known(*happened)]), zero + LONGEST)
    return _Scale(begin, last + max(AHEAD, 0.3 * (last - begin)), zero)


def _text(x: float, y: float, text: str, fill: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}"{more}>{escape(_printable(text))}</text>'


def _printable(text: str) -> str:
    """XML has no way to write most control characters, nor half of a surrogate pair."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _heading(shown: Shown, colours: _Colours) -> Iterator[str]:
    turn = shown.turn
    base = _known(turn.speech_stopped, turn.ended)
    reached = _known(shown.first_heard, turn.first_frame, turn.first_text)
    if base and reached:
        what = "heard" if _known(shown.first_heard) else "sent" if _known(turn.first_frame) else "there as text"
        event = "the end of speech" if _known(turn.speech_stopped) else "the message"
        title = f"The answer was {what} {reached[0] - base[0]:.2f} s after {event}"
    else:
        title = "A turn without an answer"
    yield _text(24, 34, title, colours.ink, ' font-size="18" font-weight="700"')
    models = (("heard by", turn.hears), ("thought by", turn.thinks), ("spoken by", turn.speaks))
    names = " · ".join(f"{verb} {name}" for verb, name in models if name)
    yield _text(24, 56, _cut(names, 130), colours.soft)


def _grid(scale: _Scale, colours: _Colours, height: int) -> Iterator[str]:
    """Lines of time, counted from the end of speech."""
    bottom = height - 34
    step = next((step for step in STEPS if (scale.end - scale.begin) / step <= 12), STEPS[-1])
    for number in range(math.ceil((scale.begin - scale.zero) / step), math.floor((scale.end - scale.zero) / step) + 1):
        x = scale.x(scale.zero + number * step)
        strong = number == 0
        yield (
            f'<path d="M{x:.1f} {TOP - 6}V{bottom}" stroke="{colours.soft if strong else colours.line}" '
            f'stroke-width="1"{" stroke-dasharray=" + chr(34) + "4 3" + chr(34) if strong else ""}/>'
        )
        label = f"{number * step:g} s".replace("-", "\N{MINUS SIGN}")
        yield _text(x, bottom + 18, label, colours.soft, ' font-size="12" text-anchor="middle"')


def _speech(turn: Turn, scale: _Scale, colours: _Colours) -> Iterator[str]:
    """The probability of speech, window by window, over the time that counted as speech."""
    floor = TOP + WAVE
    yield _label(TOP + WAVE / 2, "Speech", colours)
    if spoken := _known(turn.speech_started, turn.speech_stopped or scale.end):
        x, end = scale.x(min(spoken)), scale.x(max(spoken))
        if turn.speech_started is not None:
            yield (
                f'<rect x="{x:.1f}" y="{TOP}" width="{end - x:.1f}" height="{WAVE}" fill="{colours.speech}" '
                'fill-opacity=".14"/>'
            )
    points = [
        (scale.x(at), floor - WAVE * min(1.0, max(0.0, probability)))
        for at, probability in turn.probabilities
        if scale.begin <= at <= scale.end and math.isfinite(probability)
    ]
    if points:
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        shape = f"M{points[0][0]:.1f} {floor}L{line}L{points[-1][0]:.1f} {floor}Z"
        yield f'<path d="{shape}" fill="{colours.speech}" fill-opacity=".3" stroke="none"/>'
        yield f'<path d="M{line}" fill="none" stroke="{colours.speech}" stroke-width="1.6" stroke-linejoin="round"/>'
    elif turn.speech_started is None:
        yield _text(LEFT + 4, TOP + WAVE / 2 + 4, "nothing was said aloud", colours.soft)
    yield f'<path d="M{LEFT} {floor}H{RIGHT}" stroke="{colours.line}"/>'


def _rows(shown: Shown, scale: _Scale, colours: _Colours) -> Iterator[str]:
    turn, top = shown.turn, TOP + WAVE + 24
    yield from _understood(turn, scale, colours, top)
    why = REASONS.get(turn.reason, turn.reason)
    ended = f"{scale.since(turn.ended)}: {why}" if turn.ended is not None else ""
    start = turn.speech_stopped if turn.speech_stopped is not None else turn.ended
    yield from _bar(top + ROW, "Turn over", start, turn.ended, ended, colours.wait, scale, colours)
    thought = turn.speech_stopped if turn.drafted else max(_known(turn.ended, turn.transcript), default=None)
    words = f"first words {scale.since(turn.first_text)}" if turn.first_text is not None else ""
    words += ", thought ahead" if words and turn.drafted else ""
    yield from _bar(top + 2 * ROW, "Thinking", thought, turn.first_text, words, colours.think, scale, colours)
    sound = f"first sound {scale.since(turn.first_sound)}" if turn.first_sound is not None else ""
    spoken_from = max(_known(turn.first_text, turn.ended), default=None)
    yield from _bar(top + 3 * ROW, "Voice", spoken_from, turn.first_sound, sound, colours.make, scale, colours)
    left = turn.first_sound if turn.first_sound is not None else turn.first_frame
    reached = shown.first_heard if shown.first_heard is not None else turn.first_frame
    sent = f"first frame left {scale.since(turn.first_frame)}" if turn.first_frame is not None else ""
    yield from _bar(top + 4 * ROW, "On the way", left, reached, sent, colours.travel, scale, colours)
    until = reached + max(0.0, turn.heard) if reached is not None else None
    heard = f"{turn.heard:.1f} s of it, from {scale.since(reached)} on" if reached is not None else ""
    yield from _bar(top + 5 * ROW, "Heard", reached, until, heard, colours.heard, scale, colours)


def _understood(turn: Turn, scale: _Scale, colours: _Colours, y: float) -> Iterator[str]:
    """A dot for each partial transcript, the last of them in words, and when the final one was there."""
    yield _label(y + 10, "Understood", colours)
    inside = [(at, text) for at, text in turn.partials if scale.begin <= at <= scale.end]
    for at, text in inside:
        dot = f'<circle cx="{scale.x(at):.1f}" cy="{y + 6}" r="3.2" fill="{colours.speech}">'
        yield f"{dot}<title>{escape(_printable(text))}</title></circle>"
    if _known(turn.transcript):
        x = scale.x(turn.transcript or 0.0)
        yield f'<path d="M{x:.1f} {y - 1}l7 7-7 7-7-7z" fill="{colours.ink}"/>'
        yield _beside(x - 8, x + 8, y + 10, f"final {scale.since(turn.transcript or 0.0)}", colours.ink)
    if inside:
        words = f'"{_cut(inside[-1][1], 110)}"'
        yield _text(LEFT + 4, y + 26, words, colours.soft, ' font-size="12"')


def _bar(
    y: float, label: str, start: float | None, end: float | None, text: str, fill: str, scale: _Scale, colours: _Colours
) -> Iterator[str]:
    yield _label(y + 12, label, colours)
    if len(found := _known(start, end)) < 2:
        if len(found) == 1 and text:
            found *= 2
        else:
            yield _text(LEFT + 4, y + 14, "\N{EM DASH}", colours.soft)
            return
    low, high = scale.x(min(found)), scale.x(max(found))
    yield f'<rect x="{low:.1f}" y="{y}" width="{max(3.0, high - low):.1f}" height="18" rx="4" fill="{fill}"/>'
    if max(found) > scale.end:
        yield f'<path d="M{RIGHT - 9} {y + 3}l6 6-6 6" fill="none" stroke="{colours.paper}" stroke-width="2"/>'
    yield _beside(low, max(low + 3, high), y + 13.5, text, colours.ink, inside=colours.paper)


def _beside(low: float, high: float, y: float, text: str, fill: str, inside: str = "") -> str:
    """A text to the right of what it is about, or to the left, or within, wherever there is room."""
    wide = len(text) * LETTER
    if high + 8 + wide <= RIGHT + 16:
        return _text(high + 8, y, text, fill)
    if inside and high - low > wide + 30:
        return _text(low + 9, y, text, inside)
    return _text(low - 8, y, text, fill, ' text-anchor="end"')


def _label(y: float, text: str, colours: _Colours) -> str:
    return _text(24, y + 3, text, colours.soft)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
