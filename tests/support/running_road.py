"""A worker's road on a loop of its own, before an origin that counts its connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateway.chain.registry import settings_of
from gateway.config import Configuration, load_text
from gateway.figures import Figures
from gateway.worker.answering import Switchboard
from gateway.worker.road import Road
from tests.support.loopback import listening
from tests.support.noting import EVENTS, gates
from tests.support.roads import get

NOTING = "tests.support.noting:NotingPlugin"
SECOND = "tests.support.noting:SecondNotingPlugin"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Origin:
    """Answers everything, and counts its connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.left = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(OK)
        finally:
            self.left += 1


class Running:
    """A road that serves one socket, and a client of it."""

    def __init__(self, origin: Origin, channel: Switchboard | None = None) -> None:
        self.origin = origin
        self.figures = Figures.in_memory(columns=16_384)
        self.road = Road(self.figures, channel, None)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.clients: list[asyncio.StreamWriter] = []

    def configuration(self, *labels: str, more: str = "", upstream: str = "", fails: str = "") -> Configuration:
        """A file with plugins of these labels; the one called `fails` does not open."""
        names = (NOTING, SECOND)
        plugins = [
            f"{{'{name}': {{label: {label}, fails_to_open: {str(label == fails).lower()}}}}}"
            for name, label in zip(names, labels, strict=False)
        ]
        servers = f"servers: [http://127.0.0.1:{self.origin.port}]"
        text = f"listen: 127.0.0.1:1\nupstreams: {{app: {{{servers}{upstream}}}}}\nplugins: [{', '.join(plugins)}]\n"
        return load_text(text + more, settings_of)

    async def take(self, *labels: str, **options: Any) -> None:
        """Prepare and commit a configuration."""
        await self.road.commit(await self.road.prepare(self.configuration(*labels, **options)))

    async def connect(self, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        streams = await asyncio.open_connection(*self.socket.getsockname(), **options)
        self.clients.append(streams[1])
        return streams

    async def get(self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> str:
        """Which plugins signed the answer to a request, the innermost first."""
        reader, writer = streams
        writer.write(get("/"))
        return self.labels(await reader.readuntil(b"\r\n\r\nok"))

    def labels(self, answer: bytes) -> str:
        assert answer.startswith(b"HTTP/1.1 200 ")
        return "".join(line[9:].decode() for line in answer.split(b"\r\n") if line.startswith(b"X-Label: "))

    async def settle(self) -> None:
        """Let what a commit left behind be closed."""
        for _ in range(20):
            await asyncio.sleep(0)


@asynccontextmanager
async def running_road(channel: Switchboard | None = None) -> AsyncIterator[Running]:
    """A road that serves nothing yet; everything of it has ended afterwards."""
    EVENTS.clear()
    gates.clear()
    origin = Origin()
    async with listening(origin.serve) as origin.port:
        running = Running(origin, channel)
        yield running
        gates.clear()
        await running.road.drain(0)
        await running.road.close()
        for writer in running.clients:
            writer.close()
        running.socket.close()
        await running.settle()
