"""A client's connection, whose octets are taken in portions with a turn for everybody else between two of them.

What a client sends may cost a hundred times as much to read as to write: frames of one octet, messages that inflate a
thousandfold. A read brings up to 256 KiB, and the loop goes on reading from a busy socket; one client could keep a
worker from all others for seconds."""

from __future__ import annotations

import asyncio

from gateway.websocket.figures import WayFigures
from gateway.websocket.leg import Leg
from gateway.websocket.terms import LegTerms

PORTION = 16 * 1024
"""Octets that are looked at in one turn: 2,500 of the smallest frames, which take some 4 ms."""


class PortionedLeg(Leg):
    """The client's connection."""

    __slots__ = ("_is_resting", "_rest")

    def __init__(
        self,
        name: str,
        transport: asyncio.Transport,
        terms: LegTerms,
        max_message: int,
        figures: WayFigures,
        now: float,
    ) -> None:
        super().__init__(name, transport, terms, max_message, figures, now)
        self._rest = b""  # has come, and is for later turns
        self._is_resting = False  # the next turn is planned; nothing is read until then

    def data_received(self, data: bytes) -> None:
        """Of asyncio.Protocol."""
        if self._is_resting or self._rest:
            self._rest += data  # a transport may have had it already
        else:
            self._take_portion(data)

    def _take_portion(self, data: bytes) -> None:
        self._rest = data[PORTION:]
        super().data_received(data[:PORTION])
        if self._rest or self.reader.more:
            self._postpone()

    def _postpone(self) -> None:
        """Go on in the next turn."""
        if self._is_over():
            self._rest = b""
        elif not self._is_resting:
            self._is_resting = True
            if not self.is_held and not self.transport.is_closing():
                self.transport.pause_reading()
            self.inward.bridge.loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._is_resting = False
        if self._is_over():
            self._rest = b""
            self.read_on()  # what comes does not count, but its end does
        elif not self.is_held:
            if self.reader.more:
                super().data_received(b"")
                if self._rest or self.reader.more:
                    self._postpone()
            else:
                self._take_portion(self._rest)
            self.read_on()

    @property
    def is_resting(self) -> bool:
        """Whether something has come that was not looked at yet."""
        return self._is_resting or bool(self._rest)

    def _is_over(self) -> bool:
        """Whether nothing counts any more that this client says."""
        return self.is_lost or self.is_failed or self.got_close

    def release(self) -> None:
        """Go on with what has come, then read on."""
        if self.is_held and (self._rest or self.reader.more):
            self.is_held = False
            self._postpone()
            self.read_on()
        else:
            super().release()

    def read_on(self) -> None:
        """Let the client speak, unless it has said more than could be looked at."""
        if not self._is_resting and not self._rest and not self.is_lost:
            super().read_on()

    def say_no_more(self) -> None:
        """After a failure."""
        super().say_no_more()
        self._rest = b""
        self.reader.forget()
