"""Lets what arrives in quick succession come together, as network cards do with interrupts.

A message that comes alone is read and passed on at once. When a second one follows within `HOLD` seconds the
connection is in a burst: it is left unread for that long, and then what has arrived meanwhile is one read and one
write, not ten."""

from __future__ import annotations

import asyncio
from typing import Protocol

HOLD = 0.001
"""Seconds. The rest of a burst waits that long at most."""


class Gathered(Protocol):
    """A connection whose reads can be held back."""

    is_gathering: bool
    """Whether it is left unread for now."""
    transport: asyncio.Transport

    def gathered(self) -> None:
        """Read on, unless something else forbids it."""


class Gathering:
    """The connections of a worker that are in a burst. One timer wakes all of them."""

    __slots__ = ("_loop", "_members", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._members: list[Gathered] = []
        self._timer: asyncio.TimerHandle | None = None

    def hold(self, member: Gathered) -> None:
        """Leave `member` unread for a moment."""
        if member.is_gathering or member.transport.is_closing():
            return
        member.is_gathering = True
        member.transport.pause_reading()
        self._members.append(member)
        if self._timer is None:
            self._timer = self._loop.call_later(HOLD, self._ring)

    def _ring(self) -> None:
        self._timer = None
        members, self._members = self._members, []
        for member in members:
            member.is_gathering = False
            if not member.transport.is_closing():
                member.gathered()
