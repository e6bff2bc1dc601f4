import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engines.base import Word
from voice.talk.ledger import Heard, Ledger, Span
from voice.talk.playout import Playout

RATE = 1000
FRAME = 20
KEEP = 0.5


def ready(keep: float = KEEP) -> tuple[Playout, Ledger]:
    ledger = Ledger(RATE)
    return Playout(RATE, ledger, keep), ledger


def ramp(start: int, count: int) -> np.ndarray:
    """Samples that tell their own number, from 1 on: silence is nobody's."""
    return np.arange(start + 1, start + count + 1, dtype=np.float32)


def rest(playout: Playout) -> list[np.ndarray]:
    frames = []
    while (frame := playout.next()) is not None:
        frames.append(frame)
    return frames


def sent(playout: Playout, count: int) -> list[np.ndarray]:
    return [frame for _ in range(count) if (frame := playout.next()) is not None]


def samples(frames: list[np.ndarray]) -> list[int]:
    return [int(one) for frame in frames for one in frame]


def test_frames_go_across_chunks_and_pieces_of_an_item():
    playout, _ = ready()
    playout.add(Span("a", 0, 5, "Hello"), ramp(0, 7))
    playout.add(Span("a", 0, 5, "Hello"), ramp(7, 30), last=True)
    assert [len(frame) for frame in rest(playout)] == [20]
    assert playout.waiting == 17 / RATE
    assert not playout.empty
    playout.add(Span("a", 6, 9, "you"), ramp(37, 13))
    assert samples(rest(playout)) == list(range(21, 41))
    playout.end("a")
    assert samples(rest(playout)) == [*range(41, 51), *[0] * 10]
    assert playout.empty
    assert playout.position == 60
    assert playout.next() is None


def test_the_next_item_begins_with_a_frame_of_its_own():
    playout, ledger = ready()
    playout.add(Span("a", 0, 5, "Hello"), ramp(0, 25))
    playout.add(Span("b", 0, 3, "You"), ramp(25, 20))
    assert samples(rest(playout)) == [*range(1, 26), *[0] * 15, *range(26, 46)]
    ledger.played(40)
    assert (ledger.heard("a").end, ledger.heard("b")) == (5, Heard())


def test_an_item_that_fills_its_last_frame_is_not_padded():
    playout, _ = ready()
    playout.add(Span("a", 0, 5, "Hello"), ramp(0, 40))
    playout.end("a")
    playout.end("a")
    playout.end("other")
    assert [len(frame) for frame in rest(playout)] == [20, 20]
    assert playout.next() is None


def test_the_end_of_an_item_lets_go_of_what_is_left_though_the_rest_has_gone():
    playout, _ = ready()
    playout.add(Span("a", 0, 5, "Hello"), ramp(0, 25))
    assert len(rest(playout)) == 1
    playout.end("a")
    assert samples(rest(playout)) == [*range(21, 26), *[0] * 15]


def test_words_may_come_without_audio():
    playout, ledger = ready()
    span = Span("a", 0, 11, "Hello there")
    playout.add(span, ramp(0, 40))
    rest(playout)
    ledger.played(40)
    assert ledger.heard("a").end == 0
    playout.add(Span("a", 0, 11, "Hello there", (Word("Hello", 0.0, 0.03),)), ramp(0, 0))
    assert ledger.heard("a").end == 5


def test_a_piece_that_is_said_anew_begins_anew():
    playout, ledger = ready()
    span = Span("a", 0, 11, "Hello there")
    playout.add(span, ramp(0, 20), last=True)
    playout.add(Span("a", 0, 11, "Hello there", (Word("Hello", 0.0, 0.02),)), ramp(20, 40), last=True)
    playout.end("a")
    rest(playout)
    ledger.played(40)
    assert ledger.heard("a").end == 11


def test_nothing_comes_while_paused_and_the_same_goes_on_afterwards():
    playout, _ = ready()
    playout.add(Span("a", 0, 5), ramp(0, 60))
    playout.next()
    playout.pause()
    assert playout.next() is None
    assert playout.paused
    playout.add(Span("a", 0, 5), ramp(60, 20))
    assert (playout.position, playout.waiting) == (20, 0.06)
    playout.resume()
    assert samples(rest(playout)) == list(range(21, 81))


def test_going_back_gives_the_same_samples_at_the_same_positions():
    playout, _ = ready()
    playout.add(Span("a", 0, 5, "Hello"), ramp(0, 110))
    playout.end("a")
    playout.add(Span("b", 0, 5, "Hello"), ramp(110, 100))
    first = sent(playout, 8)
    assert playout.rewind(33) == 33
    assert (playout.position, playout.waiting) == (33, (127 + 60) / RATE)
    again = rest(playout)
    assert [len(frame) for frame in again[:3]] == [7, 20, 20]
    assert samples(again)[:127] == samples(first)[33:]
    assert samples(again)[127:] == list(range(151, 211))


def test_it_is_gone_back_to_what_is_kept_and_never_before_a_clear_or_forward():
    playout, _ = ready(keep=0.1)
    playout.add(Span("a", 0, 5), ramp(0, 400))
    for _ in range(10):
        playout.next()
    assert playout.rewind(250) == 200
    assert playout.rewind(0) == 100
    assert playout.waiting == 0.3
    playout.clear()
    assert playout.rewind(0) == 100
    assert playout.empty


def test_after_a_clear_positions_go_on_and_what_was_not_played_is_not_heard():
    playout, ledger = ready()
    playout.add(Span("a", 0, 9, "one two 3", (Word("one", 0.0, 0.1), Word("two", 0.1, 0.2))), ramp(0, 400))
    for _ in range(15):
        playout.next()
    playout.clear()
    assert (playout.position, playout.empty, playout.next()) == (300, True, None)
    playout.add(Span("b", 0, 2, "ok"), ramp(0, 40), last=True)
    playout.end("b")
    rest(playout)
    ledger.played(120)
    ledger.played(340)
    assert ledger.heard("a").end == 3
    assert ledger.heard("b") == Heard(2, 0.04, whole=True)


def test_memory_is_bounded_over_a_long_conversation():
    playout, ledger = ready()
    for number in range(2000):
        item = str(number // 40)
        playout.add(Span(item, number * 6, number * 6 + 6, "Hello "), ramp(0, 97), last=True)
        if number % 40 == 39:
            playout.end(item)
        rest(playout)
        ledger.played(playout.position)
        assert len(playout._sent) <= KEEP * RATE / FRAME
        assert len(playout._queue) <= 2
    assert sum(len(item.pieces) for item in ledger._items.values()) <= 60


class Conversations(RuleBasedStateMachine):
    """Any order of calls, beside a plain list of what belongs at each position."""

    @initialize()
    def begin(self):
        self.playout, self.ledger = ready()
        self.texts: dict[str, str] = {}
        self.at: dict[int, float] = {}
        self.item, self.number, self.open = "0", 0, False
        self.breaks: set[int] = {0}
        self.seen: dict[str, tuple[float, int]] = {}

    @rule(size=st.integers(0, 90), word=st.sampled_from(["one", "**two**", "three,", "今天"]), last=st.booleans(),
          timed=st.booleans(), fresh=st.booleans())  # fmt: skip
    def add(self, size, word, last, timed, fresh):
        if fresh or not self.open:
            text = self.texts.get(self.item, "")
            self.start = len(text)
            self.piece = f"{word} {word}"
            self.texts[self.item] = text + self.piece + " "
        told = (Word(word.strip("*,"), 0.0, 0.05),) if timed else ()
        chunk = ramp(self.number, size)
        self.number += size
        self.open = not last
        span = Span(self.item, self.start, self.start + len(self.piece), self.piece, told)
        self.playout.add(span, chunk, last=last)

    @rule()
    def end(self):
        self.playout.end(self.item)
        self.item = str(int(self.item) + 1)
        self.open = False

    @rule(count=st.integers(1, 12))
    def send(self, count):
        for _ in range(count):
            position = self.playout.position
            frame = self.playout.next()
            if frame is None:
                return
            assert 0 < len(frame) <= FRAME
            for number, sample in enumerate(frame):
                assert self.at.setdefault(position + number, sample) == sample
                if sample and position + number not in self.breaks:
                    assert self.at.get(position + number - 1, 0) in (0, sample - 1)
            assert self.playout.position == position + len(frame)

    @rule(share=st.floats(0, 1.2), exact=st.booleans())
    def report(self, share, exact):
        before = self.ledger.reached
        self.ledger.played(round(share * self.playout.position), "exact" if exact else "estimated")
        if self.ledger.reached < before:
            self.seen.clear()

    @rule(share=st.floats(0, 1.2))
    def assume(self, share):
        self.ledger.assume(round(share * self.playout.position))

    @rule(back=st.integers(0, 700))
    def rewind(self, back):
        before = self.playout.position
        to = self.playout.rewind(before - back)
        assert before - back <= to <= before
        assert to == self.playout.position
        assert self.ledger.reached <= to
        self.seen.clear()

    @rule()
    def clear(self):
        self.playout.clear()
        self.at = {place: sample for place, sample in self.at.items() if place < self.playout.position}
        self.item = str(int(self.item) + 1)
        self.open = False
        self.breaks.add(self.playout.position)
        assert self.playout.empty

    @rule()
    def pause(self):
        self.playout.pause()

    @rule()
    def resume(self):
        self.playout.resume()

    @precondition(lambda self: self.item in self.texts)
    @rule()
    def all_is_played(self):
        item, text = self.item, self.texts[self.item]
        self.end()
        self.playout.resume()
        self.send(10_000)
        assert self.playout.empty
        self.ledger.played(self.playout.position)
        assert self.ledger.heard(item).end == len(text) - 1

    @invariant()
    def heard_text_is_a_prefix_that_ends_with_a_word_and_only_grows(self):
        for item, text in self.texts.items():
            heard = self.ledger.heard(item)
            end, seconds = heard.end, heard.seconds
            assert end in (0, len(text)) or text[end].isspace() or text[end - 1] in "今天"
            assert end <= len(text)
            assert seconds <= self.playout.position / RATE
            before = self.seen.get(item, (0.0, 0))
            assert seconds < before[0] or end >= before[1]
            self.seen[item] = (seconds, end)

    @invariant()
    def what_is_kept_is_bounded(self):
        assert self.playout._kept <= KEEP * RATE
        assert self.playout._kept == sum(len(frame) for frame, _ in self.playout._sent)
        assert self.playout.waiting >= 0


Conversations.TestCase.settings = settings(deadline=None, max_examples=30, stateful_step_count=40)
TestConversations = Conversations.TestCase
