"""An origin that can do so much and no more: requests wait inside of it, in the order they came, as long as it takes.

Like most, it does not notice that nobody waits for an answer any more. `/healthz` is answered at once."""

import argparse
import asyncio
from collections import deque
from typing import cast

_CONTENT = b'{"done": true}\n'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_CONTENT),
    _CONTENT,
)


class Work:
    """`slots` requests at a time, `service` seconds each."""

    def __init__(self, slots: int, service: float) -> None:
        self._free = slots
        self._service = service
        self._waiting: deque[Visitor] = deque()
        self.most_waiting = 0

    def take(self, visitor: "Visitor") -> None:
        """Do it, now or when its turn comes."""
        if self._free:
            self._free -= 1
            asyncio.get_running_loop().call_later(self._service, self._done, visitor)
        else:
            self._waiting.append(visitor)
            self.most_waiting = max(self.most_waiting, len(self._waiting))

    def _done(self, visitor: "Visitor") -> None:
        self._free += 1
        visitor.answer()
        if self._waiting:
            self.take(self._waiting.popleft())


class Visitor(asyncio.Protocol):
    """One connection, one request at a time, no content."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take a whole head to work."""
        self._received += data
        if b"\r\n\r\n" in self._received:
            is_health = self._received.startswith(b"GET /healthz ")
            self._received = b""
            if is_health:
                self.answer()
            else:
                self._work.take(self)

    def answer(self) -> None:
        """It is done."""
        if not self._transport.is_closing():
            self._transport.write(_ANSWER)


async def serve(port: int, work: Work) -> None:
    """Listen on the loopback until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Visitor(work), "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Of the command line."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.overload.origin", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--milliseconds", type=float, default=40.0)
    options = parser.parse_args()
    asyncio.run(serve(options.port, Work(options.slots, options.milliseconds / 1000)))


if __name__ == "__main__":
    main()
