"""A sound while we speak: ours, theirs, and what cannot be told yet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voice.simulator.floor import ByLength
from voice.talk.contest import Contest
from voice.talk.echo import EchoGuard
from voice.talk.interruption import WINDOW, Verdict

LOUD = np.full(512, 0.3, np.float32)


class Told(EchoGuard):
    """Knows what a test tells it to: the delay it has, of each window the share, and from where on it is found."""

    def __init__(self, shares: Sequence[float], delay: float | None, found: float | None = None, possible: bool = True):
        super().__init__()
        self._shares, self._known, self._new, self._may = list(shares), delay, found, possible

    @property
    def delay(self) -> float | None:
        return self._known

    def share(self, window: np.ndarray, at: float | None = None) -> float:
        share = self._shares.pop(0) if self._shares else 0.0
        self.possible = self._may and share < 0.5
        if share >= 0.5 and self._new is not None:
            self._known = self._new
        return share


def verdicts(guard: EchoGuard, probabilities: Sequence[float]) -> tuple[list[tuple[int, Verdict, str]], Contest]:
    """What came of each window that was something else than to wait for the next, until it was decided."""
    contest, found = Contest(ByLength(), guard), []
    for number, probability in enumerate(probabilities):
        verdict, _ = contest.look(LOUD, number * WINDOW, probability, None, None)
        if verdict is not Verdict.WAIT:
            found.append((number, verdict, contest.reason))
        if verdict in (Verdict.INTERRUPT, Verdict.RESUME):
            break
    return found, contest


def test_where_nothing_ever_came_back_a_voice_interrupts():
    found, _ = verdicts(Told([], None), [0.9] * 40)
    assert found == [(2, Verdict.PAUSE, "speech"), (12, Verdict.INTERRUPT, "long")]


def test_our_own_voice_does_nothing():
    assert verdicts(Told([0.9] * 40, 0.1), [0.9] * 40)[0][:1] == [(7, Verdict.RESUME, "short")]


def test_a_voice_over_our_own_interrupts_as_soon_as_any():
    found, _ = verdicts(Told([0.9, 0.9], 0.1), [0.9] * 40)
    assert found == [(4, Verdict.PAUSE, "speech"), (14, Verdict.INTERRUPT, "long")]


def test_what_turns_out_to_be_an_echo_lets_us_go_on_at_once():
    found, _ = verdicts(Told([0, 0, 0, 0, 0.9], None, found=0.2), [0.9] * 40)
    assert found == [(2, Verdict.PAUSE, "speech"), (4, Verdict.RESUME, "echo")]


def test_an_echo_found_before_we_pause_is_nothing_to_begin_with():
    found, _ = verdicts(Told([0, 0, 0.9, 0.9, 0, 0], None, found=0.2), [0.9] * 6)
    assert found == []


def test_what_may_be_an_echo_of_another_delay_is_no_interruption_yet():
    """0.1 s of delay and 0.3 s until it has died away: 13 windows of silence."""
    found, contest = verdicts(Told([], 0.1), [0.9] * 40)
    assert found == [(2, Verdict.PAUSE, "speech"), (15, Verdict.INTERRUPT, "long")]
    assert contest.seconds > 0.4


def test_what_ends_when_our_echo_does_was_our_echo():
    found, _ = verdicts(Told([], 0.3), [0.9] * 14 + [0.1] * 40)
    assert found == [(2, Verdict.PAUSE, "speech"), (21, Verdict.RESUME, "echo")]


def test_what_is_louder_than_our_echo_is_not_doubted():
    found, _ = verdicts(Told([], 0.3, possible=False), [0.9] * 40)
    assert found == [(2, Verdict.PAUSE, "speech"), (12, Verdict.INTERRUPT, "long")]
