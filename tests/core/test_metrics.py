import pytest

from core.metrics import Metrics


def test_a_name_gives_the_same_object_every_time():
    metrics = Metrics()
    first = metrics.counter("requests", "Requests served.", ("op",))
    metrics.counter("requests", "Requests served.", ("op",)).labels("speech").inc(2)
    first.labels("speech").inc()
    assert b'voiceforge_requests_total{op="speech"} 3.0\n' in metrics.text()


def test_two_apps_share_nothing():
    one, other = Metrics(), Metrics()
    one.gauge("running", "Requests under way.").set(5)
    assert b"voiceforge_running 5.0\n" in one.text()
    assert b"voiceforge_running" not in other.text()


def test_a_histogram_takes_its_own_buckets():
    metrics = Metrics()
    metrics.histogram("wait_seconds", "Waiting.", buckets=(0.1, 1)).observe(0.5)
    text = metrics.text().decode()
    assert 'voiceforge_wait_seconds_bucket{le="0.1"} 0.0' in text
    assert 'voiceforge_wait_seconds_bucket{le="1.0"} 1.0' in text


def test_a_name_cannot_mean_two_things():
    metrics = Metrics()
    metrics.gauge("running", "Requests under way.")
    with pytest.raises(ValueError, match="running"):
        metrics.counter("running", "Something else.")
    with pytest.raises(ValueError, match="running"):
        metrics.gauge("running", "Requests under way.", ("op",))


def test_the_process_itself_is_measured():
    assert b"voiceforge_process_resident_memory_bytes" in Metrics().text()
