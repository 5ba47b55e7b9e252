"""Which engine should speak the frames: our own reader, aiohttp's, or picows' (where it is installed)?

    python -m loadtests.websocket_engines

Each echoes in a process of its own, under uvloop; the same clients send bursts of ten masked messages of 100 octets and
wait for the answer. Printed are CPU for each message and resident memory for each idle connection."""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvloop

from gateway.websocket.frames import encode, encode_masked
from gateway.websocket.reader import FrameReader
from loadtests.support.cores import Placement, pinned, place_here
from loadtests.support.footprint import read_rss_kib
from loadtests.support.ports import free_port
from loadtests.support.proc import read_cpu_seconds
from loadtests.support.processes import start

ENGINES = ("own", "aiohttp", "picows")
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_HEAD = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Own(asyncio.Protocol):
    """Our reader, answering in the call that brought the octets."""

    def __init__(self) -> None:
        self._reader: FrameReader | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio.Protocol."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports have no common base

    def data_received(self, data: bytes) -> None:
        """Of asyncio.Protocol."""
        if self._reader is None:
            self._reader = FrameReader(is_masked=True, max_message=1 << 20)
            accept = base64.b64encode(hashlib.sha1(b"dGhlIHNhbXBsZSBub25jZQ==" + _GUID).digest())
            head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            self._transport.write(head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
            return
        out = [encode(0x80 | opcode, payload) for opcode, payload in self._reader.feed(data)]
        self._transport.write(b"".join(out))


async def _serve_own(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Own, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


async def _serve_aiohttp(port: int) -> None:
    from aiohttp import WSMsgType, web

    async def talk(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False, compress=False)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
        return socket

    runner = web.ServerRunner(web.Server(talk))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=2048).start()
    await asyncio.Event().wait()


async def _serve_picows(port: int) -> None:
    picows: Any = importlib.import_module("picows")

    class Listener(picows.WSListener):  # type: ignore[misc]  # it is not installed where types are checked
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())

    server = await picows.ws_create_server(lambda request: Listener(), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


class Asking(asyncio.Protocol):
    """A client that sends a burst, waits for all of it, and sends the next."""

    def __init__(self, burst: bytes, answer: int, rounds: int) -> None:
        self._burst, self._answer, self._left = burst, answer, rounds
        self._came = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio.Protocol."""
        self.transport = transport
        self.transport.write(_HEAD)

    def begin(self) -> None:
        """Send the first burst."""
        self.transport.write(self._burst)

    def data_received(self, data: bytes) -> None:
        """Of asyncio.Protocol."""
        if not self.opened.done():
            self.opened.set_result(None)
            return
        self._came += len(data)
        if self._came >= self._answer:
            self._came = 0
            self._left -= 1
            if self._left:
                self.transport.write(self._burst)
            elif not self.done.done():
                self.done.set_result(None)


def _same_path() -> dict[str, str]:
    """What is installed here is installed there."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


async def _measure(engine: str, directory: Path, places: Placement, connections: int, rounds: int) -> None:
    port = free_port()
    argv = [sys.executable, "-m", "loadtests.websocket_engines", "--serve", engine, "--port", str(port)]
    server = start(engine, argv, directory=directory, cores=places.proxy, environment=_same_path())
    loop = asyncio.get_running_loop()
    message = b"x" * 100
    burst, answer = encode_masked(0x81, message) * 10, 10 * len(encode(0x81, message))

    async def connect() -> Asking:
        for _ in range(200):
            try:
                _, client = await loop.create_connection(lambda: Asking(burst, answer, rounds), "127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                await client.opened
                return client
        raise RuntimeError(server.log_tail())

    try:
        clients = [await connect() for _ in range(connections)]
        before = read_cpu_seconds(server.pid)
        for client in clients:
            client.begin()
        await asyncio.gather(*(client.done for client in clients))
        cpu = (read_cpu_seconds(server.pid) - before) / (connections * rounds * 10)
        held = read_rss_kib(server.pid)
        idle = [await connect() for _ in range(1000)]
        each = (read_rss_kib(server.pid) - held) / len(idle)
        print(f"{engine:8} {cpu * 1e6:6.2f} us a message, {each:5.1f} KiB an idle connection", flush=True)
        for client in [*clients, *idle]:
            client.transport.abort()
    finally:
        server.stop()


async def _all(places: Placement, connections: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="slipstream-engines-") as directory:
        for engine in ENGINES:
            if engine == "picows" and importlib.util.find_spec("picows") is None:
                print("picows   is not installed: pip install picows")
            else:
                await _measure(engine, Path(directory), places, connections, rounds)


def main() -> None:
    """Serve one engine, or measure all of them."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.websocket_engines")
    parser.add_argument("--serve", choices=ENGINES)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    serving = {"own": _serve_own, "aiohttp": _serve_aiohttp, "picows": _serve_picows}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if options.serve:
            runner.run(serving[options.serve](options.port))
        else:
            print(f"pid {os.getpid()}, {options.connections} connections, bursts of 10 messages of 100 octets")
            places = place_here()
            with pinned(places.load):
                runner.run(_all(places, options.connections, options.rounds))


if __name__ == "__main__":
    main()
