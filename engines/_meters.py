"""What the pool counts, under the names that dashboards know."""

from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram

from core.metrics import Metrics

FACTORS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Meters:
    queue_depth: Gauge
    wait_seconds: Histogram
    ttfc_seconds: Histogram
    rtf: Histogram
    running: Gauge
    crashes: Counter
    retries: Counter
    cancels: Counter
    loads: Counter
    load_seconds: Histogram
    evictions: Counter
    oom: Counter
    rss_mb: Gauge

    @classmethod
    def of(cls, metrics: Metrics) -> "Meters":
        engine = ("engine",)
        return cls(
            queue_depth=metrics.gauge("queue_depth", "Requests that wait for their turn.", ("engine", "priority")),
            wait_seconds=metrics.histogram("wait_seconds", "Time until a request's turn came.", ("engine", "priority")),
            ttfc_seconds=metrics.histogram("ttfc_seconds", "Time from the call to the first chunk.", engine),
            rtf=metrics.histogram("rtf", "Processing time per second of audio.", engine, buckets=FACTORS),
            running=metrics.gauge("running", "Requests that an engine works on.", engine),
            crashes=metrics.counter("crashes", "Workers that ended by themselves or had to be ended.", engine),
            retries=metrics.counter("retries", "Requests begun again after a crash.", engine),
            cancels=metrics.counter("cancels", "Requests given up by their caller.", engine),
            loads=metrics.counter("loads", "Workers that have loaded an engine.", engine),
            load_seconds=metrics.histogram("load_seconds", "Time from spawning a worker until it is ready.", engine),
            evictions=metrics.counter("evictions", "Idle workers ended to make room for another engine.", engine),
            oom=metrics.counter("oom", "Requests and loads that ran out of memory.", engine),
            rss_mb=metrics.gauge("rss_mb", "Memory of an engine's workers in megabytes.", engine),
        )
