"""The page of metrics, by prometheus-client: the only file that knows it, used by the supervisor alone."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from gateway.figures.layout import Kind
from gateway.figures.ledger import FamilySnapshot, Sample


class _Once(Collector):
    """Shows prometheus-client one snapshot."""

    def __init__(self, families: Sequence[FamilySnapshot]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return map(metric_of, self._families)


def metric_of(family: FamilySnapshot) -> Metric:
    """A family in prometheus-client's terms."""
    names = [name for name, _ in family.samples[0].labels] if family.samples else []
    if family.kind is Kind.HISTOGRAM:
        return _histogram(family, names)
    make = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = make(family.name, family.help, labels=names)
    for sample in family.samples:
        metric.add_metric([value for _, value in sample.labels], sample.values[0])
    return metric


def _histogram(family: FamilySnapshot, names: list[str]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=names)
    for sample in family.samples:
        metric.add_metric([value for _, value in sample.labels], list(_buckets(family, sample)), sample.values[-1])
    return metric


def _buckets(family: FamilySnapshot, sample: Sample) -> Iterator[tuple[str, float]]:
    bounds = (*map(floatToGoString, family.bounds), "+Inf")
    return zip(bounds, accumulate(sample.values[:-1]), strict=True)


def render(families: Sequence[FamilySnapshot], accept: str) -> tuple[bytes, str]:
    """The page and its media type: OpenMetrics for who accepts it, Prometheus' text for everybody else."""
    encode, content_type = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(families))
    return encode(registry), content_type
