"""A text that is still being written to pieces a voice can speak, each as soon as it is certainly complete.

The same text gives the same pieces however it arrives. Knows the rules of `voice.sentences`, fences and brackets; no
voice, no engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from voice._marks import CLAUSES, CLAUSES_ALONE, CLOSERS, STOPS, STRONG, ends_by_dot, is_joined
from voice.spoken import is_speakable
from voice.talk._plain import plain

FIRST, MOST = 80, 280
"""Characters of the first piece and of any; a third of it where every character is a syllable."""
LEAST_FIRST, LEAST = 10, 25
"""Characters that a sentence must have to be a piece of its own; a shorter one goes with the next."""
LEAST_CLAUSE = 30
"""So of a clause at the very beginning."""
HELD = 200
"""Characters behind an opening bracket in which nothing ends, unless it is closed before."""
_BLOCK, _LOOK_BACK = 256, 20

_WIDE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)
_VISIBLE = re.compile(r"\S")
_TRAILING = frozenset(CLOSERS + "*_~`")
_STRONG = frozenset(STRONG)
_SPACED = frozenset(CLAUSES + CLAUSES_ALONE)
_ALONE = frozenset(CLAUSES_ALONE)
_MORE = frozenset(STRONG + STOPS + CLOSERS)
_LINE_ENDS = frozenset("\n\u2028\u2029")
_CLOSING = {"[": "]", "<": ">"}
_FENCES = ("```", "~~~")
_ENTITY = re.compile(r"&#?\w+;$")
_ADDRESS = re.compile(r"://|\]\(|;base64")


@dataclass(frozen=True)
class Piece:
    """`text` is what is to be spoken of the characters from `start` to `end` of all that was fed."""

    text: str
    start: int
    end: int


class Stream:
    """One answer on its way. Memory is bounded by the longest piece, and the cost of a character by a constant.

    Every decision is made at one character, from it and those before, so it does not matter how the text is split.
    """

    def __init__(self, first: int = FIRST, most: int = MOST):
        self._limit, self._most = min(first, most), most
        self._opening = True
        self._text, self._base = "", 0
        """What may still be needed, and how many characters were before it. All places below are in `_text`."""
        self._start = -1
        """The first visible character of the piece; -1 before there is one."""
        self._last = 0
        """Behind the last visible character."""
        self._word = 0
        """Behind the last word."""
        self._ends: list[tuple[int, str]] = []
        """Ends that were passed, since too little stood before them."""
        self._wide = 0
        self._lines = 0
        """Line ends since the last visible character."""
        self._head = ""
        """How the line begins, up to three characters."""
        self._begun = 0
        """Where it does."""
        self._fence = ""
        """The fence of the code we are in; a space is put behind it on its first line, and it alone closes it."""
        self._closes, self._opened = "", 0
        """The closing bracket that is waited for, and where the opening one stands."""
        self._skips = False
        """In the rest of an address that was too long."""

    def feed(self, delta: str) -> list[Piece]:
        """The pieces that are complete with it, in order."""
        found: list[Piece] = []
        for at in range(0, len(delta), _BLOCK):
            place = len(self._text)
            self._text += delta[at : at + _BLOCK]
            for here in range(place, len(self._text)):
                found += self._look(here, self._text[here])
            self._trim()
        return found

    def end(self) -> list[Piece]:
        """What is left; nothing more will come."""
        return [] if self._start < 0 else self._take(self._last, len(self._text))

    def _look(self, here: int, char: str) -> list[Piece]:
        """The pieces that end at or before this character."""
        if char in _LINE_ENDS:
            return self._line(here, char)
        if char.isspace():
            self._skips = False
            return self._forced(here)
        if len(self._head) < 3:
            self._begun = self._begun if self._head else here
            self._head += char
            if self._head in _FENCES:
                return self._fenced(here)
        if self._fence or self._skips:
            self._code(here, char)
            return []
        found = self._ended(self._last, kind, here) if (kind := self._kind(here, char)) else []
        self._visible(here, char)
        return found + self._forced(here)

    def _line(self, here: int, char: str) -> list[Piece]:
        """A line's end; two of them, or a mark of its own, end a paragraph."""
        self._head, self._closes, self._skips = "", "", False
        self._fence = self._fence.strip() if self._fence != "." else ""
        self._lines += 2 if char == "\u2029" else 1
        if self._lines >= 2 and self._start >= 0 and is_speakable(self._text[self._start : self._last]):
            return self._take(self._last, here)
        return self._forced(here)

    def _fenced(self, here: int) -> list[Piece]:
        """A line that begins with a fence: the text before it is a piece, or the code is over with this line."""
        if self._fence:
            self._fence = "." if self._fence == self._head else self._fence
            return []
        found = self._take(self._begun, self._begun) if 0 <= self._start < self._begun else []
        self._drop(here)
        self._fence = self._head + " "
        return found

    def _code(self, here: int, char: str) -> None:
        """Nothing of it is spoken. A backtick behind the word after a fence: this was code within a line."""
        if char == "`" and self._fence == "``` " and self._text[here - 1] != "`":
            self._fence = ""
        self._drop(here)

    def _drop(self, here: int) -> None:
        self._start, self._ends, self._wide = -1, [], 0
        self._last = self._word = here + 1
        self._lines = 0

    def _visible(self, here: int, char: str) -> None:
        self._start = here if self._start < 0 else self._start
        if here > self._last and not self._is_held(here):
            self._word = self._last
        self._last, self._lines = here + 1, 0
        if char > "\u0dff" and _WIDE.match(char):
            self._wide += 1
        if self._closes == ">" and here == self._opened + 1 and not (char.isalpha() or char in "/!"):
            self._closes = ""
        if char == self._closes:
            self._closes = ""
        elif char in _CLOSING and not self._is_held(here):
            self._closes, self._opened = _CLOSING[char], here

    def _is_held(self, here: int) -> bool:
        return bool(self._closes) and here - self._opened < HELD

    def _kind(self, here: int, char: str) -> str:
        """What ends before this visible character: a `sentence`, a `clause`, or nothing."""
        if here == self._last and self._text[here - 1].isalnum():
            return ""
        if self._start < 0 or self._is_held(here):
            return ""
        text, at, spaced = self._text, self._last, here > self._last
        if not spaced and (char in _MORE or is_joined(text, here)):
            return ""
        while at > self._start and text[at - 1] in _TRAILING:
            at -= 1
        mark = text[at - 1] if at > self._start else ""
        if mark in _STRONG or (mark == "．" and not char.isdigit()):
            return "sentence"
        if mark in _ALONE:
            return "" if char.isdigit() else "clause"
        return self._spaced_kind(at - 1, mark, char) if spaced else ""

    def _spaced_kind(self, at: int, mark: str, char: str) -> str:
        """The same, where white space stands between."""
        text, new = self._text, not char.islower()
        if mark and mark in STOPS:
            if mark != "." or (at > self._start and text[at - 1] in STOPS):
                return "sentence" if new else "clause"
            if not ends_by_dot(text, self._start, at):
                return ""
            return "sentence" if new else ""
        if mark in _SPACED:
            return "" if mark == ";" and _ENTITY.search(text, max(self._start, at - 10), at + 1) else "clause"
        return "sentence" if self._lines and new else ""

    def _ended(self, end: int, kind: str, here: int) -> list[Piece]:
        """The piece, if enough of it stands before this end; else the end is remembered."""
        size = end - self._start
        wide = 3 if self._wide * 2 > size else 1
        if kind == "clause":
            enough = self._opening and size * wide >= LEAST_CLAUSE
            enough = enough and len(plain(self._text[self._start : end])) * wide >= LEAST_CLAUSE
        else:
            enough = size * wide >= (LEAST_FIRST if self._opening else LEAST)
        if enough and is_speakable(self._text[self._start : end]):
            return self._take(end, here)
        self._ends.append((end, kind))
        return []

    def _forced(self, here: int) -> list[Piece]:
        """A piece that has grown too long ends at the best place behind us."""
        size = here + 1 - self._start
        if self._start < 0 or size <= self._limit // 3:
            return []
        limit = max(1, self._limit // 3) if self._wide * 2 > size else self._limit
        if size <= limit:
            return []
        least = self._start + limit // 8
        sentences = [end for end, kind in self._ends if kind == "sentence" and end >= least]
        clauses = [end for end, _ in self._ends if end >= least]
        words = [self._last] if self._last <= here else [self._word] if self._word > self._start else []
        if self._is_held(here):
            words = words if self._word > self._start and words == [self._word] else []
        if ends := sentences or clauses or words:
            return self._take(ends[-1], here + 1)
        if self._is_held(here) and size <= limit + HELD:
            return []
        return self._split(here, limit)

    def _split(self, here: int, limit: int) -> list[Piece]:
        """Where there is not even a word's end. A letter with thousands of accents is cut at last."""
        if is_joined(self._text, here) and here - self._start < 4 * limit:
            return []
        self._skips = bool(_ADDRESS.search(self._text, self._start, here))
        found = self._take(here, here + 1)
        if self._skips:
            self._drop(here)
        return found

    def _take(self, end: int, until: int) -> list[Piece]:
        """The piece up to `end`. What stands from there to `until` begins the next one."""
        while end > self._start and self._text[end - 1].isspace():
            end -= 1
        start = self._start
        text = plain(self._text[start:end])
        follows = _VISIBLE.search(self._text, end, until)
        self._start = follows.start() if follows else -1
        self._wide = len(_WIDE.findall(self._text, end, until))
        self._ends = [(place, kind) for place, kind in self._ends if place > end]
        self._word = max(self._word, end)
        if not text:
            return []
        self._limit, self._opening = min(self._most, self._limit * 2), False
        return [Piece(text, self._base + start, self._base + end)]

    def _trim(self) -> None:
        """Let go of what no piece needs any more, but for what `is_joined` looks back at."""
        cut = (self._start if self._start >= 0 else len(self._text)) - _LOOK_BACK
        if cut <= _LOOK_BACK:
            return
        self._text, self._base = self._text[cut:], self._base + cut
        self._start = max(-1, self._start - cut)
        self._last, self._word, self._begun, self._opened = (
            place - cut for place in (self._last, self._word, self._begun, self._opened)
        )
        self._ends = [(end - cut, kind) for end, kind in self._ends]
