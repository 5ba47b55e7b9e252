"""Accepts connections from an inherited listening socket.

The socket is bound once, by the supervisor, and never closed while the gateway lives; several workers accept
from it. Accepting pauses at the limit of connections and when file descriptors run out, and goes on by
itself: connections wait in the kernel's queue meanwhile."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from dataclasses import dataclass

from gateway.listener.front import Front
from gateway.listener.http1 import Http1Connection
from gateway.listener.proxy_protocol import LONGEST, Preamble, ProxyProtocolError, read_preamble
from gateway.listener.reset import set_reset

_AT_ONCE = 64
"""Connections taken per wake-up, so that workers share a burst and exchanges get their turn."""
_PAUSE_SECONDS = 0.25
_PREAMBLE_SECONDS = 5.0
_HANDSHAKE_SECONDS = 10.0
_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(slots=True)
class Listening:
    """One entry of `listen`: its socket and what is spoken on it."""

    socket: socket.socket
    tls: ssl.SSLContext | None
    proxy_protocol: bool


class Acceptor:
    """Accepts from one listening socket."""

    __slots__ = ("_front", "_listening", "_open", "_reading", "_resume", "_tasks")

    def __init__(self, front: Front, listening: Listening) -> None:
        self._front = front
        self._listening = listening
        self._open = True
        self._reading = False
        self._resume: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def use_tls(self, context: ssl.SSLContext | None) -> None:
        """Speak TLS with `context` on connections accepted from now on."""
        self._listening.tls = context

    def start(self) -> None:
        """Accept, or accept again."""
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        if self._open and not self._reading:
            self._reading = True
            self._front.loop.add_reader(self._listening.socket.fileno(), self._accept)

    def pause(self) -> None:
        """Leave new connections in the kernel's queue."""
        if self._reading:
            self._reading = False
            self._front.loop.remove_reader(self._listening.socket.fileno())

    def close(self) -> None:
        """Accept no more. The socket stays open: it belongs to the supervisor and the other workers."""
        self._open = False
        self.pause()
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None

    def _accept(self) -> None:
        front = self._front
        listener = self._listening.socket
        for _ in range(_AT_ONCE):
            if front.occupied >= front.limits.connections:
                front.figures.limit_hit("connections")
                self.pause()  # Front.room starts it again
                return
            try:
                accepted, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _OUT_OF_DESCRIPTORS:
                    front.figures.limit_hit("file_descriptors")
                    self.pause()
                    self._resume = front.loop.call_later(_PAUSE_SECONDS, self.start)
                else:
                    front.log.error("accept failed", error=str(error))
                return
            accepted.setblocking(False)
            front.occupied += 1
            peer = address[0] if isinstance(address, tuple) else "unix"
            task = front.loop.create_task(self._admit(accepted, peer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _admit(self, accepted: socket.socket, peer: str) -> None:
        """Find out whose connection it is, make room for it, and begin to speak HTTP."""
        front, listening = self._front, self._listening
        front.figures.accepted.inc()
        address = peer
        try:
            if accepted.family != socket.AF_UNIX:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if listening.proxy_protocol:
                preamble = await self._read_preamble(accepted)
                address = preamble.source or peer
        except (OSError, TimeoutError, ProxyProtocolError) as error:
            front.figures.error("proxy_protocol")
            front.log.info("a connection was refused", peer=peer, reason=str(error) or "no PROXY header in time")
            accepted.close()
            self._leave()
            return
        if address != "unix" and front.by_address[address] >= front.limits.connections_per_address:
            front.figures.limit_hit("connections_per_address")
            set_reset(accepted)
            accepted.close()
            self._leave()
            return
        front.by_address[address] += 1
        connection = Http1Connection(front, "https" if listening.tls else "http", address)
        try:
            if listening.tls is not None:
                await front.loop.connect_accepted_socket(
                    lambda: connection, accepted, ssl=listening.tls, ssl_handshake_timeout=_HANDSHAKE_SECONDS
                )
            else:
                await front.loop.connect_accepted_socket(lambda: connection, accepted)
        except (OSError, ssl.SSLError, TimeoutError, asyncio.CancelledError) as error:
            front.figures.error("tls_handshake" if listening.tls else "accept")
            front.log.debug("a connection did not come about", peer=peer, error=str(error))
            if not connection.is_made:
                connection.forget()
                accepted.close()
            if isinstance(error, asyncio.CancelledError):
                raise

    def _leave(self) -> None:
        """A connection that never began has no place any more."""
        self._front.occupied -= 1
        self._front.room()

    async def _read_preamble(self, accepted: socket.socket) -> Preamble:
        """Read the PROXY header and not an octet more: what follows may be a TLS handshake."""
        loop = self._front.loop
        until = time.monotonic() + _PREAMBLE_SECONDS
        seen = 0
        while True:
            await _readable(loop, accepted, until - time.monotonic())
            data = accepted.recv(LONGEST, socket.MSG_PEEK)
            preamble = read_preamble(data)
            if preamble is not None:
                accepted.recv(preamble.octets)
                return preamble
            if len(data) == seen:
                if not data:
                    raise ConnectionResetError("closed before the PROXY header")
                await asyncio.sleep(0.02)  # level-triggered: the same octets are still readable
            seen = len(data)
            if time.monotonic() > until:
                raise TimeoutError


async def _readable(loop: asyncio.AbstractEventLoop, sock: socket.socket, timeout: float) -> None:
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sock.fileno(), wake)
    try:
        async with asyncio.timeout(max(timeout, 0.001)):
            await ready
    finally:
        loop.remove_reader(sock.fileno())
