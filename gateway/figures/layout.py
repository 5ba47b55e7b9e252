"""What the cells of a row mean: the announcement a worker makes once for each new child."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Kind(StrEnum):
    """How a family is counted, and so how the rows of several workers are joined."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Join(StrEnum):
    """What a gauge of several workers amounts to."""

    SUM = "sum"
    MAX = "max"


PREFIX = "slipstream"
"""Before the name of every figure that the gateway shows."""

SPILLED = 0
"""Reserved cell: how many children found their row full."""

SPILL = 1
"""Reserved cell: where those children count, all into one; nobody reads it."""

HEARTBEAT = 2
"""Reserved cell: monotonic time of the worker's last heartbeat, in seconds."""

RESERVED = 8
"""Cells at the start of a row that no child ever gets."""

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)

Labels = tuple[tuple[str, str], ...]
"""Label names with their values, in the order of the names."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One child: which family, which labels, and where it counts.

    A histogram owns `len(bounds) + 2` cells from `cell` on: one for each bound, one for what lies above
    them all, and the sum of everything observed. Its buckets are not cumulative. Others own one cell."""

    family: str
    kind: Kind
    help: str
    labels: Labels
    cell: int
    bounds: tuple[float, ...] = ()
    join: Join = Join.SUM

    @property
    def width(self) -> int:
        """How many cells the child owns."""
        return width_of(self.kind, self.bounds)

    def to_message(self) -> dict[str, Any]:
        """Plain values for the control channel."""
        return {
            "family": self.family,
            "type": self.kind.value,
            "help": self.help,
            "labels": dict(self.labels),
            "cell": self.cell,
            "bounds": list(self.bounds),
            "join": self.join.value,
        }

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Self:
        """The layout a worker announced. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        return cls(
            family=str(message["family"]),
            kind=Kind(message["type"]),
            help=str(message["help"]),
            labels=tuple((str(name), str(value)) for name, value in message["labels"].items()),
            cell=int(message["cell"]),
            bounds=tuple(float(bound) for bound in message["bounds"]),
            join=Join(message["join"]),
        )


def width_of(kind: Kind, bounds: tuple[float, ...]) -> int:
    """Cells that a child of that kind owns."""
    return len(bounds) + 2 if kind is Kind.HISTOGRAM else 1


def check_names(family: str, labels: Mapping[str, str]) -> None:
    """Raise `ValueError` for names Prometheus would not take, so that no scrape can fail over one."""
    for name in (family, *labels):
        if not _NAME.fullmatch(name) or name.startswith("__"):
            raise ValueError(f"{name!r} cannot name a figure or a label: letters, digits and underscores only")
    if "le" in labels:
        raise ValueError(f"{family}: the label 'le' belongs to the buckets of histograms")
