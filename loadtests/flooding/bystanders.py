"""Clients who do nothing wrong: they say something twenty times a second, and note how long its echo takes."""

from __future__ import annotations

import asyncio
import time

from loadtests.flooding.attackers import HANDSHAKE
from loadtests.flooding.attacks import FIN, TEXT, frame

EVERY = 0.05


class Bystander(asyncio.Protocol):
    """One of them."""

    def __init__(self, seconds: list[float]) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.said = self.heard = 0
        self.is_lost = False
        self.transport: asyncio.Transport
        self._seconds = seconds
        self._buffer = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio.Protocol."""
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports have no common base
        self.transport.write(HANDSHAKE.format(target="/echo", more="").encode())

    def data_received(self, data: bytes) -> None:
        """Of asyncio.Protocol."""
        data = self._buffer + data
        if not self.opened.done():
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            self.opened.set_result(None)
            self._speak()
        now = time.monotonic_ns()
        while len(data) >= 2 and len(data) >= 2 + data[1]:
            if data[0] == FIN | TEXT:
                number, _, born = data[2 : 2 + data[1]].partition(b" ")
                assert int(number) == self.heard, "an echo is missing, or out of order"
                self.heard += 1
                self._seconds.append((now - int(born)) / 1e9)
            data = data[2 + data[1] :]
        self._buffer = data

    def _speak(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(frame(FIN | TEXT, b"%d %d" % (self.said, time.monotonic_ns())))
            self.said += 1
            self._timer = asyncio.get_running_loop().call_later(EVERY, self._speak)

    def stop(self) -> None:
        """Say no more."""
        if self._timer is not None:
            self._timer.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio.Protocol."""
        self.is_lost = True
        self.stop()
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("lost before the answer"))


async def stand_by(port: int, number: int, seconds: list[float]) -> list[Bystander]:
    """So many of them, connected; how long echoes take goes into `seconds`."""
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(lambda: Bystander(seconds), "127.0.0.1", port))[1] for _ in range(number)]
    await asyncio.gather(*(each.opened for each in made))
    return made
