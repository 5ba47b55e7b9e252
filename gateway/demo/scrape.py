"""One reading of the gateway's metrics page, and what may be asked of it. No I/O, no clock."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from gateway.demo.percentiles import Histogram

PREFIX = "slipstream_"
"""What every figure of the gateway is called first; names here are without it."""

Samples = Mapping[str, tuple[tuple[Mapping[str, str], float], ...]]


@dataclass(frozen=True, slots=True)
class Scrape:
    """All figures of one moment. A figure that is not there counts as nought."""

    samples: Samples = field(default_factory=dict)

    def total(self, name: str, **labels: str) -> float:
        """Sum over every label set that has those labels."""
        wanted = labels.items()
        return sum((value for found, value in self.samples.get(name, ()) if wanted <= found.items()), 0.0)

    def by(self, name: str, label: str) -> dict[str, float]:
        """Sums for each value of one label."""
        sums: dict[str, float] = {}
        for labels, value in self.samples.get(name, ()):
            key = labels.get(label, "")
            sums[key] = sums.get(key, 0.0) + value
        return sums

    def histogram(self, name: str, **labels: str) -> Histogram:
        """The histogram of that name, joined over every label set that has those labels."""
        counts: dict[float, float] = {}
        wanted = labels.items()
        for found, value in self.samples.get(f"{name}_bucket", ()):
            if wanted <= found.items():
                bound = float(found.get("le", math.inf))
                counts[bound] = counts.get(bound, 0.0) + value
        bounds = tuple(sorted(counts))
        return Histogram(bounds, tuple(counts[bound] for bound in bounds), self.total(f"{name}_sum", **labels))


def parse(page: str) -> Scrape:
    """The figures of a metrics page in Prometheus' text format. Raises ValueError for anything else."""
    samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            samples.setdefault(sample.name.removeprefix(PREFIX), []).append((sample.labels, sample.value))
    return Scrape({name: tuple(found) for name, found in samples.items()})
