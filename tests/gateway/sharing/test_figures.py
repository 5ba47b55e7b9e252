"""What is counted."""

from __future__ import annotations

from gateway.figures.registry import Figures
from gateway.sharing.figures import LeaseFigures, PurgeFigures


def test_each_outcome_is_a_figure_of_its_own() -> None:
    figures = Figures.in_memory()
    leases, purges = LeaseFigures(figures), PurgeFigures(figures)
    counters = [leases.held, leases.given, leases.apart, leases.alone, leases.late, leases.fenced]
    for counter in [*counters, purges.told, purges.heard, purges.lost]:
        counter.inc()
    assert [figures.row[counter.cell] for counter in counters] == [1.0] * len(counters)
