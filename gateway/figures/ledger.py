"""The supervisor's side of the figures: what every row means, and what they amount to together.

Nothing here reads a clock or a socket. A worker that ends leaves its counters and histograms behind, so
that a sum over workers never goes backwards; its gauges end with it."""

from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.figures.layout import HEARTBEAT, PREFIX, SPILLED, Join, Kind, Labels, Layout

SPILLED_FAMILY = Layout(
    f"{PREFIX}_figures_spilled", Kind.GAUGE, "Children of figures that found the row of their worker full", (), 0
)


class Sample(NamedTuple):
    """The cells of one child, summed over workers: one number, or the buckets and the sum of a histogram."""

    labels: Labels
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FamilySnapshot:
    """One family at one moment. It shares nothing with the slab, so another thread may render it."""

    name: str
    kind: Kind
    help: str
    bounds: tuple[float, ...]
    samples: tuple[Sample, ...]


@dataclass(slots=True)
class _Family:
    """What all workers agree on; the first announcement decides."""

    kind: Kind
    help: str
    join: Join
    bounds: tuple[float, ...]
    label_names: tuple[str, ...]
    ended: dict[Labels, list[float]] = field(default_factory=dict)


@dataclass(slots=True)
class _Owner:
    """One row in use."""

    cells: "memoryview[float]"
    layouts: list[Layout] = field(default_factory=list)


class Ledger:
    """Adds rows up. A row is opened for a worker, learns its layouts, and is closed when the worker ended."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}
        self._owners: dict[int, _Owner] = {}

    def open(self, row: int, cells: "memoryview[float]") -> None:
        """A worker begins to count in that row, which is all zeros."""
        self._owners[row] = _Owner(cells)

    def learn(self, row: int, layout: Layout) -> bool:
        """Note what a worker announced. False, and nothing is noted, if it fits neither the row nor the family."""
        owner = self._owners.get(row)
        if owner is None or not 0 <= layout.cell <= len(owner.cells) - layout.width:
            return False
        names = tuple(name for name, _ in layout.labels)
        family = self._families.get(layout.family)
        if family is None:
            self._families[layout.family] = _Family(layout.kind, layout.help, layout.join, layout.bounds, names)
        elif (family.kind, family.bounds, family.label_names) != (layout.kind, layout.bounds, names):
            return False
        owner.layouts.append(layout)
        return True

    def close(self, row: int) -> None:
        """The worker ended: keep what it counted. The row may be zeroed afterwards."""
        owner = self._owners.pop(row, None)
        if owner is None:
            return
        for layout in owner.layouts:
            if layout.kind is not Kind.GAUGE:
                _add(self._families[layout.family].ended, layout, owner.cells)

    def value(self, row: int, family: str) -> float:
        """The sum of a worker's children of that family (of a gauge or counter), 0 where it has none."""
        owner = self._owners.get(row)
        if owner is None:
            return 0.0
        return sum(owner.cells[layout.cell] for layout in owner.layouts if layout.family == family)

    def heartbeat(self, row: int) -> float:
        """Monotonic time of the worker's last heartbeat in seconds; 0 before the first."""
        return self._owners[row].cells[HEARTBEAT]

    def snapshot(self) -> list[FamilySnapshot]:
        """Every family, in the order of names, with all its samples."""
        totals = {
            name: {key: list(kept) for key, kept in family.ended.items()} for name, family in self._families.items()
        }
        spilled = 0.0
        for owner in self._owners.values():
            spilled += owner.cells[SPILLED]
            for layout in owner.layouts:
                _add(totals[layout.family], layout, owner.cells, self._families[layout.family].join)
        families = [
            FamilySnapshot(
                name,
                family.kind,
                family.help,
                family.bounds,
                tuple(Sample(labels, tuple(values)) for labels, values in sorted(totals[name].items())),
            )
            for name, family in sorted(self._families.items())
        ]
        described = SPILLED_FAMILY
        families.append(FamilySnapshot(described.family, described.kind, described.help, (), (Sample((), (spilled,)),)))
        return families


def _add(totals: dict[Labels, list[float]], layout: Layout, cells: "memoryview[float]", join: Join = Join.SUM) -> None:
    values = [float(value) for value in cells[layout.cell : layout.cell + layout.width]]
    total = totals.get(layout.labels)
    if total is None:
        totals[layout.labels] = values
    elif join is Join.MAX:
        total[0] = max(total[0], values[0])
    else:
        for index, value in enumerate(values):
            total[index] += value
