"""An origin on real sockets whose every connection follows a script, and which remembers every octet it was sent.

A script is a function of one `Connection`; it runs in a thread of its own and may do what origins do in bad
moments: answer in pieces, pause, reset, fall silent. `well_behaved` in `replies.py` is the script of a good one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from tests.support.ports import free_port
from tests.support.sending import WHOLE, reset, send, send_without_delay
from tests.support.wire import Field, MalformedError, Wire, WireError, framing

_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])")
_KEPT_BODY = 1 << 20
PATIENCE = 30.0
"""Seconds a script waits for the next octet before it gives the connection up."""


@dataclass
class Received:
    """A request as the origin understood it, reading strictly."""

    connection: int
    """Number of the connection it came by, counted from 1."""
    method: str
    target: bytes
    minor: int
    fields: list[Field]
    raw_head: bytes
    body: bytes = b""
    """The content, unless it is larger than 1 MiB."""
    size: int = 0
    digest: str = ""
    """SHA-256 of the content."""
    trailers: list[Field] = field(default_factory=list)

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a field; the name in lower case."""
        return [value for key, value in self.fields if key == name]

    def one(self, name: bytes) -> bytes | None:
        """The value of a field that must not come twice, `None` without one."""
        values = self.all(name)
        assert len(values) < 2, f"{name!r} came {len(values)} times"
        return values[0] if values else None


class Connection:
    """One accepted connection, for a script to use."""

    def __init__(self, origin: Origin, sock: socket.socket, number: int) -> None:
        self.origin = origin
        self.sock = sock
        self.number = number
        self.wire = Wire(sock)
        self.requests: list[Received] = []
        self.begun: Received | None = None
        """The request whose content has not come whole."""
        self.ended = threading.Event()

    def head(self) -> Received | None:
        """The next request up to its content; `None` when the peer leaves instead."""
        if self.wire.at_end():
            return None
        line = self.wire.line()
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise MalformedError(f"not a request line: {line[:80]!r}")
        found = Received(self.number, match[1].decode(), match[2], int(match[3]), self.wire.fields(), b"")
        found.raw_head = self.wire.mark()
        if found.minor == 1 and len(found.all(b"host")) != 1:
            raise MalformedError(f"Host {found.all(b'host')!r} in HTTP/1.1 (RFC 9112 §3.2)")
        self.begun = found
        return found

    def content(self, request: Received) -> Received:
        """Read the content of a request and note that the request came whole."""
        length = framing(request.fields)
        digest, kept = hashlib.sha256(), bytearray()
        for piece in self.wire.chunks(request.trailers) if length == -1 else self.wire.exactly(length or 0):
            digest.update(piece)
            request.size += len(piece)
            if len(kept) <= _KEPT_BODY:
                kept += piece
        request.body = bytes(kept) if request.size <= _KEPT_BODY else b""
        request.digest = digest.hexdigest()
        self.wire.mark()
        self.begun = None
        self.requests.append(request)
        self.origin.note(request)
        return request

    def request(self) -> Received | None:
        """The next whole request; `None` when the peer leaves before its first octet."""
        found = self.head()
        return None if found is None else self.content(found)

    def send(self, data: bytes, step: int = WHOLE) -> bool:
        """Send, whole or in pieces. False when the peer left meanwhile."""
        return send(self.sock, data, step)

    def reset(self) -> None:
        """Leave with a reset."""
        reset(self.sock)

    def close(self) -> None:
        """Leave in order."""
        self.sock.close()

    def left(self) -> bool:
        """Wait until the peer leaves; False when it sends something instead, or nothing for too long."""
        try:
            return self.wire.at_end()
        except TimeoutError:
            return False


Script = Callable[[Connection], None]
Act = Callable[[Connection, Received], bool]
"""Answers a request whose head has come; False when the connection is of no more use."""


class Origin:
    """Listens on a free port or a Unix socket and runs its script for every connection. Use it as a context manager."""

    def __init__(
        self, script: Script, *, unix: str | None = None, tls: ssl.SSLContext | None = None, port: int | None = None
    ) -> None:
        self.script = script
        self.release = threading.Event()
        """For scripts that wait until the test allows them to go on."""
        self.acts: dict[bytes, Act] = {}
        """What a test wants done for the target `…/act/NAME`, by name."""
        self.connections: list[Connection] = []
        self.requests: list[Received] = []
        self.violations: list[str] = []
        """What the gateway sent that RFC 9112 does not let it send."""
        self._tls = tls
        self._unix = unix
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition(self._lock)
        self._listener = _listen(unix, port)
        self.port = 0 if unix else self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        """How the gateway's configuration names this origin."""
        if self._unix:
            return f"unix:{self._unix}"
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self.stop_listening()
        self._accepting.join(5)
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        if self._unix:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._unix)

    def stop_listening(self) -> None:
        """Refuse further connections; the ones that exist go on."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def drop_connections(self) -> None:
        """End every connection in order, as a server does whose keep-alive time-out has passed."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def note(self, request: Received) -> None:
        """Remember a request that came whole."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def wait_for(self, holds: Callable[[], bool], patience: float = 10.0) -> bool:
        """Wait until something about the record holds; False when it does not in time."""
        deadline = time.monotonic() + patience
        with self._changed:
            while not holds():
                if time.monotonic() > deadline:
                    return False
                self._changed.wait(0.02)  # octets that end no request tell nobody
        return True

    def forget(self) -> None:
        """Begin the record anew. Connections stay."""
        with self._lock:
            self.requests.clear()
            self.violations.clear()
            self.connections[:] = [connection for connection in self.connections if not connection.ended.is_set()]

    def serving(self, target: bytes) -> list[Connection]:
        """The connections by which requests for a target came."""
        return [each for each in list(self.connections) if any(kept.target == target for kept in each.requests)]

    def begun(self) -> list[Received]:
        """Requests whose head came and whose content did not come whole."""
        return [connection.begun for connection in list(self.connections) if connection.begun is not None]

    def unclaimed(self) -> list[bytes]:
        """Octets that came on any connection and belong to no whole request, connection by connection."""
        return [rest for connection in list(self.connections) if (rest := connection.wire.unclaimed)]

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            thread = threading.Thread(target=self._serve, args=(sock, number), daemon=True)
            self._threads = [alive for alive in self._threads if alive.is_alive()]
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(PATIENCE)
        send_without_delay(sock)
        with contextlib.closing(sock), contextlib.suppress(OSError):
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            with contextlib.closing(sock):
                self._follow_script(Connection(self, sock, number))

    def _follow_script(self, connection: Connection) -> None:
        with self._changed:
            self.connections.append(connection)
            self._changed.notify_all()
        try:
            self.script(connection)
        except MalformedError as error:
            self.violations.append(str(error))
        except (WireError, OSError):
            pass
        finally:
            with self._changed:
                connection.ended.set()
                self._changed.notify_all()


def _listen(unix: str | None, port: int | None) -> socket.socket:
    if unix is not None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(unix)
    else:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port or free_port()))
    listener.listen(1024)
    return listener
