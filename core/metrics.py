"""Counters, gauges and histograms in a registry of their own, so that two apps in one process do not share figures.

Knows prometheus_client; what is counted is the business of those who count.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics import MetricWrapperBase

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of a histogram's buckets, from one millisecond to a minute."""


M = TypeVar("M", bound=MetricWrapperBase)


class Metrics:
    """Made once and passed in. Every name begins with `voiceforge_`; asking twice for a name gives the same object."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self):
        self._registry = CollectorRegistry()
        self._known: dict[str, tuple[tuple[str, ...], MetricWrapperBase]] = {}
        ProcessCollector(namespace="voiceforge", registry=self._registry)

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:
        """The exposition appends `_total` to its name."""
        return self._once(Counter, name, help, labels)

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
        return self._once(Gauge, name, help, labels)

    def histogram(
        self, name: str, help: str, labels: Sequence[str] = (), *, buckets: Sequence[float] = SECONDS
    ) -> Histogram:
        return self._once(Histogram, name, help, labels, buckets=buckets)

    def text(self) -> bytes:
        """All of it in Prometheus' text format, to be sent as `content_type`."""
        return generate_latest(self._registry)

    def _once(self, kind: type[M], name: str, help: str, labels: Sequence[str], **options: Any) -> M:
        """Raises ValueError where the name is taken by another kind or with other labels."""
        if name not in self._known:
            made = kind(f"voiceforge_{name}", help, tuple(labels), registry=self._registry, **options)
            self._known[name] = (tuple(labels), made)
        known_labels, known = self._known[name]
        if not isinstance(known, kind) or known_labels != tuple(labels):
            raise ValueError(f"the metric {name} exists as another kind or with other labels")
        return known
