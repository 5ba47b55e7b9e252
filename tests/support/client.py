"""A client that sends exactly the bytes it is told to, and reads answers strictly."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Self

from tests.support.answer import Answer, read_answer
from tests.support.sending import WHOLE, reset, send, send_without_delay
from tests.support.socket_errors import GONE
from tests.support.wire import Wire

Address = tuple[str, int] | str
"""Host and port, or the path of a Unix socket."""

PATIENCE = 20.0
"""Seconds a client waits for anything: far above every time-out of the gateways under test."""


class Client:
    """One connection. Use it as a context manager."""

    def __init__(
        self,
        address: Address,
        *,
        patience: float = PATIENCE,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        receive_buffer: int | None = None,
        source: str | None = None,
        preamble: bytes = b"",
    ) -> None:
        self.sock = _connect(address, patience, receive_buffer, source)
        try:
            if preamble:
                self.sock.sendall(preamble)
            if tls is not None:
                self.sock = tls.wrap_socket(self.sock, server_hostname=server_name)
        except BaseException:
            self.sock.close()
            raise
        self.wire = Wire(self.sock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes, step: int = WHOLE) -> bool:
        """Send all of it, whole or in pieces of `step` octets. False when the peer left meanwhile."""
        return send(self.sock, data, step)

    @contextlib.contextmanager
    def sending(self, data: bytes, step: int = WHOLE) -> Iterator[None]:
        """Send while the block runs, so that answers can be read meanwhile; the rest is given up at its end."""
        sender = threading.Thread(target=send_quietly, args=(self.sock, data, step), daemon=True)
        sender.start()
        try:
            yield
        finally:
            sender.join(0.5)
            if sender.is_alive():
                with contextlib.suppress(OSError):
                    self.sock.shutdown(socket.SHUT_WR)
                sender.join(PATIENCE)

    def answer(self, method: str = "GET", *, minor: int = 1, sink: Callable[[bytes], object] | None = None) -> Answer:
        """Read one response to a request of that method."""
        return read_answer(self.wire, method, minor=minor, sink=sink)

    def get(self, target: str, *fields: str, host: str = "shop.test") -> Answer:
        """Ask for a target and read the answer."""
        self.send(request("GET", target, *fields, host=host))
        return self.answer()

    def closed(self) -> bool:
        """Whether the peer ends the connection, without another octet; waits for that."""
        try:
            return self.wire.at_end()
        except TimeoutError:
            return False

    def reset(self) -> None:
        """Leave with a reset."""
        reset(self.sock)

    def close(self) -> None:
        """Leave in order."""
        self.sock.close()


def send_quietly(sock: socket.socket, data: bytes, step: int = WHOLE) -> None:
    """Send as far as the peer lets us; its judgement is read from its answer."""
    with contextlib.suppress(OSError):
        send(sock, data, step)


def request(method: str, target: str, *fields: str, host: str = "shop.test", body: bytes | None = None) -> bytes:
    """A well-formed request of HTTP/1.1."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def _connect(address: Address, patience: float, receive_buffer: int | None, source: str | None) -> socket.socket:
    if isinstance(address, str):
        family = socket.AF_UNIX
    else:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            sock.bind((source, 0))
        sock.settimeout(patience)
        sock.connect(address)
        send_without_delay(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def refuses(address: Address) -> bool:
    """Whether nobody accepts a connection there."""
    try:
        Client(address).close()
    except (ConnectionRefusedError, FileNotFoundError, *GONE):
        return True
    return False
