"""A library that calls back, read as an iterator."""

import threading

import pytest

from engines.base import pulled


def test_what_is_pushed_comes_out_in_order():
    assert list(pulled(lambda take: [take(number) for number in range(100)] and None)) == list(range(100))


def test_the_source_runs_ahead_by_no_more_than_it_may():
    pushed: list[int] = []

    def push(take):
        for number in range(100):
            if not take(number):
                return
            pushed.append(number)

    items = pulled(push, ahead=2)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()
    assert len(pushed) <= 6


def test_closing_tells_the_source_and_waits_for_its_thread():
    ended = threading.Event()

    def push(take):
        while take(0):
            pass
        ended.set()

    items = pulled(push)
    next(items)
    items.close()
    assert ended.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "push"]


def test_an_error_of_the_source_is_raised_after_what_it_had_pushed():
    def push(take):
        take(1)
        raise LookupError("lost")

    items = pulled(push)
    assert next(items) == 1
    with pytest.raises(LookupError, match="lost"):
        next(items)


def test_a_source_that_pushes_nothing_is_empty():
    assert list(pulled(lambda take: None)) == []
