"""All upgraded connections of a worker: what they share, lists of them, and how they end when the worker does."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import nlargest
from typing import Any, NamedTuple, Protocol

from gateway.chain.deadlines import Deadlines
from gateway.figures import Figures
from gateway.http.message import Request
from gateway.websocket.bridge import Bridge
from gateway.websocket.close_codes import CloseCode
from gateway.websocket.due import DueLine
from gateway.websocket.feeds import Feeds
from gateway.websocket.figures import RouteFigures
from gateway.websocket.rounds import Rounds
from gateway.websocket.terms import FrameTerms
from gateway.websocket.tunnel import Tunnel, UpgradedUpstream

DRAIN_SHARE = 0.5
"""Part of the drain time over which connections are told to go elsewhere: they come back one by one, not all at
once."""
_STEP = 0.05
MOST_ROWS = 1000
"""Connections in one list; ten thousand would be nobody's to read."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Where an upgraded connection came from."""

    id: str
    route: str
    client: str
    target: str
    server: str
    since: float
    """Monotonic seconds."""


class Table(NamedTuple):
    """A list for people."""

    number: int
    """Connections there are."""
    rows: list[dict[str, Any]]
    """Those that are told of; JSON."""


class Upgraded(Protocol):
    """A tunnel or a framed pair."""

    deadline: float
    origins: Origins

    @property
    def mode(self) -> str:
        """tunnel, framed, or how frames are batched."""

    @property
    def queued_octets(self) -> int:
        """Octets that wait in the gateway."""

    def describe(self) -> dict[str, Any]:
        """For people; JSON."""

    def expire(self, now: float) -> None:
        """Of the sweep."""

    def close(self, code: int, reason: str) -> None:
        """End it in order."""

    def abort(self) -> None:
        """End it at once."""


class Connections:
    """The upgraded connections of a worker."""

    def __init__(self, loop: asyncio.AbstractEventLoop, deadlines: Deadlines, figures: Figures) -> None:
        self.loop = loop
        self.queued = 0
        """Octets that wait in all of them."""
        self._deadlines = deadlines
        self._figures = figures
        self._members: dict[str, Upgraded] = {}
        self._lines: dict[float, DueLine] = {}
        self._feeds: dict[float, Feeds] = {}
        self._routes: dict[str, RouteFigures] = {}
        self._numbers = itertools.count(1)
        self.rounds = Rounds(loop)
        """Reads the upstreams of batched connections."""
        self._relief: asyncio.Handle | None = None
        self._is_draining = False

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Upgraded]:
        return iter(list(self._members.values()))

    def line_of(self, seconds: float) -> DueLine:
        """The line of all who wait for so long."""
        line = self._lines.get(seconds)
        if line is None:
            line = self._lines[seconds] = DueLine(self.loop)
        return line

    def feeds_of(self, seconds: float | None) -> Feeds | None:
        """Those that are read in rounds so many seconds apart."""
        if seconds is None:
            return None
        feeds = self._feeds.get(seconds)
        if feeds is None:
            feeds = self._feeds[seconds] = Feeds(self.loop, seconds)
        return feeds

    def begin(
        self,
        request: Request,
        upgraded: UpgradedUpstream,
        downstream: asyncio.Transport,
        received: bytes,
        idle: float,
        ended: Callable[[], None],
        join: float | None = None,
    ) -> Upgraded:
        """Join the two connections as the terms of the upgrade say. `received` came behind the request's head. With
        `join`, sides of a tunnel that keep on speaking are read in rounds so many seconds apart."""
        name = f"{os.getpid():x}-{next(self._numbers)}"
        target = request.path.decode("latin-1")
        origins = Origins(name, request.route, request.client, target, request.served_by, time.monotonic())
        figures = self._routes.get(request.route)
        if figures is None:
            figures = self._routes[request.route] = RouteFigures(self._figures, request.route)
        terms = upgraded.terms
        mode = terms.mode if isinstance(terms, FrameTerms) else "tunnel"

        def over() -> None:
            del self._members[name]
            self._deadlines.forget(connection)
            figures.connections(mode, -1)
            try:
                ended()
            finally:
                upgraded.ended()

        connection: Upgraded
        if isinstance(terms, FrameTerms):
            connection = bridge = Bridge(self, origins, terms, figures, downstream, upgraded.transport, over)
        else:
            if terms is not None and terms.idle is not None:
                idle = terms.idle
            connection = tunnel = Tunnel(downstream, upgraded.transport, origins, idle, over, self.feeds_of(join))
        self._members[name] = connection
        figures.connections(mode, 1)
        self._deadlines.watch(connection)
        if isinstance(terms, FrameTerms):
            bridge.begin(received, upgraded.received)
        else:
            tunnel.begin(received, upgraded.received)
        if self._is_draining:  # its handshake had begun before
            self.loop.call_soon(self._tell_to_leave, name)
        return connection

    # --- memory --------------------------------------------------------------------------------

    def queue_changed(self, octets: int, most: int) -> None:
        """So many more octets wait, or fewer. Above `most` the connection with the most goes."""
        self.queued += octets
        if self.queued > most and self._relief is None:
            self._relief = self.loop.call_soon(self._relieve, most)

    def _relieve(self, most: int) -> None:
        self._relief = None
        by_size = sorted(self._members.values(), key=lambda member: member.queued_octets, reverse=True)
        excess = self.queued - most
        for member in by_size:
            if excess <= 0:
                break
            excess -= member.queued_octets
            member.close(CloseCode.TRY_LATER, "too much waits in the gateway")
            member.abort()

    # --- for administrators ----------------------------------------------------------------------

    def table(self, route: str | None = None, *, most: int = MOST_ROWS, by_queue: bool = False) -> Table:
        """Every connection, or those of a route: how many there are, and `most` of them; the oldest, or with `by_queue`
        those with the most waiting. Only what is told is described: of thousands, that would stop a worker."""
        every = list(self._members.values())
        if route is not None:
            every = [member for member in every if member.origins.route == route]
        told = nlargest(most, every, key=lambda member: member.queued_octets) if by_queue else every[:most]
        now = time.monotonic()
        return Table(len(every), [self._row(member, now) for member in told])

    def _row(self, member: Upgraded, now: float) -> dict[str, Any]:
        origins = member.origins
        age = now - origins.since
        told = member.describe()
        row = {
            "id": origins.id,
            "route": origins.route,
            "mode": member.mode,
            "age": round(age, 3),
            "client": origins.client,
            "target": origins.target,
            "server": origins.server,
            **told,
        }
        if "messages" in told:
            row["messages_per_second"] = {
                way: round(count / max(age, 1.0), 3) for way, count in told["messages"].items()
            }
        if "octets" in told:
            row["octets_per_second"] = {way: round(count / max(age, 1.0)) for way, count in told["octets"].items()}
        return row

    def close(self, name: str, code: int, reason: str) -> bool:
        """End one of them; False when there is none of that name."""
        member = self._members.get(name)
        if member is None:
            return False
        member.close(code, reason)
        return True

    # --- the end -----------------------------------------------------------------------------------

    async def drain(self, seconds: float) -> None:
        """Tell one after the other to go elsewhere, over a part of `seconds`; the oldest first. Whoever comes now is
        told at once."""
        self._is_draining = True
        leaving = list(self._members)
        if not leaving:
            return
        steps = max(1, int(seconds * DRAIN_SHARE / _STEP))
        each = -(-len(leaving) // steps)
        for at in range(0, len(leaving), each):
            for name in leaving[at : at + each]:
                self._tell_to_leave(name)
            if at + each < len(leaving):
                await asyncio.sleep(_STEP)

    def _tell_to_leave(self, name: str) -> None:
        self.close(name, CloseCode.RESTART, "the gateway restarts")
