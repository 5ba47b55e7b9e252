"""What the client's process tells the view's process: one line of JSON several times a second."""

from dataclasses import dataclass
from typing import Self

import orjson

BROKEN = 0
"""Status of a visit without a complete answer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How one visit went."""

    kind: str
    status: int
    """Of the answer, or `BROKEN`."""
    seconds: float
    """From the request until the head of the answer was there, or until it was clear that none would come."""
    octets: int = 0
    """Content that arrived."""
    direct: bool = False
    """Whether it went straight to the origin."""


@dataclass(frozen=True, slots=True)
class Prices:
    """How long messages of the price ticker were under way, in seconds."""

    single: tuple[float, ...] = ()
    """Those that came one by one."""
    batched: tuple[float, ...] = ()
    """Those that came in batches."""


@dataclass(frozen=True, slots=True)
class Report:
    """What happened since the report before."""

    samples: tuple[Sample, ...] = ()
    messages: int = 0
    """WebSocket messages and server-sent events that arrived, those of the price ticker aside."""
    in_flight: int = 0
    """Visits under way right now."""
    prices: Prices = Prices()

    def to_line(self) -> bytes:
        """The report as one line."""
        samples = [[s.kind, s.status, s.seconds, s.octets, s.direct] for s in self.samples]
        prices = [self.prices.single, self.prices.batched]
        return orjson.dumps([samples, self.messages, self.in_flight, prices]) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """The report of such a line."""
        samples, messages, in_flight, prices = orjson.loads(line)
        return cls(tuple(Sample(*sample) for sample in samples), messages, in_flight, Prices(*map(tuple, prices)))


def status_class(status: int) -> str:
    """`2xx` and its like, or words for a visit without a complete answer."""
    return "broken off" if status == BROKEN else f"{status // 100}xx"
