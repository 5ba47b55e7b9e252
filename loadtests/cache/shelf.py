"""An origin of cacheable pages that counts what it is asked, and can hold its answers back."""

from __future__ import annotations

import asyncio
from collections import Counter

from loadtests.support.ports import LOOPBACK

BRIEF = "/brief/"
"""Pages that are stale after `LIFETIME_SECONDS` and may answer while they are refreshed."""
LIFETIME_SECONDS = 1
TAGGED = "/tagged/"
"""Small pages that carry the tag `TAG`."""
LARGE = "/large/"
"""Pages of `LARGE_OCTETS`."""
TAG = "all"
LARGE_OCTETS = 10_000


def page(target: str) -> bytes:
    """The whole answer to a GET of `target`."""
    fields, size = "Cache-Control: max-age=3600", 200
    if target.startswith(BRIEF):
        fields = f"Cache-Control: max-age={LIFETIME_SECONDS}, stale-while-revalidate=3600"
    elif target.startswith(TAGGED):
        fields += f"\r\nCache-Tag: {TAG}"
    elif target.startswith(LARGE):
        size = LARGE_OCTETS
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{fields}\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + target.encode().ljust(size, b".")


class Shelf:
    """The origin. It serves in the loop it was opened in."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        """Calls by target."""
        self.may_answer = asyncio.Event()
        """Cleared, it answers nobody; what it was asked is counted all the same."""
        self.may_answer.set()
        self.was_asked = asyncio.Event()
        """Set with every request."""
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Begin to serve; the port."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Serving(self), LOOPBACK, 0, backlog=4096)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Accept nobody any more."""
        if self._server is not None:
            self._server.close()


class _Serving(asyncio.Protocol):
    """One connection of a proxy, which sends one request at a time."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._received = b""
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            self._shelf.asked[target] += 1
            self._shelf.was_asked.set()
            if self._shelf.may_answer.is_set():
                self._answer(target)
            else:
                self._answering = asyncio.get_running_loop().create_task(self._wait(target))

    async def _wait(self, target: str) -> None:
        await self._shelf.may_answer.wait()
        self._answer(target)

    def _answer(self, target: str) -> None:
        if not self._transport.is_closing():
            self._transport.write(page(target))  # type: ignore[attr-defined]  # uvloop's have no common base
