"""From single runs to medians: what is reported for a peer in a scenario."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from loadtests.bench.peers import OURS
from loadtests.support.wrk import Figures

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Sample:
    """One peer in one scenario for a few seconds."""

    scenario: str
    peer: str
    round: int
    cpu_seconds: float
    figures: Figures
    misses: int = 0
    """Calls at the origin where all should have been answered from a store."""

    @property
    def cpu_microseconds(self) -> float:
        """CPU of the peer's whole process tree for each answered request."""
        return self.cpu_seconds / self.figures.requests * 1e6 if self.figures.requests else float("nan")

    @property
    def is_valid(self) -> bool:
        """Whether every request was answered well and as it should be, so that the figure means something."""
        return self.figures.requests > 0 and self.figures.failed == 0 and self.misses == 0


@dataclass(frozen=True, slots=True)
class Summary:
    """A peer in a scenario over all rounds."""

    scenario: str
    peer: str
    cpu_microseconds: float
    """Median over the rounds."""
    spread: float
    """Largest minus smallest, as a share of the median."""
    ratio: float | None
    """Median over the rounds of the peer's CPU over ours in the same round; above 1 we are cheaper."""
    requests_per_second: float
    busy: float
    """Share of one core the peer used: near 1 it was saturated, below that it also had to wake up more often."""
    p99_microseconds: float
    octets_per_request: float
    """What was sent for an answer, head included."""
    errors: int
    is_valid: bool


def summarise(samples: Sequence[Sample], scenario: str, peer: str) -> Summary | None:
    """The summary of one row, or None when nothing was measured."""
    ours = {sample.round: sample for sample in samples if (sample.scenario, sample.peer) == (scenario, OURS)}
    mine = [sample for sample in samples if (sample.scenario, sample.peer) == (scenario, peer)]
    answered = [sample for sample in mine if sample.figures.requests]
    if not answered:
        return None
    costs = [sample.cpu_microseconds for sample in answered]
    ratios = [
        sample.cpu_microseconds / ours[sample.round].cpu_microseconds
        for sample in answered
        if sample.round in ours and ours[sample.round].cpu_seconds > 0
    ]
    return Summary(
        scenario=scenario,
        peer=peer,
        cpu_microseconds=median(costs),
        spread=(max(costs) - min(costs)) / median(costs) if median(costs) else 0.0,
        ratio=median(ratios) if ratios else None,
        requests_per_second=median(sample.figures.requests / sample.figures.seconds for sample in answered),
        busy=median(sample.cpu_seconds / sample.figures.seconds for sample in answered),
        p99_microseconds=median(sample.figures.p99 for sample in answered),
        octets_per_request=median(sample.figures.octets / sample.figures.requests for sample in answered),
        errors=sum(sample.figures.failed for sample in mine),
        is_valid=all(sample.is_valid for sample in mine),
    )


def rotated(items: Sequence[_T], by: int) -> list[_T]:
    """`items` from the one at `by` on, wrapping round: in each round another peer goes first."""
    start = by % len(items) if items else 0
    return [*items[start:], *items[:start]]
