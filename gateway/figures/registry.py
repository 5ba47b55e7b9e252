"""The worker's side of the figures: children that add to a cell of the worker's own row.

An increment is one read and one write of a double (some 60 ns), no lock: a row has one writer, the
thread of the loop. Whoever counts on the road keeps the child, or its `row` and `cell`, and never looks
it up again: `row[cell] += 1`."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import pairwise
from typing import Self, TypeVar

from gateway.figures.layout import RESERVED, SPILL, SPILLED, Join, Kind, Labels, Layout, check_names, width_of

MAX_CHILDREN = 256
"""Label sets of one family. More than that count together under the label value `other`, so that values
a stranger may choose cannot fill the row. 256 histograms of 14 buckets take a quarter of one."""

OTHER = "other"

DURATION_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: from half a millisecond, where a gateway's own time lies, to the patience of a person."""


class Counter:
    """A number that only grows."""

    __slots__ = ("cell", "row")

    def __init__(self, row: "memoryview[float]", cell: int, bounds: tuple[float, ...] = ()) -> None:
        self.row = row
        self.cell = cell

    def inc(self, n: float = 1.0) -> None:
        """Add `n`, which must not be negative."""
        self.row[self.cell] += n


class Gauge:
    """A number that goes up and down; it ends with its worker."""

    __slots__ = ("cell", "row")

    def __init__(self, row: "memoryview[float]", cell: int, bounds: tuple[float, ...] = ()) -> None:
        self.row = row
        self.cell = cell

    def set(self, value: float) -> None:
        """Replace the value."""
        self.row[self.cell] = value

    def inc(self, n: float = 1.0) -> None:
        """Add `n`."""
        self.row[self.cell] += n

    def dec(self, n: float = 1.0) -> None:
        """Take `n` away."""
        self.row[self.cell] -= n


class Histogram:
    """How observed values are spread over buckets."""

    __slots__ = ("bounds", "cell", "row", "total")

    def __init__(self, row: "memoryview[float]", cell: int, bounds: tuple[float, ...] = ()) -> None:
        self.row = row
        self.cell = cell
        self.bounds = bounds
        self.total = cell if cell == SPILL else cell + len(bounds) + 1

    def observe(self, value: float) -> None:
        """Count `value` in the first bucket whose bound is not below it."""
        row = self.row
        row[self.cell + bisect_left(self.bounds, value)] += 1.0
        row[self.total] += value

    def observe_all(self, values: list[float]) -> None:
        """Count them all, which costs less than one by one; `values` are sorted afterwards."""
        row, at = self.row, 0
        values.sort()
        for bucket, bound in enumerate(self.bounds):
            upto = bisect_right(values, bound, at)
            if upto > at:
                row[self.cell + bucket] += upto - at
                at = upto
        if self.cell != self.total:
            row[self.cell + len(self.bounds)] += len(values) - at
        row[self.total] += sum(values)


Child = Counter | Gauge | Histogram
C = TypeVar("C", Counter, Gauge, Histogram)


class _Family:
    """The children of one name, found by the values of their labels."""

    __slots__ = ("bounds", "children", "help", "join", "kind", "label_names")

    def __init__(self, kind: Kind, text: str, names: frozenset[str], bounds: tuple[float, ...], join: Join) -> None:
        self.kind = kind
        self.help = text
        self.label_names = names
        self.bounds = bounds
        self.join = join
        self.children: dict[Labels, Child] = {}


class _Sheet:
    """A row and what is written where: shared by a `Figures` and all its scopes."""

    def __init__(self, row: "memoryview[float]", announce: Callable[[Layout], None]) -> None:
        self.row = row
        self._announce = announce
        self._next = RESERVED
        self._families: dict[str, _Family] = {}

    def child(self, make: type[C], name: str, labels: dict[str, str], described: _Family) -> C:
        """The child of that name and those labels: the one there is, or a new one."""
        family = self._families.get(name)
        if family is None:
            check_names(name, labels)
            family = self._families[name] = described
        elif family.kind is not described.kind or family.label_names != described.label_names:
            raise ValueError(f"{name} is already a {family.kind} with the labels {sorted(family.label_names)}")
        key = tuple(sorted(labels.items()))
        if key not in family.children and len(family.children) >= MAX_CHILDREN:
            key = tuple((label, OTHER) for label, _ in key)
        child = family.children.get(key)
        if child is None:
            child = family.children[key] = make(self.row, self._allocate(name, family, key), family.bounds)
            if child.cell == SPILL and isinstance(child, Histogram):
                child.bounds = ()
        assert isinstance(child, make)
        return child

    def _allocate(self, name: str, family: _Family, key: Labels) -> int:
        cell = self._next
        width = width_of(family.kind, family.bounds)
        if cell + width > len(self.row):
            self.row[SPILLED] += 1.0
            return SPILL
        self._next = cell + width
        labels = tuple((label, _printable(value)) for label, value in key)
        self._announce(Layout(name, family.kind, family.help, labels, cell, family.bounds, family.join))
        return cell

    def find(self, name: str, labels: dict[str, str]) -> Child | None:
        family = self._families.get(name)
        return None if family is None else family.children.get(tuple(sorted(labels.items())))


def _printable(value: str) -> str:
    """The value as UTF-8 can carry it: octets of a stranger may have become lone surrogates."""
    return value.encode("utf-8", "replace").decode()


class Figures:
    """Hands out counters, gauges and histograms. The same name and labels give the same child.

    A label set beyond `MAX_CHILDREN` counts under `other`; a child that finds its row full counts into a
    cell that nobody reads, and is counted itself (`figures_spilled`). Neither is an error. Raises
    `ValueError` for a name Prometheus would refuse, and for one that is in use with another kind or other
    label names: these are mistakes in a program, found the first time it runs."""

    __slots__ = ("_labels", "_prefix", "_sheet")

    def __init__(self, row: "memoryview[float]", announce: Callable[[Layout], None]) -> None:
        self._sheet = _Sheet(row, announce)
        self._prefix = ""
        self._labels: dict[str, str] = {}

    @classmethod
    def in_memory(cls, columns: int = 4096) -> Self:
        """Figures of this process alone, for tests and tools; `value` reads them."""
        return cls(memoryview(bytearray(columns * 8)).cast("d"), lambda layout: None)

    @property
    def row(self) -> "memoryview[float]":
        """The cells all children write to."""
        return self._sheet.row

    def scope(self, prefix: str = "", **labels: str) -> "Figures":
        """The same figures with `prefix_` before every name and `labels` on every child."""
        scoped = object.__new__(Figures)
        scoped._sheet = self._sheet
        scoped._prefix = f"{self._prefix}{prefix}_" if prefix else self._prefix
        scoped._labels = {**self._labels, **labels}
        return scoped

    def counter(self, name: str, text: str, /, **labels: str) -> Counter:
        """A number that only grows; its name ends in `_total`, and `text` explains it on the page of metrics."""
        return self._child(Counter, Kind.COUNTER, name, text, labels)

    def gauge(self, name: str, text: str, /, join: Join = Join.SUM, **labels: str) -> Gauge:
        """A number that goes up and down; workers are added up unless `join` says `MAX`."""
        return self._child(Gauge, Kind.GAUGE, name, text, labels, join=join)

    def histogram(
        self, name: str, text: str, /, buckets: tuple[float, ...] = DURATION_BUCKETS, **labels: str
    ) -> Histogram:
        """Observations by bucket. `buckets` are upper bounds, growing; those given first hold for the family."""
        if not buckets or any(low >= high for low, high in pairwise(buckets)):
            raise ValueError(f"{name}: the bounds of buckets must grow, and there must be one")
        return self._child(Histogram, Kind.HISTOGRAM, name, text, labels, bounds=tuple(buckets))

    def value(self, name: str, /, **labels: str) -> float:
        """What a counter or gauge shows, or how many values a histogram saw; 0 for what nobody counted yet."""
        child = self._sheet.find(self._prefix + name, {**self._labels, **labels})
        if child is None:
            return 0.0
        if isinstance(child, Histogram):
            return float(sum(child.row[child.cell : child.cell + len(child.bounds) + 1]))
        return child.row[child.cell]

    def _child(
        self,
        make: type[C],
        kind: Kind,
        name: str,
        text: str,
        labels: dict[str, str],
        bounds: tuple[float, ...] = (),
        join: Join = Join.SUM,
    ) -> C:
        joined = {**self._labels, **labels} if self._labels else labels
        return self._sheet.child(
            make, self._prefix + name, joined, _Family(kind, text, frozenset(joined), bounds, join)
        )
