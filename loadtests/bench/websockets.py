"""WebSockets side by side: CPU of a proxy's whole process tree for each message that an origin pushes to many clients.

The origin writes ten messages of 100 octets at a time: each for itself in a row, or a millisecond apart. Where frames
are read, ours is compared with itself writing every message in a frame and a write of its own."""

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

from loadtests import websocket
from loadtests.bench.peers import OURS
from loadtests.support.table import render
from loadtests.websocket_clients import percentile

HEADER = ("WebSocket", "peer", "CPU µs/message", "peer/ours", "messages/CPU s", "messages/read", "p50 ms", "p99 ms")
PAUSE = 200
"""Milliseconds between two bursts to a client."""


@dataclass(frozen=True, slots=True)
class Way:
    """One peer in one case."""

    peer: str
    proxy: str = OURS
    settings: Mapping[str, object] | None = None
    """Of the plugin; `None` leaves it out."""
    more: str = ""
    """Fields of the handshake."""
    join: str = "off"
    """`limits.tunnel_join`."""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of traffic, and who carries it."""

    name: str
    title: str
    ways: Sequence[Way]
    writes: str = "each"
    own: str = OURS
    """The peer that the others are compared with."""
    rival: str = "nginx"
    least: float = 0.0
    """What the rival's cost has to be in terms of our own."""
    burst: int = 10
    least_joined: float = 0.0
    """The same in terms of our own with joining."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of a peer."""

    case: str
    peer: str
    microseconds: float
    """CPU for each message."""
    per_read: float
    """Messages that a client got with one read."""
    p50: float
    p99: float
    """Seconds under way."""


JOINED = f"{OURS}, {websocket.JOIN} joined"
_TUNNELS = (Way(OURS), Way(JOINED, join=websocket.JOIN), Way("nginx", "nginx"), Way("haproxy", "haproxy"))
SINGLE, BATCHED = "a write each", "batched"
_FRAMES = (
    Way(BATCHED, settings={"max_messages": 50}, more=websocket.OPT_IN),
    Way(SINGLE, settings={"coalesce": "off"}),
    Way("joined", settings={}),
)
CASES: tuple[Case, ...] = (
    Case("ws-tunnel", "tunnel, ten writes in a row", _TUNNELS, least=0.8, least_joined=1.5),
    Case("ws-tunnel-apart", "tunnel, a write each millisecond", _TUNNELS, "apart", least=0.8, least_joined=1.5),
    Case("ws-frames", "frames, ten writes in a row", _FRAMES, own=BATCHED, rival=SINGLE),
    Case("ws-frames-50", "frames, fifty in one write", _FRAMES, "once", own=BATCHED, rival=SINGLE, least=5.0, burst=50),
)


@dataclass(slots=True)
class Measured:
    """Everything of a run."""

    rows: list[Row] = field(default_factory=list)

    def table(self, cases: Sequence[Case]) -> str:
        """The comparison."""
        return render(HEADER, [self._cells(case, row) for case in cases for row in self._of(case)], left=2)

    def targets(self, cases: Sequence[Case]) -> list[tuple[str, bool]]:
        """Each ratio we hold ourselves to, as a line and whether it was reached."""
        lines = []
        for case in cases:
            for own, least in ((case.own, case.least), (JOINED, case.least_joined)):
                ratio = self.ratio(case, case.rival, own)
                if least and ratio is not None:
                    reached = ratio >= least
                    word = "reached" if reached else "MISSED"
                    line = f"{case.name}: {case.rival}/{own} {ratio:.2f}, wanted at least {least:.2f}: {word}"
                    lines.append((line, reached))
        return lines

    def ratio(self, case: Case, peer: str, own: str | None = None) -> float | None:
        """What a peer costs in terms of our own, or of that one."""
        found = {row.peer: row.microseconds for row in self._of(case)}
        ours = found.get(own or case.own)
        return found[peer] / ours if peer in found and ours else None

    def _of(self, case: Case) -> list[Row]:
        return [row for row in self.rows if row.case == case.name]

    def _cells(self, case: Case, row: Row) -> tuple[str, ...]:
        ratio = self.ratio(case, row.peer)
        return (
            case.title,
            row.peer,
            f"{row.microseconds:.2f}",
            "-" if ratio is None else f"{ratio:.2f}",
            f"{1e6 / row.microseconds:,.0f}" if row.microseconds else "-",
            f"{row.per_read:.1f}",
            f"{row.p50 * 1000:.1f}",
            f"{row.p99 * 1000:.1f}",
        )


def measure(cases: Sequence[Case], peers: Sequence[str], say: Callable[[str], None], *, quick: bool) -> Measured:
    """Run `cases` with those of `peers` that are installed; our own always take part."""
    measured = Measured()
    connections, messages = (300, 100) if quick else (1000, 200)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for case in cases:
            say(f"measuring {case.name}")
            for way in case.ways:
                if way.proxy == OURS or (way.peer in peers and shutil.which(way.proxy) is not None):
                    measured.rows.append(runner.run(_run(case, way, connections, messages)))
    return measured


async def _run(case: Case, way: Way, connections: int, messages: int) -> Row:
    with websocket.ground(way.proxy, way.settings, join=way.join) as here:
        options: dict[str, Any] = {"burst": case.burst, "pause": PAUSE * case.burst // 10, "writes": case.writes}
        found = await websocket.push(here, connections, messages, more=way.more, **options)
    p50, p99 = (percentile(found.tally.seconds, share) for share in (0.5, 0.99))
    return Row(case.name, way.peer, found.microseconds, found.messages / found.reads, p50, p99)
