"""What must be so in every call, whatever is said in it and whatever goes wrong."""

from __future__ import annotations

from voice.talk import events as tell

HEARD_WITHIN = 0.45
"""Seconds by which what is remembered as heard may differ from what was: a word, and half of one."""


class Laws:
    """Watches one call. `word` is how long the voice takes for a word, 0 where nobody knows."""

    def __init__(self, word: float = 0.0):
        self._word = word
        self.broken: list[str] = []
        self._next = 0
        self._texts: dict[str, str] = {}
        self._open = ""
        self._paused = False
        self._ended = 0

    def add(self, event: tell.Event) -> None:
        if isinstance(event, tell.AudioOut):
            self._audio(event)
        elif isinstance(event, tell.TextDelta):
            self._texts[event.response] = self._texts.get(event.response, "") + event.text
        elif isinstance(event, tell.ResponseStarted):
            if self._open:
                self._break(f"{event.response} began while {self._open} was not over.")
            self._open = event.response
        elif isinstance(event, tell.ResponseDone):
            if self._open != event.response:
                self._break(f"{event.response} was over without having begun, or twice.")
            self._open, self._paused = "", False
        elif isinstance(event, tell.Paused):
            self._paused = True
        elif isinstance(event, tell.Resumed):
            self._paused = False
        elif isinstance(event, tell.Interrupted):
            if not self._texts.get(event.response, "").startswith(event.heard):
                self._break(f"What was heard of {event.response} is not how its text begins: {event.heard!r}.")
        elif isinstance(event, tell.Failed) and event.code == "internal_error":
            self._break(f"Something broke: {event.message}")
        elif isinstance(event, tell.Ended):
            self._ended += 1

    def back(self, position: int) -> None:
        """The caller is back, and his audio goes on at a position."""
        self._next, self._paused = position, False

    def heard(self, event: tell.Interrupted, seconds: float) -> None:
        """So much of the response was really played."""
        words = len(event.heard.split())
        if self._word and not abs(words * self._word - seconds) <= self._word / 2 + HEARD_WITHIN:
            self._break(f"Of {event.response} {seconds:.2f} s were played, and remembered is {event.heard!r}.")

    def close(self) -> None:
        """The call is over."""
        if self._open:
            self._break(f"{self._open} was never over.")
        if self._ended != 1:
            self._break(f"The end was told {self._ended} times.")

    def _audio(self, event: tell.AudioOut) -> None:
        if event.response != self._open:
            self._break(f"Audio of {event.response} left while it was not the response under way.")
        if event.position != self._next:
            self._break(f"After position {self._next} came {event.position}.")
        if self._paused:
            self._break(f"Audio left at position {event.position} while we were to be silent.")
        self._next = event.position + len(event.samples)

    def _break(self, sentence: str) -> None:
        self.broken.append(sentence)
