"""The page of metrics, by prometheus-client: the only file that knows it, used by the supervisor alone."""

from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    UnknownMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from gateway.figures.layout import Kind
from gateway.figures.ledger import FamilySnapshot, Sample


class _Once(Collector):
    """Shows prometheus-client one snapshot."""

    def __init__(self, families: Sequence[FamilySnapshot], untyped: Set[str]) -> None:
        self._families = families
        self._untyped = untyped

    def collect(self) -> Iterable[Metric]:
        return (metric_of(family, family.name not in self._untyped) for family in self._families)


def metric_of(family: FamilySnapshot, is_typed: bool = True) -> Metric:
    """A family in prometheus-client's terms."""
    names = [name for name, _ in family.samples[0].labels] if family.samples else []
    if family.kind is Kind.HISTOGRAM:
        return _histogram(family, names)
    make = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = (make if is_typed else UnknownMetricFamily)(family.name, family.help, labels=names)
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


def clashing(families: Sequence[FamilySnapshot]) -> Set[str]:
    """Counters that OpenMetrics would call like another family, as it leaves out their `_total`.

    `connections` and `connections_total` may not both be there, so the counter goes without a type."""
    taken = {family.name for family in families}
    return {
        family.name
        for family in families
        if family.kind is Kind.COUNTER
        and family.name.endswith("_total")
        and family.name.removesuffix("_total") in taken
    }


def render(families: Sequence[FamilySnapshot], accept: str) -> tuple[bytes, str]:
    """The page and its media type: OpenMetrics for who accepts it, Prometheus' text for everybody else."""
    encode, content_type = choose_encoder(accept)
    is_openmetrics = content_type.startswith("application/openmetrics-text")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(families, clashing(families) if is_openmetrics else frozenset()))
    return encode(registry), content_type
