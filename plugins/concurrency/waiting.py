"""The queue: who waits, who is next, who has to leave.

Levels of importance come first, clients of a level take turns, and the requests of one client are served in the order
of the settings. When there is no room for one more, whoever matters least of the client with the most leaves."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from gateway.api import Monotonic

LEVELS = 3
"""High, normal, low: those that may wait."""


class Ticket:
    """A request that waits."""

    __slots__ = ("deadline", "handle", "key", "level", "since", "until")

    def __init__(self, level: int, key: bytes, since: Monotonic, until: float, deadline: float | None) -> None:
        self.level = level
        """0 is the most important."""
        self.key = key
        """Whose it is."""
        self.since = since
        self.until = until
        """When it gives up."""
        self.deadline = deadline
        """When its answer must be there, if anybody said so."""
        self.handle: Any = None
        """The caller's own: what wakes it."""


class WaitingRoom:
    """A bounded queue. Which end of a client's line is served is said by whoever asks for the next one."""

    __slots__ = ("_flows", "_size", "_turns", "count")

    def __init__(self, size: int) -> None:
        self._size = size
        self._flows: tuple[dict[bytes, deque[Ticket]], ...] = tuple({} for _ in range(LEVELS))
        self._turns: tuple[deque[bytes], ...] = tuple(deque() for _ in range(LEVELS))
        self.count = 0

    def __iter__(self) -> Iterator[Ticket]:
        for flows in self._flows:
            for flow in flows.values():
                yield from flow

    def resize(self, size: int) -> None:
        """Have room for so many; those who wait already stay."""
        self._size = size

    def push(self, ticket: Ticket, *, newest_first: bool) -> Ticket | None:
        """Let it wait. Returns who has to leave for that, which may be itself; `None` when there is room."""
        leaving = self._pushed_out(ticket, newest_first) if self.count >= self._size else None
        if leaving is ticket:
            return ticket
        if leaving is not None:
            self.remove(leaving)
        flows = self._flows[ticket.level]
        flow = flows.get(ticket.key)
        if flow is None:
            flow = flows[ticket.key] = deque()
            self._turns[ticket.level].append(ticket.key)
        flow.append(ticket)
        self.count += 1
        return leaving

    def _pushed_out(self, ticket: Ticket, newest_first: bool) -> Ticket:
        """The least important level, the client with the most there, and of its requests the one that would be served
        last. The newcomer itself, where its own client has the most, unless the newest is served first."""
        for level in range(LEVELS - 1, ticket.level, -1):
            if flows := self._flows[level]:
                return _last_served(max(flows.values(), key=len), newest_first)
        flows = self._flows[ticket.level]
        if not flows:
            return ticket
        longest = max(flows.values(), key=len)
        own = flows.get(ticket.key)
        if own is not None and len(own) >= len(longest):
            return own[0] if newest_first else ticket
        return ticket if len(longest) == 1 else _last_served(longest, newest_first)

    def pop(self, *, newest_first: bool) -> Ticket | None:
        """The next one, which waits no longer; `None` when nobody waits."""
        for flows, turns in zip(self._flows, self._turns, strict=True):
            if turns:
                key = turns.popleft()
                flow = flows[key]
                ticket = flow.pop() if newest_first else flow.popleft()
                if flow:
                    turns.append(key)
                else:
                    del flows[key]
                self.count -= 1
                return ticket
        return None

    def remove(self, ticket: Ticket) -> bool:
        """Let it leave; whether it was here."""
        flows = self._flows[ticket.level]
        flow = flows.get(ticket.key)
        if flow is None or ticket not in flow:
            return False
        flow.remove(ticket)
        if not flow:
            del flows[ticket.key]
            self._turns[ticket.level].remove(ticket.key)
        self.count -= 1
        return True


def _last_served(flow: deque[Ticket], newest_first: bool) -> Ticket:
    return flow[0] if newest_first else flow[-1]
