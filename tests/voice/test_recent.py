import numpy as np
import pytest

from voice._recent import RATE, Recent


def numbers(first: int, count: int) -> np.ndarray:
    return np.arange(first, first + count, dtype=np.float32)


def test_what_was_added_is_there_in_one_piece():
    recent = Recent(100.0)
    for n in range(0, 10 * RATE, 1000):
        recent.add(numbers(n, 1000))
    assert np.array_equal(recent.samples, numbers(0, 10 * RATE))
    assert (recent.start, recent.end) == (0.0, 10.0)


def test_what_is_dropped_is_gone_and_the_clock_goes_on():
    recent = Recent(100.0)
    recent.add(numbers(0, 3 * RATE))
    recent.drop(1.0)
    recent.drop(0.5)
    assert np.array_equal(recent.samples, numbers(RATE, 2 * RATE))
    recent.add(numbers(3 * RATE, RATE))
    assert (recent.start, recent.end) == (1.0, 4.0)
    recent.drop(99.0)
    assert (recent.start, recent.end, len(recent.samples)) == (4.0, 4.0, 0)


@pytest.mark.parametrize("step", [320, 5 * RATE, 20 * RATE])
def test_there_is_never_more_than_the_longest_after_an_addition(step):
    recent = Recent(3.0)
    for n in range(10):
        recent.add(numbers(n * step, step))
        assert len(recent.samples) <= 3 * RATE
        assert recent.samples[-1] == (n + 1) * step - 1
    assert recent.end == 10 * step / RATE


def test_what_was_handed_out_stays_as_it_is():
    recent = Recent(3.0)
    recent.add(numbers(0, RATE))
    handed = recent.samples
    recent.add(numbers(RATE, RATE))
    recent.drop(0.5)
    recent.add(numbers(7, 4 * RATE))
    assert np.array_equal(handed, numbers(0, RATE))
