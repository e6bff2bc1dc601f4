"""What the limits let through, for any sequence of requests."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.limits import Buckets, Concurrency, Gcra

pytestmark = pytest.mark.unit

RATES = st.floats(0.01, 1000.0)
BURSTS = st.integers(1, 50)
STARTS = st.sampled_from([0.0, 1_795_176_000.0])
REQUESTS = st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(0.1, 5.0)), min_size=1, max_size=60)


@given(RATES, BURSTS, STARTS, REQUESTS)
def test_never_more_than_burst_and_rate(rate, burst, start, requests):
    bucket, now, taken = Gcra(rate, burst), start, 0.0
    for pause, cost in requests:
        now += pause
        if bucket.take(now, cost) == 0.0:
            taken += cost
        assert taken <= burst + rate * (now - start) + 1e-3 * rate + 1e-6


@given(RATES, BURSTS, STARTS, REQUESTS)
def test_the_wait_is_exact(rate, burst, start, requests):
    bucket, now = Gcra(rate, burst), start
    for pause, cost in requests:
        now += pause
        wait = bucket.take(now, cost)
        if 0.0 < wait < math.inf:
            shortly_before = now + wait * 0.999 - 1e-6
            assert shortly_before <= now or bucket.wait(shortly_before, cost) > 0.0
            now += wait
            assert bucket.take(now, cost) == 0.0


def test_a_burst_then_the_rate():
    bucket = Gcra(2.0, 3)
    assert [bucket.take(10.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(10.4) == pytest.approx(0.1)
    assert bucket.take(10.5) == 0.0
    assert (bucket.remaining(10.5), bucket.reset(10.5)) == (0.0, 1.5)
    assert (bucket.remaining(12.0), bucket.reset(12.0)) == (3.0, 0.0)


def test_what_was_refused_costs_nothing():
    bucket = Gcra(1.0, 1)
    bucket.take(0.0)
    assert {bucket.take(0.5) for _ in range(100)} == {0.5}


def test_more_than_the_burst_is_never_possible():
    assert Gcra(1.0, 3).take(0.0, 4) == math.inf


def test_buckets_forget_who_was_away_longest():
    buckets = Buckets(most=2)
    first = buckets.of("a", 1.0, 1)
    buckets.of("b", 1.0, 1)
    assert buckets.of("a", 1.0, 1) is first
    buckets.of("c", 1.0, 1)
    assert len(buckets) == 2
    assert buckets.of("a", 1.0, 1) is first


def test_a_changed_limit_begins_anew():
    buckets = Buckets()
    buckets.of("a", 1.0, 1).take(0.0)
    assert buckets.of("a", 1.0, 2).take(0.0) == 0.0


def test_running_comes_back_to_nothing():
    running = Concurrency()
    running.enter("a")
    running.enter("a")
    running.leave("a")
    assert (running.running("a"), running.running("b")) == (1, 0)
    running.leave("a")
    assert running.running("a") == 0
