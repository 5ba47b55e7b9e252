"""What waits for a peer that takes no more, where nothing is batched: messages as they are. No I/O."""

from __future__ import annotations

import math
from collections import deque

from gateway.websocket.terms import Flush, Message, Sending


class PlainOutbox:
    """Holds messages while the peer is blocked, and nothing otherwise."""

    __slots__ = ("_waiting", "conflated", "due_at", "messages", "octets")

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes, float]] = deque()
        self.messages = 0
        self.octets = 0
        self.due_at = math.inf
        self.conflated = 0

    @property
    def target(self) -> int:
        """One: nothing is joined."""
        return 1

    def accept(self, messages: list[Message], now: float, blocked: bool) -> list[Sending]:
        """Keep them, or hand them on."""
        if not blocked and not self._waiting:
            return [Sending(opcode & 0xF, payload, 1, 0.0, Flush.IDLE) for opcode, payload in messages]
        for opcode, payload in messages:
            self._waiting.append((opcode & 0xF, payload, now))
            self.octets += len(payload)
        self.messages = len(self._waiting)
        return [] if blocked else self.take(Flush.DRAIN, now)

    def take(self, reason: Flush, now: float) -> list[Sending]:
        """All that waits."""
        waiting, self._waiting = self._waiting, deque()
        self.messages = self.octets = 0
        return [Sending(opcode, payload, 1, now - since, reason) for opcode, payload, since in waiting]

    def drop_oldest(self) -> int:
        """Give up the message that has waited longest."""
        _, payload, _ = self._waiting.popleft()
        self.messages -= 1
        self.octets -= len(payload)
        return len(payload)

    def pressure(self, is_high: bool, now: float) -> None:
        """Of no concern."""
