"""A worker process with the true life and a road that does what its tests want, driven by the gateway's name."""

import asyncio
import base64
import os
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from gateway import logs
from gateway.config import Configuration
from gateway.figures import Figures
from gateway.worker.access_log import AccessLog
from gateway.worker.control import Channel
from gateway.worker.life import run


class FakeRoad:
    """Answers every request with the name and its process id.

    `/block` stops the loop, `/slow` takes half a second, `/forever` an hour; all others are told `/tell/…`. It
    answers like one with a store, unless it is called `without-store`; worker 1 is silent about the tag `silent`."""

    def __init__(self, figures: Figures, channel: Channel, access_log: AccessLog) -> None:
        self._requests = figures.counter("http_requests_total", "Requests", method="GET", route="r", status_class="2xx")
        self._connections = figures.gauge("http_downstream_connections", "Connections")
        self._name = ""
        self._certificates = 0
        self._servers: list[asyncio.Server] = []
        self._busy: set[asyncio.Task[Any]] = set()
        self._channel = channel
        channel.on("noted", lambda message: {"noted": self._noted})
        channel.on("note", self._note)
        channel.on("worker_ended", lambda message: self._noted.append("worker_ended"))
        self._noted: list[Any] = []
        channel.on("warm_routes", lambda message: {"upstreams": ["app" for _ in message["urls"]]})
        channel.on("warm", self._warm)
        channel.on("warm_read", self._read)
        channel.on("warm_more", self._more)
        channel.on("explain", lambda message: {"route": "r", "asked": [message["method"], message["fields"]]})

    async def _warm(self, message: dict[str, Any]) -> dict[str, Any]:
        if message["url"].endswith("/forever"):
            await asyncio.sleep(3600)
        return {"kind": "stored", "reason": "uri_miss", "octets": 7}

    def _read(self, message: dict[str, Any]) -> dict[str, Any]:
        """`/list` is there, in two pieces; everything else is elsewhere, or not there at all."""
        if message["url"].endswith("/list"):
            return {"status": 200, "handle": 0}
        if message["url"].endswith("/old"):
            return {"status": 301, "location": "/list"}
        if message["url"].endswith("/broken"):
            raise ValueError("the list broke off")
        return {"status": 404, "location": None}

    def _more(self, message: dict[str, Any]) -> dict[str, Any]:
        self._noted.append(message.get("enough", False))
        pieces = len(self._noted)
        return {"data": base64.b64encode(b"http://a/%d\n" % pieces).decode(), "last": pieces >= 2}

    def _note(self, message: dict[str, Any]) -> None:
        self._noted.append(message["news"])

    async def _purge(self, message: dict[str, Any]) -> dict[str, Any]:
        match message.get("tag"):
            case "nonsense":
                raise ValueError("that is no tag")
            case "silent" if sys.argv[2] == "1":
                await asyncio.sleep(3600)
        if message.get("route") == "nothing":
            return {"count": 0, "octets": 0}
        return {"count": 2, "octets": 50}

    async def _entries(self, message: dict[str, Any]) -> dict[str, Any]:
        key = f"http://a/{message['offset']}"
        return {"count": 9, "octets": 50, "entries": [{"key": key, "last_used": float(sys.argv[2])}]}

    async def prepare(self, configuration: Configuration) -> str:
        name = configuration.settings.name
        if name == "refused":
            raise ValueError("plugin x cannot reach its store")
        if name == "crash":
            os._exit(3)
        if name == "hang":
            await asyncio.sleep(3600)
        return name

    async def commit(self, prepared: str) -> None:
        if prepared == "out-of-step" and self._name:
            raise RuntimeError("cannot follow")
        self._name = prepared
        self._channel.off("purge")
        if prepared != "without-store":
            self._channel.on("purge", self._purge)
            self._channel.on("entries", self._entries)

    async def discard(self, prepared: str) -> None:
        pass

    def serve(self, sockets: Sequence[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        for each in sockets:
            task = loop.create_task(asyncio.start_server(self._answer, sock=each))
            task.add_done_callback(lambda done: self._servers.append(done.result()))
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        self._connections.inc()
        try:
            target = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            if target == "/block":
                time.sleep(3600)  # noqa: ASYNC251  # this is what the test is about
            if target == "/slow":
                await asyncio.sleep(0.5)
            if target.startswith("/tell/"):
                await self._channel.call("relay", to="note", news=target)
            if target == "/forever":
                await asyncio.sleep(3600)
            self._requests.inc()
            content = f"{self._name} {os.getpid()}".encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(content), content)
            )
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.dec()
            writer.close()
            self._busy.discard(task)

    def stop_accepting(self) -> None:
        for server in self._servers:
            server.close()

    async def drain(self, timeout: float) -> int:
        if not self._busy:
            return 0
        _, cut = await asyncio.wait(self._busy, timeout=timeout)
        for task in cut:
            task.cancel()
        return len(cut)

    async def reload_certificates(self) -> list[str]:
        self._certificates += 1
        return []

    async def close(self) -> None:
        pass

    def status(self) -> dict[str, object]:
        return {"upstreams": {"app": "fine"}, "certificates_read": self._certificates}


if __name__ == "__main__":
    logs.set_up(worker=sys.argv[2])
    sys.exit(run(int(sys.argv[1]), FakeRoad))
