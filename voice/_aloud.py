"""What of an answer is meant to be said: models that reason write their thoughts first, between two marks."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class Aloud:
    """One answer. Only thoughts at its very beginning are left out; those marks further on are text."""

    def __init__(self):
        self._held = ""
        self._state = "start"

    def feed(self, text: str) -> str:
        """What may be said by now."""
        if self._state == "said":
            return text
        self._held += text
        if self._state == "start":
            begun = self._held.lstrip()
            if not begun or (OPEN.startswith(begun) and begun != OPEN):
                return ""
            if not begun.startswith(OPEN):
                return self._say(self._held)
            self._state, self._held = "thought", begun[len(OPEN) :]
        if self._state == "thought":
            _, found, rest = self._held.partition(CLOSE)
            if not found:
                self._held = self._held[-len(CLOSE) :]
                return ""
            self._state, self._held = "after", rest
        rest = self._held.lstrip()
        return self._say(rest) if rest else ""

    def end(self) -> str:
        """What was held back and is no thought after all."""
        return self._say(self._held) if self._state == "start" else ""

    def _say(self, text: str) -> str:
        self._state, self._held = "said", ""
        return text
