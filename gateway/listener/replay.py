"""The replay lane: a request head that was answered from a store is answered again from one look-up.

The lane maps the octets of a head to the octets of its answer. It holds nothing of its own: an answer is given again
only while the stored response it came from is alive and fresh, so expiry, purge and eviction end it at once. Lines that
change with time (Age and the like) are rendered again once a second, by the store that knows them.

Fields that differ in every request and that decide nothing are cut out of a head before the second look-up."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gateway.figures import Figures
from gateway.http.fields import Fields
from gateway.http.memory import holds_credential
from gateway.http.message import Downstream, Monotonic, Replayable

if TYPE_CHECKING:
    from gateway.listener.figures import RouteFigures
    from gateway.listener.http1 import Http1Connection

JOIN_UP_TO = 32 * 1024
"""Octets of content up to which head and content are kept as one piece, ready to be written."""
_ENTRY_OCTETS = 600
"""What an entry costs beside its octets."""
_CUT = rb"\r\n(?:%b):[^\x00-\x08\x0a-\x1f\x7f]{0,1024}(?=\r\n)"
_MOST_CUT = 16
"""A head with more of such lines, or with one that is longer or no field line at all, goes the long way: there it may
be refused."""
_NEVER_AGAIN = re.compile(
    rb"\r\n(?:range:|if-range:|expect:|upgrade:|te:|connection:(?![ \t]*keep-alive[ \t]*\r\n))", re.IGNORECASE
)


class _Gone:
    """The source of a replay that left its table."""

    alive = False
    until = Monotonic(0.0)
    reads: frozenset[bytes] = frozenset()

    def lines(self, now: float) -> tuple[bytes, float]:
        return b"", 0.0

    def used(self, times: int) -> None:
        """Nobody counts any more."""


_GONE = _Gone()


class Replay:
    """An answer that may be given again."""

    __slots__ = (
        "_after",
        "_before",
        "asked",
        "begins",
        "content",
        "ends",
        "is_exact",
        "octets",
        "route",
        "size",
        "source",
        "status",
        "uses",
    )

    def __init__(
        self, before: bytes, after: bytes, content: bytes, source: Replayable, route: RouteFigures, status: int
    ) -> None:
        self._before = before
        self._after = after
        self.content = content
        """What follows `octets`, when it is too large to be part of them."""
        self.source = source
        self.route = route
        self.status = status
        self.is_exact = False
        """Whether it is for heads with these very octets alone."""
        self.uses = 0
        """How often it was given since the last count."""
        self.asked = 0
        """Octets of the head it answers."""
        self.octets = b""
        """The answer as it is from `begins` until `ends`, but for `content`."""
        self.begins = 0.0
        self.ends = 0.0
        self.size = _ENTRY_OCTETS + len(before) + len(after) + len(content)
        if len(content) <= JOIN_UP_TO:
            self._after += content
            self.content = b""
            self.size += len(self._after) + len(before)

    def holds(self, now: float) -> bool:
        """Whether the answer is what it has to be now."""
        return self.begins <= now < self.ends and self.source.alive

    def render(self, now: float) -> bool:
        """Write the answer as of `now`; whether it may still be given without asking the chain."""
        source = self.source
        if not source.alive or now >= source.until:
            return False
        lines, until = source.lines(now)
        self.octets = b"".join((self._before, lines, self._after))
        self.begins, self.ends = now, min(until, source.until)
        return True

    def forget(self) -> None:
        """It left the table. Connections that still know it must not keep its octets in memory, nor give them."""
        self.source = _GONE
        self.begins = self.ends = 0.0
        self.octets = self.content = self._before = self._after = b""


class ReplayLane:
    """The table of answers that may be given again, bounded in octets."""

    __slots__ = (
        "_cut",
        "_cut_names",
        "_generation",
        "_limit",
        "_octets_in",
        "_octets_out",
        "_used",
        "_used_lately",
        "count",
        "dropped",
        "state",
        "tables",
    )

    def __init__(self, figures: Figures) -> None:
        self._limit = 0
        self.state = 0
        """0 while the lane is off, otherwise another number after each `configure`: answers that were begun before may
        not be offered after it."""
        self._generation = 0
        self._used = 0
        self._used_lately: list[Replay] = []
        self._cut_names: frozenset[bytes] = frozenset()
        self._cut: Callable[[bytes, bytes, int], bytes] | None = None
        self.tables: tuple[dict[bytes, Replay], ...] = ({}, {}, {}, {})
        """One for each kind of downstream, see `kind_of`: the same octets mean something else from another kind."""
        self.count = figures.counter("replays_total", "Answers given by the replay lane")
        text = "Octets exchanged with downstreams"
        self._octets_in = figures.counter("http_downstream_bytes_total", text, direction="in")
        self._octets_out = figures.counter("http_downstream_bytes_total", text, direction="out")
        self.dropped = figures.counter("replays_dropped_total", "Answers the replay lane had to forget")

    def configure(self, limit: int, cut: Sequence[str]) -> None:
        """Begin anew, since another configuration may answer differently. `limit` in octets, 0 for no lane; `cut`:
        names of fields that differ in every request and decide nothing."""
        for entries in self.tables:
            for key in list(entries):
                self._drop(entries, key)
        self._limit = limit
        self._generation += 1
        self.state = self._generation if limit else 0
        self._cut_names = frozenset(name.lower().encode() for name in cut)
        names = b"|".join(re.escape(name) for name in sorted(self._cut_names))
        self._cut = re.compile(_CUT % names, re.IGNORECASE).sub if names else None

    def answer(self, octets: bytes, connection: Http1Connection) -> bool:
        """Write the answer to these octets, if they are one head that was answered before; whether they were.

        What is counted is counted by `tally`: here it would cost as much as the answer."""
        found = connection.replay
        if found is None or octets != connection.replayed:
            found = self._find(connection.replays, octets)
            if found is None:
                return False
            connection.replay, connection.replayed = found, octets
        front = connection.front
        limits = front.limits
        served = connection.served + 1
        if front.draining or served >= limits.requests_per_connection:
            return False
        now = front.clock.monotonic()
        if not found.begins <= now < found.ends or not found.source.alive:
            self.tally()
            if not found.render(now):
                found = connection.replay = self._find(connection.replays, octets)  # somebody may have brought another
                if found is None or not (found.holds(now) or found.render(now)):
                    connection.replay = None
                    return False
        connection.served = served
        if found.content:
            connection.transport.writelines((found.octets, found.content))
        else:
            connection.transport.write(found.octets)
        if not found.uses:
            self._used_lately.append(found)
        found.uses += 1
        if len(octets) != found.asked:  # what was cut is longer or shorter
            self._octets_in.inc(len(octets) - found.asked)
        connection.deadline = now + limits.keep_alive_timeout
        return True

    def _find(self, entries: dict[bytes, Replay], octets: bytes) -> Replay | None:
        found = entries.get(octets)
        if found is None and self._cut is not None:
            found = entries.get(self._cut(b"", octets, _MOST_CUT))
            if found is not None and found.is_exact:
                return None  # its stored response depends on what was cut, and it is for heads without that
        return found

    def offer(
        self,
        entries: dict[bytes, Replay],
        octets: bytes,
        head: bytes,
        content: bytes,
        lines: bytes,
        source: Replayable,
        route: RouteFigures,
        status: int,
    ) -> None:
        """Remember an answer, if it is one that may be given again: to this head, and to those that differ from it
        only in fields that decide nothing.

        `lines` are the lines of the head that change with time, as the store rendered them now."""
        if not self._limit or _NEVER_AGAIN.search(octets) or holds_credential(octets):
            return
        before, found, after = head.partition(lines)
        if not found or lines in after:  # somebody further out changed them
            return
        key, is_exact = octets, not source.reads.isdisjoint(self._cut_names)
        if self._cut is not None and not is_exact:
            key = self._cut(b"", octets, _MOST_CUT)
        present = entries.get(key)
        if present is not None and present.source is source and source.alive:
            return  # connections know it: another one in its place would send each of them to the chain again
        replay = Replay(before, after, content, source, route, status)
        replay.is_exact = is_exact
        replay.asked = len(octets)
        replay.size += len(key)
        if replay.size > self._limit // 8:
            return
        self._drop(entries, key)
        while self._used + replay.size > self._limit:
            oldest = entries or next(table for table in self.tables if table)
            self._drop(oldest, next(iter(oldest)))
            self.dropped.inc()
        entries[key] = replay
        self._used += replay.size

    def comes_again(self, octets: bytes, fields: Fields) -> bool:
        """Whether a head is likely to come again: it did before, or has fields that are cut out. For answers that are
        only good for a while, of which a flood of ever new heads must not push out the others."""
        return fields.notes is not None or any(name in fields for name in self._cut_names)

    def _drop(self, entries: dict[bytes, Replay], key: bytes) -> None:
        replay = entries.pop(key, None)
        if replay is not None:
            self._used -= replay.size
            if replay.uses:
                self.tally()
            replay.forget()

    def tally(self) -> None:
        """Count what was given since the last time: one addition a replay on the road, the rest now and then."""
        lately, self._used_lately = self._used_lately, []
        for replay in lately:
            uses, replay.uses = replay.uses, 0
            self.count.inc(uses)
            self._octets_in.inc(uses * replay.asked)
            self._octets_out.inc(uses * (len(replay.octets) + len(replay.content)))
            replay.route.record_replays(replay.status, uses)
            replay.source.used(uses)

    def sweep(self) -> None:
        """Forget the answers whose stored response is gone; called now and then."""
        for entries in self.tables:
            for key in [key for key, replay in entries.items() if not replay.source.alive]:
                self._drop(entries, key)

    def __len__(self) -> int:
        return sum(map(len, self.tables))

    @property
    def used(self) -> int:
        """Octets it takes."""
        return self._used


def kind_of(downstream: Downstream) -> int:
    """The kind of a downstream: by scheme, and by whether its forwarding fields count. Both change what heads mean."""
    return 2 * (downstream.scheme == "https") + downstream.trusted
